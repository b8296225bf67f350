// Why this file exists: an answer of our own must be whole and valid HTTP whatever went wrong, and
// say why in the words of the contract.
import HTTPSemantics
import Primitives
import Testing

@Suite struct LocalAnswerTests {
  private func split(_ answer: String) -> (head: [Substring], body: String) {
    let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
    let end = lines.firstIndex(of: "") ?? lines.endIndex
    return (Array(lines[..<end]), lines[(end + 1)...].joined(separator: "\r\n"))
  }

  @Test func `the whole answer`() {
    let answer = withBytes("Sun, 06 Nov 1994 08:49:37 GMT") { date in
      withBytes("r-1") { id in
        withBytes("Allow: GET\r\n") { extra in
          var answer = LocalAnswer(
            .overloaded, method: .get, version: .http11, keepAlive: false)
          answer.date = date
          answer.requestID = id
          answer.extraFields = extra
          answer.retryAfter = 12
          return written(capacity: LocalAnswer.maximumSize) { answer.write(into: &$0) }
        }
      }
    }
    let body =
      #"{"type":"about:blank","title":"Service Unavailable","status":503,"#
      + #""reason":"overloaded","request_id":"r-1"}"# + "\n"
    #expect(
      answer == "HTTP/1.1 503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        + "Content-Type: application/problem+json\r\nX-Gateway-Reason: overloaded\r\n"
        + "X-Request-ID: r-1\r\nRetry-After: 12\r\nAllow: GET\r\n"
        + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
  }

  @Test func `the detail is told, and the body of RFC 9457 is as long as it says`() {
    for reason in Reason.allCases where reason != .none {
      for detail in BadRequestDetail.allCases {
        for id in [nil, "abc"] as [String?] {
          let answer = withBytes(id ?? "") { slice in
            var answer = LocalAnswer(
              reason, detail, method: .post, version: .http11, keepAlive: true)
            if id != nil { answer.requestID = slice }
            return written(capacity: LocalAnswer.maximumSize) { answer.write(into: &$0) }
          }
          let (head, body) = split(answer ?? "")
          #expect(head.contains("Content-Length: \(body.utf8.count)"))
          #expect(head.contains("X-Gateway-Reason: \(reason.word)"))
          let status = reason.status(detail)
          #expect(head[0] == "HTTP/1.1 \(status) \(StatusPhrase.of(status))")
          #expect(body.contains("\"status\":\(status),\"reason\":\"\(reason.word)\""))
          #expect(body.contains("\"detail\":\"\(detail.word)\"") == (detail != .none))
          #expect(body.contains("\"request_id\":\"abc\"") == (id != nil))
        }
      }
    }
  }

  @Test func `HEAD gets the head of the same answer`() {
    func answer(_ method: HTTPSemantics.Method) -> String {
      let answer = LocalAnswer(.noRoute, method: method, version: .http11, keepAlive: true)
      return written { answer.write(into: &$0) } ?? ""
    }
    let (head, body) = split(answer(.head))
    #expect(body == "")
    #expect(head == split(answer(.get)).head)
  }

  @Test func `Connection is said where the version needs it`() {
    func connection(_ version: HTTPVersion, _ keepAlive: Bool) -> Substring? {
      let answer = LocalAnswer(.noRoute, method: .get, version: version, keepAlive: keepAlive)
      return split(written { answer.write(into: &$0) } ?? "").head.first {
        $0.hasPrefix("Connection")
      }
    }
    #expect(connection(.http11, true) == nil)
    #expect(connection(.http11, false) == "Connection: close")
    #expect(connection(.http10, true) == "Connection: keep-alive")
    #expect(connection(.http10, false) == "Connection: close")
  }

  @Test func `the longest identifier fits in the size that is promised`() {
    let id = String(repeating: "a", count: RequestIdentifier.maximumLength)
    let answer = withBytes(id) { slice in
      withBytes("Sun, 06 Nov 1994 08:49:37 GMT") { date in
        var answer = LocalAnswer(
          .upstreamProtocol, .framing, method: .get, version: .http10, keepAlive: true)
        answer.requestID = slice
        answer.date = date
        answer.retryAfter = .max
        return written(capacity: LocalAnswer.maximumSize) { answer.write(into: &$0) }
      }
    }
    #expect(answer != nil)
  }

  @Test func `a room that is too small is reported`() {
    let answer = LocalAnswer(.noRoute, method: .get, version: .http11, keepAlive: true)
    #expect(written(capacity: 40) { answer.write(into: &$0) } == nil)
  }

  // MARK: - Max-Forwards: 0

  @Test func `OPTIONS at its last hop is answered with what is allowed`() {
    let answer = withBytes("r-1") { id in
      written {
        FinalRecipientAnswer.writeOptions(
          version: .http11, keepAlive: true, date: nil, requestID: id, into: &$0)
      }
    }
    #expect(
      answer == "HTTP/1.1 200 OK\r\nX-Request-ID: r-1\r\nAllow: "
        + "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH\r\nContent-Length: 0\r\n\r\n")
  }

  @Test func `TRACE at its last hop is sent back without what may be secret`() {
    let request = JudgedRequest(
      "TRACE /a?b HTTP/1.1\r\nHost: h\r\nCookie: secret\r\nAuthorization: secret\r\n"
        + "X-Api-Key: secret\r\nVia: 1.1 x \r\nMax-Forwards: 0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n")
    #expect(request.verdict == .accept && request.facts.maxForwards == .answer)
    let answer = withBytes("r-1") { id in
      written {
        FinalRecipientAnswer.writeTrace(
          request.head, keepAlive: false, date: nil, requestID: id, into: &$0)
      }
    }
    let body = "TRACE /a?b HTTP/1.1\r\nHost: h\r\nVia: 1.1 x \r\nMax-Forwards: 0\r\n\r\n"
    #expect(
      answer == "HTTP/1.1 200 OK\r\nX-Request-ID: r-1\r\nContent-Type: message/http\r\n"
        + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
  }
}
