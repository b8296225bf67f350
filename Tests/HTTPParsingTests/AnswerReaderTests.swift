// Why this file exists: what the control loop asks by HTTP must be answered as strictly as traffic,
// and one answer must not run into the next.
import HTTPParsing
import HTTPSemantics
import Testing

/// Gives the bytes to the reader in pieces of this size; says what it tells.
private func read(_ reader: AnswerReader, _ text: String, pieces: Int = .max) -> [String] {
  var told: [String] = []
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let room = reader.room
    let piece = rest.prefix(min(pieces, room.count))
    rest = rest.dropFirst(piece.count)
    _ = UnsafeMutableBufferPointer(rebasing: room.prefix(piece.count)).update(from: piece)
    reader.received(piece.count)
    loop: while true {
      switch reader.next() {
      case .needMore: break loop
      case .head(let head): told.append("\(head.status)\(head.keepAlive ? "" : " close")")
      case .end: told.append("end")
      case .broken:
        told.append("broken")
        return told
      }
    }
  }
  return told
}

private func open() -> AnswerReader {
  let reader = AnswerReader(to: .post)
  reader.open()
  return reader
}

@Suite struct AnswerReaderTests {
  private let two =
    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    + "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

  @Test(arguments: [1, 2, 7, 4_096])
  func `answers follow each other, however they come`(pieces: Int) {
    let reader = open()
    #expect(read(reader, two, pieces: pieces) == ["200", "end", "503", "end"])
    #expect(reader.isReadOut)
  }

  @Test func `a body of any length passes through the same room`() {
    let body = String(repeating: "x", count: 300_000)
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body
    #expect(read(open(), answer) == ["200", "end"])
  }

  @Test func `a head has a bound`() {
    let long = "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 70_000)
    #expect(read(open(), long) == ["broken"])
    let large = "HTTP/1.1 204 x\r\nA: " + String(repeating: "a", count: 60_000) + "\r\n\r\n"
    #expect(read(open(), large) == ["204", "end"])
  }

  @Test(arguments: [
    "nonsense", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  ])
  func `what would not be passed on in traffic is no answer`(text: String) {
    #expect(read(open(), text) == ["broken"])
  }

  @Test func `the end of the connection ends a body without a length, and no other`() {
    let reader = open()
    #expect(!reader.finish())
    #expect(read(reader, "HTTP/1.1 200 OK\r\n\r\nabc") == ["200 close"])
    #expect(reader.finish())
    let cut = open()
    #expect(read(cut, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc") == ["200"])
    #expect(!cut.finish())
  }

  @Test func `a new connection begins anew`() {
    let reader = open()
    #expect(read(reader, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc") == ["200"])
    reader.open()
    #expect(read(reader, "HTTP/1.1 204 x\r\n\r\n") == ["204", "end"])
  }
}
