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

  /// Exactly the one coding that every HTTP/1.1 recipient knows.
  static func isChunked(_ value: ByteSlice) -> Bool { FieldWord.isSame(value, "chunked") }
}
