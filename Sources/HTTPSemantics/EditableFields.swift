// Why this file exists: a route may set and remove header fields, but not those by which two
// programs agree where a message ends, and not those that the gateway itself must be able to vouch
// for.
import Primitives

/// Which fields a configuration may set or remove.
package enum EditableFields {
  /// Why a field is not to be touched.
  package enum Refusal: Equatable, Sendable {
    case notAName
    case framing
    case hopByHop
    case host
    /// The gateway writes it.
    case own

    /// For a diagnostic, after the name.
    package var explanation: String {
      switch self {
      case .notAName: "is not the name of a field"
      case .framing: "says where the message ends, which is not for a route to change"
      case .hopByHop: "belongs to one connection, which is not for a route to change"
      case .host: "is not set here"
      case .own: "is written by the gateway itself"
      }
    }
  }

  /// Nil when the field may be set and removed.
  package static func refusal(of name: String, inResponse: Bool) -> Refusal? {
    let bytes = Array(name.utf8)
    guard !bytes.isEmpty, bytes.allSatisfy(ASCII.isToken) else { return .notAName }
    let kind = bytes.withUnsafeBufferPointer {
      FieldClassifier.kind(of: ByteSlice($0.baseAddress.unsafelyUnwrapped, $0.count))
    }
    switch kind {
    case .contentLength, .transferEncoding, .expect, .trailer: return .framing
    case .connection, .keepAlive, .proxyConnection, .te, .upgrade, .http2Settings: return .hopByHop
    case .proxyAuthenticate, .proxyAuthorization: return .hopByHop
    case .host: return .host
    case .via, .xRequestID, .gatewayReason: return .own
    case .maxForwards, .traceparent, .tracestate: return inResponse ? nil : .own
    case .xForwardedFor, .xForwardedProto, .xForwardedHost: return inResponse ? nil : .own
    case .date: return inResponse ? .own : nil
    case .other, .contentType, .forwarded, .xForwardedOther, .xRealIP, .authorization: return nil
    case .cookie, .idempotencyKey, .userAgent, .server, .retryAfter, .forbiddenInTrailer: return nil
    }
  }

  /// Which answers of the gateway's own have a field anyway, so that what a route sets for its
  /// backends' answers would stand there twice.
  package enum LocalUse: Int, Sendable {
    case none
    /// Refusals have it.
    case faults
    /// Refusals, redirects and fixed answers have it.
    case all
  }

  package static func localUse(_ name: String) -> LocalUse {
    switch name.lowercased() {
    case "retry-after", "allow": .faults
    case "content-type", "location": .all
    default: .none
    }
  }
}
