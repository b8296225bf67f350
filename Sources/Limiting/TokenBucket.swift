// Why this file exists: a token bucket in one number. The bucket is not filled by a timer: the word
// says when it would be full again, and everything else is computed from `now` (GCRA, the generic
// cell rate algorithm of ATM Forum TM 4.1). One compare-and-swap takes a token, so no two workers
// can take the last one.
public import Primitives

/// `count` requests a period, and up to `burst` of them at once.
@frozen @usableFromInline
package struct TokenBucket: Equatable, Sendable {
  /// Nanoseconds in which one token comes back (T); at least 1. Rounded up, so that rounding never
  /// allows more than the rate.
  @usableFromInline package let interval: UInt64
  /// Nanoseconds in which an empty bucket fills (B times T).
  @usableFromInline package let depth: UInt64

  /// Far above every sensible bucket (146 years), far below where sums with a clock would wrap.
  private static let deepest: UInt64 = 1 << 62

  /// - Parameters:
  ///   - count: above 0.
  ///   - period: above zero.
  ///   - burst: above 0.
  package init(count: UInt32, period: Duration, burst: UInt32) {
    precondition(count > 0 && burst > 0 && period.nanoseconds > 0)
    let length = UInt64(period.nanoseconds)
    let interval = min((length - 1) / UInt64(count) + 1, TokenBucket.deepest)
    let (depth, isTooDeep) = interval.multipliedReportingOverflow(by: UInt64(burst))
    self.interval = interval
    self.depth = isTooDeep ? TokenBucket.deepest : min(depth, TokenBucket.deepest)
  }

  /// Takes one token, if there is one. The word is the instant at which the bucket is full again,
  /// 0 at first.
  @inlinable
  package func take(_ word: SharedWord, now: Instant) -> LimitVerdict {
    let now = now.nanoseconds
    var old = word.load()
    while true {
      // A clock below 2^63 ns (292 years) and a depth of at most 2^62 do not overflow.
      let full = max(old, now) + interval
      let debt = full - now
      if debt > depth {
        // Never while the settings stay as they are.
        if debt - interval > depth + TokenBucket.slack { return forgive(word, old, now) }
        return refusal(old, now)
      }
      let found = word.compareExchange(expected: old, desired: full)
      if found == old {
        return LimitVerdict(
          isAllowed: true, remaining: (depth - debt) / interval,
          wait: .nanoseconds(debt + interval > depth ? Int64(debt + interval - depth) : 0),
          reset: .nanoseconds(Int64(debt)))
      }
      old = found
    }
  }

  /// What `take` would say at this instant; `remaining` counts the request that asks.
  package func look(_ word: UInt64, now: Instant) -> LimitVerdict {
    let debt = max(word, now.nanoseconds) - now.nanoseconds
    if debt + interval > depth { return refusal(word, now.nanoseconds) }
    return LimitVerdict(
      isAllowed: true, remaining: (depth - debt) / interval, wait: .zero,
      reset: .nanoseconds(Int64(debt)))
  }

  /// Nanoseconds by which one worker's time may be behind that of another who has charged the key.
  @usableFromInline static var slack: UInt64 { 10_000_000_000 }

  /// A refusal of a key that owes more than a whole bucket: it was charged when the bucket was
  /// deeper, or filled more slowly. What is beyond a bucket as it is now is forgiven.
  @usableFromInline @inline(never)
  func forgive(_ word: SharedWord, _ old: UInt64, _ now: UInt64) -> LimitVerdict {
    let found = word.compareExchange(expected: old, desired: now + depth)
    // Another worker may have forgiven it meanwhile, by an older time; or given a token back.
    return found == old
      ? refusal(now + depth, now) : take(word, now: Instant(nanoseconds: now))
  }

  @usableFromInline
  func refusal(_ old: UInt64, _ now: UInt64) -> LimitVerdict {
    let debt = max(old, now) - now
    return LimitVerdict(
      isAllowed: false, remaining: 0, wait: .nanoseconds(Int64(debt + interval - depth)),
      reset: .nanoseconds(Int64(debt)))
  }

  /// Gives back a token that `take` gave, because another limit refused the request.
  @inlinable
  package func giveBack(_ word: SharedWord) {
    var old = word.load()
    // Less than one interval: the key is not the one that was charged any more.
    while old >= interval {
      let found = word.compareExchange(expected: old, desired: old - interval)
      if found == old { return }
      old = found
    }
  }

  /// How long until the key is as good as new.
  @inlinable
  package func idleIn(_ word: UInt64, now: Instant) -> UInt64 {
    word > now.nanoseconds ? word - now.nanoseconds : 0
  }

  /// Tokens that are taken, rounded up.
  package func used(_ word: UInt64, now: Instant) -> UInt64 {
    (idleIn(word, now: now) + interval - 1) / interval
  }
}
