// Why this file exists: every field line is looked at once, in order; what several rules want to
// know of it is collected in that one pass.
import Primitives

/// What the lines of a request are, for the rules to ask.
struct RequestFieldPass {
  var kinds = FieldKinds()

  /// Expect, Max-Forwards or Upgrade: most requests have none of them.
  @inline(__always)
  var hasRareLines: Bool {
    kinds.hasAny(FieldKind.expect.bit | FieldKind.maxForwards.bit | FieldKind.upgrade.bit)
  }

  /// Proves the shape and the bytes of every line from `start` to the empty line, drops what ends
  /// at this hop, and notes the kinds. `none` when all is well.
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
      } else {
        kinds.note(kind)
        if kind & RequestFieldPass.placed != 0 { notePlace(field, field - fields, &facts) }
      }
      field += 1
    }
    let end = HeadLines.afterLineEnd(base, at)
    if end < 0 { return .framing }
    facts.hasForwardingIdentity = kinds.hasAny(FieldKind.forwardingIdentity)
    if kinds.hasAny(FieldKind.hopByHop) { dropHopByHop(head, &facts) }
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

  /// The kinds of which somebody reads the first line later.
  private static var placed: UInt64 {
    FieldKind.userAgent.bit | FieldKind.xRequestID.bit | FieldKind.traceparent.bit
      | FieldKind.tracestate.bit
  }

  @inline(__always)
  private func notePlace(
    _ field: UnsafePointer<Field>, _ index: Int, _ facts: inout RequestFacts
  ) {
    let kind = field.pointee.kind.bit
    if kind == FieldKind.userAgent.bit {
      keepFirst(&facts.userAgentField, index)
    } else if kind == FieldKind.xRequestID.bit {
      keepFirst(&facts.requestIDField, index)
    } else if kind == FieldKind.traceparent.bit {
      keepOnly(&facts.traceparentField, index)
    } else {
      keepFirst(&facts.tracestateField, index)
    }
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

  private func dropHopByHop(_ head: RequestHead, _ facts: inout RequestFacts) {
    for index in 0..<head.fieldCount
    where head.fields[index].kind.bit & FieldKind.hopByHop != 0 {
      if case .te = head.fields[index].kind, TERule.takesTrailers(head.value(index)) {
        facts.takesTrailers = true
      }
      head.fields[index].drop()
    }
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
