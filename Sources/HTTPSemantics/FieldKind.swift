// Why this file exists: the gateway treats few field names in a way of their own; each has a number
// here, so that the request path compares numbers with a switch instead of comparing names.

/// The field names that some rule of the gateway speaks of; everything else is `other`.
@frozen @usableFromInline
package enum FieldKind: UInt8, CaseIterable, Sendable {
  case other
  // Framing and routing
  case host, contentLength, transferEncoding, expect, contentType
  // Hop by hop (RFC 9110 section 7.6.1)
  case connection, keepAlive, proxyConnection, te, trailer, upgrade
  case proxyAuthenticate, proxyAuthorization, http2Settings
  // Identity, ours to set
  case via, maxForwards, forwarded, xForwardedFor, xForwardedProto, xForwardedHost
  case xForwardedOther, xRealIP
  case xRequestID, traceparent, tracestate
  // What a rule reads
  case authorization, cookie, idempotencyKey, userAgent, date, server, retryAfter, gatewayReason
  // What may not stand in a trailer and has no other meaning to us (RFC 9110 section 6.5.1)
  case forbiddenInTrailer

  /// One bit for each kind, for sets of kinds; there are fewer than 64.
  @inlinable @inline(__always) package var bit: UInt64 { 1 &<< UInt64(rawValue) }

  /// A `Connection` field may take this field out of a message. False for framing, routing,
  /// credentials and identity: those are not the sender's to remove, because a proxy in front of us
  /// may have set them for the backend to rely on.
  @inlinable package var mayBeNominated: Bool {
    switch self {
    case .host, .contentLength, .transferEncoding, .expect, .contentType: false
    case .via, .maxForwards, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost: false
    case .xForwardedOther, .xRealIP, .xRequestID, .traceparent, .tracestate: false
    case .authorization, .cookie: false
    case .other, .forbiddenInTrailer: true
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade: true
    case .proxyAuthenticate, .proxyAuthorization, .http2Settings: true
    case .idempotencyKey, .userAgent, .date, .server, .retryAfter, .gatewayReason: true
    }
  }
}
