// Why this file exists: what results say of a backend, at instants that are written down.
import Primitives
import Testing

@testable import Health

@Suite struct PassiveEvidenceTests {
  @Test func `failures in a row speak against a backend, a success in between does not`() {
    let pool = Pool(3)
    pool.fail(0, times: 4)
    pool.succeed(0)
    pool.fail(0, times: 4)
    #expect(pool.evidence(0).failuresInRow == 4)
    #expect(pool.out == [])
    pool.fail(0)
    #expect(pool.out == [0])
    #expect(pool.report(0).cause == .ejection(.consecutiveFailures))
  }

  @Test func `a rate speaks against it at its value, once the window holds enough`() {
    let pool = Pool(3) { $0.consecutiveFailures = .max }
    for _ in 0..<9 {
      pool.fail(0)
      pool.succeed(0)
    }
    pool.fail(0)
    #expect(pool.out == [])
    // Ten of twenty.
    #expect(pool.result(0, failed: false) != nil)
    #expect(pool.report(0).cause == .ejection(.failureRate))
  }

  @Test func `every second request fails: it is out within its window`() {
    let pool = Pool(3)
    for attempt in 0..<20 {
      pool.result(0, failed: attempt % 2 == 1)
      pool.succeed(1)
      pool.wait(0.4)
    }
    #expect(pool.out == [0])
  }

  @Test func `one below the rate stays in for ever`() {
    let pool = Pool(3)
    for attempt in 0..<5_000 {
      pool.result(0, failed: attempt % 3 == 1)
      if attempt % 10 == 0 { pool.wait(0.3) }
    }
    #expect(pool.out == [])
  }

  @Test func `failures older than the window count no more`() {
    let pool = Pool(3) {
      $0.consecutiveFailures = .max
      $0.minRequests = 10
    }
    pool.fail(0, times: 9)
    pool.wait(10)
    pool.fail(0)
    #expect(pool.out == [])
    #expect(pool.evidence(0).window.total == 1)
  }

  @Test func `a backend keeps nothing per request, however many there are (regression 24)`() {
    let pool = Pool(2) { $0.consecutiveFailures = .max }
    for attempt in 0..<200_000 {
      pool.result(0, failed: attempt % 4 == 0)
      if attempt % 100 == 0 { pool.wait(0.01) }
    }
    // All that is known stands in the words that were there from the start.
    #expect(BackendHealth.wordCount * 8 == 256)
    #expect(pool.evidence(0).window.total > 20)
    #expect(pool.out == [])
  }

  @Test func `results while it is out change nothing`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    let words = (0..<BackendHealth.wordCount).map { pool.words[$0].load() }
    pool.fail(0, times: 50)
    pool.succeed(0, times: 50)
    #expect((0..<BackendHealth.wordCount).map { pool.words[$0].load() } == words)
  }

  @Test func `once the window holds no failure, a success looks at nothing any more`() {
    let pool = Pool(3)
    pool.fail(0)
    pool.succeed(0)
    #expect(pool[0].trouble.load() != 0)
    pool.wait(10)
    pool.succeed(0)
    #expect(pool[0].trouble.load() == 0)
  }

  @Test func `what is not looked at ejects nobody`() {
    let pool = Pool(3) {
      $0.consecutiveFailures = .max
      $0.failureMillionths = 1_000_001
    }
    pool.fail(0, times: 1_000)
    #expect(pool.out == [])
    pool.settings.isOn = false
    pool.fail(1, times: 1_000)
    #expect(pool.evidence(1).failuresInRow == 0)
  }

  @Test func `in a pool that is turned down, every further failure asks again`() {
    let pool = Pool(1)
    pool.fail(0, times: 4)
    #expect(pool.fail(0) == .lastEligible)
    #expect(pool.fail(0) == .later)
    pool.waitForTurn()
    #expect(pool.fail(0) == .lastEligible)
    #expect(pool.out == [])
  }
}
