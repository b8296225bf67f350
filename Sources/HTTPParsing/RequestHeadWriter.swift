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
    writer.append(added.method)
    writer.put(" ")
    writer.append(added.target)
    writer.put(" HTTP/1.1\r\nHost: ")
    let host = ByteRange(offset: UInt32(writer.count), length: UInt32(added.host.count))
    writer.append(added.host)
    writer.put("\r\n")
    FieldRuns.write(
      head.base, head.fields, head.fieldCount, without: replaced(added), into: &writer)
    writeForwarded(head, added, into: &writer)
    writeLine("X-Request-ID: ", added.requestID, into: &writer)
    var spanID: UInt32 = 0
    if !added.traceparent.isEmpty {
      writer.put("traceparent: ")
      spanID = UInt32(writer.count) + 36  // behind "00-", 32 digits of trace id and a hyphen
      writer.append(added.traceparent)
      writer.put("\r\n")
    }
    writer.put("Via: ")
    writer.append(Via.member(added.receivedVersion))
    writer.put("\r\n")
    if added.maxForwards >= 0 {
      writer.put("Max-Forwards: ")
      writer.appendDecimal(UInt64(added.maxForwards))
      writer.put("\r\n")
    }
    writeHopByHop(added, into: &writer)
    writer.put("\r\n")
    return RequestHeadMarks(host: host, spanID: spanID)
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

  @inline(__always)
  private static func writeLine(
    _ name: StaticString, _ value: ByteSlice, into writer: inout ByteWriter
  ) {
    if value.isEmpty { return }
    writer.put(name)
    writer.append(value)
    writer.put("\r\n")
  }

  private static func writeForwarded(
    _ head: RequestHead, _ added: RequestAdditions, into writer: inout ByteWriter
  ) {
    let start = writer.cursor
    writer.put("X-Forwarded-For: ")
    let empty = writer.count
    for index in 0..<head.fieldCount where isForwardedFor(head.fields[index]) {
      if writer.count > empty { writer.put(", ") }
      writer.append(head.fields[index].value.slice(in: head.base))
    }
    if !added.peerAddress.isEmpty {
      if writer.count > empty { writer.put(", ") }
      writer.append(added.peerAddress)
    }
    if writer.count > empty {
      writer.put("\r\n")
    } else if !writer.overflowed {
      writer.rewind(to: start)
    }
    writeLine("X-Forwarded-Proto: ", added.forwardedProto, into: &writer)
    writeLine("X-Forwarded-Host: ", added.forwardedHost, into: &writer)
  }

  @inline(__always)
  private static func isForwardedFor(_ field: Field) -> Bool {
    FieldRuns.bit(field.kind) == FieldRuns.bit(.xForwardedFor) && field.valueLength > 0
      && !field.isDropped
  }

  private static func writeHopByHop(_ added: RequestAdditions, into writer: inout ByteWriter) {
    switch added.framing {
    case .chunked: writer.put("Transfer-Encoding: chunked\r\n")
    case .none, .length: break
    case .untilClose: preconditionFailure("a request's body has an end")
    }
    if added.acceptsTrailers { writer.put("TE: trailers\r\n") }
    if !added.upgrade.isEmpty {
      writer.put("Upgrade: ")
      writer.append(added.upgrade)
      if added.acceptsTrailers {
        writer.put("\r\nConnection: upgrade, TE\r\n")
      } else {
        writer.put("\r\nConnection: upgrade\r\n")
      }
    } else if added.acceptsTrailers {
      writer.put("Connection: TE\r\n")
    }
  }
}
