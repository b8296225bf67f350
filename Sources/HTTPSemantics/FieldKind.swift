// Why this file exists: the gateway treats few field names in a way of their own; each has a number here, so that the
// request path compares bytes with a switch instead of comparing names.

/// The field names that some rule of the gateway speaks of; everything else is `other`.
@frozen
package enum FieldKind: UInt8, Sendable {
  case other
  // Framing and routing
  case host, contentLength, transferEncoding, expect, contentType
  // Hop by hop (RFC 9110 section 7.6.1)
  case connection, keepAlive, proxyConnection, te, trailer, upgrade
  case proxyAuthenticate, proxyAuthorization, http2Settings
  // Identity, ours to set
  case via, maxForwards, forwarded, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedOther, xRealIP
  case xRequestID, traceparent, tracestate
  // What a rule reads
  case authorization, cookie, idempotencyKey, userAgent, date, server, retryAfter, gatewayReason
  // What may not stand in a trailer and has no other meaning to us (RFC 9110 section 6.5.1)
  case forbiddenInTrailer
}
