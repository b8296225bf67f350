// Why this file exists: the chunked coding is where bodies are smuggled; its grammar, its bounds
// and its trailers are tried here as request bodies.
import HTTPParsing
import HTTPSemantics
import Testing

@Suite struct ChunkedBodyTests {
  private static let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

  /// The log behind the head.
  private func log(_ body: String, _ player: Player = Player()) -> [String] {
    Array(player.playEveryWay(raw(Self.head + body)).dropFirst(2))
  }

  static let accepted: [Fixture] = [
    Fixture("one chunk", "5\r\nhello\r\n0\r\n\r\n", ["body hello", "end"]),
    Fixture("an empty body", "0\r\n\r\n", ["end"]),
    Fixture(
      "hexadecimal, both cases", "a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n",
      ["body 0123456789abcdefghij", "end"]),
    Fixture("leading zeros", "0005\r\nhello\r\n000\r\n\r\n", ["body hello", "end"]),
    Fixture(
      "line ends inside the data", "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n",
      ["body \\r\\n0\\r\\n\\r", "end"]),
    Fixture(
      "extensions are read and dropped", "5;a\r\nhello\r\n0;b=c;d=\"e f\\\"g\"\r\n\r\n",
      ["body hello", "end"]),
    Fixture(
      "trailers", "0\r\nA: 1\r\nB:\r\nc:  x y \t\r\n\r\n",
      ["trailer A: 1", "trailer B: ", "trailer c: x y", "end"]),
    Fixture(
      "a length and a coding as trailers frame nothing",
      "0\r\nContent-Length: 5\r\ncontent-length: x\r\nTransfer-Encoding: chunked\r\n\r\n",
      [
        "trailer Content-Length: 5", "trailer content-length: x",
        "trailer Transfer-Encoding: chunked", "end",
      ]),
    Fixture(
      "the next request behind it", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      ["body a", "end", "GET / 1.1 none", "end"]),
    Fixture(
      "trailers of one request are not those of the next",
      "0\r\nA: 1\r\n\r\n" + head + "0\r\n\r\n",
      ["trailer A: 1", "end", "POST / 1.1 chunked", "Transfer-Encoding: chunked", "end"]),
    Fixture(
      "a size of 2^64 - 1 is waited for", "FFFFFFFFFFFFFFFF\r\nhello", ["body hello", "more"]),
    Fixture("a stream that has not ended", "5\r\nhel", ["body hel", "more"]),
  ]

