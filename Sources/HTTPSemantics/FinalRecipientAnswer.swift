// Why this file exists: a request whose Max-Forwards has run out is answered by the hop that it
// reached (RFC 9110 section 7.6.2); these are those two answers.
package import Primitives

/// Answers to OPTIONS and TRACE with `Max-Forwards: 0`.
package enum FinalRecipientAnswer {
  /// The methods that the gateway forwards: the value of Allow here and for a CONNECT.
  package static var allow: StaticString {
    "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH"
  }

  /// OPTIONS: what the gateway itself can do, without content (RFC 9110 section 9.3.7).
  package static func writeOptions(
    version: HTTPVersion, keepAlive: Bool, date: ByteSlice?, requestID: ByteSlice,
    into writer: inout ByteWriter
  ) {
    LocalHead.begin(200, date: date, into: &writer)
    LocalHead.identify(requestID, into: &writer)
    writer.append("Allow: ")
    writer.append(allow)
    writer.append("\r\nContent-Length: 0\r\n")
    LocalHead.end(version, keepAlive: keepAlive, into: &writer)
  }

  /// TRACE: the request line and those fields that say which way the request took (RFC 9110 section
  /// 9.3.8 leaves out what is likely to be sensitive; a field that is not known to be harmless
  /// counts as that). The answer is at most the size of the head and 256 bytes, and the identifier.
  package static func writeTrace(
    _ head: RequestHead, keepAlive: Bool, date: ByteSlice?, requestID: ByteSlice,
    into writer: inout ByteWriter
  ) {
    LocalHead.begin(200, date: date, into: &writer)
    LocalHead.identify(requestID, into: &writer)
    writer.append("Content-Type: message/http\r\nContent-Length: ")
    var length = 6 + Int(head.target.length) + 13
    forEachReflected(head) { line in length += line.count }
    writer.appendDecimal(length)
    writer.append("\r\n")
    LocalHead.end(head.version, keepAlive: keepAlive, into: &writer)

    writer.append("TRACE ")
    writer.append(head.target.slice(in: head.base))
    switch head.version {
    case .http10: writer.append(" HTTP/1.0\r\n")
    case .http11: writer.append(" HTTP/1.1\r\n")
    }
    forEachReflected(head) { line in writer.append(line) }
    writer.append("\r\n")
  }

  /// Calls `body` with each line to be sent back, its CR LF included.
  @inline(__always)
  private static func forEachReflected(_ head: RequestHead, _ body: (ByteSlice) -> Void) {
    for index in 0..<head.fieldCount where isReflected(head.fields[index].kind) {
      let start = Int(head.fields[index].nameOffset)
      let next = HeadLines.afterField(head.fields + index, head.base, from: start)
      if next < 0 { continue }
      body(ByteSlice(head.base + start, next - start))
    }
  }

  private static func isReflected(_ kind: FieldKind) -> Bool {
    switch kind {
    case .host, .via, .maxForwards, .userAgent, .xRequestID, .traceparent: true
    case .other, .contentLength, .transferEncoding, .expect, .contentType: false
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade: false
    case .proxyAuthenticate, .proxyAuthorization, .http2Settings: false
    case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedOther: false
    case .xRealIP, .tracestate, .authorization, .cookie, .idempotencyKey, .date, .server: false
    case .retryAfter, .gatewayReason, .forbiddenInTrailer: false
    }
  }
}
