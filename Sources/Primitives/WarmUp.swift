// Why this file exists: a backend that comes back has cold caches and no connections; how much of
// its share it gets while it warms up is asked by balancers and shown to people.

/// How a share grows from a tenth to the whole over a time, in a straight line. Shares are counted
/// in parts of `full`, so that they can be multiplied with weights without fractions.
@frozen @usableFromInline
package enum WarmUp {
  /// The whole share. A power of two, large enough for steps of a tenth of a percent.
  @inlinable package static var full: UInt64 { 1_024 }
  /// A tenth of the share: with less, a backend gets too little to warm up by.
  @inlinable package static var least: UInt64 { 102 }

  /// The share at `now`, from `least` to `full`.
  /// - Parameter began: in nanoseconds of the clock that `now` is of; 0 = not warming up.
  /// - Parameter duration: in nanoseconds; 0 = there is no warming up.
  @inlinable package static func share(began: UInt64, now: UInt64, duration: UInt64) -> UInt64 {
    if began == 0 || duration == 0 { return full }
    // Another worker's clock may stand a little before the one that began it.
    let elapsed = now > began ? now &- began : 0
    if elapsed >= duration { return full }
    // Counted in microseconds the product fits: fewer than a thousand parts times a thousandth.
    let grown = (full &- least) &* (elapsed / 1_000) / max(duration / 1_000, 1)
    return min(least &+ grown, full)
  }
}
