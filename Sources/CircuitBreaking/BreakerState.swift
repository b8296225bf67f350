// Why this file exists: state, generation, the end of the wait and the trials are one word, so that
// every change of a breaker is one compare-and-swap and no reader ever sees half of it.
public import Primitives

/// Where a breaker stands.
@frozen @usableFromInline
package enum BreakerPhase: UInt8, Sendable {
  /// Requests pass and are counted. → open
  case closed = 0
  /// Nobody passes until the wait is over. → halfOpen
  case open = 1
  /// A few requests pass on trial. → closed, open
  case halfOpen = 2

  /// As metrics, logs and /status call it.
  package var word: String {
    switch self {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half_open"
    }
  }
}

/// A breaker's word: 2 bits of phase, 22 of the generation, 40 that mean in each phase
///
///     closed    nothing: 0
///     open      the end of the wait, in milliseconds (34 years after the clock's origin)
///     halfOpen  13 bits each: trials that were slow, trials that succeeded, trials taken
///
/// The generation counts changes of phase. A permit would have to be held over four million of them
/// to be taken for a newer one.
@frozen @usableFromInline
package struct BreakerState: Equatable, Sendable {
  @usableFromInline package var word: UInt64

  /// What thirteen bits hold.
  @inlinable package static var mostTrials: Int { 8_191 }
  @usableFromInline static let generationOne: UInt64 = 1 << 40
  @usableFromInline static let generationMask: UInt64 = 0x3F_FFFF << 40
  @usableFromInline static let detailMask: UInt64 = (1 << 40) - 1
  @usableFromInline static let takenOne: UInt64 = 1
  @usableFromInline static let succeededOne: UInt64 = 1 << 13
  @usableFromInline static let slowOne: UInt64 = 1 << 26
  @usableFromInline static let millisecond: UInt64 = 1_000_000

  @inlinable package init(word: UInt64) { self.word = word }

  @inlinable package var isClosed: Bool { word >> 62 == 0 }
  @inlinable package var phase: BreakerPhase {
    word >> 62 == 0 ? .closed : word >> 62 == 1 ? .open : .halfOpen
  }
  /// Phase and generation: what a permit is compared by.
  @inlinable package var identity: UInt64 { word & ~BreakerState.detailMask }

  /// The end of an open breaker's wait.
  @inlinable package var until: Instant {
    Instant(nanoseconds: (word & BreakerState.detailMask) * BreakerState.millisecond)
  }
  /// Trials of a half-open breaker.
  @inlinable package var taken: UInt32 { UInt32(word & 0x1FFF) }
  @inlinable package var succeeded: UInt32 { UInt32(word >> 13 & 0x1FFF) }
  @inlinable package var slow: UInt32 { UInt32(word >> 26 & 0x1FFF) }

  /// The next generation in `phase`, with these 40 bits.
  private func next(_ phase: BreakerPhase, _ detail: UInt64) -> BreakerState {
    // Wrapping within its 22 bits.
    let generation = (word &+ BreakerState.generationOne) & BreakerState.generationMask
    return BreakerState(word: UInt64(phase.rawValue) << 62 | generation | detail)
  }
  func closed() -> BreakerState { next(.closed, 0) }
  /// Rounded up: a wait is never said to be over before it is.
  func open(until: Instant) -> BreakerState {
    let milliseconds = until.nanoseconds / BreakerState.millisecond
    let rounded = until.nanoseconds % BreakerState.millisecond == 0 ? 0 : 1 as UInt64
    return next(.open, min(milliseconds + rounded, BreakerState.detailMask))
  }
  /// With the first trial taken.
  func halfOpen() -> BreakerState { next(.halfOpen, BreakerState.takenOne) }

  func takingTrial() -> BreakerState { BreakerState(word: word + BreakerState.takenOne) }
  func givingTrialBack() -> BreakerState { BreakerState(word: word - BreakerState.takenOne) }
  func succeeding(slow: Bool) -> BreakerState {
    BreakerState(word: word + BreakerState.succeededOne + (slow ? BreakerState.slowOne : 0))
  }
}

/// What an attempt was for the breaker; decided by the one definition that passive health has too.
@frozen @usableFromInline
package enum BreakerOutcome: UInt8, Sendable {
  case success
  case failure
  /// No evidence: the client went away, or nothing was sent.
  case ignored
}

/// The right to make one attempt. Given back by `Breaker.release`; giving back nothing does
/// nothing.
@frozen @usableFromInline
package struct BreakerPermit: Equatable, Sendable {
  /// Phase and generation in which it was taken, and that it is held; 0 = none.
  @usableFromInline var word: UInt64
  /// A bit that is 0 in every state that permits are taken in.
  @usableFromInline static let held: UInt64 = 1 << 39

  @inlinable init(word: UInt64) { self.word = word }

  @inlinable package static var none: BreakerPermit { BreakerPermit(word: 0) }
  @inlinable package var isHeld: Bool { word != 0 }
  /// One of the few that a half-open breaker lets pass.
  @inlinable package var isTrial: Bool { word >> 62 == 2 }
  /// Taken in the phase that the breaker is in.
  package func belongs(to state: BreakerState) -> Bool {
    word & ~BreakerPermit.held == state.identity
  }
}

/// Why a breaker changed its phase.
@frozen @usableFromInline
package enum BreakerCause: UInt8, Sendable {
  case consecutiveFailures
  case failureRate
  case slowCallRate
  /// The wait is over and a request has come.
  case waitOver
  case trialsSucceeded
  case trialFailed
  case trialsSlow

  /// As logs and /status call it.
  package var word: String {
    switch self {
    case .consecutiveFailures: "consecutive_failures"
    case .failureRate: "failure_rate"
    case .slowCallRate: "slow_call_rate"
    case .waitOver: "wait_over"
    case .trialsSucceeded: "trials_succeeded"
    case .trialFailed: "trial_failed"
    case .trialsSlow: "trials_slow"
    }
  }
}

/// One change of phase, for the metrics and the log of whoever caused it.
@frozen @usableFromInline
package struct BreakerTransition: Equatable, Sendable {
  @usableFromInline package var from: BreakerPhase
  @usableFromInline package var to: BreakerPhase
  @usableFromInline package var cause: BreakerCause

  @inlinable package init(_ from: BreakerPhase, _ to: BreakerPhase, _ cause: BreakerCause) {
    self.from = from
    self.to = to
    self.cause = cause
  }
}

/// What a breaker would say to a request. Asking changes nothing.
@frozen @usableFromInline
package enum BreakerGate: Equatable, Sendable {
  case admits
  /// As one of the trials, of which one is free.
  case trial
  /// Open until then.
  case refuses(until: Instant)
  /// Half-open, all trials are under way; new ones then, unless these decide it before.
  case busy(until: Instant)
}

/// What came of asking for a permit.
@frozen @usableFromInline
package struct BreakerAdmission: Equatable, Sendable {
  /// The attempt may be made. In shadow mode always, then sometimes without a permit: such an
  /// attempt would have been refused, and is no evidence.
  @usableFromInline package var isAdmitted: Bool
  @usableFromInline package var permit: BreakerPermit
  @usableFromInline package var transition: BreakerTransition?

  @inlinable package init(
    isAdmitted: Bool, permit: BreakerPermit, transition: BreakerTransition? = nil
  ) {
    self.isAdmitted = isAdmitted
    self.permit = permit
    self.transition = transition
  }
}
