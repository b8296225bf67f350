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
    let seen = pass
    if let detail = frame(&head, seen) { return .bad(detail) }
    if let detail = RequestTarget.read(&head, into: &facts) { return .bad(detail) }
    if let detail = readHost(&head, seen, &facts) { return .bad(detail) }
    var options = ConnectionOptions()
    let isReadable = options.read(
      head.base, head.fields, head.fieldCount, lines: seen.connections, first: seen.connection)
    if !isReadable { return .bad(.field) }
    head.keepAlive = head.keepAlive && options.persists(head.version)
    if seen.hasRareLines {
      if let detail = readExpect(&head, seen, &facts) { return .bad(detail) }
      if let detail = readMaxForwards(&head, seen, &facts) { return .bad(detail) }
      readUpgrade(&head, seen, options, &facts)
    }
    facts.dropsTrailers = options.mayNameTrailers
    finish(&head, seen, &facts)
    return .accept
  }

  /// How long the body is (RFC 9112 section 6.3), read from the fields and compared with what the
  /// parser goes by: two opinions on that are how requests are smuggled.
  @inline(__always)
  private static func frame(
    _ head: inout RequestHead, _ pass: RequestFieldPass
  ) -> BadRequestDetail? {
    let framing: Framing
    if pass.transferEncodings > 0 {
      guard pass.transferEncodings == 1, pass.contentLengths == 0, !pass.isHTTP10(head),
        MessageFraming.isChunked(head.value(pass.transferEncoding))
      else { return .framing }
      framing = .chunked
    } else if pass.contentLengths > 0 {
      guard pass.contentLengths == 1,
        let length = MessageFraming.length(head.value(pass.contentLength))
      else { return .framing }
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
    _ head: inout RequestHead, _ pass: RequestFieldPass, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    if pass.hosts == 0 { return pass.isHTTP10(head) ? nil : .host }
    guard pass.hosts == 1, let authority = Authority.parse(head.value(pass.host)) else {
      return .host
    }
    if facts.authority.isEmpty { facts.setAuthority(authority, head.fields[pass.host].value) }
    return nil
  }

  /// The one expectation there is. Another value, or a second line, is refused: hops that read it
  /// differently disagree on whether a body follows. Of HTTP/1.0 it is ignored, and without a body
  /// to come it means nothing (RFC 9110 section 10.1.1); then the line is dropped.
  private static func readExpect(
    _ head: inout RequestHead, _ pass: RequestFieldPass, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    guard pass.expects > 0 else { return nil }
    if pass.isHTTP10(head) {
      for index in pass.expect..<head.fieldCount {
        if case .expect = head.fields[index].kind { head.fields[index].drop() }
      }
      return nil
    }
    guard pass.expects == 1, FieldWord.isSame(head.value(pass.expect), "100-continue") else {
      return .field
    }
    if head.framing.isEmpty {
      head.fields[pass.expect].drop()
    } else {
      facts.expectsContinue = true
    }
    return nil
  }

  /// Digits only, one line (RFC 9110 section 7.6.2). A count above 2^32 - 1 is lowered to that.
  private static func readMaxForwards(
    _ head: inout RequestHead, _ pass: RequestFieldPass, _ facts: inout RequestFacts
  ) -> BadRequestDetail? {
    guard pass.maxForwardsLines > 0 else { return nil }
    switch head.method {
    case .options, .trace: break
    case .get, .head, .post, .put, .delete, .connect, .patch, .other: return nil
    }
    let value = head.value(pass.maxForwards)
    guard pass.maxForwardsLines == 1, value.count > 0 else { return .field }
    for index in 0..<value.count where !ASCII.isDigit(value.base[index]) { return .field }
    let count = ASCII.decimal(value) ?? .max
    if count == 0 {
      facts.maxForwards = .answer
    } else {
      facts.maxForwards = .forward(UInt32(clamping: count - 1))
      head.fields[pass.maxForwards].drop()
    }
    return nil
  }

  /// An offer counts on a GET without body, of one protocol, named by Connection (RFC 9110 section
  /// 7.8; of HTTP/1.0 it is ignored).
  private static func readUpgrade(
    _ head: inout RequestHead, _ pass: RequestFieldPass, _ options: ConnectionOptions,
    _ facts: inout RequestFacts
  ) {
    guard pass.upgrades == 1, options.upgrade, !pass.isHTTP10(head), head.framing.isEmpty else {
      return
    }
    guard case .get = head.method else { return }
    if UpgradeRule.isOneProtocol(head.value(pass.upgrade)) {
      facts.upgrade = head.fields[pass.upgrade].value
    }
  }

  /// What depends on the verdict on other fields.
  @inline(__always)
  private static func finish(
    _ head: inout RequestHead, _ pass: RequestFieldPass, _ facts: inout RequestFacts
  ) {
    // Trailers are forwarded only behind a chunked body; without one their announcement is false.
    if pass.trailers > 0, head.framing != .chunked || facts.dropsTrailers {
      TrailerRules.dropAnnouncement(head.fields, head.fieldCount)
    }
    if facts.userAgentField >= 0, head.fields[Int(facts.userAgentField)].isDropped {
      facts.userAgentField = -1
    }
    if pass.idempotencyKey >= 0 {
      let key = head.fields[pass.idempotencyKey]
      facts.hasIdempotencyKey = !key.isDropped && key.valueLength > 0
    }
    if pass.isHTTP10(head) { facts.takesTrailers = false }
  }
}

extension RequestHead {
  /// The value of the field at `index`.
  @inline(__always)
  func value(_ index: Int) -> ByteSlice { fields[index].value.slice(in: base) }
}
