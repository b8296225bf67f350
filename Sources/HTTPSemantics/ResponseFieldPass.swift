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
    let base = head.base
    let start = Int(head.fields[0].nameOffset)
    // A status line without phrase has fourteen bytes with its line end.
    guard start >= 14, HeadLines.afterLineEnd(base, start &- 2) == start else { return false }
    if !head.phrase.isEmpty, Int(head.phrase.end) + 2 != start { return false }
    var at = start
    var field = head.fields
    let last = field + head.fieldCount
    while field < last {
      at = HeadLines.afterField(field, base, from: at)
      if at < 0 { return false }
      let kind = field.pointee.kind.bit
      if kind & FieldKind.other.bit != 0 {
        let name = field.pointee.name.slice(in: base)
        if !FieldBytes.isShortAndPlain(name), FieldBytes.nameShape(name) == .invalid {
          return false
        }
      } else if kind & ResponseFieldPass.read != 0 {
        note(base, field, field - head.fields, &facts)
      }
      field += 1
    }
    let end = HeadLines.afterLineEnd(base, at)
    if end < 0 { return false }
    return head.bytesAreProved
      || HeadLines.hasOnlyLineEnds(base, head.fields, head.fieldCount, from: start, to: end)
  }

  /// The kinds with which `note` does something.
  private static var read: UInt64 {
    FieldKind.contentLength.bit | FieldKind.trailer.bit | FieldKind.date.bit
      | FieldKind.transferEncoding.bit | FieldKind.connection.bit | FieldKind.upgrade.bit
      | FieldKind.keepAlive.bit | FieldKind.proxyConnection.bit | FieldKind.proxyAuthenticate.bit
      | FieldKind.proxyAuthorization.bit | FieldKind.http2Settings.bit | FieldKind.te.bit
  }

  private mutating func note(
    _ base: UnsafePointer<UInt8>, _ field: UnsafeMutablePointer<Field>, _ index: Int,
    _ facts: inout ResponseFacts
  ) {
    switch field.pointee.kind {
    case .contentLength: first(&contentLengths, &contentLength, index)
    case .trailer: trailers &+= 1  // counts of lines, as in `first`
    case .date: if facts.dateField < 0 { facts.dateField = Int32(truncatingIfNeeded: index) }
    case .transferEncoding:
      first(&transferEncodings, &transferEncoding, index)
      field.pointee.drop()
    case .connection:
      first(&connections, &connection, index)
      field.pointee.drop()
    case .upgrade:
      first(&upgrades, &upgrade, index)
      field.pointee.drop()
    case .keepAlive:
      facts.keepAliveSeconds = KeepAliveHint.seconds(field.pointee.value.slice(in: base))
      field.pointee.drop()
    case .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .http2Settings, .te:
      field.pointee.drop()
    case .other, .host, .expect, .contentType, .via, .maxForwards, .forwarded, .xForwardedFor: break
    case .xForwardedProto, .xForwardedHost, .xForwardedOther, .xRealIP, .xRequestID: break
    case .traceparent, .tracestate, .authorization, .cookie, .idempotencyKey, .userAgent: break
    case .server, .retryAfter, .gatewayReason, .forbiddenInTrailer: break
    }
  }

  @inline(__always)
  private func first(_ count: inout Int, _ position: inout Int, _ index: Int) {
    if count == 0 { position = index }
    count &+= 1
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
