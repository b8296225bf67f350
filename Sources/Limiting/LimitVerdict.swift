// Why this file exists: a limit says more than yes or no: what is left and when there will be more
// is what a client needs to behave.
public import Primitives

/// What a limit says of one request.
@frozen @usableFromInline
package struct LimitVerdict: Equatable, Sendable {
  @usableFromInline package var isAllowed: Bool
  /// Requests that would be allowed at once after this one.
  @usableFromInline package var remaining: UInt64
  /// How long until a request would be allowed if no other came; zero while one would be now.
  @usableFromInline package var wait: Duration
  /// How long until the whole quota is there again if no other request came.
  @usableFromInline package var reset: Duration

  @inlinable
  package init(isAllowed: Bool, remaining: UInt64, wait: Duration, reset: Duration) {
    self.isAllowed = isAllowed
    self.remaining = remaining
    self.wait = wait
    self.reset = reset
  }

  /// Whole seconds for Retry-After: rounded up, because a client that comes back too early is
  /// refused again, and at least 1, because 0 means "now".
  package var retryAfterSeconds: UInt64 { LimitVerdict.retryAfterSeconds(wait) }

  package static func retryAfterSeconds(_ wait: Duration) -> UInt64 { seconds(wait, least: 1) }

  /// Whole seconds for the `t` of RateLimit: never later than Retry-After.
  package var resetSeconds: UInt64 { LimitVerdict.seconds(isAllowed ? reset : wait, least: 0) }

  private static func seconds(_ duration: Duration, least: UInt64) -> UInt64 {
    let nanoseconds = UInt64(max(duration.nanoseconds, 0))
    let whole = nanoseconds / 1_000_000_000
    return max(least, nanoseconds % 1_000_000_000 == 0 ? whole : whole + 1)
  }
}
