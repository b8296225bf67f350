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

  @inline(__always)
  func isHTTP10(_ head: RequestHead) -> Bool {
    switch head.version {
    case .http10: true
    case .http11: false
    }
  }

  /// Proves the shape and the bytes of every line from `start` to the empty line, drops what ends
  /// at this hop, and counts. Nil when all is well.
  mutating func run(
    _ head: RequestHead, from start: Int, _ rules: RequestRuleSettings, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    var at = start
    for index in 0..<head.fieldCount {
      guard let next = HeadLines.afterField(head.fields[index], head.base, from: at) else {
        return .framing
      }
      at = next
      guard FieldBytes.isValue(head.value(index)) else { return .field }
      if case .other = head.fields[index].kind {
        if let detail = checkName(head, index, rules, &facts) { return detail }
      } else {
        note(head, index, &facts)
      }
    }
    return HeadLines.afterLineEnd(head.base, at) == nil ? .framing : nil
  }

  /// Names that a rule knows were compared byte by byte; any other is looked at here.
  private func checkName(
    _ head: RequestHead, _ index: Int, _ rules: RequestRuleSettings, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    let name = head.fields[index].name.slice(in: head.base)
    switch FieldBytes.nameShape(name) {
    case .plain: return nil
    case .invalid: return .field
    case .withUnderscore: break
    }
    switch rules.underscoreFields {
    case .reject: return .field
    case .keep where !UnderscoreName.resemblesKnownField(name): return nil
    case .keep, .drop:
      head.fields[index].drop()
      facts.underscoreDrops &+= 1  // field tables hold at most 65,535 lines
      return nil
    }
  }

  private mutating func note(_ head: RequestHead, _ index: Int, _ facts: inout RequestFacts) {
    switch head.fields[index].kind {
    case .host: first(&hosts, &host, index)
    case .contentLength: first(&contentLengths, &contentLength, index)
    case .expect: first(&expects, &expect, index)
    case .maxForwards: first(&maxForwardsLines, &maxForwards, index)
    case .trailer: trailers += 1
    case .transferEncoding:
      first(&transferEncodings, &transferEncoding, index)
      head.fields[index].drop()
    case .connection:
      first(&connections, &connection, index)
      head.fields[index].drop()
    case .upgrade:
      first(&upgrades, &upgrade, index)
      head.fields[index].drop()
    case .te:
      if TERule.takesTrailers(head.value(index)) { facts.takesTrailers = true }
      head.fields[index].drop()
    case .keepAlive, .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .http2Settings:
      head.fields[index].drop()
    case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedOther, .xRealIP:
      facts.hasForwardingIdentity = true
    case .idempotencyKey: idempotencyKey = index
    case .userAgent: keepFirst(&facts.userAgentField, index)
    case .xRequestID: keepFirst(&facts.requestIDField, index)
    case .traceparent: keepFirst(&facts.traceparentField, index)
    case .tracestate: keepFirst(&facts.tracestateField, index)
    case .other, .contentType, .via, .authorization, .cookie, .date, .server, .retryAfter: break
    case .gatewayReason, .forbiddenInTrailer: break
    }
  }

  @inline(__always)
  private func first(_ count: inout Int, _ position: inout Int, _ index: Int) {
    if count == 0 { position = index }
    count += 1
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
      if ASCII.equalIgnoringCase(member, "trailers") { return true }
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
