// Why this file exists: a peer or a listener is an address and a port, in one value.

/// An address and a port.
@frozen @usableFromInline
package struct Endpoint: Hashable, Sendable {
  @usableFromInline package var address: IPAddress
  @usableFromInline package var port: UInt16

  @inlinable package init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }
  @inlinable package static func == (left: Endpoint, right: Endpoint) -> Bool {
    left.address == right.address && left.port == right.port
  }

  /// The longest text that `write` makes.
  @inlinable package static var maximumTextLength: Int { IPAddress.maximumTextLength + 8 }

  /// Writes `a.b.c.d:port` or `[v6]:port`; `target` has room for `maximumTextLength` bytes. Gives
  /// the number of bytes.
  package func write(to target: UnsafeMutablePointer<UInt8>) -> Int {
    var cursor = target
    if !address.isV4 {
      cursor.pointee = 0x5b
      cursor += 1
    }
    cursor += address.write(to: cursor)
    if !address.isV4 {
      cursor.pointee = 0x5d
      cursor += 1
    }
    cursor.pointee = 0x3a
    cursor += 1
    let digits = ASCII.decimalCount(UInt64(port))
    ASCII.writeDecimal(UInt64(port), count: digits, to: cursor)
    return cursor + digits - target
  }

  /// Reads `a.b.c.d:port` or `[v6]:port`; the port has 1 to 5 digits and is at most 65535.
  package static func parse(_ text: ByteSlice) -> Endpoint? {
    var colon = text.count - 1
    while colon >= 0, text.base[colon] != 0x3a { colon -= 1 }
    guard colon > 0 else { return nil }
    let digits = ByteSlice(text.base + colon + 1, text.count - colon - 1)
    guard digits.count <= 5, let port = ASCII.decimal(digits), port <= 65_535 else { return nil }
    var host = ByteSlice(text.base, colon)
    let isBracketed = host.base[0] == 0x5b
    if isBracketed {
      guard host.count > 2, host.base[host.count - 1] == 0x5d else { return nil }
      host = ByteSlice(host.base + 1, host.count - 2)
    }
    var hasColon = false
    for index in 0..<host.count where host.base[index] == 0x3a { hasColon = true }
    guard hasColon == isBracketed, let address = IPAddress.parse(host) else { return nil }
    return Endpoint(address: address, port: UInt16(port))
  }
}

extension Endpoint: CustomStringConvertible {
  /// Control plane only.
  @usableFromInline package var description: String {
    address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
  }
  /// Control plane only.
  package static func parse(_ text: String) -> Endpoint? {
    var text = text
    return text.withUTF8 { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return parse(ByteSlice(base, bytes.count))
    }
  }
}
