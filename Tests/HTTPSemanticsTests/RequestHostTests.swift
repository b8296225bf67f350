// Why this file exists: whom a request is for must have one reading, whatever form the target has.
import HTTPSemantics
import Primitives
import Testing

@Suite struct RequestHostTests {
  private func judge(_ line: String, _ fields: String) -> JudgedRequest {
    JudgedRequest("\(line)\r\n\(fields)\r\n")
  }

  @Test func `HTTP 1_1 needs exactly one Host`() {
    #expect(judge("GET / HTTP/1.1", "").verdict == .bad(.host))
    #expect(judge("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n").verdict == .bad(.host))
    #expect(judge("GET / HTTP/1.1", "Host: a\r\nX: y\r\nhost: b\r\n").verdict == .bad(.host))
    #expect(judge("GET http://a/ HTTP/1.1", "").verdict == .bad(.host))
    #expect(judge("GET http://a/ HTTP/1.1", "Host: a\r\nHost: b\r\n").verdict == .bad(.host))
  }

  @Test func `HTTP 1_0 may leave Host out, and may not have two`() {
    let request = judge("GET / HTTP/1.0", "")
    #expect(request.verdict == .accept)
    #expect(request.facts.authority.isEmpty)
    #expect(judge("GET / HTTP/1.0", "Host: a\r\nHost: a\r\n").verdict == .bad(.host))
  }

  @Test(arguments: ["", "a b", "a/b", "user@a", "a:b", "a:65536", "[::1", "a,", "a\\b", "a?", "é"])
  func `a Host that is no authority is refused (regression 27)`(value: String) {
    let expected: RequestVerdict = value == "a," ? .accept : .bad(.host)
    #expect(judge("GET / HTTP/1.1", "Host: \(value)\r\n").verdict == expected)
  }

  @Test func `the port does not belong to the host, letter case is kept (regression 27)`() {
    let request = judge("GET / HTTP/1.1", "Host: API.Example.com:8080\r\n")
    #expect(request.text(request.facts.host) == "API.Example.com")
    #expect(request.facts.port == 8080)
    #expect(request.text(request.facts.authority) == "API.Example.com:8080")
  }

  @Test func `an absolute target's authority replaces Host`() {
    let request = judge("GET http://b.example:81/p?q HTTP/1.1", "Host: a.example\r\n")
    #expect(request.verdict == .accept)
    #expect(request.facts.form == .absolute)
    #expect(request.text(request.facts.authority) == "b.example:81")
    #expect(request.text(request.facts.host) == "b.example")
    #expect(request.facts.port == 81)
    #expect(request.text(request.facts.pathAndQuery) == "/p?q")
  }

  @Test(arguments: [
    ("http://a", ""), ("HTTP://a?x=/y", "?x=/y"), ("https://a/", "/"), ("https://[::1]:9/z", "/z"),
    ("http://a?", "?"),
  ])
  func `an absolute target may lack a path`(target: String, rest: String) {
    let request = judge("GET \(target) HTTP/1.1", "Host: a\r\n")
    #expect(request.verdict == .accept)
    #expect(request.text(request.facts.pathAndQuery) == rest)
    #expect(request.facts.form == .absolute)
  }

  @Test(arguments: [
    "http://", "http:///p", "http://user@a/", "http://u:p@a/", "ftp://a/", "file:///x", "http:/a",
    "a.example", "a.example:80", "//", "*", "x", "?", "http://a:99999/", "http://a b/", "ws://a/",
  ])
  func `a target in no form that the method allows is refused`(target: String) {
    let expected: RequestVerdict = target == "//" ? .accept : .bad(.target)
    let framing: RequestVerdict = .bad(.framing)
    let verdict = judge("GET \(target) HTTP/1.1", "Host: a\r\n").verdict
    #expect(verdict == expected || (target.contains(" ") && verdict == framing))
  }

  @Test(arguments: ["/#", "/a#b", "/é", "/\u{1}", "/\u{7f}", "/a\u{0}b", "http://a/#x", "/?#"])
  func `a fragment, a control byte or one above 127 in the target is refused`(target: String) {
    #expect(judge("GET \(target) HTTP/1.1", "Host: a\r\n").verdict == .bad(.target))
  }

  @Test func `only OPTIONS may ask for the asterisk`() {
    let request = judge("OPTIONS * HTTP/1.1", "Host: a\r\n")
    #expect(request.verdict == .accept)
    #expect(request.facts.form == .asterisk)
    #expect(request.facts.pathAndQuery.isEmpty)
    #expect(judge("HEAD * HTTP/1.1", "Host: a\r\n").verdict == .bad(.target))
    #expect(judge("OPTIONS ** HTTP/1.1", "Host: a\r\n").verdict == .bad(.target))
  }

  @Test func `OPTIONS of an absolute target without path means the asterisk`() {
    #expect(judge("OPTIONS http://b HTTP/1.1", "Host: a\r\n").facts.form == .asterisk)
    #expect(judge("OPTIONS http://b/ HTTP/1.1", "Host: a\r\n").facts.form == .absolute)
    #expect(judge("OPTIONS http://b?q HTTP/1.1", "Host: a\r\n").facts.form == .absolute)
  }
}
