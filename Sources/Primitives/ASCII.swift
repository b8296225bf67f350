// Why this file exists: the bytes of HTTP are ASCII, and reading them as such (never as String) is
// the largest saving there is.

/// Questions about single bytes and short runs of bytes. Nothing here allocates or reads past the
/// count given.
@frozen @usableFromInline
package enum ASCII {
  /// The bytes that may stand in a token (RFC 9110 section 5.6.2), one bit each: below 64, and 64
  /// to 127.
  @inlinable package static var tokensBelow64: UInt64 { 0x03ff_6cfa_0000_0000 }
  @inlinable package static var tokensFrom64: UInt64 { 0x57ff_ffff_c7ff_fffe }

  @inlinable package static func isToken(_ byte: UInt8) -> Bool {
    if byte >= 128 { return false }
    let word = byte < 64 ? tokensBelow64 : tokensFrom64
    return word >> UInt64(byte & 63) & 1 != 0
  }
  /// Stands in a JSON string as it is.
  @inlinable package static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c
  }
  /// Nothing of the text has to be escaped in JSON.
  @inlinable package static func isPlain(_ text: ByteSlice) -> Bool {
    text.buffer.allSatisfy { isPlain($0) }
  }
  @inlinable package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  @inlinable package static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
  @inlinable package static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }
  /// 0 to 15, or 255 for a byte that is no hexadecimal digit.
  @inlinable package static func hexValue(_ byte: UInt8) -> UInt8 {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : 255
  }
  /// The digit 0-9 or a-f for a value below 16.
  @inlinable package static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? value &+ 0x30 : value &+ 0x57
  }

  /// A name or value of a form or query as text: percent triplets decoded once, `+` a space (WHATWG
  /// URL section 5.1). A percent sign that begins no triplet stands for itself.
  package static func formDecoded(_ text: Substring.UTF8View) -> String {
    var bytes: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
      if byte == 0x25, let high = rest.first, let low = rest.dropFirst().first,
        hexValue(high) < 16, hexValue(low) < 16
      {
        bytes.append(hexValue(high) << 4 | hexValue(low))
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == 0x2b ? 0x20 : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: - Comparing

  @inlinable package static func equal(_ slice: ByteSlice, _ word: StaticString) -> Bool {
    slice.count == word.utf8CodeUnitCount && equalBytes(slice.base, word.utf8Start, slice.count)
  }
  @inlinable package static func equal(_ left: ByteSlice, _ right: ByteSlice) -> Bool {
    left.count == right.count && equalBytes(left.base, right.base, left.count)
  }
  @inlinable package static func equalIgnoringCase(
    _ slice: ByteSlice, _ word: StaticString
  ) -> Bool {
    equalIgnoringCase(slice, ByteSlice(word.utf8Start, word.utf8CodeUnitCount))
  }
  /// Only A-Z are folded.
  @inlinable package static func equalIgnoringCase(_ left: ByteSlice, _ right: ByteSlice) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count
    where lowercased(left.base[index]) != lowercased(right.base[index]) {
      return false
    }
    return true
  }
  @inlinable package static func equalBytes(
    _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int
  ) -> Bool {
    var index = 0
    while index &+ 8 <= count {
      let a = UnsafeRawPointer(left + index).loadUnaligned(as: UInt64.self)
      let b = UnsafeRawPointer(right + index).loadUnaligned(as: UInt64.self)
      if a != b { return false }
      index &+= 8
    }
    while index < count {
      if left[index] != right[index] { return false }
      index &+= 1
    }
    return true
  }
  /// The bytes without spaces and tabs at either end (OWS, RFC 9110 section 5.6.3).
  @inlinable package static func trimmed(_ slice: ByteSlice) -> ByteSlice {
    var base = slice.base
    var count = slice.count
    while count > 0, base[0] == 0x20 || base[0] == 0x09 {
      base += 1
      count &-= 1
    }
    while count > 0, base[count &- 1] == 0x20 || base[count &- 1] == 0x09 { count &-= 1 }
    return ByteSlice(base, count)
  }

  // MARK: - Reading numbers

  /// Digits only, at least one, no sign, no space; nil also above 2^64 - 1. Leading zeros are
  /// allowed.
  @inlinable package static func decimal(_ slice: ByteSlice) -> UInt64? {
    if slice.count > 19 { return longDecimal(slice) }
    guard slice.count > 0 else { return nil }
    var value: UInt64 = 0
    for index in 0..<slice.count {
      let digit = slice.base[index] &- 0x30
      guard digit < 10 else { return nil }
      value = value &* 10 &+ UInt64(digit)  // nineteen nines are below 2^64
    }
    return value
  }
  /// The same for more digits than surely fit.
  @usableFromInline static func longDecimal(_ slice: ByteSlice) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<slice.count {
      let digit = slice.base[index] &- 0x30
      guard digit < 10 else { return nil }
      let (product, tooBig) = value.multipliedReportingOverflow(by: 10)
      let (sum, over) = product.addingReportingOverflow(UInt64(digit))
      if tooBig || over { return nil }
      value = sum
    }
    return value
  }
  /// Hexadecimal digits of either case only, at least one, no prefix; nil also above 2^64 - 1.
  /// Leading zeros are allowed.
  @inlinable package static func hex(_ slice: ByteSlice) -> UInt64? {
    guard slice.count > 0 else { return nil }
    var value: UInt64 = 0
    for index in 0..<slice.count {
      let digit = hexValue(slice.base[index])
      guard digit < 16, value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  // MARK: - Writing numbers

  /// How many decimal digits `value` has: 1 to 20.
  @inlinable package static func decimalCount(_ value: UInt64) -> Int {
    if value < 10 { return 1 }
    if value < 100 { return 2 }
    if value < 1_000 { return 3 }
    if value < 10_000 { return 4 }
    if value < 100_000 { return 5 }
    var count = 5
    var rest = value / 100_000
    while rest > 0 {
      count &+= 1
      rest /= 10
    }
    return count
  }
  /// Writes exactly `count` decimal digits, zeros in front, the highest cut off when there are
  /// more.
  @inlinable package static func writeDecimal(
    _ value: UInt64, count: Int, to target: UnsafeMutablePointer<UInt8>
  ) {
    var rest = value
    var index = count
    let pairs = UnsafeRawPointer(digitPairs.utf8Start)
    while index >= 2 {
      index &-= 2
      let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
      // Below 100, so inside the 200 bytes of the table.
      let digits = pairs.loadUnaligned(fromByteOffset: Int(pair) &* 2, as: UInt16.self)
      UnsafeMutableRawPointer(target + index).storeBytes(of: digits, as: UInt16.self)
      rest = quotient
    }
    if index == 1 { target[0] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30 }
  }

  /// Writes three decimal digits of a value below 1,000: twice as fast as `writeDecimal`.
  @inlinable @inline(__always)
  package static func writeThreeDigits(_ value: UInt32, to target: UnsafeMutablePointer<UInt8>) {
    assert(value < 1_000)
    let hundreds = value / 100
    target.pointee = UInt8(truncatingIfNeeded: hundreds) &+ 0x30
    // Below 100, so inside the 200 bytes of the table.
    let pair = UnsafeRawPointer(digitPairs.utf8Start)
      .loadUnaligned(fromByteOffset: Int(value &- hundreds &* 100) &* 2, as: UInt16.self)
    UnsafeMutableRawPointer(target + 1).storeBytes(of: pair, as: UInt16.self)
  }

  /// 00, 01, … 99.
  @inlinable package static var digitPairs: StaticString {
    """
    00010203040506070809101112131415161718192021222324252627282930313233343536373839\
    40414243444546474849505152535455565758596061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899
    """
  }
  /// How many hexadecimal digits `value` has: 1 to 16.
  @inlinable package static func hexCount(_ value: UInt64) -> Int {
    value == 0 ? 1 : (67 &- value.leadingZeroBitCount) >> 2
  }
  /// Writes sixteen lower-case hexadecimal digits, all at once (25 instructions).
  @inlinable @inline(__always) package static func writeHex16(
    _ value: UInt64, to target: UnsafeMutablePointer<UInt8>
  ) {
    let bytes = unsafeBitCast(value.bigEndian, to: SIMD8<UInt8>.self)
    var digits = SIMD16<UInt8>()
    digits.evenHalf = bytes &>> 4
    digits.oddHalf = bytes & 15
    // All bits set above 9: '9' + 1 and 'a' are 0x27 apart.
    let isLetter = 0 &- ((digits &+ 6) &>> 4)
    UnsafeMutableRawPointer(target).storeBytes(
      of: digits &+ 0x30 &+ (isLetter & 0x27), as: SIMD16<UInt8>.self)
  }
}
