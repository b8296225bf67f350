// Why this file exists: where spans are posted to is a URL; it is taken apart once, here, and each
// way of getting one wrong has its own words.
import Primitives

/// `http://host:port/path`, as it is connected to and asked for.
package struct HTTPURL: Sendable, Hashable {
  /// To connect to; a host name is resolved and resolved again.
  package var address: NetworkAddress
  /// The Host field: as it was written, in lower case.
  package var authority: String
  /// In origin-form: path and query.
  package var target: String

  /// The normal form.
  package var text: String { HTTPURL.scheme + authority + target }

  private static let scheme = "http://"

  static func parse(_ text: String) throws(ScalarProblem) -> HTTPURL {
    let example = "write one like http://127.0.0.1:4318/v1/traces"
    let scheme = text.prefix(HTTPURL.scheme.count).lowercased()
    if scheme.hasPrefix("https:") {
      throw ScalarProblem(
        .badAddress, "asks for TLS, which is not spoken to collectors",
        "run a collector beside the gateway and give its http:// address")
    }
    guard scheme == HTTPURL.scheme else {
      throw ScalarProblem(.badAddress, "is not an http:// URL", example)
    }
    let rest = text.dropFirst(HTTPURL.scheme.count)
    let written = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let authority = written.lowercased()
    if authority.contains("@") {
      throw ScalarProblem(.badAddress, "holds a user's name, which would be sent to nobody")
    }
    let path = String(rest[written.endIndex...])
    let address = try AddressReader.address(withPort(authority), for: .connect)
    guard path.hasPrefix("/") else {
      throw ScalarProblem(
        .badPath, "has no path", "write \(HTTPURL.scheme)\(authority)/v1/traces\(path)")
    }
    return HTTPURL(
      address: address, authority: authority, target: try RequestPartReader.target(path))
  }

  /// 80 is the port of the scheme.
  private static func withPort(_ authority: String) -> String {
    let host = authority.hasPrefix("[") ? authority.drop { $0 != "]" } : authority[...]
    return host.contains(":") ? authority : authority + ":80"
  }
}
