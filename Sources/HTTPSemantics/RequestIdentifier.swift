// Why this file exists: an X-Request-ID from outside ends up in logs, in answers and in other
// people's tools; it is let in only when it can do no harm there.
package import Primitives

/// X-Request-ID.
package enum RequestIdentifier {
  /// Bytes.
  package static var maximumLength: Int { 128 }

  /// 1 to 128 letters, digits and `. _ ~ + / = : @ -`: what UUIDs, ULIDs, base64 and trace ids are
  /// made of, and nothing that has to be escaped in a log, in JSON or in a shell.
  package static func isValid(_ value: ByteSlice) -> Bool {
    guard value.count > 0, value.count <= maximumLength else { return false }
    for index in 0..<value.count where !isSafe(value.base[index]) { return false }
    return true
  }

  private static func isSafe(_ byte: UInt8) -> Bool {
    if byte >= 128 { return false }
    let safe: UInt64 = byte < 64 ? 0x27ff_e800_0000_0000 : 0x47ff_fffe_87ff_ffff
    return safe >> UInt64(byte & 63) & 1 != 0
  }
}
