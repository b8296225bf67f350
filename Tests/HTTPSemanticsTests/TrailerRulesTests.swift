// Why this file exists: a trailer comes after every decision; none may be changed by it.
import HTTPSemantics
import Primitives
import Testing

@Suite struct TrailerRulesTests {
  /// The trailers that are forwarded; nil when the section is refused.
  private func judge(_ lines: String, _ underscores: UnderscoreFields = .drop) -> [String]? {
    let fixture = HeadFixture("GET / HTTP/1.1\r\n\(lines)\r\n")
    let isGood = TrailerRules.judge(
      base: UnsafePointer(fixture.bytes), fields: fixture.fields, fieldCount: fixture.fieldCount,
      rules: RequestRuleSettings(underscoreFields: underscores))
    return isGood ? fixture.forwarded : nil
  }

  @Test func `an ordinary trailer passes`() {
    #expect(
      judge("X-Checksum: 1\r\nServer-Timing: a\r\nETag: \"x\"\r\nGrpc-Status: 0\r\n") == [
        "X-Checksum: 1", "Server-Timing: a", "ETag: \"x\"", "Grpc-Status: 0",
      ])
  }

  @Test(arguments: [
    "Content-Length", "Transfer-Encoding", "Host", "Trailer", "TE", "Connection", "Upgrade",
    "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "WWW-Authenticate",
    "Cache-Control", "Expect", "Max-Forwards", "Pragma", "Range", "If-Match", "If-None-Match",
    "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Age", "Expires", "Date", "Location",
    "Retry-After", "Vary", "Warning", "Content-Encoding", "Content-Type", "Content-Range",
    "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded",
    "X-Real-IP", "Via", "X-Request-ID", "traceparent", "tracestate", "X-Gateway-Reason",
    "Keep-Alive", "Proxy-Connection", "Idempotency-Key",
  ])
  func `what decides anything is dropped`(name: String) {
    #expect(judge("\(name): x\r\nX-Kept: 1\r\n\(name.uppercased()): y\r\n") == ["X-Kept: 1"])
  }

  @Test func `underscores go by their setting`() {
    #expect(judge("X_A: 1\r\n") == [])
    #expect(judge("X_A: 1\r\n", .reject) == nil)
    #expect(judge("X_A: 1\r\nContent_Length: 1\r\n", .keep) == ["X_A: 1"])
  }

  @Test(arguments: ["X Y: 1", "X: a\u{0}", "X: a\u{7}b", ": 1", "X(: 1"])
  func `a broken line refuses the section`(line: String) {
    #expect(judge("\(line)\r\n") == nil)
  }

  @Test func `no trailers are good trailers`() {
    #expect(judge("") == [])
  }
}
