// Why this file exists: what clients send lands in log lines; escaped here, it can end neither a
// string nor a line, nor move a terminal's cursor.
package import Primitives

/// JSON strings from raw bytes, without allocating.
package enum JSONBytes {
  /// A byte becomes at most six: \u0000.
  package static var worstCase: Int { @inlinable get { 6 } }

  /// Writes `text` as a JSON string without its quotes. `target` has room for `worstCase` times
  /// `text.count` bytes. Gives the end of what was written.
  ///
  /// Control bytes, the quote, the backslash, DEL, the C1 controls, line separators and marks that
  /// turn the direction of text are written as \u escapes; a byte that is no part of valid UTF-8 as
  /// \ufffd.
  package static func escape(
    _ text: ByteSlice, to target: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    if copyPlain(text, to: target) { return target + text.count }
    var out = target
    var index = 0
    while index < text.count {
      // Eight plain bytes at a time; the room holds six bytes for each of these.
      while index &+ 8 <= text.count {
        let word = UnsafeRawPointer(text.base + index).loadUnaligned(as: UInt64.self)
        if needsEscape(word) { break }
        UnsafeMutableRawPointer(out).storeBytes(of: word, as: UInt64.self)
        out += 8
        index &+= 8
      }
      let end = min(index &+ 8, text.count)
      while index < end {
        let byte = text.base[index]
        if ASCII.isPlain(byte) {
          out.pointee = byte
          out += 1
          index &+= 1
        } else {
          index &+= escapeOne(text, index, &out)
        }
      }
    }
    return out
  }

  /// Copies a text that needs no escape; false, with some of it copied, for any other.
  @inline(__always)
  private static func copyPlain(
    _ text: ByteSlice, to target: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    let from = UnsafeRawPointer(text.base)
    let to = UnsafeMutableRawPointer(target)
    let count = text.count
    if count >= 16 {
      // The last sixteen bytes may overlap those before them.
      let last = (from + (count &- 16)).loadUnaligned(as: SIMD2<UInt64>.self)
      var marks = JSONBytes.marks(last)
      var index = 0
      while index < count &- 16 {
        let words = (from + index).loadUnaligned(as: SIMD2<UInt64>.self)
        marks |= JSONBytes.marks(words)
        to.storeBytes(of: words, toByteOffset: index, as: SIMD2<UInt64>.self)
        index &+= 16
      }
      to.storeBytes(of: last, toByteOffset: count &- 16, as: SIMD2<UInt64>.self)
      return (marks.x | marks.y) & 0x8080_8080_8080_8080 == 0
    }
    if count >= 8 {
      // The last eight bytes may overlap those before them.
      let words = SIMD2(
        from.loadUnaligned(as: UInt64.self),
        (from + (count &- 8)).loadUnaligned(as: UInt64.self))
      let marks = JSONBytes.marks(words)
      if (marks.x | marks.y) & 0x8080_8080_8080_8080 != 0 { return false }
      to.storeBytes(of: words.x, as: UInt64.self)
      to.storeBytes(of: words.y, toByteOffset: count &- 8, as: UInt64.self)
      return true
    }
    if count >= 4 {
      let first = from.loadUnaligned(as: UInt32.self)
      let last = (from + (count &- 4)).loadUnaligned(as: UInt32.self)
      if needsEscape(UInt64(first) | UInt64(last) << 32) { return false }
      to.storeBytes(of: first, as: UInt32.self)
      to.storeBytes(of: last, toByteOffset: count &- 4, as: UInt32.self)
      return true
    }
    for index in 0..<count {
      let byte = text.base[index]
      guard ASCII.isPlain(byte) else { return false }
      target[index] = byte
    }
    return true
  }

  /// `needsEscape` for two words at once: the highest bit of a byte is set where it is true.
  @inline(__always)
  private static func marks(_ words: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let ones = SIMD2<UInt64>(repeating: 0x0101_0101_0101_0101)
    let low = words &- SIMD2<UInt64>(repeating: 0x2020_2020_2020_2020)
    let quote = (words ^ SIMD2<UInt64>(repeating: 0x2222_2222_2222_2222)) &- ones
    let backslash = (words ^ SIMD2<UInt64>(repeating: 0x5c5c_5c5c_5c5c_5c5c)) &- ones
    return low | quote | backslash | (words &+ ones) | words
  }

  /// True when one of eight bytes is below 0x20, a quote, a backslash, DEL or above. May be true
  /// for a word that needs none; never false for one that does.
  @inlinable package static func needsEscape(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // A borrow out of a zero byte may mark its neighbour too, which only costs the slow way.
    let low = word &- ones &* 0x20
    let quote = (word ^ ones &* 0x22) &- ones
    let backslash = (word ^ ones &* 0x5c) &- ones
    let delete = word &+ ones
    return (low | quote | backslash | delete | word) & (ones &* 0x80) != 0
  }

  /// Writes the character that begins at `index`, escaped if it must be; gives the bytes it took.
  private static func escapeOne(
    _ text: ByteSlice, _ index: Int, _ out: inout UnsafeMutablePointer<UInt8>
  ) -> Int {
    let byte = text.base[index]
    if byte < 0x80 {
      switch byte {
      case 0x22, 0x5c:
        out[0] = 0x5c
        out[1] = byte
        out += 2
      default: unicodeEscape(UInt32(byte), &out)
      }
      return 1
    }
    guard let (scalar, length) = scalar(text, index) else {
      unicodeEscape(0xfffd, &out)
      return 1
    }
    if isUnprintable(scalar) {
      unicodeEscape(scalar, &out)
    } else {
      out.update(from: text.base + index, count: length)
      out += length
    }
    return length
  }

  /// C1 controls, line and paragraph separators, marks of direction, the byte order mark. All of
  /// them lie below U+10000.
  private static func isUnprintable(_ scalar: UInt32) -> Bool {
    scalar < 0xa0 || (scalar >= 0x2028 && scalar <= 0x202e)
      || (scalar >= 0x2066 && scalar <= 0x2069) || scalar == 0x200e || scalar == 0x200f
      || scalar == 0x061c || scalar == 0xfeff
  }

  private static func unicodeEscape(
    _ scalar: UInt32, _ out: inout UnsafeMutablePointer<UInt8>
  ) {
    out[0] = 0x5c
    out[1] = 0x75
    for place in 0..<4 {
      let shift = UInt32(12 &- 4 &* place)
      out[2 &+ place] = ASCII.hexDigit(UInt8(truncatingIfNeeded: scalar >> shift & 15))
    }
    out += 6
  }

  /// The character of two to four bytes that begins at `index`, if it is well formed (Unicode table
  /// 3-7: no overlong form, no surrogate, nothing above U+10FFFF).
  private static func scalar(_ text: ByteSlice, _ index: Int) -> (UInt32, Int)? {
    let first = text.base[index]
    let length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    guard first >= 0xc2, first <= 0xf4, index &+ length <= text.count else { return nil }
    var value = UInt32(first) & (0x7f >> UInt32(length))
    for offset in 1..<length {
      let byte = text.base[index &+ offset]
      guard byte & 0xc0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3f)
    }
    let smallest: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x1_0000
    guard value >= smallest, value <= 0x10_ffff, value < 0xd800 || value > 0xdfff else {
      return nil
    }
    return (value, length)
  }
}