  /// Sizes and lines of which two readers could think differently.
  static let refused: [Fixture] = [
    Fixture("a bare LF after the size", "5\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare CR after the size", "5\rhello\r\n0\r\n\r\n", []),
    Fixture("no CRLF behind the data", "5\r\nhello0\r\n\r\n", []),
    Fixture("more data than said", "5\r\nhellox\r\n0\r\n\r\n", []),
    Fixture("less data than said", "6\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare LF behind the data", "5\r\nhello\n0\r\n\r\n", []),
    Fixture("a bare CR behind the data", "5\r\nhello\r0\r\n\r\n", []),
    Fixture("an empty line behind the data", "5\r\nhello\r\n\r\n0\r\n\r\n", []),
    Fixture("an empty line before the size", "\r\n5\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a sign", "+5\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a minus sign", "-5\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a prefix", "0x5\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a suffix", "5h\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a digit separator", "1_0\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a comma", "5,5\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a space before the size", " 5\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a space behind the size", "5 \r\nhello\r\n0\r\n\r\n", []),
    Fixture("a tab behind the size", "5\t\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a NUL behind the size", "5\0\r\nhello\r\n0\r\n\r\n", []),
    Fixture("no size", ";a\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a size of 2^64", "10000000000000000\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a size that wraps to 5", "10000000000000005\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare LF behind an extension", "5;a\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare LF behind an extension's value", "5;a=b\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare LF in a quoted value", "5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a CRLF in a quoted value", "5;a=\"b\r\nc\"\r\nhello\r\n0\r\n\r\n", []),
    Fixture("an escaped LF in a quoted value", "5;a=\"b\\\nc\"\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a NUL in a quoted value", "5;a=\"\0\"\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare LF behind a quoted value", "5;a=\"b\"\nhello\r\n0\r\n\r\n", []),
    Fixture("more behind a quoted value", "5;a=\"b\"x\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a space before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n", []),
    Fixture("an extension without a name", "5;\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a quote inside a value", "5;a=8\"b c\"\r\nhello\r\n0\r\n\r\n", []),
    Fixture("an extension with a value only", "5;=b\r\nhello\r\n0\r\n\r\n", []),
    Fixture("an extension with an empty value", "5;a=\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a second extension without a name", "5;a;\r\nhello\r\n0\r\n\r\n", []),
    Fixture("a bare LF behind the last size", "0\n\r\n", []),
    Fixture("a bare LF as the last line", "0\r\n\n", []),
    Fixture("a bare CR as the last line", "0\r\n\rX", []),
    Fixture("a space before a trailer's colon", "0\r\nA : 1\r\n\r\n", []),
    Fixture("a trailer without a name", "0\r\n: 1\r\n\r\n", []),
    Fixture("a trailer that begins with a space", "0\r\n A: 1\r\n\r\n", []),
    Fixture("a folded trailer", "0\r\nA: 1\r\n 2\r\n\r\n", []),
    Fixture("a bare LF behind a trailer", "0\r\nA: 1\n\r\n", []),
    Fixture("a bare CR in a trailer", "0\r\nA: 1\r2\r\n\r\n", []),
    Fixture("a NUL in a trailer", "0\r\nA: \0\r\n\r\n", []),
  ]

  @Test(arguments: accepted)
  func `a good stream gives its data and its trailers`(_ fixture: Fixture) {
    #expect(log(fixture.input) == fixture.log)
  }

  @Test(arguments: refused)
  func `a doubtful stream is refused`(_ fixture: Fixture) {
    #expect(log(fixture.input).last == "failed framing")
  }

  @Test func `a few slices at a time, none is lost`() {
    var body = ""
    var data = ""
    for index in 0..<50 {
      let word = String(repeating: "x", count: index % 3) + String(index)
      body += String(word.utf8.count, radix: 16) + "\r\n" + word + "\r\n"
      data += word
    }
    for capacity in [1, 2, 3, 49, 50, 51] {
      var player = Player()
      player.spanCapacity = capacity
      #expect(log(body + "0\r\n\r\n", player) == ["body \(data)", "end"])
    }
  }

  @Test func `a full list of slices stops the parser before the next chunk`() {
    let parser = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
    RequestParser.initialise(parser)
    var table = HeadTable.create(maxFields: 4)
    var spans = BodySpans.create(capacity: 2)
    defer {
      RequestParser.destroy(parser)
      parser.deallocate()
      table.destroy()
      spans.destroy()
    }
    let limits = ParseLimits(headSize: 1024, headFields: 4)
    let input = raw(Self.head + "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\nGET")
    input.withUnsafeBufferPointer { buffer in
      func feed(_ from: Int) -> ParseStep {
        RequestParser.feed(
          parser, table: &table, spans: &spans, base: buffer.baseAddress!, from: from,
          to: input.count, limits: limits)
      }
      var at = Self.head.utf8.count
      #expect(feed(0) == ParseStep(.head, at))
      #expect(feed(at) == ParseStep(.spansFull, 12))
      at += 12
      #expect(feed(at) == ParseStep(.spansFull, 0))
      #expect(spans.count == 2)
      #expect(spans.bytes == 2)
      spans.clear()
      #expect(feed(at) == ParseStep(.end, 11))
      #expect(spans.bytes == 1)
      #expect(feed(at + 11) == ParseStep(.end, 0))
    }
  }

