// Why this file exists: what the response parser says of whole backend connections, played in every
// way.
import HTTPParsing
import HTTPSemantics
import Testing

@Suite struct ResponseParserTests {
  static let open: [Fixture] = [
    Fixture(
      "a body of known length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nhi",
      ["200 [OK] 1.1 length(2)", "Content-Length: 2", "X: y", "body hi", "end"]),
    Fixture(
      "no phrase, with and without the space",
      "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\nHTTP/1.1 204\r\n\r\n",
      ["200 [] 1.1 length(0)", "Content-Length: 0", "end", "204 [] 1.1 none", "end"]),
    Fixture(
      "a phrase with blanks and bytes above 127", "HTTP/1.1 404 Nicht  da \u{E4}\r\n\r\n",
      ["404 [Nicht  da \u{E4}] 1.1 untilClose close"]),
    Fixture(
      "chunked with trailers",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n",
      [
        "200 [OK] 1.1 chunked", "Transfer-Encoding: chunked", "body abcde", "trailer T: v", "end",
      ]),
    Fixture(
      "interim responses are messages of their own",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        + "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 x\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
      [
        "100 [Continue] 1.1 none", "end", "103 [Early Hints] 1.1 none", "Link: a", "end",
        "102 [Processing] 1.1 none", "end", "199 [x] 1.1 none", "end",
        "200 [OK] 1.1 length(1)", "Content-Length: 1", "body a", "end",
      ]),
    Fixture(
      "204 and 304 have no body, whatever they promise",
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
        + "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
        + "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
      [
        "204 [No Content] 1.1 none", "Content-Length: 5", "end", "304 [Not Modified] 1.1 none",
        "Content-Length: 5", "end", "304 [Not Modified] 1.1 none", "Transfer-Encoding: chunked",
        "end",
      ]),
    Fixture(
      "Connection: close with a length",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
      ["200 [OK] 1.1 length(1) close", "Connection: close", "Content-Length: 1", "body a", "end"]),
    Fixture(
      "1.0 closes unless it says otherwise",
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
        + "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
      [
        "200 [OK] 1.0 length(0)", "Connection: keep-alive", "Content-Length: 0", "end",
        "200 [OK] 1.0 length(0) close", "Content-Length: 0", "end",
      ]),
    Fixture(
      "a status above 599 is passed on", "HTTP/1.1 799 x\r\nContent-Length: 0\r\n\r\n",
      ["799 [x] 1.1 length(0)", "Content-Length: 0", "end"]),
  ]

