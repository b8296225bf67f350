// Why this file exists: a redirect that a client can bend to another host is a gift to whoever
// sends out links. Where a location leads is fixed when it is read; what comes from the request can
// only be a path below it.
import Primitives

/// The value of Location that a route answers with.
package struct RedirectLocation: Equatable, Sendable {
  /// Everything up to the star, or all of it without one.
  package let prefix: [UInt8]
  /// At the end stands what followed the route's prefix, without leading slashes.
  package let takesRest: Bool
  /// It has a query of its own: the request's goes behind it.
  package let hasQuery: Bool

  /// Why a text is no location.
  package enum Problem: Error, Equatable, Sendable {
    case notAPath
    case otherHost
    case scheme
    case authority
    case misplacedStar
    case fragment
    case invalidCharacter

    /// For a diagnostic, after the value has been named.
    package var explanation: String {
      switch self {
      case .notAPath: "is neither a path nor a URL; write /new/* or https://example.com/*"
      case .otherHost: "begins with two slashes, which lead to another host; name it with https://"
      case .scheme: "has a scheme other than http and https"
      case .authority: "has no valid host, or none that ends before the star"
      case .misplacedStar: "may hold * only as the whole end of its path: /new/*"
      case .fragment: "has a fragment; the request's query could not follow it"
      case .invalidCharacter: "holds a character that has to be percent-encoded"
      }
    }
  }

  package static func parse(_ text: String) -> Result<RedirectLocation, Problem> {
    var bytes = Array(text.utf8)
    let takesRest = bytes.last == 0x2a
    if takesRest { bytes.removeLast() }
    for byte in bytes {
      switch byte {
      case 0x2a: return .failure(.misplacedStar)
      case 0x23: return .failure(.fragment)
      case 0x22, 0x3c, 0x3e, 0x5c, 0x5e, 0x60, 0x7b, 0x7c, 0x7d: return .failure(.invalidCharacter)
      case 0x21...0x7e: continue
      default: return .failure(.invalidCharacter)
      }
    }
    let path: ArraySlice<UInt8>
    if bytes.first == 0x2f {
      if bytes.dropFirst().first == 0x2f { return .failure(.otherHost) }
      path = bytes[...]
    } else {
      switch afterAuthority(bytes) {
      case .failure(let problem): return .failure(problem)
      case .success(let rest): path = rest
      }
    }
    let hasQuery = path.contains(0x3f)
    if takesRest, hasQuery || path.last != 0x2f {
      // Directly behind a host the rest would become part of it.
      return .failure(path.isEmpty ? .authority : .misplacedStar)
    }
    return .success(RedirectLocation(prefix: bytes, takesRest: takesRest, hasQuery: hasQuery))
  }

  /// What follows scheme and host.
  private static func afterAuthority(_ bytes: [UInt8]) -> Result<ArraySlice<UInt8>, Problem> {
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else {
      return .failure(text.contains(":") ? .scheme : .notAPath)
    }
    let rest = bytes.dropFirst(scheme.utf8.count)
    let authority = rest.prefix { $0 != 0x2f && $0 != 0x3f }
    let isValid = (Array(authority) + [0]).withUnsafeBufferPointer {
      Authority.parse(ByteSlice($0.baseAddress.unsafelyUnwrapped, $0.count - 1)) != nil
    }
    return isValid ? .success(rest.dropFirst(authority.count)) : .failure(.authority)
  }
}
