// Why this file exists: the bytes that a client gets for a backend's head, and the frames of a
// chunked body, exactly.
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

@Suite struct ResponseHeadWriterTests {
  private func write(
    _ text: String, method: Method = .get, client: HTTPVersion = .http11, offered: ByteSlice? = nil,
    _ change: (inout ResponseAdditions, ResponseFacts) -> Void = { _, _ in }
  ) -> String? {
    let parser = UnsafeMutablePointer<ResponseParser>.allocate(capacity: 1)
    ResponseParser.initialise(parser, requestWasHead: method.isHead)
    var table = HeadTable.create(maxFields: 100)
    var spans = BodySpans.create(capacity: 4)
    defer {
      ResponseParser.destroy(parser)
      parser.deallocate()
      table.destroy()
      spans.destroy()
    }
    let input = raw(text)
    return input.withUnsafeBufferPointer { buffer in
      let base = buffer.baseAddress!
      let step = ResponseParser.feed(
        parser, table: &table, spans: &spans, base: base, from: 0, to: input.count,
        limits: ParseLimits(headSize: 65_536, headFields: 100))
      #expect(step.event == .head)
      var head = ResponseParser.head(parser, table: &table, base: base)
      var facts = ResponseFacts()
      let context = ResponseContext(
        requestMethod: method, clientVersion: client, offeredUpgrade: offered)
      #expect(ResponseRules.judge(&head, context, into: &facts) == .accept)
      let nothing = slice("")
      var added = ResponseAdditions(
        framing: head.framing, connection: .none, requestID: nothing, date: nothing,
        upgrade: nothing)
      change(&added, facts)
      return written { writer in ResponseHeadWriter.write(head, added, into: &writer) }
    }
  }

  @Test func `status, phrase and fields as they came`() {
    #expect(
      write(
        "HTTP/1.1 404 Not  There\r\nServer: x\r\nset-COOKIE: a\r\nSet-Cookie: b\r\n"
          + "Content-Length: 5\r\n\r\n")
        == #"HTTP/1.1 404 Not  There\r\nServer: x\r\nset-COOKIE: a\r\nSet-Cookie: b\r\n"#
        + #"Content-Length: 5\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test(arguments: [
    (":05", "5"), (": 05", "5"), (":  0010 ", "10"), (": 000", "0"), (": 0", "0"), (":70", "70"),
  ])
  func `a length is passed on without leading zeros`(written: String, number: String) {
    let fields = "X: 0\r\nContent-Length\(written)\r\nY: 00\r\n"
    let head = write("HTTP/1.1 200 OK\r\n\(fields)\r\n", method: .head) ?? ""
    #expect(head.contains(#"X: 0\r\nContent-Length:"#) && head.contains(#"\r\nY: 00\r\n"#))
    let line = head.split(separator: #"\r\n"#).first { $0.hasPrefix("Content-Length:") } ?? ""
    #expect(line.dropFirst(15).drop { $0 == " " } == number)
  }

  @Test func `no phrase leaves its space`() {
    #expect(
      write("HTTP/1.1 204\r\n\r\n") == #"HTTP/1.1 204 \r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `what ends at this hop is left out`() {
    #expect(
      write(
        "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
          + "Proxy-Authenticate: x\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n")
        == #"HTTP/1.1 200 OK\r\nA: 1\r\nVia: 1.1 gateway\r\nTransfer-Encoding: chunked\r\n\r\n"#)
  }

  @Test func `a backend's 1.0 is named in Via, the status line is ours`() {
    #expect(
      write("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n")
        == #"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nVia: 1.0 gateway\r\n\r\n"#)
  }

  @Test func `a body without a length is framed anew, or ends with the connection`() {
    let text = "HTTP/1.0 200 OK\r\nA: 1\r\n\r\n"
    #expect(
      write(text) { added, _ in added.framing = .chunked }
        == #"HTTP/1.1 200 OK\r\nA: 1\r\nVia: 1.0 gateway\r\nTransfer-Encoding: chunked\r\n\r\n"#)
    #expect(
      write(text) { added, _ in added.connection = .close }
        == #"HTTP/1.1 200 OK\r\nA: 1\r\nVia: 1.0 gateway\r\nConnection: close\r\n\r\n"#)
  }

  @Test func `the answer to HEAD and 304 keep their length`() {
    #expect(
      write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method: .head)
        == #"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nVia: 1.1 gateway\r\n\r\n"#)
    #expect(
      write("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: a\r\n\r\n")
        == #"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: a\r\nVia: 1.1 gateway\r\n\r\n"#
    )
  }

  @Test func `a length of a 204 is left out`() {
    #expect(
      write("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nA: 1\r\n\r\n")
        == #"HTTP/1.1 204 No Content\r\nA: 1\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `our request id replaces the backend's`() {
    #expect(
      write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-request-id: theirs\r\n\r\n") { added, _ in
        added.requestID = slice("ours")
      }
        == #"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Request-ID: ours\r\n"#
        + #"Via: 1.1 gateway\r\n\r\n"#
    )
  }

  @Test func `Date is added only when there is none`() {
    let ours = slice("Thu, 01 Jan 1970 00:00:00 GMT")
    #expect(
      write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") { added, _ in added.date = ours }
        == #"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 gateway\r\n"#
        + #"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"#)
    #expect(
      write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: theirs\r\n\r\n") { added, _ in
        added.date = ours
      }
        == #"HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: theirs\r\nVia: 1.1 gateway\r\n\r\n"#)
    #expect(
      write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Date\r\nDate: theirs\r\n\r\n") {
        added, _ in added.date = ours
      }
        == #"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 gateway\r\n"#
        + #"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"#)
  }

  @Test func `a 1.0 client that stays is told so`() {
    #expect(
      write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", client: .http10) { added, _ in
        added.connection = .keepAlive
      }
        == #"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 gateway\r\n"#
        + #"Connection: keep-alive\r\n\r\n"#)
  }

  @Test func `an interim response goes on with its fields`() {
    #expect(
      write("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
        == #"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nVia: 1.1 gateway\r\n\r\n"#)
  }

  @Test func `a 101 names its protocol and keeps the handshake's fields`() {
    #expect(
      write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Accept: x\r\n\r\n", offered: slice("websocket")
      ) { added, _ in added.upgrade = slice("websocket") }
        == #"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nVia: 1.1 gateway\r\n"#
        + #"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n"#)
  }
}

