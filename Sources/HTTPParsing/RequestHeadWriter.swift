// Why this file exists: the head that a backend gets. What is dropped, kept or added has been
// decided by the rules; here it becomes bytes, once for each exchange.
public import HTTPSemantics
public import Primitives

/// What the gateway itself puts into a request head. Slices are valid during the call; an empty one
/// means: no such line.
@frozen @usableFromInline
package struct RequestAdditions {
  /// The method as it was sent.
  @usableFromInline package var method: ByteSlice
  /// The normalised target in origin-form, or `*`.
  @usableFromInline package var target: ByteSlice
  /// The value of Host, which is always written, even empty.
  @usableFromInline package var host: ByteSlice
  /// How the body will be framed on this connection: `length` keeps the line that came, `chunked`
  /// writes Transfer-Encoding. Never `untilClose`.
  @usableFromInline package var framing: Framing
  /// The version in which the client spoke to us, for Via.
  @usableFromInline package var receivedVersion: HTTPVersion
  /// The address of the peer, without a port: the last member of X-Forwarded-For, behind those of
  /// the lines that came and were not dropped.
  @usableFromInline package var peerAddress: ByteSlice
  /// Values to set; empty keeps what came and was not dropped.
  @usableFromInline package var forwardedProto: ByteSlice
  @usableFromInline package var forwardedHost: ByteSlice
  @usableFromInline package var requestID: ByteSlice
  /// 55 bytes (W3C Trace Context, version 00); the tracestate lines that came are kept or dropped
  /// by rule.
  @usableFromInline package var traceparent: ByteSlice
  /// The value of Max-Forwards after counting down; negative: there is none to write.
  @usableFromInline package var maxForwards: Int64
  /// The client asked for trailers (TE: trailers).
  @usableFromInline package var acceptsTrailers: Bool
  /// The protocol of an upgrade that goes on.
  @usableFromInline package var upgrade: ByteSlice

  /// Only what every head has; the rest is empty and set afterwards.
  @inlinable
  package init(
    method: ByteSlice, target: ByteSlice, host: ByteSlice, framing: Framing,
    receivedVersion: HTTPVersion
  ) {
    let nothing = ByteSlice(method.base, 0)
    self.method = method
    self.target = target
    self.host = host
    self.framing = framing
    self.receivedVersion = receivedVersion
    peerAddress = nothing
    forwardedProto = nothing
    forwardedHost = nothing
    requestID = nothing
    traceparent = nothing
    maxForwards = -1
    acceptsTrailers = false
    upgrade = nothing
  }
}

/// Where in the written head the parts lie that a second attempt changes, relative to the writer's
/// start.
@frozen @usableFromInline
package struct RequestHeadMarks: Equatable, Sendable {
  /// The value of Host.
  @usableFromInline package var host: ByteRange
  /// The 16 digits of the span id in traceparent; 0 when there is no such line.
  @usableFromInline package var spanID: UInt32
}

