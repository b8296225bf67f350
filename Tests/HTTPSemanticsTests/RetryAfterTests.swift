// Why this file exists: a wait that is read wrongly is one that a peer has not asked for.
import HTTPSemantics
import Primitives
import Testing

@Suite struct RetryAfterTests {
  @Test(
    arguments: [
      ("Retry-After: 7", 7), ("retry-after: 0", 0), ("A: 1\r\nRETRY-AFTER: 120\r\nB: 2", 120),
      ("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", nil), ("Retry-After: -1", nil),
      ("Retry-After: 1.5", nil), ("Retry-After:", nil), ("Retry-After: 9999999999", nil),
      ("Retry-Aftes: 7", nil), ("A: 1", nil),
    ] as [(String, Int64?)])
  func `a number of seconds is a wait, anything else is none`(fields: String, seconds: Int64?) {
    let fixture = HeadFixture("HTTP/1.1 503 Busy\r\n\(fields)\r\n\r\n")
    let head = ResponseHead(
      base: UnsafePointer(fixture.bytes), fields: fixture.fields, fieldCount: fixture.fieldCount,
      version: .http11, status: 503, phrase: .empty, framing: .none, keepAlive: true)
    #expect(RetryAfter.seconds(of: head) == seconds.map { .seconds($0) })
  }
}
