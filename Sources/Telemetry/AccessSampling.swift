// Why this file exists: which requests are logged is a decision with no clock and no dice of its
// own, so that it can be tested and replayed.
public import HTTPSemantics
public import Primitives

/// Which requests the access log keeps.
@frozen @usableFromInline
package struct AccessSampling: Sendable {
  /// A success is kept when a random number is below this; `all` for every one.
  @usableFromInline package var threshold: UInt64
  /// A request that took this long or longer is always kept.
  @usableFromInline package var slow: Duration

  @inlinable package static var all: UInt64 { .max }

  @inlinable package init(threshold: UInt64, slow: Duration) {
    self.threshold = threshold
    self.slow = slow
  }

  /// `partsPerMillion` of the successes, from 0 to 1,000,000.
  package init(partsPerMillion: UInt32, slow: Duration) {
    precondition(partsPerMillion <= 1_000_000)
    let isAll = partsPerMillion == 1_000_000
    threshold = isAll ? AccessSampling.all : UInt64.max / 1_000_000 * UInt64(partsPerMillion)
    self.slow = slow
  }

  /// Whether a random number has to be drawn at all for successes.
  @inlinable package var keepsAll: Bool { threshold == AccessSampling.all }

  /// Errors (status 400 and above), whatever bears a reason, and slow requests are always kept; of
  /// the rest those whose `random` is below the threshold.
  @inlinable package func keeps(
    status: UInt16, reason: Reason, latency: Duration, random: UInt64
  ) -> Bool {
    if keepsAll || status >= 400 || latency >= slow { return true }
    switch reason {
    case .none: return random < threshold
    case _: return true
    }
  }
}
