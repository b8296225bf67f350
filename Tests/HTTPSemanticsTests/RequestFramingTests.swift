// Why this file exists: request smuggling lives on two opinions about where a body ends. Every form
// that is known has its line here.
import HTTPSemantics
import Primitives
import Testing

@Suite struct RequestFramingTests {
  private func judge(
    _ lines: String, method: String = "POST", version: String = "HTTP/1.1",
    parserFraming: Framing? = nil
  ) -> JudgedRequest {
    JudgedRequest(
      "\(method) / \(version)\r\nHost: a\r\n\(lines)\r\n", parserFraming: parserFraming)
  }

  @Test func `one Content-Length is a length`() {
    let request = judge("Content-Length: 42\r\n")
    #expect(request.verdict == .accept)
    #expect(request.head.framing == .length(42))
    #expect(request.forwarded.contains("Content-Length: 42"))
  }

  @Test(arguments: ["chunked", "Chunked", "CHUNKED"])
  func `one Transfer-Encoding of chunked is chunked, and ends at this hop`(coding: String) {
    let request = judge("Transfer-Encoding: \(coding)\r\n")
    #expect(request.verdict == .accept)
    #expect(request.head.framing == .chunked)
    #expect(request.forwarded == ["Host: a"])
  }

  @Test func `CL_TE: a length together with a coding is refused`() {
    #expect(judge("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").verdict == .bad(.framing))
    #expect(judge("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n").verdict == .bad(.framing))
    #expect(judge("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n").verdict == .bad(.framing))
  }

  @Test(arguments: [
    "identity", "gzip", "chunked, identity", "gzip, chunked", "chunked, chunked", "xchunked",
    "chunked;q=1", "\"chunked\"", "", "chunked,", ", chunked", "chunked x", "cow",
  ])
  func `TE_TE: any coding but chunked alone is refused`(coding: String) {
    #expect(judge("Transfer-Encoding: \(coding)\r\n").verdict == .bad(.framing))
  }

  @Test(arguments: ["chunked", "identity", "", "x"])
  func `TE_TE: a second coding line is refused`(coding: String) {
    let lines = "Transfer-Encoding: chunked\r\nTransfer-Encoding: \(coding)\r\n"
    #expect(judge(lines).verdict == .bad(.framing))
    let reversed = "Transfer-Encoding: \(coding)\r\nTransfer-Encoding: chunked\r\n"
    #expect(judge(reversed).verdict == .bad(.framing))
  }

  @Test(arguments: [
    "Transfer-Encoding:\u{b}chunked", "Transfer-Encoding: chunked\u{0}",
    "Transfer-Encoding: \u{c}chunked", "Transfer-Encoding : chunked",
    "Transfer-Encoding:\r\n chunked", "X: y\nTransfer-Encoding: chunked",
  ])
  func `TE_TE: disguises of the coding are refused`(line: String) {
    let verdict = judge("Content-Length: 5\r\n\(line)\r\n").verdict
    #expect(verdict == .bad(.framing) || verdict == .bad(.field))
  }

  @Test func `a disguised name is dropped, never forwarded`() {
    let request = judge("Content-Length: 5\r\nTransfer_Encoding: chunked\r\n")
    #expect(request.verdict == .accept)
    #expect(request.forwarded == ["Host: a", "Content-Length: 5"])
    let kept = JudgedRequest(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n",
      underscores: .keep)
    #expect(kept.forwarded == ["Host: a", "Content-Length: 5"])
  }

  @Test(arguments: [
    "+5", "-5", "5 5", "5, 5", "5,5", "5, 6", "0x5", "5;", "", "5.0", "five", "\"5\"", "5\u{a0}",
    "18446744073709551616", "9223372036854775808", "99999999999999999999999",
  ])
  func `a length that is not plain digits, or too large, is refused`(value: String) {
    #expect(judge("Content-Length: \(value)\r\n").verdict == .bad(.framing))
  }

  @Test func `the largest length is accepted, and leading zeros are digits`() {
    #expect(judge("Content-Length: 9223372036854775807\r\n").verdict == .accept)
    #expect(judge("Content-Length: 0005\r\n").head.framing == .length(5))
    #expect(judge("Content-Length: 0010\r\n").forwarded.last == "Content-Length: 10")
    #expect(judge("Content-Length: 00\r\n").forwarded.last == "Content-Length: 0")
  }

  @Test(arguments: ["5", "6", "", "x"])
  func `a second length is refused, equal or not (regression 28)`(value: String) {
    let lines = "Content-Length: 5\r\nX: y\r\nContent-Length: \(value)\r\n"
    #expect(judge(lines).verdict == .bad(.framing))
  }

  @Test func `a coding on HTTP 1_0 is refused`() {
    #expect(
      judge("Transfer-Encoding: chunked\r\n", version: "HTTP/1.0").verdict == .bad(.framing))
  }

  @Test func `a parser of another opinion refuses the request`() {
    #expect(judge("Content-Length: 5\r\n", parserFraming: .chunked).verdict == .bad(.framing))
    #expect(judge("Content-Length: 5\r\n", parserFraming: .length(6)).verdict == .bad(.framing))
    #expect(judge("Content-Length: 5\r\n", parserFraming: Framing.none).verdict == .bad(.framing))
    #expect(judge("", parserFraming: .length(1)).verdict == .bad(.framing))
    #expect(judge("", parserFraming: .length(0)).verdict == .accept)
    #expect(
      judge("Transfer-Encoding: chunked\r\n", parserFraming: .length(5)).verdict == .bad(.framing))
  }

  @Test func `TRACE has no body`() {
    #expect(judge("Content-Length: 1\r\n", method: "TRACE").verdict == .bad(.framing))
    #expect(judge("Content-Length: 0\r\n", method: "TRACE").verdict == .accept)
  }

  @Test func `any other method may have a body`() {
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "PURGE"] {
      #expect(judge("Content-Length: 1\r\n", method: method).verdict == .accept, "\(method)")
    }
  }
}
