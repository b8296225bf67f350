// Why this file exists: the words of HTTP are constants. Comparing with one is a few machine words
// when the compiler may fold everything that depends on the constant.
import Primitives

/// Comparing bytes with a constant word, letter case aside.
enum FieldWord {
  /// `bytes` are `lowercase`, which consists of lower-case letters, digits and hyphens.
  @inline(__always)
  static func isSame(_ bytes: ByteSlice, _ lowercase: StaticString) -> Bool {
    bytes.count == lowercase.utf8CodeUnitCount
      && begins(UnsafeRawPointer(bytes.base), with: lowercase)
  }

  /// The bytes at `p`, as many as `lowercase` has, are that word but for letter case. At least that
  /// many bytes must be readable. The word has two bytes or more.
  @inline(__always)
  static func begins(_ p: UnsafeRawPointer, with lowercase: StaticString) -> Bool {
    let word = UnsafeRawPointer(lowercase.utf8Start)
    let count = lowercase.utf8CodeUnitCount
    if count >= 8 {
      var at = 0
      while at &+ 8 <= count {  // at < 24
        if !same(p, word, at, UInt64.self, case: 0x4040_4040_4040_4040) { return false }
        at &+= 8
      }
      return at == count || same(p, word, count &- 8, UInt64.self, case: 0x4040_4040_4040_4040)
    }
    if count >= 4 {
      return same(p, word, 0, UInt32.self, case: 0x4040_4040)
        && same(p, word, count &- 4, UInt32.self, case: 0x4040_4040)
    }
    return same(p, word, 0, UInt16.self, case: 0x4040)
      && same(p, word, count &- 2, UInt16.self, case: 0x4040)
  }

  /// Compares one machine word. Of the bytes a word is made of only letters have bit 6 set, so the
  /// case bit is forced on exactly where the constant has a letter.
  @inline(__always)
  private static func same<Word: FixedWidthInteger>(
    _ p: UnsafeRawPointer, _ word: UnsafeRawPointer, _ offset: Int, _: Word.Type, case mask: Word
  ) -> Bool {
    let expected = word.loadUnaligned(fromByteOffset: offset, as: Word.self)
    let actual = p.loadUnaligned(fromByteOffset: offset, as: Word.self)
    return actual | ((expected & mask) >> 1) == expected
  }
}
