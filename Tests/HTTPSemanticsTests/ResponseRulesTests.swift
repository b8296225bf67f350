// Why this file exists: a backend that breaks HTTP must not be able to give one client the answer
// to another.
import HTTPSemantics
import Primitives
import Testing

@Suite struct ResponseRulesTests {
  private func judge(
    _ fields: String, _ line: String = "HTTP/1.1 200 OK", to method: HTTPSemantics.Method = .get,
    client: HTTPVersion = .http11, offered: String? = nil, parserFraming: Framing? = nil
  ) -> JudgedResponse {
    JudgedResponse(
      "\(line)\r\n\(fields)\r\n", to: method, client: client, offered: offered,
      parserFraming: parserFraming)
  }

  @Test func `an ordinary response is accepted and keeps its fields`() {
    let response = judge("Content-Type: text/plain\r\nDate: x\r\nContent-Length: 5\r\n")
    #expect(response.verdict == .accept)
    #expect(response.head.framing == .length(5))
    #expect(response.head.keepAlive)
    #expect(response.facts.dateField == 1)
    #expect(response.forwarded == ["Content-Type: text/plain", "Date: x", "Content-Length: 5"])
  }

  @Test func `a response without framing lasts until the close`() {
    let response = judge("X: y\r\n")
    #expect(response.head.framing == .untilClose)
    #expect(!response.head.keepAlive)
    #expect(judge("").head.framing == .untilClose)
    #expect(judge("").facts.dateField == -1)
  }

  @Test func `no trailer is passed on when Connection may have named it`() {
    let chunked = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
    let named = judge("Connection: keep-alive, X-Sum\r\n\(chunked)")
    #expect(named.facts.dropsTrailers)
    #expect(named.forwarded == [])
    let usual = judge("Connection: keep-alive\r\n\(chunked)")
    #expect(!usual.facts.dropsTrailers)
    #expect(usual.forwarded == ["Trailer: X-Sum"])
  }

  // MARK: - Framing

  @Test func `chunked is re-framed`() {
    let response = judge("Transfer-Encoding: Chunked\r\nX: y\r\n")
    #expect(response.head.framing == .chunked)
    #expect(response.forwarded == ["X: y"])
  }

  @Test(arguments: [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding:\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 6\r\n",
    "Content-Length: +5\r\n", "Content-Length: 5 5\r\n", "Content-Length:\r\n",
    "Content-Length: x\r\n", "Content-Length: -1\r\n", "Content-Length: 5\r\nContent-Length:\r\n",
    "Content-Length: 9223372036854775808\r\n", "Content-Length: ,\r\n",
  ])
  func `framing that can be read in two ways is refused`(fields: String) {
    #expect(judge(fields).verdict == .refuse)
  }

  @Test func `equal lengths are merged into one`() {
    let lines = judge("Content-Length: 5\r\nX: y\r\nContent-Length: 5\r\n")
    #expect(lines.verdict == .accept)
    #expect(lines.head.framing == .length(5))
    #expect(lines.forwarded == ["Content-Length: 5", "X: y"])
    let list = judge("Content-Length: 5, 5\r\n")
    #expect(list.verdict == .accept)
    #expect(list.forwarded == ["Content-Length: 5"])
  }

  @Test func `the last of two lengths does not win`() {
    let fields = "Content-Length: 5\r\nContent-Length: 6\r\n"
    #expect(judge(fields, parserFraming: .length(6)).verdict == .refuse)
    #expect(judge(fields, parserFraming: .length(5)).verdict == .refuse)
  }

  @Test func `a coding from HTTP 1_0 is refused`() {
    #expect(judge("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK").verdict == .refuse)
  }

  @Test func `a parser of another opinion refuses the response`() {
    #expect(judge("Content-Length: 5\r\n", parserFraming: .untilClose).verdict == .refuse)
    #expect(judge("Content-Length: 5\r\n", parserFraming: .chunked).verdict == .refuse)
    #expect(judge("", parserFraming: .length(0)).verdict == .refuse)
    #expect(judge("Content-Length: 0\r\n", parserFraming: Framing.none).verdict == .accept)
  }

  // MARK: - No content

  @Test func `an answer to HEAD has fields of a body and no body`() {
    let length = judge("Content-Length: 5\r\n", to: .head)
    #expect(length.head.framing == .none)
    #expect(length.head.keepAlive)
    #expect(length.forwarded == ["Content-Length: 5"])
    let chunked = judge("Transfer-Encoding: chunked\r\n", to: .head)
    #expect(chunked.verdict == .accept)
    #expect(chunked.head.framing == .none)
    #expect(judge("", to: .head).head.framing == .none)
  }

  @Test func `304 has no body and keeps its length`() {
    let response = judge("Content-Length: 5\r\nETag: x\r\n", "HTTP/1.1 304 Not Modified")
    #expect(response.head.framing == .none)
    #expect(response.head.keepAlive)
    #expect(response.forwarded == ["Content-Length: 5", "ETag: x"])
  }

