// Why this file exists: request methods as numbers, with what the specification says of each.

/// The request methods of RFC 9110 and RFC 5789; any other that the parser knows is `other`, and
/// its bytes are forwarded as they came.
@frozen @usableFromInline
package enum Method: UInt8, CaseIterable, Sendable {
  case get, head, post, put, delete, connect, options, trace, patch, other

  /// May be sent again when the first try's fate is unknown (RFC 9110 section 9.2.2).
  @inlinable package var isIdempotent: Bool {
    switch self {
    case .get, .head, .put, .delete, .options, .trace: true
    case .post, .connect, .patch, .other: false
    }
  }

  /// The word on the request line, and the metric label; `other` has no word of its own.
  package var word: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .connect: "CONNECT"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .patch: "PATCH"
    case .other: "other"
    }
  }
}