package enum RequestHeadWriter {
  /// Writes the whole head, empty line included, in HTTP/1.1 whatever the client speaks. Field
  /// lines keep their order, spelling and number. When it does not fit, `writer.overflowed` is set
  /// and nothing of it may be sent.
  package static func write(
    _ head: RequestHead, _ added: RequestAdditions, into writer: inout ByteWriter
  ) -> RequestHeadMarks {
    let begun = writer.count
    // Lengths of bytes in memory: no sum of a few overflows, here and below.
    let leading = lineAsSent(head, added)
    var beforeHost = leading &+ 6
    if leading == 0 {
      beforeHost = added.method.count &+ 1 &+ added.target.count &+ 17
      writer.append(together: beforeHost &+ added.host.count &+ 2) { pen in
        pen.put(added.method)
        pen.put(" ")
        pen.put(added.target)
        pen.put(" HTTP/1.1\r\nHost: ")
        pen.put(added.host)
        pen.put("\r\n")
      }
    }
    let kinds = FieldRuns.write(
      head.base, head.fields, head.fieldCount, without: replaced(added), leading: leading,
      into: &writer)
    writeForwardedFor(head, added, lines: kinds & FieldRuns.bit(.xForwardedFor), into: &writer)
    let spanID = writeOwn(added, into: &writer)
    if added.maxForwards >= 0 {
      writer.append("Max-Forwards: ")
      writer.appendDecimal(UInt64(added.maxForwards))
      writer.append("\r\n")
    }
    writeHopByHop(added, into: &writer)
    writer.append("\r\n")
    let host = ByteRange(offset: UInt32(begun + beforeHost), length: UInt32(added.host.count))
    return RequestHeadMarks(host: host, spanID: spanID)
  }

  /// The length of the request line where it, and behind it Host, are what this writer would write:
  /// most heads leave in one copy. 0 where one of them is to be written.
  @inline(__always)
  private static func lineAsSent(_ head: RequestHead, _ added: RequestAdditions) -> Int {
    guard head.fieldCount > 0, case .http11 = head.version else { return 0 }
    let first = UnsafePointer(head.fields)
    // A host or a target that is not the one that was sent lies elsewhere.
    guard FieldRuns.goesAsSent(first, without: ~FieldRuns.bit(.host)),
      spellsHost(head.base + Int(first.pointee.nameOffset)),
      added.host.base == head.base + Int(first.pointee.valueOffset),
      added.host.count == Int(first.pointee.valueLength),
      added.target.base == added.method.base + (added.method.count &+ 1)
    else { return 0 }
    // Behind the target a space, the version and the line end.
    let length = added.method.count &+ 1 &+ added.target.count &+ 11
    let start = added.method.base - head.base
    return start &+ length == Int(first.pointee.nameOffset) ? length : 0
  }

  @inline(__always)
  private static func spellsHost(_ name: UnsafePointer<UInt8>) -> Bool {
    // "Host" as a word read from low addresses up.
    UnsafeRawPointer(name).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: 0x7473_6f48)
  }

  /// The kinds of which this writer makes the only line; rules have dropped them or it replaces
  /// them.
  private static func replaced(_ added: RequestAdditions) -> UInt64 {
    var kinds =
      FieldRuns.bit(.host) | FieldRuns.bit(.connection) | FieldRuns.bit(.transferEncoding)
      | FieldRuns.bit(.te)
      | FieldRuns.bit(.upgrade) | FieldRuns.bit(.xForwardedFor)
    if !added.forwardedProto.isEmpty { kinds |= FieldRuns.bit(.xForwardedProto) }
    if !added.forwardedHost.isEmpty { kinds |= FieldRuns.bit(.xForwardedHost) }
    if !added.requestID.isEmpty { kinds |= FieldRuns.bit(.xRequestID) }
    if !added.traceparent.isEmpty { kinds |= FieldRuns.bit(.traceparent) }
    if added.maxForwards >= 0 { kinds |= FieldRuns.bit(.maxForwards) }
    return kinds
  }

  /// The lines that came, in order, as one, and behind them the peer. `lines` is 0 when none came.
  private static func writeForwardedFor(
    _ head: RequestHead, _ added: RequestAdditions, lines: UInt64, into writer: inout ByteWriter
  ) {
    let name: StaticString = "X-Forwarded-For: "
    if lines == 0 {
      writer.append(together: OwnLine.size(name, added.peerAddress)) { pen in
        OwnLine.put(name, added.peerAddress, &pen)
      }
      return
    }
    let start = writer.cursor
    writer.append(name)
    let empty = writer.count
    for index in 0..<head.fieldCount where isForwardedFor(head.fields[index]) {
      if writer.count > empty { writer.append(", ") }
      writer.append(head.fields[index].value.slice(in: head.base))
    }
    if !added.peerAddress.isEmpty {
      if writer.count > empty { writer.append(", ") }
      writer.append(added.peerAddress)
    }
    if writer.count > empty {
      writer.append("\r\n")
    } else if !writer.overflowed {
      writer.rewind(to: start)
    }
  }

  /// What the gateway says of the request. Gives the place of the span id, or 0.
  private static func writeOwn(_ added: RequestAdditions, into writer: inout ByteWriter) -> UInt32 {
    let proto: StaticString = "X-Forwarded-Proto: "
    let host: StaticString = "X-Forwarded-Host: "
    let requestID: StaticString = "X-Request-ID: "
    let trace: StaticString = "traceparent: "
    let beforeTrace =
      OwnLine.size(proto, added.forwardedProto) &+ OwnLine.size(host, added.forwardedHost)
      &+ OwnLine.size(requestID, added.requestID)
    // Behind the name, "00-", 32 digits of trace id and a hyphen.
    let spanID = writer.count &+ beforeTrace &+ trace.utf8CodeUnitCount &+ 36
    let size = beforeTrace &+ OwnLine.size(trace, added.traceparent) &+ Via.lineLength
    writer.append(together: size) { pen in
      OwnLine.put(proto, added.forwardedProto, &pen)
      OwnLine.put(host, added.forwardedHost, &pen)
      OwnLine.put(requestID, added.requestID, &pen)
      OwnLine.put(trace, added.traceparent, &pen)
      Via.put(added.receivedVersion, &pen)
    }
    return added.traceparent.isEmpty ? 0 : UInt32(spanID)
  }

  @inline(__always)
  private static func isForwardedFor(_ field: Field) -> Bool {
    FieldRuns.bit(field.kind) == FieldRuns.bit(.xForwardedFor) && field.valueLength > 0
      && !field.isDropped
  }

  private static func writeHopByHop(_ added: RequestAdditions, into writer: inout ByteWriter) {
    switch added.framing {
    case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
    case .none, .length: break
    case .untilClose: preconditionFailure("a request's body has an end")
    }
    if added.acceptsTrailers { writer.append("TE: trailers\r\n") }
    if !added.upgrade.isEmpty {
      writer.append("Upgrade: ")
      writer.append(added.upgrade)
      if added.acceptsTrailers {
        writer.append("\r\nConnection: upgrade, TE\r\n")
      } else {
        writer.append("\r\nConnection: upgrade\r\n")
      }
    } else if added.acceptsTrailers {
      writer.append("Connection: TE\r\n")
    }
  }
}