  static let refused: [Fixture] = [
    Fixture("an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", ["failed framing"]),
    Fixture("a space first", " HTTP/1.1 200 OK\r\n\r\n", ["failed framing"]),
    Fixture("not HTTP", "SSH-2.0-x\r\n", ["failed framing"]),
    Fixture("a request", "GET / HTTP/1.1\r\n\r\n", ["failed framing"]),
    Fixture("another protocol", "HTTPS/1.1 200 OK\r\n\r\n", ["failed framing"]),
    Fixture("version 2.0", "HTTP/2.0 200 OK\r\n\r\n", ["failed version"]),
    Fixture("version 0.9", "HTTP/0.9 200 OK\r\n\r\n", ["failed version"]),
    Fixture("two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", ["failed framing"]),
    Fixture("a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", ["failed framing"]),
    Fixture("two digits", "HTTP/1.1 20 OK\r\n\r\n", ["failed framing"]),
    Fixture("four digits", "HTTP/1.1 2000 OK\r\n\r\n", ["failed framing"]),
    Fixture("a status of no class", "HTTP/1.1 099 OK\r\n\r\n", ["failed framing"]),
    Fixture("a status of zeros", "HTTP/1.1 000 OK\r\n\r\n", ["failed framing"]),
    Fixture("a phrase stuck to the status", "HTTP/1.1 200OK\r\n\r\n", ["failed framing"]),
    Fixture("a bare LF in the status line", "HTTP/1.1 200 OK\nX: y\r\n\r\n", ["failed framing"]),
    Fixture("a bare CR in the status line", "HTTP/1.1 200 OK\rX: y\r\n\r\n", ["failed framing"]),
    Fixture("a bare LF after a field", "HTTP/1.1 200 OK\r\nX: y\n\r\n", ["failed framing"]),
    Fixture("a bare LF as the empty line", "HTTP/1.1 200 OK\r\nX: y\r\n\n", ["failed field"]),
    Fixture("a folded line", "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", ["failed field"]),
    Fixture("a space before the colon", "HTTP/1.1 200 OK\r\nX : y\r\n\r\n", ["failed field"]),
    Fixture("a NUL in a value", "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", ["failed field"]),
    Fixture(
      "two codings, chunked not last",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", ["failed framing"]),
    Fixture(
      "an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      ["failed framing"]),
    Fixture(
      "a length beside a coding",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      ["failed framing"]),
    Fixture(
      "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
      ["failed framing"]),
    Fixture(
      "a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ["failed framing"]),
  ]

  static let closed: [Fixture] = [
    Fixture(
      "a body that lasts until the close", "HTTP/1.1 200 OK\r\n\r\nall of this",
      ["200 [OK] 1.1 untilClose close", "body all of this", "end at close"]),
    Fixture(
      "an empty body that lasts until the close", "HTTP/1.0 200 OK\r\n\r\n",
      ["200 [OK] 1.0 untilClose close", "end at close"]),
    Fixture("nothing at all", "", ["closed"]),
    Fixture("inside a head", "HTTP/1.1 200 OK\r\nX", ["failed truncated"]),
    Fixture(
      "inside a body of known length", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
      ["200 [OK] 1.1 length(6)", "Content-Length: 6", "body hello", "failed truncated"]),
    Fixture(
      "inside a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello",
      ["200 [OK] 1.1 chunked", "Transfer-Encoding: chunked", "body hello", "failed truncated"]),
    Fixture(
      "after a chunk, before the last one",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      ["200 [OK] 1.1 chunked", "Transfer-Encoding: chunked", "body hello", "failed truncated"]),
    Fixture(
      "before the empty line that ends the trailers",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n",
      ["200 [OK] 1.1 chunked", "Transfer-Encoding: chunked", "failed truncated"]),
    Fixture(
      "after an interim response only", "HTTP/1.1 100 Continue\r\n\r\n",
      ["100 [Continue] 1.1 none", "end", "closed"]),
    Fixture(
      "after a whole response", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
      ["200 [OK] 1.1 length(1)", "Content-Length: 1", "body a", "end", "closed"]),
  ]

  @Test(arguments: open + refused)
  func `the log is the same however the bytes were cut`(_ fixture: Fixture) {
    var player = Player()
    player.side = .response()
    let isOpen = fixture.log.last?.hasSuffix("untilClose close") == true
    let log = fixture.log + (isOpen ? ["more"] : [])
    #expect(player.playEveryWay(raw(fixture.input)) == log)
  }

  @Test(arguments: closed)
  func `the end of the connection tells a whole message from a truncated one`(_ fixture: Fixture) {
    var player = Player()
    player.side = .response(closes: true)
    #expect(player.playEveryWay(raw(fixture.input)) == fixture.log)
  }

  @Test func `the answer to HEAD has no body, the one behind it may have`() {
    var player = Player()
    player.side = .response(heads: [true, true, false])
    let input = raw(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
    #expect(
      player.playEveryWay(input) == [
        "200 [OK] 1.1 none", "Content-Length: 5", "end", "200 [OK] 1.1 none",
        "Transfer-Encoding: chunked", "end", "200 [OK] 1.1 length(1)", "Content-Length: 1",
        "body a", "end",
      ])
  }

  @Test func `an answer to HEAD without any length does not wait for the close`() {
    var player = Player()
    player.side = .response(heads: [true])
    #expect(player.playEveryWay(raw("HTTP/1.1 200 OK\r\n\r\n")) == ["200 [OK] 1.1 none", "end"])
  }

  @Test func `bytes behind a complete response are left, and are no response`() {
    var player = Player()
    player.side = .response()
    let input = raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naJUNK")
    #expect(
      player.playEveryWay(input) == [
        "200 [OK] 1.1 length(1)", "Content-Length: 1", "body a", "end", "failed framing",
      ])
  }

  @Test func `101 stops at the head, whatever framing it claims`() {
    let parser = UnsafeMutablePointer<ResponseParser>.allocate(capacity: 1)
    var table = HeadTable.create(maxFields: 10)
    var spans = BodySpans.create(capacity: 4)
    ResponseParser.initialise(parser, requestWasHead: false)
    defer {
      ResponseParser.destroy(parser)
      parser.deallocate()
      table.destroy()
      spans.destroy()
    }
    let limits = ParseLimits(headSize: 1024, headFields: 10)
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    let input = raw(head + "Content-Length: 4\r\n\r\n\u{81}\u{02}hi")
    input.withUnsafeBufferPointer { buffer in
      let step = ResponseParser.feed(
        parser, table: &table, spans: &spans, base: buffer.baseAddress!, from: 0, to: input.count,
        limits: limits)
      #expect(step == ParseStep(.head, input.count - 4))
      let response = ResponseParser.head(parser, table: &table, base: buffer.baseAddress!)
      #expect(response.status == 101)
      #expect(response.framing == .none)
      #expect(response.keepAlive)
    }
  }
}
