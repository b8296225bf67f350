// Why this file exists: what the values of the fields mean that the gateway reads, worked out with
// whole strings and the system's own functions, for the comparison with the gateway's readers.
import Glibc

enum NaiveFields {
  // MARK: Addresses

  /// Sixteen bytes as inet_pton(3) has them; IPv4 as an IPv4-mapped address.
  static func address(_ text: String) -> [UInt8]? {
    if text.utf8.contains(0) { return nil }
    var room = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET6, text, &room) == 1 { return room }
    guard inet_pton(AF_INET, text, &room) == 1 else { return nil }
    return [UInt8](repeating: 0, count: 10) + [255, 255] + room[..<4]
  }

  /// One member of X-Forwarded-For: an address, with a port behind it or brackets around it.
  static func forwardedAddress(_ member: String) -> [UInt8]? {
    if let plain = address(member) { return plain }
    guard let (host, port) = split(member), port.map({ isPort($0, most: 5) }) ?? true else {
      return nil
    }
    let isBracketed = host.hasPrefix("[")
    if !isBracketed && port == nil { return nil }
    let inside = isBracketed ? String(host.dropFirst().dropLast()) : host
    return inside.contains(":") == isBracketed ? address(inside) : nil
  }

  /// Who the client is: the first from the right that is not trusted, or the last that can be read.
  static func client(
    _ lines: [[UInt8]], peer: [UInt8], isTrusted: ([UInt8]) -> Bool
  ) -> [UInt8] {
    guard isTrusted(peer) else { return peer }
    var client = peer
    for member in members(lines).reversed() {
      guard let address = forwardedAddress(member) else { return client }
      client = address
      if !isTrusted(address) { return client }
    }
    return client
  }

  /// Host and port, the port nil where none was given; nil: no authority.
  static func authority(_ text: String) -> (host: String, port: Int?)? {
    guard let (host, port) = split(text), !host.isEmpty else { return nil }
    if host.hasPrefix("[") {
      let inside = String(host.dropFirst().dropLast())
      guard inside.contains(":"), address(inside) != nil else { return nil }
    } else {
      guard host.utf8.allSatisfy({ isNameByte($0) }) else { return nil }
    }
    guard let port, !port.isEmpty else { return (host, nil) }
    guard isPort(port, most: 19), let number = Int(port) else { return nil }
    return (host, number)
  }

  /// At the colon behind the host; nil when behind a bracket something else comes.
  private static func split(_ text: String) -> (host: String, port: String?)? {
    var end = text.firstIndex(of: ":") ?? text.endIndex
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { return nil }
      end = text.index(after: close)
    }
    let host = String(text[..<end])
    if end == text.endIndex { return (host, nil) }
    return text[end] == ":" ? (host, String(text[text.index(after: end)...])) : nil
  }

  private static func isPort(_ text: String, most digits: Int) -> Bool {
    !text.isEmpty && text.utf8.count <= digits && text.utf8.allSatisfy(Grammar.isDigit)
      && (Int(text) ?? .max) <= 65_535
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
    return isLetter || Grammar.isDigit(byte) || "-._~!$&'()*+,;=".utf8.contains(byte)
  }

  // MARK: Lists

  /// Of all lines, without empty ones. Bytes that are no UTF-8 become one character each.
  static func members(_ lines: [[UInt8]]) -> [String] {
    lines.flatMap { $0.split(separator: 0x2C, omittingEmptySubsequences: false) }
      .map { latin(Grammar.trimmed(Array($0))) }.filter { !$0.isEmpty }
  }

  /// One character for each byte.
  static func latin(_ bytes: [UInt8]) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  // MARK: Traces and identifiers

  /// The four fields of a traceparent; nil = not valid.
  static func traceparent(_ text: String) -> (trace: String, span: String, isSampled: Bool)? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 4, isLowerHex(parts[0], 2), isLowerHex(parts[1], 32),
      isLowerHex(parts[2], 16), isLowerHex(parts[3], 2), parts[0] != "ff",
      parts[0] != "00" || parts.count == 4,
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
    else { return nil }
    return (parts[1], parts[2], (Int(parts[3], radix: 16) ?? 0) & 1 == 1)
  }

  private static func isLowerHex(_ text: String, _ count: Int) -> Bool {
    text.utf8.count == count && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
  }

  /// All lines as one list of at most 32 members and 512 bytes.
  static func isTraceState(_ lines: [[UInt8]]) -> Bool {
    // The comma between two lines counts, behind nothing there is none.
    let joined = lines.reduce([UInt8]()) { $0.isEmpty ? $1 : $0 + [0x2C] + $1 }
    let all = members(lines)
    return joined.count <= 512 && all.count <= 32 && all.allSatisfy(isStateMember)
  }

  private static func isStateMember(_ member: String) -> Bool {
    guard let equals = member.firstIndex(of: "=") else { return false }
    let value = member[member.index(after: equals)...]
    let visible = value.utf8.count == value.unicodeScalars.count
    guard !value.isEmpty, visible, value.utf8.count <= 256,
      value.utf8.allSatisfy({ $0 >= 0x20 && $0 <= 0x7E && $0 != 0x3D })
    else { return false }
    let parts = member[..<equals].split(
      separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 1 { return isStateName(parts[0], 256, digitFirst: false) }
    return isStateName(parts[0], 241, digitFirst: true)
      && isStateName(parts[1], 14, digitFirst: false)
  }

  private static func isStateName(_ name: Substring, _ most: Int, digitFirst: Bool) -> Bool {
    let letters = "abcdefghijklmnopqrstuvwxyz"
    guard let first = name.first, name.utf8.count <= most else { return false }
    guard letters.contains(first) || (digitFirst && "0123456789".contains(first)) else {
      return false
    }
    return name.dropFirst().allSatisfy { (letters + "0123456789_-*/").contains($0) }
  }

  static func isIdentifier(_ text: String) -> Bool {
    let marks = "._~+/=:@-".utf8
    return (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        Grammar.isDigit($0) || (($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A) || marks.contains($0)
      }
  }

  // MARK: Parts of requests

  /// The first `name=value` with a value, in a Cookie field or a query.
  static func pair(_ name: String, in text: String, separator: Character) -> String? {
    for member in text.split(separator: separator) {
      let trimmed = latin(Grammar.trimmed(Array(member.unicodeScalars.map { UInt8($0.value) })))
      if trimmed.hasPrefix(name + "="), trimmed.count > name.count + 1 {
        return String(trimmed.dropFirst(name.count + 1))
      }
    }
    return nil
  }

  /// Seconds of a Retry-After; nil for a date and for what is nothing.
  static func retryAfter(_ value: String) -> Int64? {
    value.utf8.count <= 9 && value.utf8.allSatisfy(Grammar.isDigit) ? Int64(value) : nil
  }

  /// `timeout` of Keep-Alive; 0 = none.
  static func keepAliveSeconds(_ line: [UInt8]) -> UInt32 {
    let named = members([line]).first {
      $0.unicodeScalars.count > 8 && $0.prefix(8).lowercased() == "timeout="
    }
    guard let digits = named?.dropFirst(8), digits.utf8.allSatisfy(Grammar.isDigit) else {
      return 0
    }
    // Above 2^64 a number cannot be read.
    return UInt64(digits).map { UInt32(clamping: $0) } ?? 0
  }
}
