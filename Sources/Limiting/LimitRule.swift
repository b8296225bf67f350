// Why this file exists: the algorithms answer the same questions of a place's words, so the table
// and its callers need not know which one a limit has.
public import Primitives

/// The algorithm of a limit with its present settings. The words that it reads belong to the key,
/// so settings may change at any time; the algorithm and its period may not.
@frozen @usableFromInline
package enum LimitRule: Equatable, Sendable {
  case tokenBucket(TokenBucket)
  case slidingWindow(SlidingWindow)

  @inlinable
  package func take(_ state: SharedWord, first: Instant, now: Instant) -> LimitVerdict {
    switch self {
    case .tokenBucket(let bucket): bucket.take(state, now: now)
    case .slidingWindow(let window): window.take(state, first: first, now: now)
    }
  }

  /// What `take` would say; nothing is charged.
  package func look(_ state: UInt64, first: Instant, now: Instant) -> LimitVerdict {
    switch self {
    case .tokenBucket(let bucket): bucket.look(state, now: now)
    case .slidingWindow(let window): window.look(state, first: first, now: now)
    }
  }

  @inlinable
  package func giveBack(_ state: SharedWord) {
    switch self {
    case .tokenBucket(let bucket): bucket.giveBack(state)
    case .slidingWindow(let window): window.giveBack(state)
    }
  }

  /// How long until the key is as good as new, in nanoseconds; 0 = it is.
  @inlinable
  package func idleIn(_ state: UInt64, first: Instant, now: Instant) -> UInt64 {
    switch self {
    case .tokenBucket(let bucket): bucket.idleIn(state, now: now)
    case .slidingWindow(let window): window.idleIn(state, first: first, now: now)
    }
  }

  /// What the key has used up at this instant, in requests, rounded up.
  package func used(_ state: UInt64, first: Instant, now: Instant) -> UInt64 {
    switch self {
    case .tokenBucket(let bucket): bucket.used(state, now: now)
    case .slidingWindow(let window): window.used(state, first: first, now: now)
    }
  }

  /// Requests that a key which is as good as new may make at once.
  package var quota: UInt64 {
    switch self {
    case .tokenBucket(let bucket): bucket.depth / bucket.interval
    case .slidingWindow(let window): window.limit
    }
  }
}
