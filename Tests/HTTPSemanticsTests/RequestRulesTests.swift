// Why this file exists: a request that two readers could understand differently must never be
// forwarded; each known way to write one is here.
import HTTPSemantics
import Primitives
import Testing

@Suite struct RequestRulesTests {
  private let host = "Host: a.example\r\n"

  private func verdict(_ raw: String, _ underscores: UnderscoreFields = .drop) -> RequestVerdict {
    JudgedRequest(raw, underscores: underscores).verdict
  }

  @Test func `an ordinary request is accepted and keeps its fields`() {
    let request = JudgedRequest(
      "GET /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\nUser-Agent: curl/8\r\n"
        + "X-Empty:\r\nX-Tab:\ta\tb\t\r\n\r\n")
    #expect(request.verdict == .accept)
    #expect(
      request.forwarded == [
        "Host: a.example:80", "Accept: */*", "User-Agent: curl/8", "X-Empty: ", "X-Tab: a\tb",
      ])
    #expect(request.text(request.facts.pathAndQuery) == "/a?b=c")
    #expect(request.text(request.facts.host) == "a.example")
    #expect(request.facts.port == 80)
    #expect(request.facts.userAgentField == 2)
    #expect(request.head.keepAlive)
    #expect(request.head.framing == .none)
  }

  // MARK: - The request line

  @Test(arguments: [
    "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET /\tHTTP/1.1",
    "GET / HTTP/1.1x", "GET / http/1.1", "GET / HTTPS/1.1", "GET / HTTP/11", "GET / HTTP/1.1\n",
  ])
  func `a request line is method, space, target, space, version and nothing else`(line: String) {
    #expect(verdict("\(line)\r\n\(host)\r\n") == .bad(.framing))
  }

  @Test func `a request line ends in CR LF`() {
    #expect(verdict("GET / HTTP/1.1\n\(host)\r\n") == .bad(.framing))
  }

  @Test(arguments: ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"])
  func `another version of HTTP is 505`(version: String) {
    #expect(verdict("GET / \(version)\r\n\(host)\r\n") == .bad(.version))
    #expect(Reason.badRequest.status(.version) == 505)
  }

  @Test func `CONNECT is 405 whatever else it says`() {
    #expect(
      verdict("CONNECT a.example:443 HTTP/1.1\r\n\(host)\r\n") == .refuse(.methodNotAllowed, .none))
    #expect(verdict("CONNECT / HTTP/1.1\r\n\r\n") == .refuse(.methodNotAllowed, .none))
  }

  // MARK: - The lines

  @Test(arguments: [
    "X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X : a\r\n", "X:a\n", "X: a\nY: b\r\n", "X\r\n",
    " X: a\r\n", "X: a\r\r\n",
  ])
  func `folded lines, bare line ends and blanks before the colon are refused`(line: String) {
    let first = verdict("GET / HTTP/1.1\r\n\(line)\(host)\r\n")
    let last = verdict("GET / HTTP/1.1\r\n\(host)\(line)\r\n")
    for verdict in [first, last] {
      #expect(verdict == .bad(.framing) || verdict == .bad(.field), "\(line.debugDescription)")
    }
  }

  @Test func `a head that does not end in an empty line is refused`() {
    #expect(verdict("GET / HTTP/1.1\r\n\(host)\n") == .bad(.framing))
  }

  @Test func `a line that the parser did not report is refused`() {
    let fixture = HeadFixture("GET / HTTP/1.1\r\n\(host)X-Hidden: 1\r\nX-Last: 2\r\n\r\n")
    for hidden in 0..<3 {
      var head = fixture.requestHead()
      let seen = (0..<3).filter { $0 != hidden }.map { fixture.fields[$0] }
      let table = UnsafeMutablePointer<Field>.allocate(capacity: 2)
      defer { table.deallocate() }
      table.initialize(from: seen, count: 2)
      head.fields = table
      head.fieldCount = 2
      var facts = RequestFacts()
      let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
      #expect(verdict == .bad(.framing))
    }
  }

  @Test(arguments: ["X: a\n\n", "X: a\n\r\n", "X:\n\n", "X: a\r\r\n\r\n", "X: a\r\n\n"])
  func `two line ends that are not CR LF are no line end`(tail: String) {
    #expect(verdict("GET / HTTP/1.1\r\n\(host)\(tail)") != .accept)
    #expect(verdict("GET / HTTP/1.0\n\n") != .accept)
  }

  @Test(arguments: ["X:a", "X:  a", "X:\ta", "X: a ", "X: a\t \t", "X:", "X: ", "X:\t", "X: \t \t"])
  func `white space around a value may be any`(line: String) {
    #expect(verdict("GET / HTTP/1.1\r\n\(line)\r\n\(host)\r\n") == .accept)
    #expect(verdict("GET / HTTP/1.1\r\n\(host)\(line)\r\n\r\n") == .accept)
  }

  @Test(arguments: ["a\u{0}b", "a\rb", "a\u{1}b", "a\u{7f}b", "\u{0}", "abcdefgh\u{b}ijklmno"])
  func `a control byte in a value is refused`(value: String) {
    #expect(verdict("GET / HTTP/1.1\r\n\(host)X-Any: \(value)\r\n\r\n") == .bad(.field))
    #expect(verdict("GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n") == .bad(.field))
  }

  @Test func `bytes above 127 may stand in a value`() {
    #expect(verdict("GET / HTTP/1.1\r\n\(host)X-Any: é\r\n\r\n") == .accept)
  }

  @Test(arguments: ["X Y", "X(", "X\"", "Xé", "X@", "X/Y", "{X}"])
  func `a name that is no token is refused`(name: String) {
    #expect(verdict("GET / HTTP/1.1\r\n\(host)\(name): 1\r\n\r\n") == .bad(.field))
  }

  @Test func `a line without a name is refused`() {
    #expect(verdict("GET / HTTP/1.1\r\n\(host): 1\r\n\r\n") == .bad(.field))
  }

  // MARK: - Underscores

  @Test func `a name with an underscore is dropped and counted`() {
    let request = JudgedRequest("GET / HTTP/1.1\r\n\(host)X_A: 1\r\nX-B: 2\r\nY_: 3\r\n\r\n")
    #expect(request.verdict == .accept)
    #expect(request.facts.underscoreDrops == 2)
    #expect(request.forwarded == ["Host: a.example", "X-B: 2"])
  }

  @Test func `a name with an underscore can be refused`() {
    #expect(verdict("GET / HTTP/1.1\r\n\(host)X_A: 1\r\n\r\n", .reject) == .bad(.field))
  }

  @Test func `a kept underscore cannot imitate a field that is ours`() {
    let request = JudgedRequest(
      "GET / HTTP/1.1\r\n\(host)X_A: 1\r\nX_Forwarded_For: 1.2.3.4\r\nContent_Length: 5\r\n"
        + "x_real-ip: 1\r\nUser_Agent: me\r\n\r\n", underscores: .keep)
    #expect(request.verdict == .accept)
    #expect(request.forwarded == ["Host: a.example", "X_A: 1", "User_Agent: me"])
    #expect(request.facts.underscoreDrops == 3)
  }

  // MARK: - Identity fields

  @Test func `the lines that others read are found`() {
    let request = JudgedRequest(
      "POST / HTTP/1.1\r\n\(host)X-Request-ID: r1\r\ntraceparent: t\r\ntracestate: a=1\r\n"
        + "tracestate: b=2\r\nIdempotency-Key: k\r\nForwarded: for=1.2.3.4\r\n"
        + "Content-Length: 0\r\n\r\n")
    #expect(request.verdict == .accept)
    #expect(request.facts.requestIDField == 1)
    #expect(request.facts.traceparentField == 2)
    #expect(request.facts.tracestateField == 3)
    #expect(request.facts.hasIdempotencyKey)
    #expect(request.facts.hasForwardingIdentity)
    #expect(request.head.framing == .length(0))
  }

  @Test func `an empty Idempotency-Key is none`() {
    for (value, isKey) in [("k", true), ("\"\"", true), ("", false), (" ", false)] {
      let request = JudgedRequest("POST / HTTP/1.1\r\n\(host)Idempotency-Key: \(value)\r\n\r\n")
      #expect(request.facts.hasIdempotencyKey == isKey)
    }
  }

  @Test func `of several traceparent lines none counts`() {
    for count in 2...4 {
      let lines = String(repeating: "traceparent: t\r\n", count: count)
      let request = JudgedRequest("GET / HTTP/1.1\r\n\(host)\(lines)\r\n")
      #expect(request.verdict == .accept)
      #expect(request.facts.traceparentField < 0)
    }
  }
}
