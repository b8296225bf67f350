// Why this file exists: the bytes that a backend gets, exactly.
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

/// Parses a request and judges it, then gives what `body` makes of it.
func withRequest<Result>(
  _ text: String, _ body: (inout RequestHead, RequestFacts, ByteSlice) -> Result
) -> Result {
  let parser = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
  RequestParser.initialise(parser)
  var table = HeadTable.create(maxFields: 100)
  var spans = BodySpans.create(capacity: 4)
  defer {
    RequestParser.destroy(parser)
    parser.deallocate()
    table.destroy()
    spans.destroy()
  }
  let input = raw(text)
  return input.withUnsafeBufferPointer { buffer in
    let base = buffer.baseAddress!
    let step = RequestParser.feed(
      parser, table: &table, spans: &spans, base: base, from: 0, to: input.count,
      limits: ParseLimits(headSize: 65_536, headFields: 100))
    #expect(step.event == .head)
    var head = RequestParser.head(parser, table: &table, base: base)
    var facts = RequestFacts()
    let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
    #expect(verdict == .accept)
    return body(&head, facts, table.method.slice(in: base))
  }
}

/// Runs `body` with a writer of `capacity` bytes and gives what it wrote; nil when it overflowed.
func written(capacity: Int = 4096, _ body: (inout ByteWriter) -> Void) -> String? {
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: capacity)
  body(&writer)
  return writer.overflowed ? nil : shown(writer.written.buffer)
}

func slice(_ text: StaticString) -> ByteSlice { ByteSlice(text.utf8Start, text.utf8CodeUnitCount) }

@Suite struct RequestHeadWriterTests {
  /// The head written for `text`, line ends visible, after `change` has been at the additions.
  private func write(
    _ text: String, capacity: Int = 4096,
    _ change: (inout RequestAdditions, RequestFacts, RequestHead) -> Void = { _, _, _ in }
  ) -> String? {
    withRequest(text) { head, facts, method in
      var added = RequestAdditions(
        method: method, target: facts.pathAndQuery.slice(in: head.base),
        host: facts.authority.slice(in: head.base), framing: head.framing,
        receivedVersion: head.version)
      change(&added, facts, head)
      return written(capacity: capacity) { writer in
        _ = RequestHeadWriter.write(head, added, into: &writer)
      }
    }
  }

  @Test func `the least there is`() {
    #expect(
      write("GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n")
        == #"GET /a?b HTTP/1.1\r\nHost: h\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `fields keep their order, spelling and number, Host goes first`() {
    #expect(
      write("GET / HTTP/1.1\r\naccept: */*\r\nX-A: 1\r\nHost: h\r\nx-a: 2\r\nX-A: 1\r\n\r\n")
        == #"GET / HTTP/1.1\r\nHost: h\r\naccept: */*\r\nX-A: 1\r\nx-a: 2\r\nX-A: 1\r\n"#
        + #"Via: 1.1 gateway\r\n\r\n"#)
  }