  // MARK: - Bounds

  @Test func `extensions may cost 4 KiB a message`() {
    let name = String(repeating: "a", count: 127)
    let chunk = "1;\(name)\r\nx\r\n"
    let some = String(repeating: chunk, count: 30)
    #expect(Player().play(raw(Self.head + some + "0\r\n\r\n")).last == "end")
    let many = String(repeating: chunk, count: 33)
    #expect(Player().play(raw(Self.head + many + "0\r\n\r\n")).last == "failed framing")
  }

  @Test func `short extensions in many chunks are counted too`() {
    let many = String(repeating: "1;abcdefg\r\nx\r\n", count: 513)
    #expect(Player().play(raw(Self.head + many + "0\r\n\r\n")).last == "failed framing")
  }

  @Test func `one extension that never ends is cut off`() {
    let input = raw(Self.head + "1;" + String(repeating: "a", count: 20_000))
    #expect(Player().play(input).last == "failed framing")
    #expect(Player().play(input, cuts: Array(1..<input.count)).last == "failed framing")
  }

  @Test func `a quoted value that never ends is cut off`() {
    let input = raw(Self.head + "1;a=\"" + String(repeating: " ", count: 20_000))
    #expect(Player().play(input).last == "failed framing")
    #expect(Player().play(input, cuts: Array(1..<input.count)).last == "failed framing")
  }

  @Test func `zeros before a size are bounded, padding to 16 digits is free`() {
    let padded = String(repeating: "0000000000000001\r\nx\r\n", count: 2_000)
    #expect(Player().play(raw(Self.head + padded + "0\r\n\r\n")).last == "end")
    let zeros = String(repeating: "0", count: 5_000)
    for body in [zeros, zeros + "1\r\nx\r\n", zeros + "\r\n\r\n", zeros + "\r\nA: 1\r\n\r\n"] {
      let input = raw(Self.head + body)
      #expect(Player().play(input).last == "failed framing")
      #expect(Player().play(input, cuts: Array(1..<input.count)).last == "failed framing")
    }
  }

  @Test func `trailers count against the size of the head`() {
    var player = Player()
    // 50 bytes of head; a trailer "T: v" costs 8.
    player.limits = ParseLimits(headSize: 50 + 8 * 10, headFields: 100)
    let ten = String(repeating: "T: vv\r\n", count: 10)
    #expect(Self.head.utf8.count == 47)
    #expect(log("0\r\n\(ten)\r\n", player).last == "end")
    let more = String(repeating: "T: vv\r\n", count: 12)
    #expect(log("0\r\n\(more)\r\n", player).last == "failed headTooLarge")
  }

  @Test func `blanks before a trailer's value are bounded`() {
    let input = raw(Self.head + "0\r\nT:" + String(repeating: " ", count: 100_000))
    #expect(
      Player().play(input, cuts: Array(stride(from: 1, to: input.count, by: 999))).last
        == "failed headTooLarge")
  }

  @Test func `trailers count as fields`() {
    var player = Player()
    player.limits = ParseLimits(headSize: 1024, headFields: 3)
    #expect(log("0\r\nA: 1\r\nB: 2\r\n\r\n", player).last == "end")
    #expect(log("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", player).last == "failed headTooLarge")
  }

  @Test func `many long trailers are kept whole while they fit`() {
    var trailers = ""
    var expected: [String] = []
    for index in 0..<60 {
      let value = String(repeating: "v", count: index * 7)
      trailers += "Name-\(index): \(value)\r\n"
      expected.append("trailer Name-\(index): \(value)")
    }
    let input = raw(Self.head + "0\r\n\(trailers)\r\n")
    #expect(
      Player().play(input) == ["POST / 1.1 chunked", "Transfer-Encoding: chunked"] + expected + [
        "end"
      ])
    #expect(Player().play(input, cuts: Array(1..<input.count)) == Player().play(input))
  }
}
