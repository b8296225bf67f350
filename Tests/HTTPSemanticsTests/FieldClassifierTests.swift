// Why this file exists: a name that gets the wrong number is forwarded, or dropped, when it must
// not be.
import HTTPSemantics
import Primitives
import Testing

@Suite struct FieldClassifierTests {
  static let names: [(String, FieldKind)] = [
    ("Host", .host), ("Content-Length", .contentLength), ("Expect", .expect),
    ("Transfer-Encoding", .transferEncoding), ("Content-Type", .contentType),
    ("Connection", .connection), ("Keep-Alive", .keepAlive), ("Upgrade", .upgrade),
    ("Proxy-Connection", .proxyConnection), ("TE", .te), ("Trailer", .trailer),
    ("Proxy-Authenticate", .proxyAuthenticate), ("Proxy-Authorization", .proxyAuthorization),
    ("HTTP2-Settings", .http2Settings), ("Via", .via), ("Max-Forwards", .maxForwards),
    ("Forwarded", .forwarded), ("X-Forwarded-For", .xForwardedFor),
    ("X-Forwarded-Proto", .xForwardedProto), ("X-Forwarded-Host", .xForwardedHost),
    ("X-Forwarded-Port", .xForwardedOther), ("X-Forwarded-S", .xForwardedOther),
    ("X-Forwarded-", .xForwardedOther),
    ("X-Forwarded-By", .xForwardedOther), ("X-Forwarded-Xyz", .xForwardedOther),
    ("X-Forwarded-Proto2", .xForwardedOther), ("X-Forwarded-Prefix2", .xForwardedOther),
    ("X-Forwarded-Server", .xForwardedOther), ("X-Forwarded-User-Agent", .xForwardedOther),
    ("X-Real-IP", .xRealIP), ("X-Request-ID", .xRequestID), ("Traceparent", .traceparent),
    ("Tracestate", .tracestate), ("Authorization", .authorization), ("Cookie", .cookie),
    ("Idempotency-Key", .idempotencyKey), ("User-Agent", .userAgent), ("Date", .date),
    ("Server", .server), ("Retry-After", .retryAfter), ("X-Gateway-Reason", .gatewayReason),
    ("Age", .forbiddenInTrailer), ("Vary", .forbiddenInTrailer), ("Range", .forbiddenInTrailer),
    ("Pragma", .forbiddenInTrailer), ("Expires", .forbiddenInTrailer),
    ("Warning", .forbiddenInTrailer), ("If-Match", .forbiddenInTrailer),
    ("If-Range", .forbiddenInTrailer), ("Location", .forbiddenInTrailer),
    ("Set-Cookie", .forbiddenInTrailer), ("Cache-Control", .forbiddenInTrailer),
    ("If-None-Match", .forbiddenInTrailer), ("Content-Range", .forbiddenInTrailer),
    ("Content-Encoding", .forbiddenInTrailer), ("Content-Language", .forbiddenInTrailer),
    ("Content-Location", .forbiddenInTrailer), ("WWW-Authenticate", .forbiddenInTrailer),
    ("If-Modified-Since", .forbiddenInTrailer), ("If-Unmodified-Since", .forbiddenInTrailer),
  ]

  private func kind(_ name: String) -> FieldKind {
    withBytes(name) { FieldClassifier.kind(of: $0) }
  }

  @Test(arguments: names)
  func `a known name is found in any letter case`(name: String, expected: FieldKind) {
    #expect(kind(name) == expected)
    #expect(kind(name.lowercased()) == expected)
    #expect(kind(name.uppercased()) == expected)
  }

  @Test func `every kind has a name`() {
    for kind in FieldKind.allCases where kind != .other {
      #expect(Self.names.contains { $0.1 == kind }, "\(kind)")
    }
  }

  /// Every byte at every place: only the two cases of a letter may stand for it. A CR in place of a
  /// hyphen, or a NUL in place of a letter, must not pass.
  @Test(arguments: names)
  func `no other byte passes for one of a known name`(name: String, expected: FieldKind) {
    var bytes = Array(name.utf8)
    for place in bytes.indices {
      let original = bytes[place]
      for byte in UInt8.min...UInt8.max {
        bytes[place] = byte
        let found = withBytes(bytes) { FieldClassifier.kind(of: $0) }
        let isSame = ASCII.lowercased(byte) == ASCII.lowercased(original)
        if isSame {
          #expect(found == expected)
        } else if found == expected {
          // Only the open-ended family may go on matching.
          #expect(expected == .xForwardedOther && place >= 12, "\(name) at \(place): \(byte)")
        }
      }
      bytes[place] = original
    }
  }

  @Test(arguments: [
    "", "X", "Hos", "Hostt", "X-Forwarded", "Content-Lengths", "Accept",
  ])
  func `a name that no rule speaks of is other`(name: String) {
    #expect(kind(name) == .other)
  }

  @Test func `credentials, framing and identity cannot be nominated`() {
    for kind in [FieldKind.host, .authorization, .xForwardedFor, .contentLength, .cookie, .via] {
      #expect(!kind.mayBeNominated, "\(kind)")
    }
    #expect(FieldKind.other.mayBeNominated)
  }
}
