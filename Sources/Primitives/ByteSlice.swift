// Why this file exists: between read and write a request is bytes in somebody's buffer; these are
// the two ways to name some of them without copying.

/// Some bytes owned by somebody else. Valid only as long as its owner says; never stored across
/// events unless the owner promises to keep the bytes.
@frozen @usableFromInline
package struct ByteSlice {
  @usableFromInline package var base: UnsafePointer<UInt8>
  @usableFromInline package var count: Int

  @inlinable package init(_ base: UnsafePointer<UInt8>, _ count: Int) {
    self.base = base
    self.count = count
  }
  @inlinable package var isEmpty: Bool { count == 0 }
  @inlinable package subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return base[index]
  }
  @inlinable package var buffer: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base, count: count)
  }
  /// A copy as text, for people and for tables that are made once; what is not UTF-8 is replaced.
  package var text: String { String(decoding: buffer, as: UTF8.self) }
}

/// A run of bytes by position, relative to a base that may move (a buffer that grows). 8 bytes.
@frozen @usableFromInline
package struct ByteRange: Equatable, Sendable {
  @usableFromInline package var offset: UInt32
  @usableFromInline package var length: UInt32

  @inlinable package init(offset: UInt32, length: UInt32) {
    self.offset = offset
    self.length = length
  }
  @inlinable package static var empty: ByteRange { ByteRange(offset: 0, length: 0) }
  @inlinable package var isEmpty: Bool { length == 0 }
  @inlinable package var end: UInt32 { offset + length }
  @inlinable package func slice(in base: UnsafePointer<UInt8>) -> ByteSlice {
    ByteSlice(base + Int(offset), Int(length))
  }
}
