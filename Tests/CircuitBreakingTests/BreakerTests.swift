// Why this file exists: what a breaker does, rule by rule, at instants that are written down.
import Primitives
import Testing

@testable import CircuitBreaking

@Suite struct BreakerTests {
  // MARK: Opening

  @Test func `failures in a row open it, a success in between does not`() {
    let bench = Bench()
    bench.attempts(4, .failure)
    bench.attempt(.success)
    bench.attempts(4, .failure)
    #expect(bench.phase == .closed)
    let change = bench.attempt(.failure)
    #expect(change == BreakerTransition(.closed, .open, .consecutiveFailures))
    #expect(!bench.acquire().isAdmitted)
  }

  @Test func `a rate opens it at its value, once the window holds enough`() {
    let bench = Bench { $0.consecutiveFailures = .max }
    for _ in 0..<9 {
      #expect(bench.attempt(.failure) == nil)
      #expect(bench.attempt(.success) == nil)
    }
    #expect(bench.attempt(.failure) == nil)
    // Ten of twenty: half, and the twentieth result is a success.
    #expect(bench.attempt(.success) == BreakerTransition(.closed, .open, .failureRate))
  }

  @Test func `just below its rate it stays closed`() {
    let bench = Bench { $0.consecutiveFailures = .max }
    for _ in 0..<200 {
      bench.attempt(.success)
      bench.attempt(.success)
      bench.attempt(.failure)
    }
    #expect(bench.phase == .closed)
    #expect(bench.report.window.failed == 200)
  }

