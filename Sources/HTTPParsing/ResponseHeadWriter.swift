// Why this file exists: the head that a client gets from a backend.
public import HTTPSemantics
public import Primitives

/// What the Connection field tells the client.
@frozen @usableFromInline
package enum ConnectionNotice: UInt8, Sendable {
  /// Nothing: the version's default holds.
  case none
  case close
  /// For a client that speaks HTTP/1.0 and asked to be kept.
  case keepAlive
}

/// What the gateway itself puts into a response head. Slices are valid during the call; an empty
/// one means: no such line.
@frozen @usableFromInline
package struct ResponseAdditions {
  /// How the body will be framed for this client: `chunked` writes Transfer-Encoding, `length` and
  /// `none` keep the Content-Length that came, `untilClose` writes nothing.
  @usableFromInline package var framing: Framing
  @usableFromInline package var connection: ConnectionNotice
  /// Replaces what the backend sent.
  @usableFromInline package var requestID: ByteSlice
  /// 29 bytes (RFC 9110 section 5.6.7); written only when the backend sent no Date (section 6.6.1).
  @usableFromInline package var date: ByteSlice
  /// The protocol of a 101.
  @usableFromInline package var upgrade: ByteSlice

  @inlinable
  package init(
    framing: Framing, connection: ConnectionNotice, requestID: ByteSlice, date: ByteSlice,
    upgrade: ByteSlice
  ) {
    self.framing = framing
    self.connection = connection
    self.requestID = requestID
    self.date = date
    self.upgrade = upgrade
  }
}

package enum ResponseHeadWriter {
  /// Writes the whole head, empty line included, always as HTTP/1.1 (RFC 9110 section 2.5). Field
  /// lines keep their order, spelling and number. When it does not fit, `writer.overflowed` is set
  /// and nothing of it may be sent.
  package static func write(
    _ head: ResponseHead, _ added: ResponseAdditions, into writer: inout ByteWriter
  ) {
    var without =
      FieldRuns.bit(.connection) | FieldRuns.bit(.transferEncoding) | FieldRuns.bit(.upgrade)
    if !added.requestID.isEmpty { without |= FieldRuns.bit(.xRequestID) }
    switch added.framing {
    case .none, .length: break
    case .chunked, .untilClose: without |= FieldRuns.bit(.contentLength)
    }
    let leading = lineAsSent(head, without: without)
    if leading == 0 { writeStatusLine(head, into: &writer) }
    let kinds = FieldRuns.write(
      head.base, head.fields, head.fieldCount, without: without, leading: leading, into: &writer)
    let hasDate = kinds & FieldRuns.bit(.date) != 0
    let date = hasDate ? ByteSlice(added.date.base, 0) : added.date
    writeOwn(added, head.version, date, into: &writer)
    writeHopByHop(added, into: &writer)
    writer.append("\r\n")
  }

  /// The length of the status line where it and the first field go on as they were sent: most heads
  /// leave in one copy. 0 where one of them is to be written.
  @inline(__always)
  private static func lineAsSent(_ head: ResponseHead, without: UInt64) -> Int {
    guard head.fieldCount > 0, case .http11 = head.version, !head.phrase.isEmpty,
      FieldRuns.goesAsSent(head.fields, without: without)
    else { return 0 }
    // "HTTP/1.1 200 " has 13 bytes. Lengths of bytes in memory: no sum of a few overflows.
    let length = 15 &+ Int(head.phrase.length)
    let start = Int(head.phrase.offset) &- 13
    return start &+ length == Int(head.fields[0].nameOffset) ? length : 0
  }

  private static func writeStatusLine(_ head: ResponseHead, into writer: inout ByteWriter) {
    let phrase = head.phrase.slice(in: head.base)
    writer.append(together: 15 + phrase.count) { pen in
      pen.put("HTTP/1.1 ")
      pen.put(status: head.status)
      pen.put(" ")
      pen.put(phrase)
      pen.put("\r\n")
    }
  }

  /// What the gateway says of the response.
  @inline(__always)
  private static func writeOwn(
    _ added: ResponseAdditions, _ version: HTTPVersion, _ date: ByteSlice,
    into writer: inout ByteWriter
  ) {
    let requestID: StaticString = "X-Request-ID: "
    // Lengths of bytes in memory: no sum of a few overflows.
    let size = OwnLine.size(requestID, added.requestID) &+ OwnLine.size("Date: ", date)
    writer.append(together: size &+ Via.lineLength) { pen in
      OwnLine.put(requestID, added.requestID, &pen)
      Via.put(version, &pen)
      OwnLine.put("Date: ", date, &pen)
    }
  }

  private static func writeHopByHop(_ added: ResponseAdditions, into writer: inout ByteWriter) {
    switch added.framing {
    case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
    case .none, .length, .untilClose: break
    }
    if !added.upgrade.isEmpty {
      writer.append("Upgrade: ")
      writer.append(added.upgrade)
      writer.append("\r\nConnection: upgrade\r\n")
      return
    }
    switch added.connection {
    case .none: break
    case .close: writer.append("Connection: close\r\n")
    case .keepAlive: writer.append("Connection: keep-alive\r\n")
    }
  }
}
