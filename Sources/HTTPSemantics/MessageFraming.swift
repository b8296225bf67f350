// Why this file exists: the two fields that say how long a body is, read as narrowly as the
// specification allows, for requests and responses alike.
import Primitives

/// Values of Content-Length and Transfer-Encoding (RFC 9112 section 6).
enum MessageFraming {
  /// Digits only, at most 2^63 - 1: no sign, no space inside, no list.
  static func length(_ value: ByteSlice) -> UInt64? {
    guard let length = ASCII.decimal(value), length <= UInt64(Int64.max) else { return nil }
    return length
  }

  /// Takes the zeros from the front of a length, which has a digit: some readers would take it for
  /// an octal number.
  @inline(__always)
  static func dropLeadingZeros(_ field: UnsafeMutablePointer<Field>, _ base: UnsafePointer<UInt8>) {
    if base[Int(field.pointee.valueOffset)] == 0x30 { dropZeros(field, base) }
  }

  @inline(never)
  private static func dropZeros(
    _ field: UnsafeMutablePointer<Field>, _ base: UnsafePointer<UInt8>
  ) {
    var zeros = 0
    let value = field.pointee.value.slice(in: base)
    while zeros + 1 < value.count, value.base[zeros] == 0x30 { zeros += 1 }
    if zeros > 0 { narrow(field, to: ByteSlice(value.base + zeros, value.count - zeros), base) }
  }

  /// Makes a part of the value all of it; the line is then not as it was written.
  static func narrow(
    _ field: UnsafeMutablePointer<Field>, to part: ByteSlice, _ base: UnsafePointer<UInt8>
  ) {
    field.pointee.valueOffset = UInt32(part.base - base)
    field.pointee.valueLength = UInt32(part.count)
    field.pointee.flags &= ~Field.asWritten
  }

  /// Exactly the one coding that every HTTP/1.1 recipient knows.
  static func isChunked(_ value: ByteSlice) -> Bool { FieldWord.isSame(value, "chunked") }
}
