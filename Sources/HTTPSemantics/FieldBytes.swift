// Why this file exists: every byte of a head is looked at once more by us, eight at a time, because
// a parser that lets one control byte through would let a second request hide behind it.
import Primitives

/// Which bytes stand in a run of bytes. Nothing here reads past the run.
enum FieldBytes {
  /// Every byte may stand in a field value: a tab, a space, a visible character or one above 127
  /// (RFC 9110 section 5.5). No NUL, no bare CR or LF, so no folded line either.
  static func isValue(_ bytes: ByteSlice) -> Bool {
    var suspect: UInt64 = 0
    forEachWord(bytes) { word in suspect |= belowSpace(word) | equal(word, 0x7f) }
    if suspect == 0 { return true }
    // A tab is rare enough to be looked for one byte at a time.
    for index in 0..<bytes.count {
      let byte = bytes.base[index]
      if (byte < 0x20 && byte != 0x09) || byte == 0x7f { return false }
    }
    return true
  }

  /// Every byte may stand in a request target: visible ASCII without `#` (RFC 9112 section 3.2;
  /// a fragment is never sent).
  static func isTarget(_ bytes: ByteSlice) -> Bool {
    var suspect: UInt64 = 0
    forEachWord(bytes) { word in
      suspect |= belowSpace(word) | equal(word, 0x20) | equal(word, 0x7f) | equal(word, 0x23)
      suspect |= word & high
    }
    return suspect == 0
  }

  /// What a field name is made of.
  enum NameShape {
    case plain
    case withUnderscore
    case invalid
  }

  /// Looks at a name of one byte or more; an empty one is invalid (RFC 9110 section 5.6.2).
  static func nameShape(_ name: ByteSlice) -> NameShape {
    guard name.count > 0 else { return .invalid }
    var ordinary = high
    forEachWord(name) { word in ordinary &= lettersDigitsHyphens(word) }
    if ordinary == high { return .plain }
    var shape = NameShape.plain
    for index in 0..<name.count {
      let byte = name.base[index]
      guard ASCII.isToken(byte) else { return .invalid }
      if byte == 0x5f { shape = .withUnderscore }
    }
    return shape
  }

  // MARK: - Eight bytes in a word

  private static var high: UInt64 { 0x8080_8080_8080_8080 }
  private static var ones: UInt64 { 0x0101_0101_0101_0101 }

  /// Calls `body` with words that together hold every byte of the run, some more than once: the
  /// last word overlaps the one before, and a short run is repeated inside its word. Good for
  /// questions that do not ask where.
  @inline(__always)
  private static func forEachWord(_ bytes: ByteSlice, _ body: (UInt64) -> Void) {
    let p = UnsafeRawPointer(bytes.base)
    let count = bytes.count
    if count >= 8 {
      var at = 0
      while at &+ 8 <= count {  // at never passes count, which is a count of bytes in memory
        body(p.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        at &+= 8
      }
      if at < count { body(p.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)) }
    } else if count >= 4 {
      let first = UInt64(p.loadUnaligned(as: UInt32.self))
      let last = UInt64(p.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
      body(first | last << 32)
    } else if count >= 2 {
      let first = UInt64(p.loadUnaligned(as: UInt16.self))
      let last = UInt64(p.loadUnaligned(fromByteOffset: count &- 2, as: UInt16.self))
      body((first | last << 16) &* 0x1_0000_0001)  // the product repeats the low half, no carry
    } else if count == 1 {
      body(UInt64(bytes.base[0]) &* ones)
    }
  }

  // The next three give a word that is zero exactly when no byte of `word` is meant. Which byte it
  // is they do not say reliably: a borrow may mark the byte above a true one.

  @inline(__always)
  private static func belowSpace(_ word: UInt64) -> UInt64 {
    (word &- ones &* 0x20) & ~word & high
  }

  @inline(__always)
  private static func equal(_ word: UInt64, _ byte: UInt64) -> UInt64 {
    let difference = word ^ (ones &* byte)
    return (difference &- ones) & ~difference & high
  }

  /// The high bit of every byte that is a letter, a digit or a hyphen. Sums stay inside their
  /// bytes, because only seven bits of each go in; a byte above 127 gets no bit.
  @inline(__always)
  private static func lettersDigitsHyphens(_ word: UInt64) -> UInt64 {
    let low = word & ~high
    let folded = low | ones &* 0x20
    let letters = (folded &+ ones &* 0x1f) & ~(folded &+ ones &* 0x05)
    let digits = (low &+ ones &* 0x50) & ~(low &+ ones &* 0x46)
    let hyphens = ~((low ^ ones &* 0x2d) &+ ones &* 0x7f)
    return (letters | digits | hyphens) & ~word & high
  }
}
