// Why this file exists: `match.host` is compared with hosts from which port, letter case and a
// final dot have been taken, so it is brought into that form where it is written.
import Primitives

/// A host condition of a route: one host, or all hosts below a domain.
package struct HostPattern: Hashable, Sendable {
  /// In lower case, without a final dot; for a wildcard what stands behind `*.`.
  package let name: [UInt8]
  /// Written with `*.` in front: one or more labels, not the bare domain.
  package let isWildcard: Bool

  /// Why a text is no pattern.
  package enum Problem: Error, Equatable, Sendable {
    case empty
    case port
    case misplacedStar
    case everything
    case invalid
    case tooLong

    /// For a diagnostic, after the pattern has been named.
    package var explanation: String {
      switch self {
      case .empty: "a host is needed; leave the key out for any host"
      case .port: "the port of a request is not compared; write the host alone"
      case .misplacedStar: "* may only stand for whole labels in front: *.example.com"
      case .everything: "leave the key out for any host"
      case .invalid: "write a host such as api.example.com, an address, or *.example.com"
      case .tooLong: "a host has at most 253 characters"
      }
    }
  }

  /// Reads a pattern and brings it into the form in which it is compared.
  package static func parse(_ text: String) -> Result<HostPattern, Problem> {
    if text.isEmpty { return .failure(.empty) }
    if text == "*" { return .failure(.everything) }
    let isWildcard = text.hasPrefix("*.")
    var name = Array(text.utf8).map(ASCII.lowercased)
    if isWildcard { name.removeFirst(2) }
    if name.last == 0x2e { name.removeLast() }
    if name.contains(0x2a) { return .failure(.misplacedStar) }
    if name.count > 253 { return .failure(.tooLong) }
    let parsed = (name + [0]).withUnsafeBufferPointer { buffer -> (count: Int, port: Int32)? in
      let bytes = ByteSlice(buffer.baseAddress.unsafelyUnwrapped, buffer.count - 1)
      return Authority.parse(bytes).map { ($0.host.count, $0.port) }
    }
    guard let parsed else { return .failure(.invalid) }
    if parsed.count != name.count { return .failure(.port) }
    let labels = name.split(separator: 0x2e, omittingEmptySubsequences: false)
    if labels.contains(where: \.isEmpty) { return .failure(.invalid) }
    if isWildcard && name[0] == 0x5b { return .failure(.invalid) }
    return .success(HostPattern(name: name, isWildcard: isWildcard))
  }
}

extension HostPattern: CustomStringConvertible {
  /// As it would be written in the configuration.
  package var description: String {
    (isWildcard ? "*." : "") + String(decoding: name, as: UTF8.self)
  }
}
