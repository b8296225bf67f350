// Why this file exists: an address is read here and nowhere else, so that one backend has one text,
// and each way of getting one wrong has its own words.
import Primitives

/// Reads `host:port`, `[v6]:port` and `unix:/path`.
enum AddressReader {
  /// What fits into `sockaddr_un` with its closing zero.
  static let longestUnixPath = 107

  static func address(
    _ text: String, for use: AddressUse
  ) throws(ScalarProblem) -> NetworkAddress {
    if text.hasPrefix("unix:") { return try unix(String(text.dropFirst("unix:".count))) }
    let scheme = text.prefix { $0 != ":" }
    if text[scheme.endIndex...].hasPrefix("://") {
      throw url(text[scheme.endIndex...].dropFirst("://".count))
    }
    if text.hasPrefix("/") {
      throw ScalarProblem(.badAddress, "is a path", "write unix:\(text)")
    }
    let (host, portText) = try split(text, for: use)
    let port = try port(portText, for: use)
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), let address = IPAddress.parse(String(host.dropFirst().dropLast()))
      else { throw ScalarProblem(.badAddress, "is not an IPv6 address in brackets") }
      return endpoint(address, port)
    }
    if let address = IPAddress.parse(host) { return endpoint(address, port) }
    if host == "*" {
      throw ScalarProblem(
        .badAddress, "has a star where an address belongs", "write 0.0.0.0:\(port)")
    }
    guard let name = hostName(host) else {
      throw ScalarProblem(.badAddress, "has no valid host", "write host:port")
    }
    if use != .connect && name == "localhost" {
      return endpoint(IPAddress(v4: 0x7F00_0001), port)
    }
    if use == .listen {
      throw ScalarProblem(
        .badAddress, "is not an IP address, which listening needs", "write 0.0.0.0:\(port)")
    }
    return NetworkAddress(form: .name(name, port: port), text: "\(name):\(port)")
  }

  private static func endpoint(_ address: IPAddress, _ port: UInt16) -> NetworkAddress {
    let endpoint = Endpoint(address: address, port: port)
    return NetworkAddress(form: .endpoint(endpoint), text: endpoint.description)
  }

  private static func unix(_ path: String) throws(ScalarProblem) -> NetworkAddress {
    guard path.hasPrefix("/"), !path.hasSuffix("/") else {
      throw ScalarProblem(
        .badAddress, "has no absolute path to a socket", "write unix:/path.sock")
    }
    guard path.utf8.count <= longestUnixPath else {
      throw ScalarProblem(
        .badAddress, "has a path of more than \(longestUnixPath) bytes, which no socket can have")
    }
    guard path.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
      throw ScalarProblem(.badAddress, "has a control character in its path")
    }
    return NetworkAddress(form: .unix(path: path), text: "unix:\(path)")
  }

  private static func url(_ rest: Substring) -> ScalarProblem {
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let isUsable = !authority.isEmpty && authority.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    return ScalarProblem(
      .badAddress, "is a URL, not an address",
      isUsable ? "write \(authority)" + (authority.contains(":") ? "" : ":80") : "write host:port")
  }

  private static func split(
    _ text: String, for use: AddressUse
  ) throws(ScalarProblem) -> (host: String, port: Substring) {
    guard let colon = text.lastIndex(of: ":") else {
      if let port = UInt16(text) {
        let host = use == .connect ? "127.0.0.1" : "0.0.0.0"
        throw ScalarProblem(.badAddress, "has no host", "write \(host):\(port)")
      }
      throw ScalarProblem(.badAddress, "has no port", "write host:port")
    }
    let host = String(text[..<colon])
    let port = text[text.index(after: colon)...]
    if host.contains(":"), IPAddress.parse(host) != nil, UInt16(port) != nil {
      throw ScalarProblem(
        .badAddress, "has an IPv6 address without brackets", "write [\(host)]:\(port)")
    }
    if IPAddress.parse(text) != nil {
      throw ScalarProblem(
        .badAddress, "is an IPv6 address without brackets and port", "write [\(text)]:8080")
    }
    if host.isEmpty {
      throw ScalarProblem(
        .badAddress, "has no host", use == .connect ? "write host:port" : "write 0.0.0.0:\(port)")
    }
    return (host, port)
  }

  private static func port(_ text: Substring, for use: AddressUse) throws(ScalarProblem) -> UInt16 {
    let lowest: UInt16 = use == .connect ? 1 : 0
    let isPlain = !text.isEmpty && text.utf8.allSatisfy(ASCII.isDigit)
    guard isPlain, text == "0" || text.first != "0", let port = UInt16(text), port >= lowest else {
      throw ScalarProblem(
        .badAddress, "has no valid port", "write a port from \(lowest) to 65535")
    }
    return port
  }

  /// A name that a resolver takes (RFC 1123 section 2.1, and the underscore that container networks
  /// have), in lower case. One that ends in a number is a misspelt IPv4 address.
  static func hostName(_ text: String) -> String? {
    var name = text.lowercased()
    guard name.utf8.count <= 253, name.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    if name.hasSuffix(".") { name.removeLast() }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    for label in labels {
      guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-",
        label.utf8.allSatisfy(isNameByte)
      else { return nil }
    }
    guard let last = labels.last, !last.utf8.allSatisfy(ASCII.isDigit) else { return nil }
    return name
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x5F
  }
}
