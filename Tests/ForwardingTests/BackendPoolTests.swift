// Why this file exists: who gets the next request, as states and results go round: health, breakers
// and the balancer together.
import Balancing
import CircuitBreaking
import Health
import Primitives
import Testing

@testable import Forwarding

private let breakerOnly = """
  circuit_breaker: {mode: enforce, open: 10s, half_open_requests: 2}
  health: {passive: none}
  """

@Suite struct BackendPoolTests {
  // MARK: Health

  @Test func `all that are well have their turn`() throws {
    let bench = try PoolBench(3)
    #expect(bench.requests(30) == [0: 10, 1: 10, 2: 10])
  }

  @Test func `one that goes down gets nothing from the same instant on, told or not`() throws {
    for isTold in [true, false] {
      let bench = try PoolBench(3)
      bench.requests(3)
      bench.backend(1).health.probeFailed(.timeout, now: bench.now)
      if isTold { bench.shared.noteChange() }
      #expect(bench.requests(30)[1] == nil)
    }
  }

  @Test func `one that comes back gets requests as soon as it is told`() throws {
    let bench = try PoolBench(3)
    bench.backend(1).health.probeFailed(.timeout, now: bench.now)
    bench.requests(6)
    bench.backend(1).health.probePassed(now: bench.now)
    bench.shared.noteChange()
    #expect(bench.requests(30)[1] == 10)
  }

  @Test func `an ejection that is over needs nobody to tell it`() throws {
    let bench = try PoolBench(3)
    bench.fail(1, times: 5)
    #expect(bench.requests(30)[1] == nil)
    let until = bench.backend(1).health.gate.ejectedUntil
    bench.now = until + .nanoseconds(-1)
    #expect(bench.requests(30)[1] == nil)
    bench.now = until
    #expect(bench.requests(30)[1] == 10)
  }

  @Test func `a backend of which every second request fails is out within its window`() throws {
    let bench = try PoolBench(3)
    var failed = 0
    for round in 0..<400 {
      guard let attempt = bench.begin() else { break }
      let fails = attempt.backend == 2 && round % 2 == 0
      if fails { failed += 1 }
      bench.end(attempt, fails ? .failure : .success)
      bench.wait(0.02)
    }
    #expect(!bench.backend(2).health.admits(now: bench.now))
    #expect(failed >= 10 && failed < 40)
  }

  // MARK: Breakers

  @Test func `an open breaker leaves the choice before the pick (regression 22)`() throws {
    let bench = try PoolBench(3, breakerOnly)
    bench.fail(0, times: 5)
    #expect(bench.breaker(0).phase == .open)
    #expect(bench.requests(20) == [1: 10, 2: 10])
    // The bits themselves say so: no pick had to be made anew.
    #expect(!bench.pool.service.pointee.view.isEligible(0))
  }

  @Test func `the breaker that judges is that of the backend that was picked (regression 21)`()
    throws
  {
    let bench = try PoolBench(3, breakerOnly)
    for _ in 0..<15 {
      guard let attempt = bench.begin() else { break }
      bench.end(attempt, attempt.backend == 2 ? .failure : .success)
    }
    #expect((0..<3).map { bench.breaker($0).phase } == [.closed, .closed, .open])
    #expect(bench.breaker(0).window.failed == 0)
  }

  @Test func `half-open it gets exactly its trials, then waits for them`() throws {
    let bench = try PoolBench(2, breakerOnly)
    bench.fail(0, times: 5)
    bench.now = bench.breaker(0).until!
    let attempts = (0..<20).compactMap { _ in bench.begin() }
    #expect(attempts.count == 20)
    let trials = attempts.filter { $0.backend == 0 }
    #expect(trials.count == 2)
    for trial in trials { bench.end(trial, .success) }
    #expect(bench.breaker(0).phase == .closed)
    #expect(bench.requests(20) == [0: 10, 1: 10])
  }

