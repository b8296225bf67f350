// Why this file exists: what the request parser says of whole connections; each is played in one
// read, byte by byte, and cut in two at every place.
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

@Suite struct RequestParserTests {
  static let heads: [Fixture] = [
    Fixture(
      "a GET without a body", "GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n\r\n",
      ["GET /a?b=c 1.1 none", "Host: h", "X-One: 1", "end"]),
    Fixture("no field at all", "GET / HTTP/1.0\r\n\r\n", ["GET / 1.0 none close", "end"]),
    Fixture(
      "blanks around values, and empty values",
      "GET / HTTP/1.1\r\nA:1\r\nB: \t 2 \t\r\nC:\r\nD: \r\nE:\t\r\nF: x\ty  z\r\n\r\n",
      ["GET / 1.1 none", "A: 1", "B: 2", "C: ", "D: ", "E: ", "F: x\ty  z", "end"]),
    Fixture(
      "one empty line before the request line",
      "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ["GET / 1.1 none", "Host: h", "end"]),
    Fixture(
      "repeated names keep their order and spelling",
      "GET / HTTP/1.1\r\nhOST: h\r\nX: 1\r\nx: 2\r\nX: 1\r\n\r\n",
      ["GET / 1.1 none", "hOST: h", "X: 1", "x: 2", "X: 1", "end"]),
    Fixture(
      "bytes above 127 in a value",
      "GET / HTTP/1.1\r\nX: a\u{80}\u{FF}\r\n\r\n", ["GET / 1.1 none", "X: a\u{80}\u{FF}", "end"]),
    Fixture(
      "absolute form", "GET http://h:8080/p HTTP/1.1\r\nHost: h\r\n\r\n",
      ["GET http://h:8080/p 1.1 none", "Host: h", "end"]),
    Fixture(
      "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      ["OPTIONS * 1.1 none", "Host: h", "end"]
    ),
    Fixture(
      "methods of WebDAV and others are forwarded by their bytes",
      "PROPFIND / HTTP/1.1\r\n\r\nM-SEARCH * HTTP/1.1\r\n\r\nQUERY / HTTP/1.1\r\n\r\n",
      ["PROPFIND / 1.1 none", "end", "M-SEARCH * 1.1 none", "end", "QUERY / 1.1 none", "end"]),
    Fixture(
      "CONNECT is recognised", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
      ["CONNECT h:443 1.1 none", "Host: h", "end"]),
    Fixture("a head that has not ended", "GET / HTTP/1.1\r\nHost: h\r\n", ["more"]),
    Fixture("half an empty line", "\r", ["more"]),
  ]

  static let connections: [Fixture] = [
    Fixture("1.1 stays open", "GET / HTTP/1.1\r\n\r\n", ["GET / 1.1 none", "end"]),
    Fixture(
      "close", "GET / HTTP/1.1\r\nConnection: a, Close\r\n\r\n",
      ["GET / 1.1 none close", "Connection: a, Close", "end"]),
    Fixture(
      "close wins over keep-alive",
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
      ["GET / 1.0 none close", "Connection: keep-alive", "Connection: close", "end"]),
    Fixture(
      "1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      ["GET / 1.0 none", "Connection: keep-alive", "end"]),
    Fixture(
      "a word that only contains close", "GET / HTTP/1.1\r\nConnection: x-close\r\n\r\n",
      ["GET / 1.1 none", "Connection: x-close", "end"]),
    Fixture(
      "close in a trailer changes nothing",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nConnection: close\r\n\r\n",
      [
        "PUT / 1.1 chunked", "Transfer-Encoding: chunked", "trailer Connection: close", "end",
      ]),
  ]

  static let bodies: [Fixture] = [
    Fixture(
      "Content-Length", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
      ["POST / 1.1 length(5)", "Content-Length: 5", "body hello", "end"]),
    Fixture(
      "Content-Length: 0", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
      ["POST / 1.1 length(0)", "Content-Length: 0", "end"]),
    Fixture(
      "a body that has not ended", "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nhello",
      ["POST / 1.1 length(6)", "Content-Length: 6", "body hello", "more"]),
    Fixture(
      "Content-Length 2^64 - 1",
      "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nhi",
      [
        "POST / 1.1 length(18446744073709551615)", "Content-Length: 18446744073709551615",
        "body hi", "more",
      ]),
    Fixture(
      "requests behind one another, with and without bodies",
      "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n"
        + "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
        + "GET /4 HTTP/1.1\r\n\r\n",
      [
        "POST /1 1.1 length(3)", "Content-Length: 3", "body abc", "end", "GET /2 1.1 none", "end",
        "POST /3 1.1 chunked", "Transfer-Encoding: chunked", "body de", "end", "GET /4 1.1 none",
        "end",
      ]),
    Fixture(
      "an offered upgrade does not swallow the body",
      "POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi",
      [
        "POST / 1.1 length(2)", "Connection: upgrade", "Upgrade: x", "Content-Length: 2",
        "body hi", "end",
      ]),
    Fixture(
      "an offered upgrade with a chunked body",
      "POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      [
        "POST / 1.1 chunked", "Connection: upgrade", "Upgrade: x", "Transfer-Encoding: chunked",
        "body a", "end", "GET / 1.1 none", "end",
      ]),
    Fixture(
      "a CONNECT with a chunked body is read to its end",
      "CONNECT h:1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
      ["CONNECT h:1 1.1 chunked", "Transfer-Encoding: chunked", "body a", "end"]),
    Fixture(
      "what follows a CONNECT is a request again for the parser",
      "CONNECT h:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      ["CONNECT h:1 1.1 none", "end", "GET / 1.1 none", "end"]),
  ]

  @Test(arguments: heads + connections + bodies)
  func `the log is the same however the bytes were cut`(_ fixture: Fixture) {
    #expect(Player().playEveryWay(raw(fixture.input)) == fixture.log)
  }

  @Test func `three cuts anywhere in a pipelined stream change nothing`() {
    let input = raw(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\n0\r\nT: v\r\n\r\n"
        + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    let whole = Player().play(input)
    for first in stride(from: 1, to: input.count, by: 3) {
      for second in stride(from: first + 1, to: input.count, by: 4) {
        for third in stride(from: second + 1, to: input.count, by: 7) {
          #expect(Player().play(input, cuts: [first, second, third]) == whole)
        }
      }
    }
  }

  @Test func `the kinds of known names are set, whatever their letter case`() {
    var kinds: [FieldKind] = []
    var player = Player()
    player.judge = { head in
      for index in 0..<head.fieldCount { kinds.append(head.fields[index].kind) }
      return nil
    }
    _ = player.play(raw("GET / HTTP/1.1\r\nHOST: h\r\nx: y\r\ncontent-length: 0\r\n\r\n"))
    #expect(kinds == [.host, .other, .contentLength])
  }

  @Test func `every common method has its own number, the others are known by their bytes`() {
    let names: [(String, Method)] = [
      ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
      ("OPTIONS", .options), ("TRACE", .trace), ("PATCH", .patch), ("LOCK", .other),
      ("UNLINK", .other), ("PURGE", .other),
    ]
    for (name, method) in names {
      var found: Method?
      var player = Player()
      player.judge = { head in
        found = head.method
        return nil
      }
      let log = player.play(raw("\(name) / HTTP/1.1\r\n\r\n"))
      #expect(found == method)
      #expect(log.first == "\(name) / 1.1 none")
    }
  }
}

/// `RequestHead.bytesAreProved` rests on this: the rules do not look at these bytes again.
@Suite struct BytesOfFieldsTests {
  /// Whether a head passes with this byte behind `before` others in the value, or the name, of one
  /// of its fields. llhttp looks at sixteen bytes at a time where it can, and at single ones near
  /// the end of a read: the lengths meet both ways.
  private func passes(_ byte: UInt8, before: Int, inName: Bool, _ side: Side) -> Bool {
    let fill = [UInt8](repeating: 0x61, count: before)
    let field = fill + [byte] + raw("zz")
    let start: String
    switch side {
    case .request: start = "GET / HTTP/1.1\r\nHost: h\r\n"
    case .response: start = "HTTP/1.1 204 N\r\n"
    }
    let line = inName ? field + raw(": v") : raw("A: ") + field
    let log = Player(side: side).play(raw(start) + line + raw("\r\n\r\n"))
    return log.last == "end"
  }

  @Test(arguments: [0, 1, 7, 12, 13, 14, 15, 16, 17, 31, 32, 33, 64])
  func `a value holds tabs, spaces, visible characters and bytes above 127, no others`(
    before: Int
  ) {
    for byte in UInt8.min...UInt8.max where byte != 0x0D && byte != 0x0A {
      let expected = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
      #expect(passes(byte, before: before, inName: false, .request) == expected, "\(byte)")
      #expect(passes(byte, before: before, inName: false, .response()) == expected, "\(byte)")
    }
  }

  @Test(arguments: [1, 7, 12, 13, 14, 15, 16, 17, 31, 32, 33])
  func `a name holds token characters and no others`(before: Int) {
    // A colon ends the name, and is a character of the value then.
    for byte in UInt8.min...UInt8.max where byte != 0x3A {
      let expected = ASCII.isToken(byte)
      #expect(passes(byte, before: before, inName: true, .request) == expected, "\(byte)")
      #expect(passes(byte, before: before, inName: true, .response()) == expected, "\(byte)")
    }
  }
}
