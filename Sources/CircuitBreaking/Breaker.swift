// Why this file exists: a backend that fails gets no requests until a few on trial have shown that
// it works again; otherwise every client waits for it, and it never recovers for the load.
//
// Two detectors run at once, because each misses what the other finds: failures in a row show a
// dead backend within milliseconds, rates over a window show one that is half broken (Linkerd's
// reason for the pair). One breaker a backend, shared by all workers: its words are the truth, no
// worker has its own, and no timer belongs to it: whatever time changes is computed from `now`.
public import Primitives

/// The breaker of one backend. A pointer; who made the words frees them.
///
///     closed ──failures in a row, rate of failures or of slow calls──▶ open
///     open ──its wait is over and a request comes──▶ half-open
///     half-open ──all trials succeeded──▶ closed
///     half-open ──a trial failed, or too many were slow──▶ open, for half as long again
@frozen @usableFromInline
package struct Breaker: Sendable {
  /// A cache line for what every request reads, two for what every request writes.
  @inlinable package static var wordCount: Int { 24 }

  @usableFromInline let words: SharedWord

  /// The first of `wordCount` words in one block, on a cache line, zero at first: closed.
  @inlinable package init(words: SharedWord) { self.words = words }

  @inlinable var state: SharedWord { words }
  /// 0 when there is nothing to look at after a success. Bit 63: the window may hold failures or
  /// slow calls; below: failures in a row.
  @usableFromInline var trouble: SharedWord { @inlinable get { words.next(1) } }
  /// Trips in a row, and the last wait in milliseconds above 16 bits.
  var row: SharedWord { words.next(2) }
  /// When the present phase began, in nanoseconds.
  var since: SharedWord { words.next(3) }
  /// Why it began: the raw value of a cause.
  var cause: SharedWord { words.next(4) }
  @usableFromInline var window: OutcomeWindow {
    @inlinable get { OutcomeWindow(first: words.next(8)) }
  }

  static let troubleFlag: UInt64 = 1 << 63

  // MARK: Taking a permit

  /// What it would say now. One load when it is closed.
  @inlinable @inline(__always)
  package func gate(now: Instant, _ settings: BreakerSettings) -> BreakerGate {
    let state = BreakerState(word: state.load())
    if state.isClosed { return .admits }
    return gateSlowly(state, now, settings)
  }

  /// Asks for the right to make one attempt. An open breaker whose wait is over becomes half-open
  /// here, and this attempt its first trial.
  @inlinable @inline(__always)
  package func acquire(now: Instant, _ settings: BreakerSettings) -> BreakerAdmission {
    switch settings.mode {
    case .off: return BreakerAdmission(isAdmitted: true, permit: .none)
    case .shadow, .enforce: break
    }
    let state = BreakerState(word: state.load())
    if state.isClosed {
      let permit = BreakerPermit(word: state.word | BreakerPermit.held)
      return BreakerAdmission(isAdmitted: true, permit: permit)
    }
    return acquireSlowly(now, settings)
  }

  @usableFromInline @inline(never)
  func gateSlowly(
    _ state: BreakerState, _ now: Instant, _ settings: BreakerSettings
  ) -> BreakerGate {
    switch settings.mode {
    case .off, .shadow: return .admits
    case .enforce: break
    }
    switch state.phase {
    case .closed: return .admits
    case .open: return now < state.until ? .refuses(until: state.until) : .trial
    case .halfOpen:
      if state.taken < settings.halfOpenRequests { return .trial }
      let until = endOfPatience(settings)
      return now < until ? .busy(until: until) : .trial
    }
  }

  @usableFromInline @inline(never)
  func acquireSlowly(_ now: Instant, _ settings: BreakerSettings) -> BreakerAdmission {
    var old = BreakerState(word: state.load())
    while true {
      var new: BreakerState
      var transition: BreakerTransition?
      switch old.phase {
      case .closed:
        let permit = BreakerPermit(word: old.word | BreakerPermit.held)
        return BreakerAdmission(isAdmitted: true, permit: permit)
      case .open:
        if now < old.until { return refusal(settings) }
        new = old.halfOpen()
        transition = BreakerTransition(.open, .halfOpen, .waitOver)
      case .halfOpen:
        if old.taken < settings.halfOpenRequests {
          new = old.takingTrial()
        } else if now < endOfPatience(settings) {
          return refusal(settings)
        } else {
          // The trials under way count no more, whatever they bring.
          new = old.halfOpen()
        }
      }
      // Before the new round can be seen, so that nobody takes it for one that is long over.
      if new.identity != old.identity { since.store(now.nanoseconds) }
      let found = state.compareExchange(expected: old.word, desired: new.word)
      if found == old.word {
        if let transition { cause.store(UInt64(transition.cause.rawValue)) }
        let permit = BreakerPermit(word: new.identity | BreakerPermit.held)
        return BreakerAdmission(isAdmitted: true, permit: permit, transition: transition)
      }
      old = BreakerState(word: found)
    }
  }

  private func refusal(_ settings: BreakerSettings) -> BreakerAdmission {
    switch settings.mode {
    case .off, .shadow: BreakerAdmission(isAdmitted: true, permit: .none)
    case .enforce: BreakerAdmission(isAdmitted: false, permit: .none)
    }
  }

  private func endOfPatience(_ settings: BreakerSettings) -> Instant {
    Instant(nanoseconds: since.load()) + settings.trialPatience
  }

  // MARK: Giving it back

  /// Gives a permit back with what came of the attempt; gives the change of phase that this caused.
  /// Once: the permit is none afterwards. A result of an earlier phase changes nothing.
  /// - Parameter isSlow: a success or failure that took at least `slow_call`.
  @inlinable @inline(__always)
  package func release(
    _ permit: inout BreakerPermit, _ outcome: BreakerOutcome, isSlow: Bool, now: Instant,
    _ settings: BreakerSettings, _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    let held = permit.word
    if held == 0 { return nil }
    permit.word = 0
    if outcome.rawValue == BreakerOutcome.success.rawValue && !isSlow && held >> 62 == 0 {
      // Nearly every request: it succeeded, was fast, and the breaker is closed.
      if state.load() != held ^ BreakerPermit.held { return nil }
      window.add(OutcomeCounts(failed: false, slow: false), tenth: settings.tenth, now: now)
      let trouble = trouble.load()
      if trouble == 0 { return nil }
      return succeededInTrouble(held, trouble, now, settings, &random)
    }
    return releaseSlowly(held, outcome, isSlow, now, settings, &random)
  }

  @usableFromInline @inline(never)
  func releaseSlowly(
    _ held: UInt64, _ outcome: BreakerOutcome, _ isSlow: Bool, _ now: Instant,
    _ settings: BreakerSettings, _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    let permit = BreakerState(word: held ^ BreakerPermit.held)
    if !permit.isClosed { return trialEnded(permit, outcome, isSlow, now, settings, &random) }
    switch outcome {
    case .ignored: return nil
    case .success, .failure: break
    }
    if state.load() != permit.word { return nil }
    let failed = outcome == .failure
    window.add(OutcomeCounts(failed: failed, slow: isSlow), tenth: settings.tenth, now: now)
    var old = trouble.load()
    while true {
      let inRow = failed ? min(old & ~Breaker.troubleFlag, UInt64(UInt32.max) - 2) + 1 : 0
      let found = trouble.compareExchange(expected: old, desired: Breaker.troubleFlag | inRow)
      if found == old { return evaluate(permit, inRow: inRow, now, settings, &random) }
      old = found
    }
  }

  /// A success while failures or slow calls are remembered: it ends the row, and may be the one
  /// that makes the window full enough to be judged.
  @usableFromInline @inline(never)
  func succeededInTrouble(
    _ held: UInt64, _ seen: UInt64, _ now: Instant, _ settings: BreakerSettings,
    _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    if seen != Breaker.troubleFlag { trouble.store(Breaker.troubleFlag) }
    let sums = window.sums(tenth: settings.tenth, now: now)
    if sums.failed == 0 && sums.slow == 0 {
      _ = trouble.compareExchange(expected: Breaker.troubleFlag, desired: 0)
      return nil
    }
    let permit = BreakerState(word: held ^ BreakerPermit.held)
    return evaluate(permit, inRow: 0, sums, now, settings, &random)
  }

  private func evaluate(
    _ permit: BreakerState, inRow: UInt64, _ now: Instant, _ settings: BreakerSettings,
    _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    let sums = window.sums(tenth: settings.tenth, now: now)
    return evaluate(permit, inRow: inRow, sums, now, settings, &random)
  }

  private func evaluate(
    _ permit: BreakerState, inRow: UInt64, _ sums: OutcomeSums, _ now: Instant,
    _ settings: BreakerSettings, _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    if inRow >= UInt64(settings.consecutiveFailures) {
      return trip(permit, .consecutiveFailures, now, settings, &random)
    }
    if sums.total < UInt64(settings.minRequests) { return nil }
    if sums.reaches(sums.failed, millionths: settings.failureMillionths) {
      return trip(permit, .failureRate, now, settings, &random)
    }
    if sums.reaches(sums.slow, millionths: settings.slowMillionths) {
      return trip(permit, .slowCallRate, now, settings, &random)
    }
    return nil
  }

  // MARK: Changes of phase

  private func trip(
    _ old: BreakerState, _ why: BreakerCause, _ now: Instant, _ settings: BreakerSettings,
    _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    // A backend that fails again before it has been good for as long as it was shut out has not
    // recovered: its trips are still in a row. Otherwise one that takes a load only when rested
    // would swing at the shortest interval for ever.
    open(old, tripsInRow(old, now: now), why, now, settings, &random)
  }

  private func open(
    _ old: BreakerState, _ tripsBefore: UInt64, _ why: BreakerCause, _ now: Instant,
    _ settings: BreakerSettings, _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    let wait = Breaker.wait(tripsBefore: tripsBefore, settings, &random)
    let new = old.open(until: now + wait)
    if state.compareExchange(expected: old.word, desired: new.word) != old.word { return nil }
    since.store(now.nanoseconds)
    cause.store(UInt64(why.rawValue))
    let milliseconds = UInt64(wait.nanoseconds) / 1_000_000
    row.store(milliseconds << 16 | min(tripsBefore + 1, 0xFFFF))
    return BreakerTransition(old.phase, .open, why)
  }

  /// Half as long again for every trip in a row, 90 % to 110 % of that, never above the cap. The
  /// spread keeps gateways that tripped together from trying together.
  static func wait(
    tripsBefore: UInt64, _ settings: BreakerSettings, _ random: inout Xoroshiro
  ) -> Duration {
    let cap = settings.maxOpen.nanoseconds
    var wait = settings.open.nanoseconds
    var left = tripsBefore
    while left > 0 && wait < cap {
      wait += wait / 2
      left -= 1
    }
    return random.spread(Duration(nanoseconds: min(wait, cap)), atMost: settings.maxOpen)
  }

  private func trialEnded(
    _ permit: BreakerState, _ outcome: BreakerOutcome, _ isSlow: Bool, _ now: Instant,
    _ settings: BreakerSettings, _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    while true {
      let old = BreakerState(word: state.load())
      if old.identity != permit.identity { return nil }
      switch outcome {
      case .failure:
        let change = open(old, row.load() & 0xFFFF, .trialFailed, now, settings, &random)
        if change != nil { return change }
      case .ignored:
        let new = old.givingTrialBack()
        if state.compareExchange(expected: old.word, desired: new.word) == old.word { return nil }
      case .success:
        let new = old.succeeding(slow: isSlow)
        if new.succeeded < settings.halfOpenRequests {
          if state.compareExchange(expected: old.word, desired: new.word) == old.word {
            return nil
          }
        } else if let change = lastTrialSucceeded(old, new, now, settings, &random) {
          return change
        }
      }
    }
  }

  /// nil: the state has changed meanwhile, look again.
  private func lastTrialSucceeded(
    _ old: BreakerState, _ new: BreakerState, _ now: Instant, _ settings: BreakerSettings,
    _ random: inout Xoroshiro
  ) -> BreakerTransition? {
    // A backend that was shut out for being slow is not let in for being as slow as before.
    var trials = OutcomeSums()
    trials.total = UInt64(new.succeeded)
    if trials.reaches(UInt64(new.slow), millionths: settings.slowMillionths) {
      return open(old, row.load() & 0xFFFF, .trialsSlow, now, settings, &random)
    }
    // Emptied while nobody counts, so that no result of before the trip is seen after it.
    window.clear()
    trouble.store(0)
    if state.compareExchange(expected: old.word, desired: old.closed().word) != old.word {
      return nil
    }
    since.store(now.nanoseconds)
    cause.store(UInt64(BreakerCause.trialsSucceeded.rawValue))
    return BreakerTransition(.halfOpen, .closed, .trialsSucceeded)
  }
}
