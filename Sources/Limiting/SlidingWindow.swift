// Why this file exists: "so many in any such span", with two counts instead of a list of instants.
// The window before counts with the share of it that the span still covers (the sliding window
// counter, as Cloudflare described it); all of it in one word, for one compare-and-swap.
public import Primitives

/// At most `limit` requests in a span of `length`, assuming that those of the window before came
/// evenly. Windows of a key begin with its first use.
@frozen @usableFromInline
package struct SlidingWindow: Equatable, Sendable {
  @usableFromInline package let limit: UInt64
  /// In microseconds, at least 1.
  @usableFromInline package let length: UInt64

  /// The greatest limit: two counts share the word with the number of the window.
  @inlinable package static var mostInWindow: UInt32 { 0xF_FFFF }
  /// The longest span in microseconds (97 days), so that no product of a count and a span wraps.
  private static let longest: UInt64 = 1 << 43

  /// - Parameters:
  ///   - limit: 1 ... `mostInWindow`.
  ///   - length: at least 1 µs; counted as 97 days when it is longer.
  package init(limit: UInt32, length: Duration) {
    precondition(limit > 0 && limit <= SlidingWindow.mostInWindow && length.nanoseconds >= 1_000)
    self.limit = UInt64(limit)
    self.length = min(UInt64(length.nanoseconds) / 1_000, SlidingWindow.longest)
  }

  /// The word: 24 bits of the window's number (one that comes again after 16 million windows), 20
  /// of the count in the window before, 20 of the count in this one.
  @frozen @usableFromInline
  struct Counts {
    @usableFromInline var window: UInt64
    @usableFromInline var before: UInt64
    @usableFromInline var current: UInt64

    @inlinable init(word: UInt64) {
      window = word >> 40
      before = word >> 20 & 0xF_FFFF
      current = word & 0xF_FFFF
    }
    @inlinable var word: UInt64 { window << 40 | before << 20 | current }

    /// Moves on to the window with this number.
    @inlinable mutating func advance(to number: UInt64) {
      let passed = (number &- window) & 0xFF_FFFF
      if passed == 0 { return }
      // A worker whose clock stands a moment behind another's goes on in the newer window.
      if passed == 0xFF_FFFF { return }
      before = passed == 1 ? current : 0
      current = 0
      window = number
    }
  }

  /// Counts one request, if the limit has room.
  /// - Parameter first: when the key was first used.
  @inlinable
  package func take(_ word: SharedWord, first: Instant, now: Instant) -> LimitVerdict {
    let (number, elapsed) = place(first: first, now: now)
    var old = word.load()
    while true {
      var counts = Counts(word: old)
      counts.advance(to: number)
      // The window may be one ahead of this worker's clock: then none of it has passed.
      let passed = counts.window == number ? elapsed : 0
      let weighed = weigh(counts, passed)
      if weighed + length > limit * length { return refusal(counts, passed) }
      counts.current += 1
      let found = word.compareExchange(expected: old, desired: counts.word)
      if found == old {
        let left = limit * length - weighed - length
        let isLast = left < length
        return LimitVerdict(
          isAllowed: true, remaining: left / length,
          wait: isLast ? wait(counts, passed) : .zero, reset: reset(counts, passed))
      }
      old = found
    }
  }

  /// What `take` would say at this instant; `remaining` counts the request that asks.
  package func look(_ word: UInt64, first: Instant, now: Instant) -> LimitVerdict {
    let (number, elapsed) = place(first: first, now: now)
    var counts = Counts(word: word)
    counts.advance(to: number)
    let passed = counts.window == number ? elapsed : 0
    let weighed = weigh(counts, passed)
    if weighed + length > limit * length { return refusal(counts, passed) }
    return LimitVerdict(
      isAllowed: true, remaining: (limit * length - weighed) / length, wait: .zero,
      reset: reset(counts, passed))
  }

  /// Gives back a request that `take` counted, because another limit refused it.
  @inlinable
  package func giveBack(_ word: SharedWord) {
    var old = word.load()
    while true {
      var counts = Counts(word: old)
      // It may have become one of the window before meanwhile.
      if counts.current > 0 {
        counts.current -= 1
      } else if counts.before > 0 {
        counts.before -= 1
      } else {
        return
      }
      let found = word.compareExchange(expected: old, desired: counts.word)
      if found == old { return }
      old = found
    }
  }

  /// How long until the key is as good as new, in nanoseconds.
  @inlinable
  package func idleIn(_ word: UInt64, first: Instant, now: Instant) -> UInt64 {
    let (number, elapsed) = place(first: first, now: now)
    var counts = Counts(word: word)
    counts.advance(to: number)
    if counts.current > 0 { return (2 * length - elapsed) * 1_000 }
    return counts.before > 0 ? (length - elapsed) * 1_000 : 0
  }

  /// Requests that count at this instant, rounded up.
  package func used(_ word: UInt64, first: Instant, now: Instant) -> UInt64 {
    let (number, elapsed) = place(first: first, now: now)
    var counts = Counts(word: word)
    counts.advance(to: number)
    return (weigh(counts, counts.window == number ? elapsed : 0) + length - 1) / length
  }

  // MARK: Parts

  /// The number of the present window, and how much of it has passed, in microseconds.
  @inlinable
  func place(first: Instant, now: Instant) -> (number: UInt64, elapsed: UInt64) {
    let age = now > first ? (now.nanoseconds - first.nanoseconds) / 1_000 : 0
    let number = age / length
    return (number & 0xFF_FFFF, age - number * length)
  }

  /// The requests of the span, times its length: no fraction is rounded away.
  @inlinable
  func weigh(_ counts: Counts, _ elapsed: UInt64) -> UInt64 {
    counts.before * (length - elapsed) + counts.current * length
  }

  @usableFromInline
  func refusal(_ counts: Counts, _ elapsed: UInt64) -> LimitVerdict {
    LimitVerdict(
      isAllowed: false, remaining: 0, wait: wait(counts, elapsed), reset: reset(counts, elapsed))
  }

  /// The exact time until one more would be allowed. While this window alone leaves room, that is
  /// when enough of the window before has left the span; else this window has to become the window
  /// before, and then enough of it to leave.
  @usableFromInline
  func wait(_ counts: Counts, _ elapsed: UInt64) -> Duration {
    if counts.current + 1 <= limit {
      let room = limit - counts.current - 1
      return microseconds(whenLeft(of: counts.before, is: room) - elapsed)
    }
    return microseconds(length - elapsed + whenLeft(of: counts.current, is: limit - 1))
  }

  /// How far a window must have passed for at most `most` of the `count` before it to be left in
  /// the span.
  private func whenLeft(of count: UInt64, is most: UInt64) -> UInt64 {
    if count <= most { return 0 }
    return length - most * length / count
  }

  @usableFromInline
  func reset(_ counts: Counts, _ elapsed: UInt64) -> Duration {
    if counts.current > 0 { return microseconds(2 * length - elapsed) }
    return counts.before > 0 ? microseconds(length - elapsed) : .zero
  }

  @usableFromInline
  func microseconds(_ count: UInt64) -> Duration { .nanoseconds(Int64(count) * 1_000) }
}
