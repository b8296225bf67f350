// Why this file exists: when health is ignored, and what is not ignored even then.
import Balancing
import Health
import Primitives
import Testing

@testable import Forwarding

@Suite struct PanicPoolTests {
  private let settings = """
    circuit_breaker: {mode: enforce}
    health: {panic_threshold: 50%, passive: none}
    """

  private func down(_ bench: PoolBench, _ indices: Range<Int>, _ failure: ProbeFailure = .timeout) {
    for index in indices { bench.backend(index).health.probeFailed(failure, now: bench.now) }
    bench.shared.noteChange()
  }

  @Test func `below its threshold all get requests, at it only the usable ones`() throws {
    let bench = try PoolBench(4, settings)
    down(bench, 0..<2)
    #expect(bench.requests(20) == [2: 10, 3: 10])
    down(bench, 2..<3)
    #expect(bench.requests(20) == [0: 5, 1: 5, 2: 5, 3: 5])
    #expect(Panic.lasts(bench.shared.panic))
  }

  @Test func `without a threshold there is none`() throws {
    let bench = try PoolBench(2, "health: {passive: none}")
    down(bench, 0..<2)
    #expect(bench.begin() == nil)
    #expect(bench.lastPick == .allUnusable)
  }

  @Test func `its beginning and its end are noted once`() throws {
    let bench = try PoolBench(4, settings)
    down(bench, 0..<4)
    bench.requests(20)
    let number = bench.shared.queueIndex
    #expect(bench.events() == [.panicBegan(service: number)])
    for index in 0..<2 { bench.backend(index).health.probePassed(now: bench.now) }
    bench.shared.noteChange()
    #expect(bench.requests(20) == [0: 10, 1: 10])
    #expect(bench.events() == [.panicEnded(service: number)])
    #expect(bench.shared.panics.load() == 1)
  }

  @Test func `breakers are not ignored`() throws {
    let bench = try PoolBench(3, settings)
    down(bench, 0..<3)
    bench.fail(1, times: 5)
    #expect(bench.requests(20) == [0: 10, 2: 10])
    bench.fail(0, times: 5)
    bench.fail(2, times: 5)
    #expect(bench.begin() == nil)
    #expect(bench.lastPick == .allRefused)
  }

  @Test func `who drains gets nothing, and does not count`() throws {
    let bench = try PoolBench(4, settings)
    for index in 0..<2 { bench.backend(index).health.drain(.drainedByAdmin, now: bench.now) }
    down(bench, 2..<3)
    // One of two is usable.
    #expect(bench.requests(10) == [3: 10])
    down(bench, 3..<4)
    #expect(bench.requests(10) == [2: 5, 3: 5])
  }

  @Test func `where nobody listens gets nothing while there is another choice`() throws {
    let bench = try PoolBench(3, settings)
    down(bench, 0..<1, .connectRefused)
    down(bench, 1..<3)
    #expect(bench.requests(20) == [1: 10, 2: 10])
    down(bench, 1..<3, .connectRefused)
    #expect(bench.requests(30) == [0: 10, 1: 10, 2: 10])
  }
}