  @Test func `slow calls open it at their own rate, failures or not`() {
    let bench = Bench {
      $0.slowMillionths = 500_000
      $0.minRequests = 4
    }
    bench.attempt(.success)
    bench.attempt(.success, isSlow: true)
    bench.attempt(.success)
    #expect(
      bench.attempt(.success, isSlow: true)
        == BreakerTransition(.closed, .open, .slowCallRate))
  }

  @Test func `failures that are older than the window count no more`() {
    let bench = Bench {
      $0.consecutiveFailures = .max
      $0.minRequests = 10
    }
    for _ in 0..<9 { bench.attempt(.failure) }
    bench.wait(10)
    bench.attempt(.failure)
    #expect(bench.phase == .closed)
    #expect(bench.report.window.total == 1)
  }

  @Test func `an abort is no evidence, for or against`() {
    let bench = Bench()
    bench.attempts(4, .failure)
    bench.attempts(20, .ignored)
    #expect(bench.report.failuresInRow == 4)
    #expect(bench.report.window.total == 4)
    bench.attempt(.failure)
    #expect(bench.phase == .open)
  }

  @Test func `what is slow is measured from its value on`() {
    let bench = Bench { $0.slowNanoseconds = 2_000_000_000 }
    #expect(!bench.settings.isSlow(.nanoseconds(1_999_999_999)))
    #expect(bench.settings.isSlow(.seconds(2)))
    #expect(!BreakerSettings().isSlow(.seconds(1_000_000)))
  }

  // MARK: Waiting

  @Test func `the wait is what was set, give or take a tenth, and is told truly`() {
    let bench = Bench()
    bench.attempts(5, .failure)
    let until = bench.report.until!
    #expect(until - bench.now >= .seconds(9) && until - bench.now <= .milliseconds(11_001))
    #expect(bench.breaker.gate(now: bench.now, bench.settings) == .refuses(until: until))
    bench.now = until + .nanoseconds(-1)
    #expect(bench.breaker.gate(now: bench.now, bench.settings) == .refuses(until: until))
    #expect(!bench.acquire().isAdmitted)
    bench.now = until
    #expect(bench.breaker.gate(now: bench.now, bench.settings) == .trial)
    #expect(bench.acquire().isAdmitted)
  }

  @Test func `the wait grows by half with every trip in a row, up to its cap`() {
    let bench = Bench { $0.maxOpen = .seconds(60) }
    bench.attempts(5, .failure)
    var waits: [Double] = []
    for _ in 0..<8 {
      let wait = bench.report.until! - bench.now
      waits.append(Double(wait.nanoseconds) / 1e9)
      bench.now = bench.report.until!
      #expect(bench.attempt(.failure) == BreakerTransition(.halfOpen, .open, .trialFailed))
    }
    for (wait, expected) in zip(waits, [10, 15, 22.5, 33.75, 50.625, 60, 60, 60]) {
      #expect(wait >= expected * 0.9 - 0.001 && wait <= min(expected * 1.1, 60) + 0.002)
    }
    #expect(bench.report.tripsInRow == 9)
  }

  @Test func `waits differ from breaker to breaker`() {
    var random = Xoroshiro(seed: 3)
    let settings = BreakerSettings()
    let waits = (0..<100).map { _ in
      Breaker.wait(tripsBefore: 0, settings, &random).nanoseconds
    }
    #expect(Set(waits).count > 90)
    #expect(waits.min()! < 9_200_000_000 && waits.max()! > 10_800_000_000)
  }

  @Test func `a trip soon after it closed is still in the row; after a good time a first one`() {
    let bench = Bench()
    bench.tripAndWait()
    bench.attempt(.success)
    bench.wait(1)
    bench.attempts(5, .failure)
    #expect(bench.report.tripsInRow == 2)
    bench.now = bench.report.until!
    bench.attempt(.success)
    // The last wait was at most 16.5 s.
    bench.wait(16.6)
    #expect(bench.report.tripsInRow == 0)
    bench.attempts(5, .failure)
    #expect(bench.report.tripsInRow == 1)
  }

  // MARK: Trials

  @Test func `exactly as many trials as set, and all of them must succeed`() {
    let bench = Bench { $0.halfOpenRequests = 3 }
    bench.tripAndWait()
    let trials = (0..<3).map { _ in bench.acquire() }
    #expect(trials[0].transition == BreakerTransition(.open, .halfOpen, .waitOver))
    #expect(trials.allSatisfy { $0.isAdmitted && $0.permit.isTrial })
    #expect(!bench.acquire().isAdmitted)
    #expect(bench.release(trials[1].permit, .success) == nil)
    #expect(bench.release(trials[0].permit, .success) == nil)
    // Those that have succeeded leave no place for another.
    #expect(!bench.acquire().isAdmitted)
    #expect(
      bench.release(trials[2].permit, .success)
        == BreakerTransition(.halfOpen, .closed, .trialsSucceeded))
    #expect(bench.acquire().isAdmitted)
  }

  @Test func `one failed trial opens it again at once, whatever the others will bring`() {
    let bench = Bench { $0.halfOpenRequests = 3 }
    bench.tripAndWait()
    let trials = (0..<3).map { _ in bench.permit() }
    bench.release(trials[0], .success)
    #expect(bench.release(trials[1], .failure) == BreakerTransition(.halfOpen, .open, .trialFailed))
    #expect(bench.release(trials[2], .success) == nil)
    #expect(bench.phase == .open)
  }

  @Test func `two requests in the same instant are not both the one trial (regression 18)`() {
    let bench = Bench()
    bench.tripAndWait()
    let admissions = [bench.acquire(), bench.acquire()]
    #expect(admissions.map(\.isAdmitted) == [true, false])
    let until = bench.now + bench.settings.trialPatience
    #expect(bench.breaker.gate(now: bench.now, bench.settings) == .busy(until: until))
  }

  @Test func `a trial whose client goes away gives its place back (regression 19)`() {
    let bench = Bench()
    bench.tripAndWait()
    let trial = bench.permit()
    #expect(!bench.acquire().isAdmitted)
    #expect(bench.release(trial, .ignored) == nil)
    #expect(bench.phase == .halfOpen)
    #expect(bench.attempt(.success)?.to == .closed)
  }

  @Test func `a result of before the trip changes nothing after it (regression 20)`() {
    let bench = Bench()
    let early = (0..<4).map { _ in bench.permit() }
    bench.attempts(5, .failure)
    #expect(bench.release(early[0], .success) == nil)
    #expect(bench.phase == .open)
    bench.now = bench.report.until!
    let trial = bench.permit()
    #expect(bench.release(early[1], .failure) == nil)
    #expect(bench.phase == .halfOpen)
    bench.release(trial, .success)
    #expect(bench.release(early[2], .failure) == nil)
    #expect(bench.report.failuresInRow == 0)
    #expect(bench.report.window.total == 0)
  }

  @Test func `a trial of an earlier round changes nothing in a later one`() {
    let bench = Bench { $0.halfOpenRequests = 2 }
    bench.tripAndWait()
    let first = bench.permit()
    bench.attempt(.failure)
    bench.now = bench.report.until!
    let second = bench.permit()
    #expect(bench.release(first, .success) == nil)
    #expect(bench.report.trialsSucceeded == 0)
    #expect(bench.release(second, .success) == nil)
    #expect(bench.report.trialsSucceeded == 1)
  }

  @Test func `trials that stream for ever do not keep it half-open`() {
    let bench = Bench { $0.trialPatience = .seconds(60) }
    bench.tripAndWait()
    let streaming = bench.permit()
    bench.wait(59.999)
    #expect(!bench.acquire().isAdmitted)
    bench.wait(0.001)
    #expect(bench.breaker.gate(now: bench.now, bench.settings) == .trial)
    let next = bench.acquire()
    #expect(next.permit.isTrial && next.transition == nil)
    #expect(!bench.acquire().isAdmitted)
    #expect(bench.release(streaming, .failure) == nil)
    #expect(bench.release(next.permit, .success)?.to == .closed)
  }

  @Test func `a backend that is as slow as before is not let in again`() {
    let bench = Bench {
      $0.slowMillionths = 500_000
      $0.halfOpenRequests = 2
    }
    bench.tripAndWait()
    let trials = [bench.permit(), bench.permit()]
    #expect(bench.release(trials[0], .success, isSlow: true) == nil)
    #expect(
      bench.release(trials[1], .success) == BreakerTransition(.halfOpen, .open, .trialsSlow))
  }

  @Test func `it closes with an empty window and an empty row`() {
    let bench = Bench { $0.minRequests = 6 }
    bench.tripAndWait()
    bench.attempt(.success)
    #expect(bench.report.window == OutcomeSums())
    bench.attempts(4, .failure)
    #expect(bench.phase == .closed)
    bench.attempt(.failure)
    #expect(bench.report.cause == .consecutiveFailures)
  }

  // MARK: Permits

  @Test func `a permit is given back once; what is none changes nothing`() {
    let bench = Bench()
    var permit = bench.permit()
    #expect(permit.isHeld && !permit.isTrial)
    for _ in 0..<10 {
      _ = bench.breaker.release(
        &permit, .failure, isSlow: false, now: bench.now, bench.settings, &bench.random)
    }
    #expect(!permit.isHeld)
    #expect(bench.report.failuresInRow == 1)
  }

  // MARK: Modes and settings

  @Test func `in shadow mode all is computed and told, and nobody refused`() {
    let bench = Bench { $0.mode = .shadow }
    bench.attempts(4, .failure)
    #expect(bench.attempt(.failure) == BreakerTransition(.closed, .open, .consecutiveFailures))
    let refused = bench.acquire()
    #expect(refused.isAdmitted && !refused.permit.isHeld)
    #expect(bench.breaker.gate(now: bench.now, bench.settings) == .admits)
    #expect(bench.release(refused.permit, .failure) == nil)
    bench.now = bench.report.until!
    let trial = bench.acquire()
    #expect(trial.transition == BreakerTransition(.open, .halfOpen, .waitOver))
    #expect(bench.acquire().isAdmitted)
    #expect(bench.release(trial.permit, .success)?.to == .closed)
  }

  @Test func `switched off it lets everybody pass and counts nothing`() {
    let bench = Bench { $0.mode = .off }
    bench.attempts(50, .failure)
    #expect(bench.report.window.total == 0)
    #expect(bench.phase == .closed)
    #expect(!bench.permit().isHeld)
  }

  @Test func `other settings take effect at once and keep the state`() {
    let bench = Bench()
    bench.attempts(3, .failure)
    bench.settings.consecutiveFailures = 4
    bench.attempt(.failure)
    #expect(bench.phase == .open)
    bench.settings.mode = .off
    #expect(bench.acquire().isAdmitted)
    bench.settings.mode = .enforce
    #expect(!bench.acquire().isAdmitted)
    bench.settings.halfOpenRequests = 5
    bench.now = bench.report.until!
    let trials = (0..<5).map { _ in bench.permit() }
    bench.release(trials[0], .success)
    bench.settings.halfOpenRequests = 2
    #expect(bench.release(trials[1], .success)?.to == .closed)
  }

  @Test func `once the window holds nothing bad, a success looks at nothing any more`() {
    let bench = Bench()
    bench.attempt(.failure)
    bench.attempt(.success, isSlow: true)
    bench.attempt(.success)
    #expect(bench.breaker.trouble.load() != 0)
    bench.wait(10)
    bench.attempt(.success)
    #expect(bench.breaker.trouble.load() == 0)
  }

  // MARK: Looking

  @Test func `looking changes nothing`() {
    let bench = Bench()
    bench.tripAndWait()
    let before = (0..<Breaker.wordCount).map { bench.words[$0].load() }
    for _ in 0..<10 {
      _ = bench.report
      _ = bench.breaker.gate(now: bench.now, bench.settings)
    }
    #expect((0..<Breaker.wordCount).map { bench.words[$0].load() } == before)
  }

  @Test func `it is seen since when and why it is what it is`() {
    let bench = Bench()
    #expect(bench.report.cause == nil)
    bench.wait(3)
    bench.attempts(5, .failure)
    #expect(bench.report.since == Bench.second(3))
    #expect(bench.report.cause?.word == "consecutive_failures")
    #expect(bench.report.phase.word == "open")
    bench.now = bench.report.until!
    let trial = bench.permit()
    #expect(bench.report.since == bench.now)
    #expect(bench.report.phase.word == "half_open")
    #expect(bench.report.trialsTaken == 1)
    bench.wait(1)
    bench.release(trial, .success)
    #expect(bench.report.since == bench.now)
    #expect(bench.report.cause?.word == "trials_succeeded")
    #expect(bench.report.until == nil)
  }

  @Test func `every cause and phase has a word of its own`() {
    let causes: [BreakerCause] = [
      .consecutiveFailures, .failureRate, .slowCallRate, .waitOver, .trialsSucceeded, .trialFailed,
      .trialsSlow,
    ]
    #expect(Set(causes.map(\.word)).count == causes.count)
    #expect(
      [BreakerPhase.closed, .open, .halfOpen].map(\.word) == ["closed", "open", "half_open"])
  }

  @Test func `a word holds what it is given`() {
    var state = BreakerState(word: 0)
    let instant = Instant(nanoseconds: 7_123_000_000_001)
    state = state.open(until: instant)
    #expect(state.until == Instant(nanoseconds: 7_123_001_000_000))
    #expect(state.phase == .open)
    state = state.open(until: .distantFuture)
    #expect(state.until > Instant(nanoseconds: 1_000_000_000_000_000_000))
    state = state.halfOpen()
    for _ in 1..<BreakerState.mostTrials { state = state.takingTrial() }
    for _ in 0..<BreakerState.mostTrials { state = state.succeeding(slow: true) }
    #expect(state.taken == 8_191 && state.succeeded == 8_191 && state.slow == 8_191)
    #expect(state.word & BreakerPermit.held == 0)
    #expect(state.phase == .halfOpen)
  }

  @Test func `generations go round without touching the phase`() {
    var state = BreakerState(word: 0)
    for _ in 0..<(1 << 22) { state = state.closed() }
    #expect(state.word == 0)
  }
}
