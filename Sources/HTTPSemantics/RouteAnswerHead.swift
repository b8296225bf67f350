// Why this file exists: a route may answer by itself, with a redirect or a fixed text. That is no
// fault and carries no reason; it looks as a backend's answer would.
package import Primitives

/// The head of an answer that a route gives. Slices are valid during the call.
package struct RouteAnswerHead {
  package var status: UInt16
  package var version: HTTPVersion
  package var keepAlive: Bool
  package var date: ByteSlice
  package var requestID: ByteSlice
  /// Whole field lines, each with its CR LF.
  package var extraFields: ByteSlice
  /// Bytes of the body, whether or not it is sent.
  package var bodyLength: Int
  /// Empty when there is no body.
  package var contentType: ByteSlice

  package init(
    status: UInt16, version: HTTPVersion, keepAlive: Bool, date: ByteSlice, requestID: ByteSlice,
    extraFields: ByteSlice, bodyLength: Int, contentType: ByteSlice
  ) {
    self.status = status
    self.version = version
    self.keepAlive = keepAlive
    self.date = date
    self.requestID = requestID
    self.extraFields = extraFields
    self.bodyLength = bodyLength
    self.contentType = contentType
  }

  /// 204 and 304 say nothing of a length: the one has no content, the other would speak of that of
  /// a 200 (RFC 9110 section 8.6).
  private var hasLength: Bool { status != 204 && status != 304 }

  /// Writes the head up to where a Location may follow.
  package func begin(into writer: inout ByteWriter) {
    LocalHead.begin(status, date: date, into: &writer)
  }

  /// Writes the rest of it.
  package func end(into writer: inout ByteWriter) {
    if bodyLength > 0 {
      writer.append("Content-Type: ")
      writer.append(contentType)
      writer.append("\r\n")
    }
    LocalHead.identify(requestID, into: &writer)
    writer.append(extraFields)
    if hasLength {
      writer.append("Content-Length: ")
      writer.appendDecimal(UInt64(bodyLength))
      writer.append("\r\n")
    }
    LocalHead.end(version, keepAlive: keepAlive, into: &writer)
  }
}
