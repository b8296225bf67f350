// Why this file exists: the field lines of a response are looked at once, in order, like those of a
// request.
import Primitives

/// Counts and first positions of the lines that the rules for responses ask for. An index is only
/// meaningful when its count is above zero.
struct ResponseFieldPass {
  var contentLengths = 0
  var contentLength = 0
  var transferEncodings = 0
  var transferEncoding = 0
  var connections = 0
  var connection = 0
  var upgrades = 0
  var upgrade = 0
  var trailers = 0

  /// Proves the shape and the bytes of every line, drops what ends at this hop, and counts. False
  /// when a line is not what it should be.
  mutating func run(_ head: ResponseHead, _ facts: inout ResponseFacts) -> Bool {
    guard head.fieldCount > 0 else { return true }
    var at = Int(head.fields[0].nameOffset)
    guard at >= 2, HeadLines.afterLineEnd(head.base, at - 2) == at else { return false }
    if !head.phrase.isEmpty, Int(head.phrase.end) + 2 != at { return false }
    for index in 0..<head.fieldCount {
      guard let next = HeadLines.afterField(head.fields[index], head.base, from: at),
        FieldBytes.isValue(head.value(index))
      else { return false }
      at = next
      if case .other = head.fields[index].kind {
        let name = head.fields[index].name.slice(in: head.base)
        if FieldBytes.nameShape(name) == .invalid { return false }
      } else {
        note(head, index, &facts)
      }
    }
    return HeadLines.afterLineEnd(head.base, at) != nil
  }

  private mutating func note(_ head: ResponseHead, _ index: Int, _ facts: inout ResponseFacts) {
    switch head.fields[index].kind {
    case .contentLength: first(&contentLengths, &contentLength, index)
    case .trailer: trailers += 1
    case .date: if facts.dateField < 0 { facts.dateField = Int32(truncatingIfNeeded: index) }
    case .transferEncoding:
      first(&transferEncodings, &transferEncoding, index)
      head.fields[index].drop()
    case .connection:
      first(&connections, &connection, index)
      head.fields[index].drop()
    case .upgrade:
      first(&upgrades, &upgrade, index)
      head.fields[index].drop()
    case .keepAlive:
      facts.keepAliveSeconds = KeepAliveHint.seconds(head.value(index))
      head.fields[index].drop()
    case .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .http2Settings, .te:
      head.fields[index].drop()
    case .other, .host, .expect, .contentType, .via, .maxForwards, .forwarded, .xForwardedFor: break
    case .xForwardedProto, .xForwardedHost, .xForwardedOther, .xRealIP, .xRequestID: break
    case .traceparent, .tracestate, .authorization, .cookie, .idempotencyKey, .userAgent: break
    case .server, .retryAfter, .gatewayReason, .forbiddenInTrailer: break
    }
  }

  @inline(__always)
  private func first(_ count: inout Int, _ position: inout Int, _ index: Int) {
    if count == 0 { position = index }
    count += 1
  }
}

/// `Keep-Alive: timeout=5, max=100` of a backend: how long it will keep an idle connection.
enum KeepAliveHint {
  /// The seconds of `timeout`; 0 when there is none that can be read.
  static func seconds(_ value: ByteSlice) -> UInt32 {
    var list = FieldList(value)
    while let member = list.next() {
      let name: StaticString = "timeout="
      let length = name.utf8CodeUnitCount
      guard member.count > length,
        ASCII.equalIgnoringCase(ByteSlice(member.base, length), name)
      else { continue }
      let digits = ByteSlice(member.base + length, member.count - length)
      guard let seconds = ASCII.decimal(digits) else { return 0 }
      return UInt32(clamping: seconds)
    }
    return 0
  }
}
