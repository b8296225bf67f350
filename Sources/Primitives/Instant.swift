// Why this file exists: time as a value. Every policy takes the instant as an argument, so that a
// test or a simulation can say what time it is; only EventLoop and the supervisor ever ask a clock.

/// A span of time in nanoseconds; may be negative. Bounds: about ±292 years.
@frozen @usableFromInline
package struct Duration: Comparable, Hashable, Sendable {
  @usableFromInline package var nanoseconds: Int64

  @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  @inlinable package static func nanoseconds(_ count: Int64) -> Duration {
    Duration(nanoseconds: count)
  }
  @inlinable package static func microseconds(_ count: Int64) -> Duration {
    Duration(nanoseconds: count * 1_000)
  }
  @inlinable package static func milliseconds(_ count: Int64) -> Duration {
    Duration(nanoseconds: count * 1_000_000)
  }
  @inlinable package static func seconds(_ count: Int64) -> Duration {
    Duration(nanoseconds: count * 1_000_000_000)
  }
  @inlinable package static var zero: Duration { Duration(nanoseconds: 0) }

  @inlinable package static func < (left: Duration, right: Duration) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  @inlinable package static func == (left: Duration, right: Duration) -> Bool {
    left.nanoseconds == right.nanoseconds
  }
  @inlinable package static func + (left: Duration, right: Duration) -> Duration {
    Duration(nanoseconds: left.nanoseconds + right.nanoseconds)
  }
  @inlinable package static func - (left: Duration, right: Duration) -> Duration {
    Duration(nanoseconds: left.nanoseconds - right.nanoseconds)
  }
}

/// A point on the monotonic clock, in nanoseconds since an arbitrary origin.
@frozen @usableFromInline
package struct Instant: Comparable, Hashable, Sendable {
  @usableFromInline package var nanoseconds: UInt64

  @inlinable package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Later than every instant a clock gives: the deadline of something that has none.
  @inlinable package static var distantFuture: Instant { Instant(nanoseconds: .max) }

  @inlinable package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  @inlinable package static func == (left: Instant, right: Instant) -> Bool {
    left.nanoseconds == right.nanoseconds
  }
  /// Saturates at `distantFuture` and at the origin.
  @inlinable package static func + (left: Instant, right: Duration) -> Instant {
    if right.nanoseconds >= 0 {
      let (sum, overflow) = left.nanoseconds.addingReportingOverflow(UInt64(right.nanoseconds))
      return Instant(nanoseconds: overflow ? .max : sum)
    }
    let back = right.nanoseconds.magnitude
    return Instant(nanoseconds: left.nanoseconds > back ? left.nanoseconds &- back : 0)
  }
  /// The time from `right` to `left`; negative when `left` comes first. Saturates.
  @inlinable package static func - (left: Instant, right: Instant) -> Duration {
    if left.nanoseconds >= right.nanoseconds {
      return Duration(nanoseconds: Int64(clamping: left.nanoseconds &- right.nanoseconds))
    }
    return Duration(nanoseconds: -Int64(clamping: right.nanoseconds &- left.nanoseconds))
  }
}