  @Test(arguments: ["Host: h", "host: h", "HOST: h", "Host:h", "Host:  h", "Host: h "])
  func `Host is written in one way, however the first line spells it`(line: String) {
    #expect(
      write("GET / HTTP/1.1\r\n\(line)\r\nA: 1\r\n\r\n")
        == #"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `another host or target takes the place of what was sent`() {
    let text = "GET /sent HTTP/1.1\r\nHost: sent\r\nA: 1\r\n\r\n"
    #expect(
      write(text) { added, _, _ in added.host = slice("else") }
        == #"GET /sent HTTP/1.1\r\nHost: else\r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
    #expect(
      write(text) { added, _, _ in added.host = ByteSlice(added.host.base, 0) }
        == #"GET /sent HTTP/1.1\r\nHost: \r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
    #expect(
      write(text) { added, _, _ in added.target = slice("/else") }
        == #"GET /else HTTP/1.1\r\nHost: sent\r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
    #expect(
      write(text) { added, _, _ in added.target = ByteSlice(added.target.base, 1) }
        == #"GET / HTTP/1.1\r\nHost: sent\r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `of two lines of Host, which the rules refuse, the writer would pass on one`() {
    let input = raw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nA: 1\r\n\r\n")
    #expect(
      input.withUnsafeBufferPointer { buffer in
        let base = buffer.baseAddress!
        var fields = [
          Field(nameOffset: 16, nameLength: 4, valueOffset: 22, valueLength: 1, kind: .host),
          Field(nameOffset: 25, nameLength: 4, valueOffset: 31, valueLength: 1, kind: .host),
          Field(nameOffset: 34, nameLength: 1, valueOffset: 37, valueLength: 1, kind: .other),
        ]
        FieldClassifier.finish(base, &fields, 3)
        return fields.withUnsafeMutableBufferPointer { fields in
          let head = RequestHead(
            base: base, fields: fields.baseAddress!, fieldCount: 3, method: .get, version: .http11,
            target: ByteRange(offset: 4, length: 1), framing: .none, keepAlive: true)
          let added = RequestAdditions(
            method: ByteSlice(base, 3), target: ByteSlice(base + 4, 1),
            host: ByteSlice(base + 22, 1), framing: .none, receivedVersion: .http11)
          return written { writer in _ = RequestHeadWriter.write(head, added, into: &writer) }
        }
      } == #"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `blanks around a value are not passed on, blanks inside are`() {
    #expect(
      write("GET / HTTP/1.1\r\nHost:h\r\nA:  1\r\nB: 2 \t\r\nC:3\r\nD:\r\nE: \r\nF: a \tb\r\n\r\n")
        == #"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC:3\r\nD: \r\nE: \r\nF: a "# + "\tb"
        + #"\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `what ends at this hop is left out, also what Connection names`() {
    #expect(
      write(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\nA: 1\r\n"
          + "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authorization: x\r\n"
          + "TE: gzip\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n"
          + "B: 2\r\n\r\n"
      )
        == #"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nVia: 1.1 gateway\r\n"#
        + #"Transfer-Encoding: chunked\r\n\r\n"#)
  }

  @Test func `a length is kept as it came`() {
    #expect(
      write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
        == #"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `HTTP/1.0 becomes 1.1, and Via says so`() {
    #expect(
      write("GET / HTTP/1.0\r\nConnection: keep-alive\r\nA: 1\r\n\r\n")
        == #"GET / HTTP/1.1\r\nHost: \r\nA: 1\r\nVia: 1.0 gateway\r\n\r\n"#)
  }

