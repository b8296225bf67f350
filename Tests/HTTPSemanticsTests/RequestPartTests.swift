// Why this file exists: who is told apart by a field or a cookie must not depend on
// letter case, on the order of lines or on what a client leaves empty.
import Primitives
import Testing

@testable import HTTPSemantics

@Suite struct RequestPartTests {
  private func slice<R>(_ text: String, _ body: (ByteSlice) -> R) -> R {
    Array((text + " ").utf8).withUnsafeBufferPointer { bytes in
      body(ByteSlice(bytes.baseAddress.unsafelyUnwrapped, bytes.count - 1))
    }
  }

  private func text(_ slice: ByteSlice?) -> String? {
    slice.map { String(decoding: $0.buffer, as: UTF8.self) }
  }

  private func values(_ name: String, _ lines: String, dropping: Int? = nil) -> [String] {
    let fixture = HeadFixture("GET / HTTP/1.1\r\n\(lines)\r\n")
    let head = fixture.requestHead()
    if let dropping { head.fields[dropping].drop() }
    var found: [String] = []
    slice(name) { name in
      RequestPart.values(of: name, in: head) { found.append(text($0) ?? "") }
    }
    return found
  }

  private func cookie(_ name: String, _ lines: String) -> String? {
    let fixture = HeadFixture("GET / HTTP/1.1\r\n\(lines)\r\n")
    return slice(name) { text(RequestPart.cookie($0, in: fixture.requestHead())) }
  }

  @Test func `a field is found in any letter case, all its lines in their order`() {
    #expect(values("x-user", "X-User: a\r\n") == ["a"])
    #expect(values("x-user", "x-uSER: a\r\nX-Use: b\r\nX-Users: c\r\nX-User: d\r\n") == ["a", "d"])
    #expect(values("x-user", "Host: a\r\n") == [])
  }

  @Test func `a field that is empty or ends here is none`() {
    #expect(values("x-user", "X-User:\r\nX-User: b\r\n") == ["b"])
    #expect(values("x-user", "X-User: a\r\nX-User: b\r\n", dropping: 0) == ["b"])
  }

  @Test func `a cookie is found by its exact name`() {
    #expect(cookie("sid", "Cookie: sid=abc\r\n") == "abc")
    #expect(cookie("sid", "Cookie: a=1; sid=abc; b=2\r\n") == "abc")
    #expect(cookie("sid", "Cookie: a=1;sid=abc;b=2\r\n") == "abc")
    #expect(cookie("sid", "Cookie: SID=1; xsid=2; sidx=3; sid=4\r\n") == "4")
    #expect(cookie("sid", "Cookie: a=sid=1\r\n") == nil)
    #expect(cookie("sid", "Cookie: sid\r\n") == nil)
    #expect(cookie("sid", "X: sid=1\r\n") == nil)
  }

  @Test func `the first cookie with a value counts, on whichever line it stands`() {
    #expect(cookie("sid", "Cookie: sid=; sid=1\r\n") == "1")
    #expect(cookie("sid", "Cookie: a=1\r\nCookie: sid=2\r\nCookie: sid=3\r\n") == "2")
    #expect(cookie("sid", "Cookie: sid=\r\n") == nil)
    #expect(cookie("sid", "Cookie: sid=\"a=b\"\r\n") == "\"a=b\"")
  }
}
