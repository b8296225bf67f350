// Why this file exists: one breaker is used by all workers at once. What must hold whatever the
// order in which they come, they try here; the thread sanitizer watches.
import Glibc
import Primitives
import Testing

@testable import CircuitBreaking

private let threadCount = 6

/// What all threads of a test look at.
private struct Common: @unchecked Sendable {
  var breaker: Breaker
  var settings: BreakerSettings
  let admitted = SharedWord.allocate()
  let changes = SharedWord.allocate()
  let clock = SharedWord.allocate()
  let trials = SharedWord.allocate()
  let wrong = SharedWord.allocate()

  func free() {
    for word in [admitted, changes, clock, trials, wrong] { word.deallocate() }
  }
}

@Suite struct BreakerThreadsTests {
  @Test(arguments: [1, 3])
  func `however many ask at once, exactly the trials pass (regression 18)`(trials: UInt32) {
    let bench = Bench { $0.halfOpenRequests = trials }
    let common = Common(breaker: bench.breaker, settings: bench.settings)
    defer { common.free() }
    for round in 0..<60 {
      bench.tripAndWait()
      common.admitted.store(0)
      common.changes.store(0)
      let now = bench.now
      onThreads(threadCount) { _ in
        for _ in 0..<20 {
          let admission = common.breaker.acquire(now: now, common.settings)
          if admission.isAdmitted { common.admitted.add(1) }
          if admission.transition != nil { common.changes.add(1) }
        }
      }
      #expect(common.admitted.load() == UInt64(trials), "round \(round)")
      #expect(common.changes.load() == 1)
      // The trials are lost on purpose: patience brings new ones, and those close it.
      bench.now = bench.now + bench.settings.trialPatience
      for _ in 0..<trials { bench.attempt(.success) }
      #expect(bench.phase == .closed)
      bench.wait(1_000)
    }
  }

  @Test func `many failures at once are one trip`() {
    let bench = Bench()
    let common = Common(breaker: bench.breaker, settings: bench.settings)
    defer { common.free() }
    for _ in 0..<60 {
      common.changes.store(0)
      let now = bench.now
      onThreads(threadCount) { index in
        var random = Xoroshiro(seed: UInt64(index))
        for _ in 0..<20 {
          var permit = common.breaker.acquire(now: now, common.settings).permit
          let change = common.breaker.release(
            &permit, .failure, isSlow: false, now: now, common.settings, &random)
          if change != nil { common.changes.add(1) }
        }
      }
      #expect(common.changes.load() == 1)
      #expect(bench.phase == .open)
      bench.now = bench.report.until!
      bench.attempt(.success)
      #expect(bench.phase == .closed)
      bench.wait(1_000)
    }
  }

  @Test(arguments: [1, 3])
  func `no permit is ever lost, and one trial at a time is one`(trials: UInt32) {
    let bench = Bench {
      $0.halfOpenRequests = trials
      $0.trialPatience = .seconds(100_000)
      $0.open = .milliseconds(20)
      $0.maxOpen = .milliseconds(40)
    }
    let common = Common(breaker: bench.breaker, settings: bench.settings)
    defer { common.free() }
    let start = bench.now
    onThreads(threadCount) { index in
      var random = Xoroshiro(seed: UInt64(100 + index))
      for _ in 0..<4_000 {
        let now = start + .milliseconds(Int64(common.clock.add(1) / 8))
        var permit = common.breaker.acquire(now: now, common.settings).permit
        let isTrial = permit.isTrial
        // Of several, some of earlier rounds may still be under way; of one, its result ends it.
        if isTrial && common.trials.add(1) > 1 && trials == 1 { common.wrong.add(1) }
        // Time for somebody else to take one that is not there.
        if isTrial { sched_yield() }
        let outcome: BreakerOutcome =
          switch random.below(8) {
          case 0..<3: .failure
          case 3: .ignored
          default: .success
          }
        // Before it is given back: from then on somebody else may have it.
        if isTrial { common.trials.subtract(1) }
        _ = common.breaker.release(
          &permit, outcome, isSlow: false, now: now, common.settings, &random)
        if permit.isHeld { common.wrong.add(1) }
      }
    }
    #expect(common.wrong.load() == 0)
    // All permits have come back: those of a half-open breaker are free, but the succeeded ones.
    bench.now = start + .seconds(10_000)
    let report = bench.report
    #expect(report.trialsTaken == report.trialsSucceeded)
    if report.phase != .closed {
      for _ in report.trialsSucceeded..<Int(trials) { bench.attempt(.success) }
    }
    #expect(bench.phase == .closed)
  }

  @Test func `results of all threads are in the window`() {
    let bench = Bench {
      $0.consecutiveFailures = .max
      $0.failureMillionths = 1_000_001
    }
    let common = Common(breaker: bench.breaker, settings: bench.settings)
    defer { common.free() }
    let now = bench.now
    onThreads(threadCount) { index in
      var random = Xoroshiro(seed: 1)
      for attempt in 0..<1_000 {
        var permit = common.breaker.acquire(now: now, common.settings).permit
        _ = common.breaker.release(
          &permit, attempt % 4 == 0 ? .failure : .success, isSlow: index == 0, now: now,
          common.settings, &random)
      }
    }
    let sums = bench.report.window
    #expect(sums.total == 6_000)
    #expect(sums.failed == 1_500)
    #expect(sums.slow == 1_000)
  }
}
