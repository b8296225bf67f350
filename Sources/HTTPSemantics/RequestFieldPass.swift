// Why this file exists: every field line is looked at once, in order; what several rules want to
// know of it is collected in that one pass.
import Primitives

/// Counts and first positions of the lines that the rules for requests ask for. An index is only
/// meaningful when its count is above zero.
struct RequestFieldPass {
  var hosts = 0
  var host = 0
  var contentLengths = 0
  var contentLength = 0
  var transferEncodings = 0
  var transferEncoding = 0
  var connections = 0
  var connection = 0
  var expects = 0
  var expect = 0
  var upgrades = 0
  var upgrade = 0
  var maxForwardsLines = 0
  var maxForwards = 0
  var trailers = 0
  var idempotencyKey = -1

  /// Expect, Max-Forwards or Upgrade: most requests have none of them.
  @inline(__always)
  var hasRareLines: Bool { expects | maxForwardsLines | upgrades != 0 }

  @inline(__always)
  func isHTTP10(_ head: RequestHead) -> Bool {
    switch head.version {
    case .http10: true
    case .http11: false
    }
  }

  /// Proves the shape and the bytes of every line from `start` to the empty line, drops what ends
  /// at this hop, and counts. `none` when all is well.
  mutating func run(
    _ head: RequestHead, from start: Int, _ rules: RequestRuleSettings, _ facts: inout RequestFacts
  ) -> BadRequestDetail {
    let base = head.base
    let fields = head.fields
    let last = fields + head.fieldCount
    var at = start
    var field = fields
    while field < last {
      at = HeadLines.afterField(field, base, from: at)
      if at < 0 { return .framing }
      let kind = field.pointee.kind.bit
      if kind & FieldKind.other.bit != 0 {
        if !FieldBytes.isShortAndPlain(field.pointee.name.slice(in: base)),
          !checkName(base, field, rules, &facts)
        {
          return .field
        }
      } else if kind & RequestFieldPass.unread == 0 {
        note(base, field, field - fields, &facts)
      }
      field += 1
    }
    let end = HeadLines.afterLineEnd(base, at)
    if end < 0 { return .framing }
    if head.bytesAreProved { return .none }
    let isClean = HeadLines.hasOnlyLineEnds(base, fields, head.fieldCount, from: start, to: end)
    return isClean ? .none : .field
  }

  /// Names that a rule knows were compared byte by byte; any other is looked at here. False when it
  /// refuses the request.
  private func checkName(
    _ base: UnsafePointer<UInt8>, _ field: UnsafeMutablePointer<Field>,
    _ rules: RequestRuleSettings, _ facts: inout RequestFacts
  ) -> Bool {
    let name = field.pointee.name.slice(in: base)
    switch FieldBytes.nameShape(name) {
    case .plain: return true
    case .invalid: return false
    case .withUnderscore: break
    }
    switch rules.underscoreFields {
    case .reject: return false
    case .keep where !UnderscoreName.resemblesKnownField(name): return true
    case .keep, .drop:
      field.pointee.drop()
      facts.underscoreDrops &+= 1  // field tables hold at most 65,535 lines
      return true
    }
  }

  /// The kinds with which `note` does nothing.
  private static var unread: UInt64 {
    FieldKind.contentType.bit | FieldKind.via.bit | FieldKind.authorization.bit
      | FieldKind.cookie.bit | FieldKind.date.bit | FieldKind.server.bit
      | FieldKind.retryAfter.bit | FieldKind.gatewayReason.bit | FieldKind.forbiddenInTrailer.bit
  }

  private mutating func note(
    _ base: UnsafePointer<UInt8>, _ field: UnsafeMutablePointer<Field>, _ index: Int,
    _ facts: inout RequestFacts
  ) {
    switch field.pointee.kind {
    case .host: first(&hosts, &host, index)
    case .contentLength: first(&contentLengths, &contentLength, index)
    case .expect: first(&expects, &expect, index)
    case .maxForwards: first(&maxForwardsLines, &maxForwards, index)
    case .trailer: trailers &+= 1  // counts of lines, as in `first`
    case .transferEncoding:
      first(&transferEncodings, &transferEncoding, index)
      field.pointee.drop()
    case .connection:
      first(&connections, &connection, index)
      field.pointee.drop()
    case .upgrade:
      first(&upgrades, &upgrade, index)
      field.pointee.drop()
    case .te:
      if TERule.takesTrailers(field.pointee.value.slice(in: base)) { facts.takesTrailers = true }
      field.pointee.drop()
    case .keepAlive, .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .http2Settings:
      field.pointee.drop()
    case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedOther, .xRealIP:
      facts.hasForwardingIdentity = true
    case .idempotencyKey: idempotencyKey = index
    case .userAgent: keepFirst(&facts.userAgentField, index)
    case .xRequestID: keepFirst(&facts.requestIDField, index)
    case .traceparent: keepOnly(&facts.traceparentField, index)
    case .tracestate: keepFirst(&facts.tracestateField, index)
    case .other, .contentType, .via, .authorization, .cookie, .date, .server, .retryAfter: break
    case .gatewayReason, .forbiddenInTrailer: break
    }
  }

  @inline(__always)
  private func first(_ count: inout Int, _ position: inout Int, _ index: Int) {
    if count == 0 { position = index }
    count &+= 1
  }

  /// Of several lines none counts: which of them is meant nobody can know.
  @inline(__always)
  private func keepOnly(_ field: inout Int32, _ index: Int) {
    field = field == -1 ? Int32(truncatingIfNeeded: index) : -2
  }

  @inline(__always)
  private func keepFirst(_ field: inout Int32, _ index: Int) {
    if field < 0 { field = Int32(truncatingIfNeeded: index) }
  }
}

/// TE on a request (RFC 9110 section 10.1.4).
enum TERule {
  /// One member is exactly `trailers`.
  static func takesTrailers(_ value: ByteSlice) -> Bool {
    var list = FieldList(value)
    while let member = list.next() {
      if FieldWord.isSame(member, "trailers") { return true }
    }
    return false
  }
}

/// Names with an underscore, when the configuration keeps them.
enum UnderscoreName {
  /// With hyphens for underscores the name is one that a rule of the gateway speaks of: a server
  /// that makes variables of names would take this line for a field that only we may set.
  static func resemblesKnownField(_ name: ByteSlice) -> Bool {
    guard name.count <= 64 else { return false }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { room in
      guard let copy = room.baseAddress else { return true }
      for index in 0..<name.count {
        let byte = name.base[index]
        (copy + index).initialize(to: byte == 0x5f ? 0x2d : byte)
      }
      switch FieldClassifier.kind(of: ByteSlice(copy, name.count)) {
      case .other, .forbiddenInTrailer, .userAgent, .date, .server, .retryAfter: return false
      case .host, .contentLength, .transferEncoding, .expect, .contentType: return true
      case .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade: return true
      case .proxyAuthenticate, .proxyAuthorization, .http2Settings, .via, .maxForwards: return true
      case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost: return true
      case .xForwardedOther, .xRealIP, .xRequestID, .traceparent, .tracestate: return true
      case .authorization, .cookie, .idempotencyKey, .gatewayReason: return true
      }
    }
  }
}
