// Why this file exists: fields behind a body arrive when everything has been decided. What could
// change a decision after the fact is left out.
import Primitives

/// Trailer fields (RFC 9110 section 6.5).
package enum TrailerRules {
  /// Judges the field lines of a trailer section: marks as dropped what may not stand there
  /// (framing, routing, authentication, conditions, content format: RFC 9110 section 6.5.1), what
  /// ends at this hop, what the gateway sets itself, and names with an underscore unless they are
  /// kept. False when a name or a value holds a byte that it may not: the message is then broken.
  package static func judge(
    base: UnsafePointer<UInt8>, fields: UnsafeMutablePointer<Field>, fieldCount: Int,
    rules: RequestRuleSettings
  ) -> Bool {
    for index in 0..<fieldCount {
      let name = fields[index].name.slice(in: base)
      guard FieldBytes.isValue(fields[index].value.slice(in: base)) else { return false }
      switch FieldBytes.nameShape(name) {
      case .plain: break
      case .invalid: return false
      case .withUnderscore:
        switch rules.underscoreFields {
        case .reject: return false
        case .drop: fields[index].drop()
        case .keep: if UnderscoreName.resemblesKnownField(name) { fields[index].drop() }
        }
      }
      if !isAllowed(fields[index].kind) { fields[index].drop() }
    }
    return true
  }

  /// A field of this kind may stand in a trailer section that we forward.
  package static func isAllowed(_ kind: FieldKind) -> Bool {
    switch kind {
    case .other, .userAgent: true
    case .host, .contentLength, .transferEncoding, .expect, .contentType: false
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade: false
    case .proxyAuthenticate, .proxyAuthorization, .http2Settings, .via, .maxForwards: false
    case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedOther: false
    case .xRealIP, .xRequestID, .traceparent, .tracestate, .authorization, .cookie: false
    case .idempotencyKey, .date, .server, .retryAfter, .gatewayReason: false
    case .forbiddenInTrailer: false
    }
  }

  /// Drops every `Trailer` line: without a chunked body behind it the announcement is false.
  static func dropAnnouncement(_ fields: UnsafeMutablePointer<Field>, _ fieldCount: Int) {
    for index in 0..<fieldCount {
      if case .trailer = fields[index].kind { fields[index].drop() }
    }
  }
}