  @Test(arguments: ["HTTP/1.1 204 No Content", "HTTP/1.1 103 Early Hints", "HTTP/1.1 100 Continue"])
  func `204 and 1xx have neither body nor length`(line: String) {
    let empty = judge("Content-Length: 0\r\nX: y\r\n", line)
    #expect(empty.verdict == .accept)
    #expect(empty.head.framing == .none)
    #expect(empty.head.keepAlive)
    #expect(empty.forwarded == ["X: y"])
    let lying = judge("Content-Length: 5\r\n", line)
    #expect(lying.verdict == .accept)
    #expect(!lying.head.keepAlive)
    #expect(lying.forwarded == [])
    #expect(judge("Transfer-Encoding: chunked\r\n", line).verdict == .refuse)
  }

  @Test func `interim responses are told apart`() {
    #expect(judge("", "HTTP/1.1 100 Continue").facts.isInterim)
    #expect(judge("Link: x\r\n", "HTTP/1.1 103 Early Hints").facts.isInterim)
    #expect(!judge("", "HTTP/1.1 200 OK").facts.isInterim)
  }

  @Test func `a status below 100 is refused`() {
    #expect(judge("", "HTTP/1.1 099 Odd").verdict == .refuse)
  }

  // MARK: - 101

  @Test func `a 101 must name the protocol that was offered`() {
    let line = "HTTP/1.1 101 Switching Protocols"
    let fields = "Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n"
    let good = judge(fields, line, offered: "websocket")
    #expect(good.verdict == .accept)
    #expect(good.facts.isUpgrade && !good.facts.isInterim)
    #expect(good.forwarded == ["Sec-WebSocket-Accept: x"])
    #expect(judge(fields, line).verdict == .refuse)
    #expect(judge(fields, line, offered: "mqtt").verdict == .refuse)
    #expect(judge("Upgrade: websocket\r\n", line, offered: "websocket").verdict == .refuse)
    #expect(judge("Connection: upgrade\r\n", line, offered: "websocket").verdict == .refuse)
    #expect(judge(fields, "HTTP/1.0 101 S", offered: "websocket").verdict == .refuse)
    #expect(judge(fields, offered: "websocket").facts.isUpgrade == false)
  }

  // MARK: - Hop by hop

  @Test func `hop-by-hop fields of a response are not forwarded (regressions 4, 5, 28)`() {
    let response = judge(
      "Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\nConnection: x-b, close\r\n"
        + "Keep-Alive: timeout=7, max=2\r\nProxy-Connection: x\r\n"
        + "Proxy-Authenticate: x\r\nUpgrade: h2c\r\nTE: x\r\n"
        + "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n")
    #expect(response.verdict == .accept)
    #expect(response.forwarded == ["Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Length: 0"])
    #expect(!response.head.keepAlive)
    #expect(response.facts.keepAliveSeconds == 7)
  }

  @Test func `a nominated Date is no date`() {
    #expect(judge("Connection: date\r\nDate: x\r\n").facts.dateField == -1)
  }

  @Test(arguments: [
    ("timeout=5", 5), ("max=1, Timeout=60", 60), ("timeout=x", 0), ("max=5", 0), ("", 0),
    ("timeout=99999999999", 4_294_967_295), ("timeout=", 0),
  ])
  func `the keep-alive hint is read`(value: String, seconds: UInt32) {
    #expect(judge("Keep-Alive: \(value)\r\n").facts.keepAliveSeconds == seconds)
  }

  @Test func `HTTP 1_0 persists only when it says so`() {
    let line = "HTTP/1.0 200 OK"
    #expect(!judge("Content-Length: 0\r\n", line).head.keepAlive)
    #expect(judge("Content-Length: 0\r\nConnection: keep-alive\r\n", line).head.keepAlive)
    #expect(!judge("Connection: keep-alive\r\n", line).head.keepAlive)
  }

  @Test func `Trailer passes only where trailers can follow`() {
    let fields = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
    #expect(judge(fields).forwarded == ["Trailer: X-Sum"])
    #expect(judge(fields, client: .http10).forwarded == [])
    #expect(judge(fields, to: .head).forwarded == [])
    #expect(judge("Content-Length: 1\r\nTrailer: X-Sum\r\n").forwarded == ["Content-Length: 1"])
  }

  // MARK: - Bytes

  @Test(arguments: [
    "X: a\r\n b\r\n", "X : a\r\n", "X: a\n", "X: a\u{0}\r\n", "X: a\rb\r\n", "X Y: a\r\n",
    ": a\r\n", "X: \u{1b}\r\n", "Connection: a b\r\n",
  ])
  func `a line that is not exactly one is refused`(line: String) {
    #expect(judge("Server: s\r\n\(line)").verdict == .refuse)
    #expect(judge("\(line)Server: s\r\n").verdict == .refuse)
  }

  @Test func `a phrase may be empty or hold spaces, never a control byte`() {
    #expect(judge("X: y\r\n", "HTTP/1.1 200 ").verdict == .accept)
    #expect(judge("X: y\r\n", "HTTP/1.1 200 All is well").verdict == .accept)
    #expect(judge("X: y\r\n", "HTTP/1.1 200 O\u{1}K").verdict == .refuse)
    #expect(judge("X: y\r\n", "HTTP/1.1 200 O\rK").verdict == .refuse)
  }

  @Test func `a status line ends in CR LF`() {
    #expect(JudgedResponse("HTTP/1.1 200 OK\nX: y\r\n\r\n").verdict == .refuse)
    #expect(JudgedResponse("HTTP/1.1 200 OK\r\nX: y\r\n\n").verdict == .refuse)
  }
}