  @Test func `a trial whose client left is had by another request at once`() throws {
    let bench = try PoolBench(1, breakerOnly)
    bench.fail(0, times: 5)
    bench.now = bench.breaker(0).until!
    let trials = [bench.begin(), bench.begin()]
    #expect(bench.begin() == nil)
    #expect(bench.lastPick == .allRefused)
    bench.end(try #require(trials[0]), .ignored)
    #expect(bench.begin() != nil)
    #expect(bench.begin() == nil)
  }

  @Test func `a failed trial opens it again, for longer`() throws {
    let bench = try PoolBench(2, breakerOnly)
    bench.fail(0, times: 5)
    bench.now = bench.breaker(0).until!
    #expect(bench.requests(4, failing: [0])[0] == 1)
    #expect(bench.breaker(0).tripsInRow == 2)
    #expect(bench.breaker(0).until! - bench.now >= .milliseconds(13_500))
    #expect(bench.requests(10) == [1: 10])
  }

  @Test func `while all refuse it is known when the first will let a request pass`() throws {
    let bench = try PoolBench(2, breakerOnly)
    bench.fail(0, times: 5)
    #expect(bench.pool.breakersReturn(now: bench.now) == bench.breaker(0).until)
    bench.wait(3)
    bench.fail(1, times: 5)
    #expect(bench.begin() == nil)
    let first = min(bench.breaker(0).until!, bench.breaker(1).until!)
    #expect(bench.pool.breakersReturn(now: bench.now) == first)
    bench.now = first + .nanoseconds(-1)
    #expect(bench.begin() == nil)
    bench.now = first
    #expect(bench.begin() != nil)
    // Half-open: it may be decided at any moment.
    #expect(bench.pool.breakersReturn(now: bench.now) != nil)
  }

  @Test func `a single backend is never ejected, but its breaker opens`() throws {
    let bench = try PoolBench(1, "circuit_breaker: {mode: enforce}")
    bench.fail(0, times: 30)
    #expect(bench.backend(0).health.gate.word == 0)
    #expect(bench.breaker(0).phase == .open)
    #expect(bench.begin() == nil)
    #expect(bench.lastPick == .allRefused)
  }

  @Test func `in shadow mode nobody is kept out, and nobody warms up for it`() throws {
    let bench = try PoolBench(
      2, "warm_up: 30s\ncircuit_breaker: {mode: shadow}\nhealth: {passive: none}")
    bench.fail(0, times: 5)
    #expect(bench.breaker(0).phase == .open)
    #expect(bench.requests(20) == [0: 10, 1: 10])
    bench.now = bench.breaker(0).until!
    bench.requests(4)
    #expect(bench.breaker(0).phase == .closed)
    #expect(bench.backend(0).health.warmSince.load() == 0)
    #expect(bench.backend(0).transitions(to: .open).load() == 1)
    #expect(bench.events().count == 3)
  }

  @Test func `a breaker that closes begins the warming up`() throws {
    let bench = try PoolBench(2, "warm_up: 30s\n" + breakerOnly)
    bench.fail(0, times: 5)
    bench.now = bench.breaker(0).until!
    bench.requests(8)
    #expect(bench.breaker(0).phase == .closed)
    let report = bench.backend(0).health.observe(now: bench.now, warmUp: .seconds(30))
    #expect(report.state == .warming)
    #expect(report.cause == .breakerClosed)
    // A tenth of its share at first: one of eleven, not every second.
    let share = bench.requests(220)[0] ?? 0
    #expect(share > 4 && share < 44)
  }

  @Test func `what is slow is taken from the settings`() throws {
    let bench = try PoolBench(
      1, "circuit_breaker: {mode: enforce, slow_call: 2s, slow_call_rate: 50%, min_requests: 4}")
    for took: Duration in [.seconds(1), .seconds(2), .milliseconds(1_999), .seconds(3)] {
      bench.end(try #require(bench.begin()), .success, took: took)
    }
    #expect(bench.breaker(0).phase == .open)
    #expect(bench.breaker(0).cause == .slowCallRate)
  }

  @Test func `changes are counted and noted, each once`() throws {
    let bench = try PoolBench(1, breakerOnly)
    bench.fail(0, times: 5)
    bench.now = bench.breaker(0).until!
    for _ in 0..<2 { bench.end(try #require(bench.begin()), .success) }
    let number = bench.backend(0).poolIndex
    #expect(
      bench.events() == [
        .breaker(
          backend: number, BreakerTransition(.closed, .open, .consecutiveFailures)),
        .breaker(backend: number, BreakerTransition(.open, .halfOpen, .waitOver)),
        .breaker(backend: number, BreakerTransition(.halfOpen, .closed, .trialsSucceeded)),
      ])
    for phase in [BreakerPhase.open, .halfOpen, .closed] {
      #expect(bench.backend(0).transitions(to: phase).load() == 1)
    }
  }

  // MARK: Nothing to pick

  @Test func `the first reason that holds is given`() throws {
    let empty = try PoolBench(0)
    #expect(empty.begin() == nil && empty.lastPick == .noBackend)

    let bench = try PoolBench(3, "connections: {max: 1}\n" + breakerOnly)
    for index in 0..<3 { bench.backend(index).active.store(1) }
    #expect(bench.begin() == nil && bench.lastPick == .allFull)
    bench.backend(0).health.probeFailed(.timeout, now: bench.now)
    bench.fail(1, times: 5)
    bench.shared.noteChange()
    #expect(bench.begin() == nil && bench.lastPick == .allFull)
    bench.fail(2, times: 5)
    #expect(bench.begin() == nil && bench.lastPick == .allRefused)
    bench.backend(1).health.drain(.drainedByAdmin, now: bench.now)
    bench.backend(2).health.probeFailed(.reset, now: bench.now)
    bench.shared.noteChange()
    #expect(bench.begin() == nil && bench.lastPick == .allUnusable)
  }

  @Test func `a repeat goes elsewhere while there is somebody else`() throws {
    let bench = try PoolBench(3, breakerOnly)
    bench.fail(1, times: 5)
    for _ in 0..<10 {
      #expect(bench.begin(tried: [0])?.backend == 2)
      #expect([0, 2].contains(try #require(bench.begin(tried: [0, 2])).backend))
    }
  }
}