  @Test func `Via is added behind what came`() {
    #expect(
      write("GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 a, 1.1 b\r\n\r\n")
        == #"GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 a, 1.1 b\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `an absolute target is forwarded in origin form with its own host`() {
    #expect(
      write("GET http://real:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n")
        == #"GET /p?q HTTP/1.1\r\nHost: real:81\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `an unnamed method goes on by its bytes`() {
    #expect(
      write("PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n")
        == #"PROPFIND / HTTP/1.1\r\nHost: h\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `identity of an untrusted client is made anew`() {
    let result = write(
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n"
        + "X-Request-ID: theirs\r\ntraceparent: theirs\r\nX-Real-IP: 1.1.1.1\r\nA: 1\r\n\r\n"
    ) { added, facts, head in
      let nobody = UnsafeBufferPointer<CIDR>(start: nil, count: 0)
      _ = ClientIdentity.resolve(
        head, facts, peer: IPAddress.parse(slice("10.0.0.9"))!, trusted: nobody)
      added.peerAddress = slice("10.0.0.9")
      added.forwardedProto = slice("http")
      added.forwardedHost = slice("h")
      added.requestID = slice("ours")
      added.traceparent = slice("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    }
    #expect(
      result
        == #"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nX-Forwarded-For: 10.0.0.9\r\n"#
        + #"X-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\nX-Request-ID: ours\r\n"#
        + #"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"#
        + #"Via: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `what a trusted peer says is continued`() {
    let result = write(
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n"
        + "X-Forwarded-Proto: https\r\n"
        + "x-forwarded-for:3.3.3.3\r\nX-Forwarded-Host: front\r\nX-Forwarded-For:\r\n\r\n"
    ) { added, _, _ in added.peerAddress = slice("10.0.0.9") }
    #expect(
      result
        == #"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front\r\n"#
        + #"X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.9\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `a peer without an address adds nothing to the list`() {
    let result = write("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n")
    #expect(
      result
        == #"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `Max-Forwards is written with its new value`() {
    let result = write("OPTIONS /a HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n") {
      added, facts, _ in
      #expect(facts.maxForwards == .forward(2))
      added.maxForwards = 2
    }
    #expect(
      result
        == #"OPTIONS /a HTTP/1.1\r\nHost: h\r\nVia: 1.1 gateway\r\nMax-Forwards: 2\r\n\r\n"#)
  }

  @Test func `trailers are asked for, and the request for them ends at the backend`() {
    let result = write("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers, gzip\r\nConnection: TE\r\n\r\n")
    {
      added, facts, _ in added.acceptsTrailers = facts.takesTrailers
    }
    #expect(
      result
        == #"GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 gateway\r\n"#
        + #"TE: trailers\r\nConnection: TE\r\n\r\n"#
    )
  }

  @Test func `an upgrade that goes on is announced once`() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    #expect(
      write(text + "\r\n") { added, facts, head in
        added.upgrade = facts.upgrade.slice(in: head.base)
      }
        == #"GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 gateway\r\nUpgrade: websocket\r\n"#
        + #"Connection: upgrade\r\n\r\n"#)
    #expect(
      write(text + "TE: trailers\r\n\r\n") { added, facts, head in
        added.upgrade = facts.upgrade.slice(in: head.base)
        added.acceptsTrailers = facts.takesTrailers
      }
        == #"GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 gateway\r\nTE: trailers\r\n"#
        + #"Upgrade: websocket\r\nConnection: upgrade, TE\r\n\r\n"#)
  }

  @Test func `the marks point at the host and at the span id`() {
    withRequest("GET /path HTTP/1.1\r\nHost: host:80\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n") {
      head, facts, method in
      var added = RequestAdditions(
        method: method, target: facts.pathAndQuery.slice(in: head.base),
        host: facts.authority.slice(in: head.base), framing: head.framing,
        receivedVersion: head.version)
      added.traceparent = slice("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
      var found: RequestHeadMarks?
      var text: [UInt8] = []
      let result = written { writer in
        found = RequestHeadWriter.write(head, added, into: &writer)
        text = Array(writer.written.buffer)
      }
      guard let marks = found, result != nil else {
        Issue.record("nothing was written")
        return
      }
      #expect(shown(text[Int(marks.host.offset)..<Int(marks.host.end)]) == "host:80")
      #expect(shown(text[Int(marks.spanID)..<Int(marks.spanID) + 16]) == "00f067aa0ba902b7")
      added.traceparent = slice("")
      _ = written { writer in found = RequestHeadWriter.write(head, added, into: &writer) }
      #expect(found?.spanID == 0)
    }
  }

  @Test func `a head that does not fit is marked so, at every length`() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB:  2\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n"
    let change: (inout RequestAdditions, RequestFacts, RequestHead) -> Void = { added, _, _ in
      added.peerAddress = slice("10.0.0.9")
      added.requestID = slice("id")
    }
    let whole = write(text, change)!
    let length = whole.count - whole.count { $0 == "\\" }
    for capacity in 0..<length { #expect(write(text, capacity: capacity, change) == nil) }
    #expect(write(text, capacity: length, change) == whole)
  }
}
