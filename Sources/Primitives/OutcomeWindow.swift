// Why this file exists: "how many of the last ten seconds' results were failures" is asked by more
// than one policy, of state that all workers share. Constant memory however many results there are,
// and one atomic addition for each of them.

/// Results counted: 15 bits each of the slow ones, the failed ones and all of them.
@frozen @usableFromInline
package struct OutcomeCounts: Equatable, Sendable {
  @usableFromInline package let packed: UInt64

  @inlinable package init(packed: UInt64) { self.packed = packed }

  /// One result.
  @inlinable package init(failed: Bool, slow: Bool) {
    packed = 1 | (failed ? 1 << 15 : 0) | (slow ? 1 << 30 : 0)
  }

  @inlinable package var total: UInt64 { packed & 0x7FFF }
  @inlinable package var failed: UInt64 { packed >> 15 & 0x7FFF }
  @inlinable package var slow: UInt64 { packed >> 30 & 0x7FFF }
}

/// What a window holds at an instant.
@frozen @usableFromInline
package struct OutcomeSums: Equatable, Sendable {
  @usableFromInline package var total: UInt64 = 0
  @usableFromInline package var failed: UInt64 = 0
  @usableFromInline package var slow: UInt64 = 0

  @inlinable package init() {}

  /// `part` is at least `millionths` millionths of all: rates trip at their value. Nothing is no
  /// part.
  @inlinable package func reaches(_ part: UInt64, millionths: UInt32) -> Bool {
    part > 0 && part * 1_000_000 >= total * UInt64(millionths)
  }
}

/// Ten buckets of a tenth of the window each, one word a bucket: 19 bits that tell its turn from
/// earlier ones, then the counts. The window slides by a tenth: it covers between nine and ten.
/// There are sixteen of them, so that a tenth's place and turn are a mask and a shift.
///
/// A bucket that has counted 16,384 results halves its counts and goes on: the shares stay true and
/// later results still weigh. A turn can be mistaken for one that came 524,288 turns earlier only
/// when nothing was counted in its bucket in between (97 days for ten seconds), and then for one
/// window.
@frozen @usableFromInline
package struct OutcomeWindow: Sendable {
  @inlinable package static var buckets: Int { 10 }
  /// Room for its buckets.
  @inlinable package static var wordCount: Int { 16 }
  /// Results that a busy window holds at least, halved as it may be: nothing may wait for more.
  @inlinable package static var certainTotal: Int { 81_920 }
  /// Where the turn begins in a word.
  @usableFromInline static let turnShift: UInt64 = 45
  /// The bit of the total that says that a bucket is full. Half of the field is left above it, for
  /// threads that have looked before it was set.
  @usableFromInline static let full: UInt64 = 1 << 14
  /// Every count without its highest bit, for shifting all three down by one.
  @usableFromInline static let halves: UInt64 = 0x3FFF | 0x3FFF << 15 | 0x3FFF << 30

  /// The first of `wordCount` words in one block.
  @usableFromInline let first: SharedWord

  @inlinable package init(first: SharedWord) { self.first = first }

  /// Counts one result.
  /// - Parameter tenth: nanoseconds of a bucket, above 0. When it changes, what has been counted
  ///   stops to count.
  @inlinable @inline(__always)
  package func add(_ counts: OutcomeCounts, tenth: UInt64, now: Instant) {
    let number = now.nanoseconds / tenth
    let word = first.next(Int(truncatingIfNeeded: number & 15))
    let turn = (number &>> 4) &<< OutcomeWindow.turnShift
    let old = word.load()
    // The turn's upper bits and the bit that says full, in one comparison.
    let turnAndFull = (UInt64.max << OutcomeWindow.turnShift) | OutcomeWindow.full
    if (old ^ turn) & turnAndFull == 0 {
      word.add(counts.packed)
    } else {
      addSlowly(word, turn, counts)
    }
  }

  /// The first result of a turn, or one that falls into a full bucket.
  @usableFromInline @inline(never)
  func addSlowly(_ word: SharedWord, _ turn: UInt64, _ counts: OutcomeCounts) {
    var old = word.load()
    while true {
      // Wrapping: turns are compared as far as they are apart, not as numbers.
      let ahead = (old &- turn) >> OutcomeWindow.turnShift
      // Another thread's clock is a little further on, and this result belongs to what has gone.
      if ahead >= 1 && ahead <= 4 && old != 0 { return }
      var kept: UInt64 = 0
      if ahead == 0 {
        let counts = old & ((1 << OutcomeWindow.turnShift) - 1)
        kept = counts & OutcomeWindow.full != 0 ? counts >> 1 & OutcomeWindow.halves : counts
      }
      let found = word.compareExchange(expected: old, desired: (turn | kept) &+ counts.packed)
      if found == old { return }
      old = found
    }
  }

  /// What the window holds now.
  package func sums(tenth: UInt64, now: Instant) -> OutcomeSums {
    let newest = now.nanoseconds / tenth
    var sums = OutcomeSums()
    for age in 0..<UInt64(OutcomeWindow.buckets) {
      let number = newest &- age  // wraps near the clock's origin, where no word has such a turn
      let word = first.next(Int(number & 15)).load()
      if word >> OutcomeWindow.turnShift != (number >> 4) & 0x7_FFFF { continue }
      let counts = OutcomeCounts(packed: word)
      sums.total += counts.total
      sums.failed += counts.failed
      sums.slow += counts.slow
    }
    return sums
  }

  /// Forgets everything. Results that other threads are just counting may remain.
  package func clear() {
    for bucket in 0..<OutcomeWindow.wordCount { first.next(bucket).store(0) }
  }
}
