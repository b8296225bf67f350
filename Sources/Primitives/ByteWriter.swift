// Why this file exists: heads, answers and log lines are put together in memory that somebody else
// owns; one cursor that never passes the end keeps every writer honest.

/// Writes bytes one after another into a given room. What does not fit is left out whole and
/// remembered in `overflowed`; after that nothing more is written, so that no reader sees a text
/// with a hole.
@frozen @usableFromInline
package struct ByteWriter {
  @usableFromInline package let start: UnsafeMutablePointer<UInt8>
  @usableFromInline package var cursor: UnsafeMutablePointer<UInt8>
  @usableFromInline package let end: UnsafeMutablePointer<UInt8>
  @usableFromInline package var overflowed: Bool

  @inlinable package init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
    precondition(capacity >= 0)
    self.start = start
    cursor = start
    end = start + capacity
    overflowed = false
  }
  @inlinable package var count: Int { cursor - start }
  @inlinable package var room: Int { end - cursor }
  /// What has been written so far.
  @inlinable package var written: ByteSlice { ByteSlice(UnsafePointer(start), count) }

  /// Goes back to an earlier `cursor` and forgets an overflow that came after it.
  @inlinable package mutating func rewind(to earlier: UnsafeMutablePointer<UInt8>) {
    precondition(earlier >= start && earlier <= cursor)
    cursor = earlier
    overflowed = false
  }

  /// True when `count` bytes fit. False marks the overflow.
  @inlinable package mutating func reserve(_ count: Int) -> Bool {
    if overflowed || count > end - cursor {
      overflowed = true
      return false
    }
    return true
  }
  @inlinable package mutating func append(_ byte: UInt8) {
    guard reserve(1) else { return }
    cursor.pointee = byte
    cursor += 1
  }
  @inlinable package mutating func append(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    guard count > 0, reserve(count) else { return }
    cursor.update(from: bytes, count: count)
    cursor += count
  }
  @inlinable package mutating func append(_ slice: ByteSlice) { append(slice.base, slice.count) }
  @inlinable package mutating func append(_ text: StaticString) {
    append(text.utf8Start, text.utf8CodeUnitCount)
  }
  @inlinable package mutating func appendDecimal(_ value: UInt64) {
    appendDecimal(value, digits: ASCII.decimalCount(value))
  }
  @inlinable package mutating func appendDecimal(_ value: Int) {
    if value < 0 { append(0x2d) }
    appendDecimal(UInt64(value.magnitude))
  }
  /// Exactly `digits` digits, zeros in front.
  @inlinable package mutating func appendDecimal(_ value: UInt64, digits: Int) {
    guard reserve(digits) else { return }
    ASCII.writeDecimal(value, count: digits, to: cursor)
    cursor += digits
  }
  /// As few lower-case digits as there are: a chunk size.
  @inlinable package mutating func appendHex(_ value: UInt64) {
    let digits = ASCII.hexCount(value)
    guard reserve(digits) else { return }
    for index in 0..<digits {
      let shift = UInt64(4 &* (digits &- 1 &- index))
      cursor[index] = ASCII.hexDigit(UInt8(truncatingIfNeeded: value >> shift & 15))
    }
    cursor += digits
  }
  /// Sixteen lower-case digits: half a trace id.
  @inlinable package mutating func appendHex16(_ value: UInt64) {
    guard reserve(16) else { return }
    ASCII.writeHex16(value, to: cursor)
    cursor += 16
  }
}
