// Why this file exists: sets of small numbers (eligible backends, tried backends, free places) as
// words, walked by counting trailing zeros.

/// A set of the numbers 0 ..< `capacity` in raw words. One thread.
@frozen @usableFromInline
package struct Bitset {
  @usableFromInline package let words: UnsafeMutablePointer<UInt64>
  @usableFromInline package let wordCount: Int
  @usableFromInline package let capacity: Int

  /// Empty. `capacity` from 0 on.
  @inlinable package static func create(capacity: Int) -> Bitset {
    precondition(capacity >= 0)
    let wordCount = Swift.max(1, (capacity + 63) / 64)
    let words = UnsafeMutablePointer<UInt64>.allocate(capacity: wordCount)
    words.initialize(repeating: 0, count: wordCount)
    return Bitset(words: words, wordCount: wordCount, capacity: capacity)
  }
  /// Over words that somebody else owns and has set to zero.
  @inlinable package init(words: UnsafeMutablePointer<UInt64>, wordCount: Int, capacity: Int) {
    precondition(capacity <= wordCount * 64)
    self.words = words
    self.wordCount = wordCount
    self.capacity = capacity
  }
  @inlinable package func destroy() { words.deallocate() }

  @inlinable package func contains(_ member: Int) -> Bool {
    precondition(member >= 0 && member < capacity)
    return words[member >> 6] >> UInt64(member & 63) & 1 != 0
  }
  /// `contains`, for numbers that may lie above all members.
  package func has(_ number: Int) -> Bool { number < capacity && contains(number) }
  @inlinable package func insert(_ member: Int) {
    precondition(member >= 0 && member < capacity)
    words[member >> 6] |= 1 << UInt64(member & 63)
  }
  @inlinable package func remove(_ member: Int) {
    precondition(member >= 0 && member < capacity)
    words[member >> 6] &= ~(1 << UInt64(member & 63))
  }
  @inlinable package func removeAll() { words.update(repeating: 0, count: wordCount) }
  @inlinable package func insertAll() {
    removeAll()
    var left = capacity
    var word = 0
    while left > 0 {
      words[word] = left >= 64 ? .max : (1 << UInt64(left)) &- 1
      left -= 64
      word += 1
    }
  }
  @inlinable package var count: Int {
    var total = 0
    for word in 0..<wordCount { total += words[word].nonzeroBitCount }
    return total
  }
  @inlinable package var isEmpty: Bool {
    for word in 0..<wordCount where words[word] != 0 { return false }
    return true
  }
  /// The smallest member that is `start` or greater.
  @inlinable package func first(from start: Int) -> Int? {
    precondition(start >= 0)
    guard start < capacity else { return nil }
    var word = start >> 6
    var bits = words[word] & (.max << UInt64(start & 63))
    while bits == 0 {
      word += 1
      guard word < wordCount else { return nil }
      bits = words[word]
    }
    return word << 6 | bits.trailingZeroBitCount
  }
  /// The smallest number at `start` or above that is not a member.
  @inlinable package func firstAbsent(from start: Int) -> Int? {
    precondition(start >= 0)
    guard start < capacity else { return nil }
    var word = start >> 6
    var bits = ~words[word] & (.max << UInt64(start & 63))
    while bits == 0 {
      word += 1
      guard word < wordCount else { return nil }
      bits = ~words[word]
    }
    let member = word << 6 | bits.trailingZeroBitCount
    return member < capacity ? member : nil
  }
}
