// Why this file exists: what belongs to one hop must not reach the next, and nothing else may be
// made to disappear with it.
import HTTPSemantics
import Primitives
import Testing

@Suite struct RequestHopTests {
  private func judge(
    _ fields: String, _ line: String = "GET / HTTP/1.1", parserFraming: Framing? = nil
  ) -> JudgedRequest {
    JudgedRequest("\(line)\r\nHost: a\r\n\(fields)\r\n", parserFraming: parserFraming)
  }

  // MARK: - Connection

  @Test func `fields named in Connection are not forwarded (regression 4)`() {
    let request = judge(
      "Connection: X-Secret, keep-alive\r\nX-Secret: 1\r\nX-Kept: 2\r\nx-secret: 3\r\n"
        + "X-Late: 4\r\nConnection: x-late\r\n")
    #expect(request.verdict == .accept)
    #expect(request.forwarded == ["Host: a", "X-Kept: 2"])
  }

  @Test func `every Connection line counts (regression 28)`() {
    let request = judge(
      "Connection: keep-alive\r\nConnection: X-A\r\nConnection: close\r\nX-A: 1\r\n")
    #expect(request.forwarded == ["Host: a"])
    #expect(!request.head.keepAlive)
  }

  @Test(arguments: [
    "Host", "Authorization", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Forwarded-Port", "Forwarded", "X-Real-IP", "Via", "Cookie", "X-Request-ID", "traceparent",
    "tracestate", "Content-Length", "Content-Type", "Max-Forwards",
  ])
  func `Connection cannot take out what is not the client's to remove`(name: String) {
    let value = name == "Host" ? "a" : "0"
    let line = name == "Host" ? "" : "\(name): \(value)\r\n"
    let request = judge("Connection: close, \(name)\r\n\(line)")
    #expect(request.verdict == .accept)
    #expect(request.forwarded.contains("\(name): \(value)"))
  }

