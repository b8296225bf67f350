// Why this file exists: a request is forwarded only when every reader on the way must understand it
// alike. The parser proves the grammar; what it leaves open is decided here, in one place and in
// the order in which the head reads.
import Primitives

/// The rules of RFC 9110 and 9112 for requests that a gateway takes in.
package enum RequestRules {
  /// Judges `head`, marks the field lines that end at this hop, sets `framing` and `keepAlive`, and
  /// fills `facts`. The head's bytes and table are as `RequestHead` describes them. Whatever the
  /// verdict, `head` is not forwarded without asking it.
  package static func judge(
    _ head: inout RequestHead, rules: RequestRuleSettings, into facts: inout RequestFacts
  ) -> RequestVerdict {
    facts = RequestFacts()
    let firstLine: Int
    switch HeadLines.requestLine(head) {
    case .good(let next): firstLine = next
    case .otherVersion: return .bad(.version)
    case .bad: return .bad(.framing)
    }
    if case .connect = head.method { return .refuse(.methodNotAllowed, .none) }

    var pass = RequestFieldPass()
    switch pass.run(head, from: firstLine, rules, &facts) {
    case .none: break
    case .framing: return .bad(.framing)
    case .field, .host, .target, .version, .method: return .bad(.field)
    }
    let kinds = pass.kinds
    if let detail = frame(&head, kinds) { return .bad(detail) }
    if let detail = RequestTarget.read(&head, into: &facts) { return .bad(detail) }
    if let detail = readHost(&head, kinds, &facts) { return .bad(detail) }
    var options = ConnectionOptions()
    if kinds.has(.connection) {
      let isReadable = options.read(
        head.base, head.fields, head.fieldCount, isOneLine: !kinds.isRepeated(.connection))
      if !isReadable { return .bad(.field) }
    }
    head.keepAlive = head.keepAlive && options.persists(head.version)
    if pass.hasRareLines {
      if let detail = readExpect(&head, kinds, &facts) { return .bad(detail) }
      if let detail = readMaxForwards(&head, kinds, &facts) { return .bad(detail) }
      readUpgrade(&head, kinds, options, &facts)
    }
    facts.dropsTrailers = options.mayNameTrailers
    finish(&head, kinds, &facts)
    return .accept
  }

  /// How long the body is (RFC 9112 section 6.3), read from the fields and compared with what the
  /// parser goes by: two opinions on that are how requests are smuggled.
  @inline(__always)
  private static func frame(
    _ head: inout RequestHead, _ kinds: FieldKinds
  ) -> BadRequestDetail? {
    let framing: Framing
    if kinds.has(.transferEncoding) {
      guard !kinds.isRepeated(.transferEncoding), !kinds.has(.contentLength), !head.isHTTP10,
        MessageFraming.isChunked(head.first(.transferEncoding))
      else { return .framing }
      framing = .chunked
    } else if kinds.has(.contentLength) {
      let line = FieldKinds.first(.contentLength, head.fields, head.fieldCount)
      guard !kinds.isRepeated(.contentLength),
        let length = MessageFraming.length(head.value(line))
      else { return .framing }
      MessageFraming.dropLeadingZeros(head.fields + line, head.base)
      framing = .length(length)
    } else {
      framing = .none
    }
    guard framing == head.framing || (framing.isEmpty && head.framing.isEmpty) else {
      return .framing
    }
    // A client must not send content in a TRACE request (RFC 9110 section 9.3.8).
    if case .trace = head.method, !framing.isEmpty { return .framing }
    head.framing = framing
    return nil
  }

  /// Host: exactly one on HTTP/1.1, at most one on HTTP/1.0, and an authority (RFC 9112 section
  /// 3.2). An absolute target's authority takes its place.
  @inline(__always)
  private static func readHost(
    _ head: inout RequestHead, _ kinds: FieldKinds, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    if !kinds.has(.host) { return head.isHTTP10 ? nil : .host }
    if kinds.isRepeated(.host) { return .host }
    let line = FieldKinds.first(.host, head.fields, head.fieldCount)
    guard let authority = Authority.parse(head.value(line)) else { return .host }
    if facts.authority.isEmpty { facts.setAuthority(authority, head.fields[line].value) }
    return nil
  }

  /// The one expectation there is. Another value, or a second line, is refused: hops that read it
  /// differently disagree on whether a body follows. Of HTTP/1.0 it is ignored, and without a body
  /// to come it means nothing (RFC 9110 section 10.1.1); then the line is dropped.
  private static func readExpect(
    _ head: inout RequestHead, _ kinds: FieldKinds, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    guard kinds.has(.expect) else { return nil }
    let line = FieldKinds.first(.expect, head.fields, head.fieldCount)
    if head.isHTTP10 {
      for index in line..<head.fieldCount {
        if case .expect = head.fields[index].kind { head.fields[index].drop() }
      }
      return nil
    }
    guard !kinds.isRepeated(.expect), FieldWord.isSame(head.value(line), "100-continue") else {
      return .field
    }
    if head.framing.isEmpty {
      head.fields[line].drop()
    } else {
      facts.expectsContinue = true
    }
    return nil
  }

  /// Digits only, one line (RFC 9110 section 7.6.2). A count above 2^32 - 1 is lowered to that.
  private static func readMaxForwards(
    _ head: inout RequestHead, _ kinds: FieldKinds, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    guard kinds.has(.maxForwards) else { return nil }
    switch head.method {
    case .options, .trace: break
    case .get, .head, .post, .put, .delete, .connect, .patch, .other: return nil
    }
    let line = FieldKinds.first(.maxForwards, head.fields, head.fieldCount)
    let value = head.value(line)
    guard !kinds.isRepeated(.maxForwards), value.count > 0 else { return .field }
    for index in 0..<value.count where !ASCII.isDigit(value.base[index]) { return .field }
    let count = ASCII.decimal(value) ?? .max
    if count == 0 {
      facts.maxForwards = .answer
    } else {
      facts.maxForwards = .forward(UInt32(clamping: count - 1))
      head.fields[line].drop()
    }
    return nil
  }

  /// An offer counts on a GET without body, of one protocol, named by Connection (RFC 9110 section
  /// 7.8; of HTTP/1.0 it is ignored).
  private static func readUpgrade(
    _ head: inout RequestHead, _ kinds: FieldKinds, _ options: ConnectionOptions,
    _ facts: inout RequestFacts
  ) {
    guard kinds.has(.upgrade), !kinds.isRepeated(.upgrade), options.upgrade, !head.isHTTP10,
      head.framing.isEmpty
    else { return }
    guard case .get = head.method else { return }
    let line = FieldKinds.first(.upgrade, head.fields, head.fieldCount)
    if UpgradeRule.isOneProtocol(head.value(line)) { facts.upgrade = head.fields[line].value }
  }

  /// What depends on the verdict on other fields.
  @inline(__always)
  private static func finish(
    _ head: inout RequestHead, _ kinds: FieldKinds, _ facts: inout RequestFacts
  ) {
    // Trailers are forwarded only behind a chunked body; without one their announcement is false.
    if kinds.has(.trailer), head.framing != .chunked || facts.dropsTrailers {
      TrailerRules.dropAnnouncement(head.fields, head.fieldCount)
    }
    if facts.userAgentField >= 0, head.fields[Int(facts.userAgentField)].isDropped {
      facts.userAgentField = -1
    }
    if kinds.has(.idempotencyKey) {
      for index in 0..<head.fieldCount {
        let key = head.fields[index]
        guard case .idempotencyKey = key.kind else { continue }
        facts.hasIdempotencyKey = !key.isDropped && key.valueLength > 0
      }
    }
    if head.isHTTP10 { facts.takesTrailers = false }
  }
}

extension RequestHead {
  /// The value of the field at `index`.
  @inline(__always)
  func value(_ index: Int) -> ByteSlice { fields[index].value.slice(in: base) }

  /// The value of the first line of a kind that came.
  @inline(__always)
  func first(_ kind: FieldKind) -> ByteSlice { value(FieldKinds.first(kind, fields, fieldCount)) }

  @inline(__always)
  var isHTTP10: Bool {
    switch version {
    case .http10: true
    case .http11: false
    }
  }
}
