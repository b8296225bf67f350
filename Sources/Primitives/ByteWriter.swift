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
    ByteWriter.copy(bytes, count, to: cursor)
    cursor += count
  }
  @inlinable package mutating func append(_ slice: ByteSlice) { append(slice.base, slice.count) }
  /// For words that the compiler knows: a few stores, no call.
  @inlinable @inline(__always) package mutating func append(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    guard reserve(count) else { return }
    cursor.initialize(from: text.utf8Start, count: count)
    cursor += count
  }

  /// Writes several parts behind one check: `body` must write exactly `count` bytes, which traps
  /// otherwise. When they do not fit, nothing is written and `overflowed` is set.
  @inlinable @inline(__always) package mutating func append(
    together count: Int, _ body: (inout Pen) -> Void
  ) {
    guard reserve(count) else { return }
    var pen = Pen(cursor)
    body(&pen)
    precondition(pen.cursor == cursor + count)
    cursor = pen.cursor
  }

  /// Copies `count` bytes. Most parts of a head are short, and for those two loads that may overlap
  /// cost half of what a call of memcpy does (25 instructions).
  @inlinable package static func copy(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>
  ) {
    let from = UnsafeRawPointer(bytes)
    let to = UnsafeMutableRawPointer(target)
    if count >= 16 {
      if count > 64 {
        target.initialize(from: bytes, count: count)
      } else if count >= 32 {
        move(from, to, count, as: SIMD32<UInt8>.self)
      } else {
        move(from, to, count, as: SIMD16<UInt8>.self)
      }
    } else if count >= 8 {
      move(from, to, count, as: UInt64.self)
    } else if count >= 4 {
      move(from, to, count, as: UInt32.self)
    } else if count >= 2 {
      move(from, to, count, as: UInt16.self)
    } else if count == 1 {
      target.pointee = bytes.pointee
    }
  }
  /// Copies one to two words' worth of bytes: the first word and the last, both read before either
  /// is written.
  @inlinable @inline(__always) static func move<Word: BitwiseCopyable>(
    _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int, as type: Word.Type
  ) {
    let last = count &- MemoryLayout<Word>.size
    let head = from.loadUnaligned(as: type)
    let tail = from.loadUnaligned(fromByteOffset: last, as: type)
    to.storeBytes(of: head, as: type)
    to.storeBytes(of: tail, toByteOffset: last, as: type)
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

/// Writes where `ByteWriter.append(together:)` has made sure that there is room: nothing is checked
/// here.
@frozen @usableFromInline
package struct Pen {
  @usableFromInline package var cursor: UnsafeMutablePointer<UInt8>

  @inlinable init(_ cursor: UnsafeMutablePointer<UInt8>) { self.cursor = cursor }

  @inlinable @inline(__always) package mutating func put(_ word: StaticString) {
    cursor.initialize(from: word.utf8Start, count: word.utf8CodeUnitCount)
    cursor += word.utf8CodeUnitCount
  }
  @inlinable @inline(__always) package mutating func put(_ slice: ByteSlice) {
    ByteWriter.copy(slice.base, slice.count, to: cursor)
    cursor += slice.count
  }
  /// Sixteen lower-case digits: half a trace id.
  @inlinable @inline(__always) package mutating func put(hex16 value: UInt64) {
    ASCII.writeHex16(value, to: cursor)
    cursor += 16
  }
  /// Three digits: a status.
  @inlinable @inline(__always) package mutating func put(status: UInt16) {
    ASCII.writeDecimal(UInt64(status), count: 3, to: cursor)
    cursor += 3
  }
}
