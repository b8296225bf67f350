// Why this file exists: what an operator says about a breaker, as numbers that a request can use.
public import Primitives

/// Whether a breaker refuses.
@frozen @usableFromInline
package enum BreakerMode: UInt8, Sendable {
  /// Nothing is counted.
  case off
  /// Everything is counted and every change of state reported, and nobody is refused.
  case shadow
  case enforce
}

/// The settings of one service's breakers. They may change at any time; the state stays.
@frozen @usableFromInline
package struct BreakerSettings: Equatable, Sendable {
  @usableFromInline package var mode: BreakerMode
  /// Trips at this many failures in a row; `.max` = not looked at.
  @usableFromInline package var consecutiveFailures: UInt32
  /// Trips when this part of the window's results failed, in millionths; above 1,000,000 = not
  /// looked at.
  @usableFromInline package var failureMillionths: UInt32
  /// The same for results that were slow.
  @usableFromInline package var slowMillionths: UInt32
  /// A result that took at least so long is slow; `.max` = none is.
  @usableFromInline package var slowNanoseconds: UInt64
  /// The window holds at least this many results before its rates are looked at. At most
  /// `OutcomeWindow.certainTotal`.
  @usableFromInline package var minRequests: UInt32
  /// A tenth of the window, in nanoseconds; above 0.
  @usableFromInline package var tenth: UInt64
  /// How long it stays open the first time, and at most.
  @usableFromInline package var open: Duration
  @usableFromInline package var maxOpen: Duration
  /// Trials of a half-open breaker; 1...`BreakerState.mostTrials`.
  @usableFromInline package var halfOpenRequests: UInt32
  /// How long a half-open breaker waits for its trials before it allows new ones: longer than any
  /// request can be without an answer's head. Only one that streams is longer under way, and that
  /// may take for ever.
  @usableFromInline package var trialPatience: Duration

  /// The contract's defaults, enforced.
  @inlinable package init() {
    mode = .enforce
    consecutiveFailures = 5
    failureMillionths = 500_000
    slowMillionths = 1_000_000
    slowNanoseconds = .max
    minRequests = 20
    tenth = 1_000_000_000
    open = .seconds(10)
    maxOpen = .seconds(120)
    halfOpenRequests = 1
    trialPatience = .seconds(60)
  }

  /// Whether a result that took so long is a slow one.
  @inlinable package func isSlow(_ duration: Duration) -> Bool {
    duration.nanoseconds >= 0 && UInt64(duration.nanoseconds) >= slowNanoseconds
  }
}
