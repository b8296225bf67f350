// Why this file exists: trusted proxies are given as address ranges and asked for every client.

/// An address range: the addresses whose first `prefix` bits equal those of `base`.
@frozen @usableFromInline
package struct CIDR: Hashable, Sendable {
  @usableFromInline package let base: IPAddress
  /// 0 to 32 for IPv4, 0 to 128 for IPv6.
  @usableFromInline package let prefix: UInt8
  @usableFromInline package let highMask: UInt64
  @usableFromInline package let lowMask: UInt64

  /// Bits of the address below the prefix are cleared. `prefix` must suit the family.
  package init(_ address: IPAddress, prefix: UInt8) {
    precondition(prefix <= (address.isV4 ? 32 : 128))
    self.prefix = prefix
    let bits = UInt64(prefix)
    if address.isV4 {
      highMask = 0
      lowMask = bits == 0 ? 0 : (UInt64.max << (32 - bits)) & 0xffff_ffff
      base = IPAddress(v4: UInt32(address.low & lowMask))
    } else {
      highMask = bits == 0 ? 0 : bits >= 64 ? .max : .max << (64 - bits)
      lowMask = bits <= 64 ? 0 : .max << (128 - bits)
      base = IPAddress(high: address.high & highMask, low: address.low & lowMask)
    }
  }

  /// True for an address of the same family inside the range. IPv4-mapped addresses count as IPv4.
  @inlinable package func contains(_ address: IPAddress) -> Bool {
    address.isV4 == base.isV4 && address.low & lowMask == base.low
      && address.high & highMask == base.high
  }

  /// Reads `address/prefix`, or an address alone for a range of one. An IPv4-mapped range
  /// (::ffff:10.0.0.0/104) becomes the IPv4 range it means; one that is wider than the mapped block
  /// is refused. Bits below the prefix are ignored.
  package static func parse(_ text: ByteSlice) -> CIDR? {
    var slash = 0
    while slash < text.count, text.base[slash] != 0x2f { slash += 1 }
    let addressText = ByteSlice(text.base, slash)
    guard let address = IPAddress.parse(addressText) else { return nil }
    let width: UInt64 = address.isV4 ? 32 : 128
    guard slash < text.count else { return CIDR(address, prefix: UInt8(width)) }
    let digits = ByteSlice(text.base + slash + 1, text.count - slash - 1)
    guard digits.count <= 3, digits.count == 1 || (digits.count > 0 && digits.base[0] != 0x30),
      var prefix = ASCII.decimal(digits)
    else { return nil }
    var isMapped = false
    for index in 0..<slash where text.base[index] == 0x3a { isMapped = address.isV4 }
    if isMapped {
      guard prefix >= 96 else { return nil }
      prefix -= 96
    }
    guard prefix <= width else { return nil }
    return CIDR(address, prefix: UInt8(prefix))
  }
}

extension CIDR: CustomStringConvertible {
  /// `10.0.0.0/8`. Control plane only.
  @usableFromInline package var description: String { "\(base)/\(prefix)" }

  /// Control plane only.
  package static func parse(_ text: String) -> CIDR? {
    var text = text
    return text.withUTF8 { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return parse(ByteSlice(base, bytes.count))
    }
  }
}
