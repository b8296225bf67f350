// Why this file exists: llhttp compares the words that it knows a byte at a time, and we have it
// compare eight at once where a read holds them (CLLHTTP/llhttp.c). Byte by byte its own comparison
// is at work still: whatever becomes of a word, both must read the same.
import HTTPParsing
import HTTPSemantics
import Testing

@Suite struct KnownWordsTests {
  static let requests = [
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, upgrade\r\n\r\n",
    "PUT / HTTP/1.1\r\nCONTENT-LENGTH: 2\r\nProxy-Connection: close\r\nUpgrade: a\r\n\r\nok",
    "OPTIONS * HTTP/1.0\r\nconnection: Close\r\nconnection: Keep-Alive\r\ncontent-type: a\r\n\r\n",
    "PROPFIND / HTTP/1.1\r\nTE: trailers\r\nTrailer: x\r\nCookie: a=b\r\nUser-Agent: a\r\n\r\n",
  ]

  static let responses = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: a/b\r\nConnection: close\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: gzip, CHUNKED\r\nCache-Control: no\r\n\r\n0\r\n\r\n",
  ]

  /// What a byte is changed into: the other case of a letter, its neighbours, what a careless fold
  /// takes for it (a hyphen is CR with bit 5 set), and what ends a word.
  private func changes(of byte: UInt8) -> [UInt8] {
    [byte ^ 0x20, byte ^ 0x01, byte ^ 0x40, byte ^ 0x80, 0x0D, 0x20, 0x2C, 0x3A, 0x2D, 0x6E]
  }

  private func expectTheSame(_ input: [UInt8], _ player: Player) {
    let whole = player.play(input)
    let single = player.play(input, cuts: Array(1..<input.count))
    #expect(whole == single, "\(shown(input))")
  }

  private func changeEveryByte(_ text: String, _ side: Side) {
    let player = Player(side: side)
    // What follows lets the last line be read whole too.
    let input = raw(text) + raw("GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    expectTheSame(input, player)
    for place in 0..<text.utf8.count {
      for byte in changes(of: input[place]) {
        var changed = input
        changed[place] = byte
        expectTheSame(changed, player)
      }
    }
  }

  @Test(arguments: requests)
  func `a request with one byte changed reads the same in one read and byte by byte`(text: String) {
    changeEveryByte(text, .request)
  }

  @Test(arguments: responses)
  func `a response with one byte changed reads the same in one read and byte by byte`(
    text: String
  ) {
    changeEveryByte(text, .response())
  }

  @Test func `a known word with its end missing reads the same in one read and byte by byte`() {
    for text in KnownWordsTests.requests {
      let input = raw(text)
      for count in 1...input.count { expectTheSame(Array(input[..<count]), Player()) }
    }
  }
}
