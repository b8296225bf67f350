// Why this file exists: when the gateway answers by itself the client must learn why, in the same
// words as the log, and no byte of that answer may be in the client's hands.
public import Primitives

/// Everything an answer of our own depends on. Slices are valid during the call that writes it.
@frozen @usableFromInline
package struct LocalAnswer {
  @usableFromInline package var reason: Reason
  @usableFromInline package var detail: BadRequestDetail
  /// The method of the request: HEAD gets a head only. `other` when it is not known.
  @usableFromInline package var method: Method
  /// The version of the client; HTTP/1.1 when it is not known.
  @usableFromInline package var version: HTTPVersion
  /// The connection stays open after this answer.
  @usableFromInline package var keepAlive: Bool
  /// Seconds; 0 = no Retry-After.
  @usableFromInline package var retryAfter: UInt32
  /// The text of Date, by the clock of the caller.
  @usableFromInline package var date: ByteSlice?
  /// A value that `RequestIdentifier` accepts, or one of our own.
  @usableFromInline package var requestID: ByteSlice?
  /// Whole field lines, each with its CR LF: `Allow: GET\r\n`.
  @usableFromInline package var extraFields: ByteSlice?
  /// The name of a rate limit in its quotes; of letters, digits, `_`, `-` and `.`.
  @usableFromInline package var violatedPolicy: ByteSlice?

  @inlinable package init(
    _ reason: Reason, _ detail: BadRequestDetail = .none, method: Method, version: HTTPVersion,
    keepAlive: Bool
  ) {
    self.reason = reason
    self.detail = detail
    self.method = method
    self.version = version
    self.keepAlive = keepAlive
    retryAfter = 0
    date = nil
    requestID = nil
    extraFields = nil
    violatedPolicy = nil
  }

  /// At most this many bytes, with a date of 29 bytes; the request identifier counts twice, extra
  /// fields and a violated policy once on top.
  package static var maximumSize: Int { 768 }

  /// Writes head and body. When they do not fit, `writer` says so.
  package func write(into writer: inout ByteWriter) {
    let status = reason.status(detail)
    LocalHead.begin(status, date: date, into: &writer)
    writer.append("Content-Type: application/problem+json\r\nX-Gateway-Reason: ")
    writer.append(reason.word)
    writer.append("\r\n")
    if let requestID { LocalHead.identify(requestID, into: &writer) }
    if retryAfter > 0 {
      writer.append("Retry-After: ")
      writer.appendDecimal(UInt64(retryAfter))
      writer.append("\r\n")
    }
    if let extraFields { writer.append(extraFields) }
    writer.append("Content-Length: ")
    writer.appendDecimal(bodyLength(status))
    writer.append("\r\n")
    LocalHead.end(version, keepAlive: keepAlive, into: &writer)
    if !method.isHead { writeBody(status, into: &writer) }
  }

  // MARK: - Body (RFC 9457)

  private static var opening: StaticString { "{\"type\":\"about:blank\",\"title\":\"" }
  private static var statusName: StaticString { "\",\"status\":" }
  private static var reasonName: StaticString { ",\"reason\":\"" }
  private static var detailName: StaticString { "\",\"detail\":\"" }
  private static var requestName: StaticString { "\",\"request_id\":\"" }
  /// draft-ietf-httpapi-ratelimit-headers-10 section 5.
  private static var policiesName: StaticString { "\",\"violated-policies\":[" }
  private static var closing: StaticString { "\"}\n" }
  private static var policiesClosing: StaticString { "]}\n" }

  private func writeBody(_ status: UInt16, into writer: inout ByteWriter) {
    writer.append(LocalAnswer.opening)
    writer.append(StatusPhrase.of(status))
    writer.append(LocalAnswer.statusName)
    writer.appendDecimal(UInt64(status))
    writer.append(LocalAnswer.reasonName)
    writer.append(reason.word)
    if hasDetail {
      writer.append(LocalAnswer.detailName)
      writer.append(detail.word)
    }
    if let requestID {
      writer.append(LocalAnswer.requestName)
      writer.append(requestID)
    }
    if let violatedPolicy {
      writer.append(LocalAnswer.policiesName)
      writer.append(violatedPolicy)
      writer.append(LocalAnswer.policiesClosing)
    } else {
      writer.append(LocalAnswer.closing)
    }
  }

  /// The length of what `writeBody` writes; Content-Length comes before it.
  private func bodyLength(_ status: UInt16) -> Int {
    var length =
      LocalAnswer.opening.utf8CodeUnitCount + StatusPhrase.of(status).utf8CodeUnitCount
      + LocalAnswer.statusName.utf8CodeUnitCount + 3
      + LocalAnswer.reasonName.utf8CodeUnitCount + reason.word.utf8CodeUnitCount
    if let violatedPolicy {
      length +=
        LocalAnswer.policiesName.utf8CodeUnitCount + violatedPolicy.count
        + LocalAnswer.policiesClosing.utf8CodeUnitCount
    } else {
      length += LocalAnswer.closing.utf8CodeUnitCount
    }
    if hasDetail {
      length += LocalAnswer.detailName.utf8CodeUnitCount + detail.word.utf8CodeUnitCount
    }
    if let requestID { length += LocalAnswer.requestName.utf8CodeUnitCount + requestID.count }
    return length
  }

  private var hasDetail: Bool {
    switch detail {
    case .none: false
    case .framing, .host, .target, .field, .version, .method: true
    }
  }
}

/// The parts that all heads of our own have in common.
enum LocalHead {
  static func begin(_ status: UInt16, date: ByteSlice?, into writer: inout ByteWriter) {
    writer.append("HTTP/1.1 ")
    writer.appendDecimal(UInt64(status), digits: 3)
    writer.append(0x20)
    writer.append(StatusPhrase.of(status))
    writer.append("\r\n")
    if let date {
      writer.append("Date: ")
      writer.append(date)
      writer.append("\r\n")
    }
  }

  static func identify(_ requestID: ByteSlice, into writer: inout ByteWriter) {
    writer.append("X-Request-ID: ")
    writer.append(requestID)
    writer.append("\r\n")
  }

  /// The Connection line, where the version asks for one, and the empty line.
  static func end(_ version: HTTPVersion, keepAlive: Bool, into writer: inout ByteWriter) {
    switch version {
    case .http11: if !keepAlive { writer.append("Connection: close\r\n") }
    case .http10:
      writer.append(keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n")
    }
    writer.append("\r\n")
  }
}