@Suite struct ChunkWriterTests {
  @Test func `sizes are hexadecimal without zeros in front`() {
    let rows: [(Int, String)] = [
      (1, #"1\r\n"#), (15, #"f\r\n"#), (16, #"10\r\n"#), (65_536, #"10000\r\n"#),
      (Int.max, #"7fffffffffffffff\r\n"#),
    ]
    for (count, line) in rows {
      let result = written(capacity: ChunkWriter.sizeLineCapacity) { writer in
        ChunkWriter.writeSizeLine(count, into: &writer)
      }
      #expect(result == line)
    }
  }

  @Test func `an end without trailers`() {
    #expect(written { ChunkWriter.writeEnd(nil, into: &$0) } == #"0\r\n\r\n"#)
    #expect("\(ChunkWriter.lastChunk)" == "0\r\n\r\n")
    #expect("\(ChunkWriter.lineEnd)" == "\r\n")
  }

  @Test func `trailers that no rule dropped are written, those of framing and identity are not`() {
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
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    let input = raw(
      head
        + "0\r\nGrpc-Status:  0\r\nX-Forwarded-For: 1.1.1.1\r\nHost: a\r\nX_Y: 1\r\nEtag: a\r\n\r\n"
    )
    let limits = ParseLimits(headSize: 4096, headFields: 100)
    input.withUnsafeBufferPointer { buffer in
      let base = buffer.baseAddress!
      var at = RequestParser.feed(
        parser, table: &table, spans: &spans, base: base, from: 0, to: input.count, limits: limits
      ).consumed
      at +=
        RequestParser.feed(
          parser, table: &table, spans: &spans, base: base, from: at, to: input.count,
          limits: limits
        ).consumed
      #expect(at == input.count)
      let store = RequestParser.trailers(parser)!
      #expect(
        TrailerRules.judge(
          base: UnsafePointer(store.pointee.bytes), fields: store.pointee.fields,
          fieldCount: store.pointee.count, rules: RequestRuleSettings()))
      #expect(
        written { ChunkWriter.writeEnd(store, into: &$0) }
          == #"0\r\nGrpc-Status: 0\r\nEtag: a\r\n\r\n"#)
      RequestParser.beginMessage(parser)
      #expect(RequestParser.trailers(parser) == nil)
    }
  }
}
