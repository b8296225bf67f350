// Why this file exists: client identity, trusted proxies and backends are compared as numbers; text
// is only how an address comes in and goes out.

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 (::ffff:a.b.c.d) is held as IPv4, so that one client
/// is one value however the socket was opened.
@frozen @usableFromInline
package struct IPAddress: Hashable, Sendable {
  /// IPv6: the first eight bytes as a number. IPv4: 0.
  @usableFromInline package let high: UInt64
  /// IPv6: the last eight bytes as a number. IPv4: the address as a number.
  @usableFromInline package let low: UInt64
  @usableFromInline package let isV4: Bool

  @inlinable package init(v4: UInt32) {
    high = 0
    low = UInt64(v4)
    isV4 = true
  }
  /// Folds an IPv4-mapped address.
  @inlinable package init(high: UInt64, low: UInt64) {
    let isMapped = high == 0 && low >> 32 == 0xffff
    self.high = high
    self.low = isMapped ? low & 0xffff_ffff : low
    isV4 = isMapped
  }

  /// `0.0.0.0` or `::`.
  @inlinable package var isUnspecified: Bool { high == 0 && low == 0 }
  /// 127.0.0.0/8 or ::1.
  @inlinable package var isLoopback: Bool {
    isV4 ? low >> 24 == 127 : high == 0 && low == 1
  }

  @inlinable package static func == (left: IPAddress, right: IPAddress) -> Bool {
    left.low == right.low && left.high == right.high && left.isV4 == right.isV4
  }

  /// The longest text that `write` makes.
  @inlinable package static var maximumTextLength: Int { 39 }

  /// Reads an address in its text form, all of it: dotted decimal without leading zeros, or RFC
  /// 4291 section 2.2 with an optional dotted tail. No zone, no brackets, no port.
  package static func parse(_ text: ByteSlice) -> IPAddress? {
    for index in 0..<min(text.count, 5) where text.base[index] == 0x3a { return parseV6(text) }
    return parseV4(text).map { IPAddress(v4: $0) }
  }

  /// Writes the canonical text (RFC 5952 for IPv6); `target` has room for `maximumTextLength`
  /// bytes. Gives the number of bytes.
  package func write(to target: UnsafeMutablePointer<UInt8>) -> Int {
    if isV4 { return writeV4(to: target) }
    var writer = ByteWriter(target, capacity: IPAddress.maximumTextLength)
    writeV6(into: &writer)
    return writer.count
  }

  private func writeV4(to target: UnsafeMutablePointer<UInt8>) -> Int {
    var cursor = target
    var rest = UInt32(truncatingIfNeeded: low)
    for _ in 0..<4 {
      let octet = rest >> 24
      rest <<= 8
      let digits = octet < 10 ? 1 : octet < 100 ? 2 : 3
      ASCII.writeDecimal(UInt64(octet), count: digits, to: cursor)
      cursor[digits] = 0x2e
      cursor += digits + 1
    }
    return cursor - target - 1
  }

  private static func parseV4(_ text: ByteSlice) -> UInt32? {
    guard text.count >= 7, text.count <= 15 else { return nil }
    var address: UInt32 = 0
    var dots = 0
    var octet: UInt32 = 0
    var digits = 0
    for index in 0..<text.count {
      let byte = text.base[index]
      if ASCII.isDigit(byte) {
        // A leading zero is octal to some readers and decimal to others: refused.
        if digits > 0, octet == 0 { return nil }
        octet = octet * 10 + UInt32(byte - 0x30)
        digits += 1
        if octet > 255 { return nil }
      } else if byte == 0x2e, digits > 0, dots < 3 {
        address = address << 8 | octet
        dots += 1
        octet = 0
        digits = 0
      } else {
        return nil
      }
    }
    guard dots == 3, digits > 0 else { return nil }
    return address << 8 | octet
  }

  private static func parseV6(_ text: ByteSlice) -> IPAddress? {
    guard text.count >= 2, text.count <= 45 else { return nil }
    // Groups before "::" collect in `front`, those behind it in `back`, each as a 128-bit number.
    var front: (high: UInt64, low: UInt64) = (0, 0)
    var groups = 0
    var groupsBeforeGap = -1
    var index = 0
    if text.base[0] == 0x3a {
      guard text.base[1] == 0x3a else { return nil }
      groupsBeforeGap = 0
      index = 2
    }
    while index < text.count {
      guard groups < 8 else { return nil }
      var value: UInt64 = 0
      let start = index
      while index < text.count, ASCII.hexValue(text.base[index]) < 16 {
        value = value << 4 | UInt64(ASCII.hexValue(text.base[index]))
        index += 1
        guard index - start <= 4 else { return nil }
      }
      if index < text.count, text.base[index] == 0x2e {
        let tail = ByteSlice(text.base + start, text.count - start)
        guard groups <= 6, let v4 = parseV4(tail) else { return nil }
        front = shifted(front, by: 32)
        front.low |= UInt64(v4)
        groups += 2
        index = text.count
        break
      }
      guard index > start else { return nil }
      front = shifted(front, by: 16)
      front.low |= value
      groups += 1
      if index == text.count { break }
      guard text.base[index] == 0x3a else { return nil }
      index += 1
      guard index < text.count else { return nil }  // ends in one colon
      if text.base[index] == 0x3a {
        guard groupsBeforeGap < 0 else { return nil }  // a second gap
        groupsBeforeGap = groups
        index += 1
      }
    }
    return spread(front, groups: groups, groupsBeforeGap: groupsBeforeGap)
  }

  /// Puts the zeros of "::" where it stood.
  private static func spread(
    _ number: (high: UInt64, low: UInt64), groups: Int, groupsBeforeGap: Int
  ) -> IPAddress? {
    if groupsBeforeGap < 0 {
      return groups == 8 ? IPAddress(high: number.high, low: number.low) : nil
    }
    guard groups < 8 else { return nil }  // "::" stands for one group at least
    let bitsBehind = (groups - groupsBeforeGap) * 16
    let behind = lowBits(number, bitsBehind)
    let before = shifted(
      (high: number.high & ~behind.high, low: number.low & ~behind.low), by: (8 - groups) * 16)
    return IPAddress(high: before.high | behind.high, low: before.low | behind.low)
  }

  private static func shifted(
    _ number: (high: UInt64, low: UInt64), by bits: Int
  ) -> (high: UInt64, low: UInt64) {
    if bits == 0 { return number }
    if bits >= 128 { return (0, 0) }
    if bits >= 64 { return (number.low << UInt64(bits - 64), 0) }
    let up = UInt64(bits)
    return (number.high << up | number.low >> (64 - up), number.low << up)
  }

  private static func lowBits(
    _ number: (high: UInt64, low: UInt64), _ bits: Int
  ) -> (high: UInt64, low: UInt64) {
    if bits >= 64 { return (number.high & ((1 << UInt64(bits - 64)) - 1), number.low) }
    return (0, number.low & ((1 << UInt64(bits)) - 1))
  }

  private func group(_ index: Int) -> UInt64 {
    let word = index < 4 ? high : low
    return word >> UInt64(48 - (index & 3) * 16) & 0xffff
  }

  private func writeV6(into writer: inout ByteWriter) {
    // The longest run of two or more zero groups becomes "::", the first one of equals.
    var gap = 0..<0
    var index = 0
    while index < 8 {
      var end = index
      while end < 8, group(end) == 0 { end += 1 }
      if end - index > max(gap.count, 1) { gap = index..<end }
      index = max(end, index + 1)
    }
    index = 0
    while index < 8 {
      if !gap.isEmpty, index == gap.lowerBound {
        writer.append("::")
        index = gap.upperBound
        continue
      }
      if index > 0, index != gap.upperBound || gap.isEmpty { writer.append(0x3a) }
      writer.appendHex(group(index))
      index += 1
    }
  }
}

extension IPAddress: CustomStringConvertible {
  /// The canonical text. Control plane only.
  @usableFromInline package var description: String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: IPAddress.maximumTextLength) { room in
      guard let base = room.baseAddress else { return "" }
      let count = write(to: base)
      return String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
    }
  }
  /// Control plane only.
  package static func parse(_ text: String) -> IPAddress? {
    var text = text
    return text.withUTF8 { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return parse(ByteSlice(base, bytes.count))
    }
  }
}
