// Why this file exists: whose request this is stands in one short text, and every proxy on the way
// must read the same host out of it.
public import Primitives

/// A host with an optional port, as in Host and in an absolute target (RFC 3986 section 3.2,
/// without user information).
@frozen @usableFromInline
package struct Authority {
  /// The host without port; the brackets of an IPv6 address belong to it. Never empty.
  @usableFromInline package var host: ByteSlice
  /// -1 = not given.
  @usableFromInline package var port: Int32

  @inlinable package init(host: ByteSlice, port: Int32) {
    self.host = host
    self.port = port
  }

  /// Reads all of `bytes`. Nil for what is not an authority, for an empty host (RFC 9110 section
  /// 4.2.1), user information, a port above 65535, an address with a zone, and for a name with
  /// percent-encoding: no DNS name needs it, and two spellings of one host could be routed in two
  /// ways. A colon without a port is allowed and means none.
  package static func parse(_ bytes: ByteSlice) -> Authority? {
    guard bytes.count > 0 else { return nil }
    if FieldBytes.isPlainHost(bytes) { return Authority(host: bytes, port: -1) }
    if bytes.base[0] == 0x5b { return parseLiteral(bytes) }
    var length = 0
    while length < bytes.count {
      let byte = bytes.base[length]
      if !ASCII.isLetter(byte), !ASCII.isDigit(byte), byte != 0x2e {
        if byte == 0x3a { break }
        guard isNameByte(byte) else { return nil }
      }
      length &+= 1  // bounded by count
    }
    guard length > 0, let port = parsePort(bytes, from: length) else { return nil }
    return Authority(host: ByteSlice(bytes.base, length), port: port)
  }

  private static func parseLiteral(_ bytes: ByteSlice) -> Authority? {
    var close = 1
    while close < bytes.count, bytes.base[close] != 0x5d { close += 1 }
    guard close < bytes.count else { return nil }
    let inside = ByteSlice(bytes.base + 1, close - 1)
    var hasColon = false
    for index in 0..<inside.count where inside.base[index] == 0x3a { hasColon = true }
    guard hasColon, IPAddress.parse(inside) != nil, let port = parsePort(bytes, from: close + 1)
    else { return nil }
    return Authority(host: ByteSlice(bytes.base, close + 1), port: port)
  }

  /// The port after the colon at `start`; -1 when the bytes end there or after the colon.
  private static func parsePort(_ bytes: ByteSlice, from start: Int) -> Int32? {
    if start == bytes.count { return -1 }
    guard bytes.base[start] == 0x3a else { return nil }
    if start + 1 == bytes.count { return -1 }
    let digits = ByteSlice(bytes.base + start + 1, bytes.count - start - 1)
    guard let port = ASCII.decimal(digits), port <= 65_535 else { return nil }
    return Int32(port)
  }

  /// unreserved / sub-delims (RFC 3986 sections 2.2 and 2.3).
  private static func isNameByte(_ byte: UInt8) -> Bool {
    if byte >= 128 { return false }
    let allowed: UInt64 = byte < 64 ? 0x2bff_7fd2_0000_0000 : 0x47ff_fffe_87ff_fffe
    return allowed >> UInt64(byte & 63) & 1 != 0
  }
}