  @Test func `Connection cannot take out the framing`() {
    let request = JudgedRequest(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\n")
    #expect(request.head.framing == .length(5))
    #expect(request.forwarded == ["Host: a", "Content-Length: 5"])
    let chunked = JudgedRequest(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n")
    #expect(chunked.head.framing == .chunked)
  }

  @Test func `a nominated Idempotency-Key is neither forwarded nor believed`() {
    let request = judge("Connection: idempotency-key\r\nIdempotency-Key: k\r\n")
    #expect(!request.facts.hasIdempotencyKey)
    #expect(request.forwarded == ["Host: a"])
  }

  @Test func `a nominated User-Agent is no user agent`() {
    #expect(judge("User-Agent: x\r\nConnection: user-agent\r\n").facts.userAgentField == -1)
  }

  @Test(arguments: ["a b", "(x)", "close;", "é", "X-A\"", "close, @"])
  func `a Connection member that is no token is refused`(value: String) {
    #expect(judge("Connection: \(value)\r\n").verdict == .bad(.field))
  }

  @Test func `more than 32 options are refused`() {
    let many = (1...32).map { "x\($0)" }.joined(separator: ",")
    #expect(judge("Connection: \(many)\r\n").verdict == .accept)
    #expect(judge("Connection: \(many)\r\nConnection: close\r\n").verdict == .bad(.field))
  }

  @Test func `hop-by-hop fields are not forwarded`() {
    let request = judge(
      "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
        + "Proxy-Authenticate: x\r\nProxy-Authorization: x\r\nTE: gzip\r\nUpgrade: h2c\r\n"
        + "HTTP2-Settings: x\r\nAuthorization: y\r\n")
    #expect(request.verdict == .accept)
    #expect(request.forwarded == ["Host: a", "Authorization: y"])
  }

  @Test func `a connection persists as its version says`() {
    #expect(judge("").head.keepAlive)
    #expect(!judge("Connection: CLOSE\r\n").head.keepAlive)
    #expect(!judge("Connection: keep-alive, close\r\n").head.keepAlive)
    #expect(!judge("", "GET / HTTP/1.0").head.keepAlive)
    #expect(judge("Connection: Keep-Alive\r\n", "GET / HTTP/1.0").head.keepAlive)
  }

  // MARK: - TE and Trailer

  @Test func `TE says whether trailers are welcome, and is never forwarded`() {
    #expect(judge("TE: trailers\r\n").facts.takesTrailers)
    #expect(judge("TE: gzip;q=0.5, Trailers\r\n").facts.takesTrailers)
    #expect(judge("TE: gzip\r\nTE: trailers\r\n").facts.takesTrailers)
    #expect(!judge("TE: trailersx\r\n").facts.takesTrailers)
    #expect(!judge("TE: trailers\r\n", "GET / HTTP/1.0").facts.takesTrailers)
    #expect(judge("TE: trailers\r\n").forwarded == ["Host: a"])
  }

  @Test func `the field is called Trailer and passes with a chunked body only (regression 5)`() {
    let chunked = judge(
      "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nTrailers: no\r\n", "POST / HTTP/1.1")
    #expect(chunked.forwarded == ["Host: a", "Trailer: X-Sum", "Trailers: no"])
    let length = judge("Content-Length: 1\r\nTrailer: X-Sum\r\n", "POST / HTTP/1.1")
    #expect(length.forwarded == ["Host: a", "Content-Length: 1"])
  }

  @Test func `no trailer is passed on when Connection may have named it`() {
    let chunked = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
    let named = judge("Connection: X-Sum\r\n\(chunked)", "POST / HTTP/1.1")
    #expect(named.facts.dropsTrailers)
    #expect(named.forwarded == ["Host: a"])
    let usual = judge(
      "Connection: close, TE, Upgrade, HTTP2-Settings, Keep-Alive\r\n\(chunked)",
      "POST / HTTP/1.1")
    #expect(!usual.facts.dropsTrailers)
    #expect(usual.forwarded == ["Host: a", "Trailer: X-Sum"])
  }

  // MARK: - Expect

  @Test func `the expectation of a body to come is forwarded`() {
    let request = judge("Expect: 100-Continue\r\nContent-Length: 1\r\n", "PUT / HTTP/1.1")
    #expect(request.facts.expectsContinue)
    #expect(request.forwarded == ["Host: a", "Expect: 100-Continue", "Content-Length: 1"])
  }

  @Test func `an expectation without a body, or of HTTP 1_0, is dropped`() {
    for request in [
      judge("Expect: 100-continue\r\n"),
      judge("Expect: 100-continue\r\nContent-Length: 0\r\n", "PUT / HTTP/1.1"),
      judge("Expect: 100-continue\r\nContent-Length: 1\r\n", "PUT / HTTP/1.0"),
    ] {
      #expect(request.verdict == .accept)
      #expect(!request.facts.expectsContinue)
      #expect(!request.forwarded.contains { $0.hasPrefix("Expect") })
    }
  }

  @Test(arguments: ["x", "100-continue, x", "100-continue, 100-continue", "y 100-continue", ""])
  func `any other expectation is refused`(value: String) {
    let fields = "Expect: \(value)\r\nContent-Length: 1\r\n"
    #expect(judge(fields, "PUT / HTTP/1.1").verdict == .bad(.field))
    let twice = "Expect: 100-continue\r\n" + fields
    #expect(judge(twice, "PUT / HTTP/1.1").verdict == .bad(.field))
  }

  // MARK: - Max-Forwards

  @Test func `Max-Forwards is counted down for OPTIONS and TRACE`() {
    for method in ["OPTIONS", "TRACE"] {
      let line = "\(method) / HTTP/1.1"
      let request = judge("Max-Forwards: 10\r\n", line)
      #expect(request.facts.maxForwards == .forward(9))
      #expect(request.forwarded == ["Host: a"])
      #expect(judge("Max-Forwards: 0\r\n", line).facts.maxForwards == .answer)
      #expect(judge("Max-Forwards: 000\r\n", line).facts.maxForwards == .answer)
      #expect(judge("Max-Forwards: 1\r\n", line).facts.maxForwards == .forward(0))
      let huge = judge("Max-Forwards: 99999999999999999999999999\r\n", line)
      #expect(huge.facts.maxForwards == .forward(.max))
      #expect(judge("Max-Forwards: -1\r\n", line).verdict == .bad(.field))
      #expect(judge("Max-Forwards:\r\n", line).verdict == .bad(.field))
      #expect(judge("Max-Forwards: 1\r\nMax-Forwards: 1\r\n", line).verdict == .bad(.field))
    }
  }

  @Test func `Max-Forwards means nothing to other methods`() {
    let request = judge("Max-Forwards: x\r\n")
    #expect(request.verdict == .accept)
    #expect(request.facts.maxForwards == .absent)
    #expect(request.forwarded == ["Host: a", "Max-Forwards: x"])
  }
}
