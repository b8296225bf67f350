// Why this file exists: whatever bytes a client puts wherever it may, the logs are lines of JSON,
// one for each request, and nothing in them moves a terminal's cursor (regression list 36).

import Glibc
import Testing

/// Where a client's bytes can reach a log, or an answer that a log is made of.
private enum Place: CaseIterable {
  case method, path, host, userAgent, requestID, traceparent, forwardedFor, fieldName, chunk

  func request(_ text: [UInt8]) -> [UInt8] {
    let (before, after): (String, String) =
      switch self {
      case .method: ("G", " / HTTP/1.1\r\nHost: a\r\n\r\n")
      case .path: ("GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n")
      case .host: ("GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n")
      case .userAgent: field("User-Agent")
      case .requestID: field("X-Request-ID")
      case .traceparent: field("traceparent")
      case .forwardedFor: field("X-Forwarded-For")
      case .fieldName: ("GET / HTTP/1.1\r\nHost: a\r\nX-a", "b: c\r\n\r\n")
      case .chunk:
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1", "\r\nx\r\n0\r\n\r\n")
      }
    return Array(before.utf8) + text + Array(after.utf8)
  }

  private func field(_ name: String) -> (String, String) {
    ("GET / HTTP/1.1\r\nHost: a\r\n\(name): a", "b\r\n\r\n")
  }
}

/// Every byte, and what is evil only in a row.
private let texts: [[UInt8]] =
  (UInt8.min...UInt8.max).map { [$0] }
  + [
    "\",\"status\":200}\n{\"msg\":\"forged\"}", "\r\n{\"msg\":\"forged\"}", "\\", "\\\"", "\\u000a",
    "\u{1b}[2J", "\u{9b}2J", "\u{2028}", "\u{2029}", "\u{202e}", "\u{2066}", "\u{feff}", "\u{85}",
    "%0a", "%00", "%e2%80%a8", "${jndi:ldap://x}",
  ].map { Array($0.utf8) }
  + [
    [0xc0, 0x8a], [0xe0, 0x80, 0x8a], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x80],
    [0xf0, 0x9f], [0xfe, 0xff],
  ]

extension Operations {
  @Suite struct `Log injection` {
    @Test(arguments: Place.allCases)
    fileprivate func `no bytes of a client can break, forge or hide a line`(place: Place) throws {
      let text = configuration(
        top: "trusted_proxies: [127.0.0.1]\nlogging: {level: debug, "
          + "access: {output: \"{directory}/access.log\"}}")
      try withGateway(text, [.answering()]) { gateway in
        for text in texts {
          let client = try gateway.connect()
          try client.send(bytes: place.request(text))
          // One that still waits for the rest of its head hears so.
          client.halfClose()
          _ = try client.readToEnd()
          client.close()
        }
        let path = gateway.directory + "/access.log"
        var answered = 0
        try eventually("a line for each request") {
          let samples = try gateway.metrics().samples
          answered = samples.reduce(0) {
            $1.name == "gateway_requests_total" ? $0 + Int($1.value) : $0
          }
          return (readBytes(path) ?? []).count { $0 == 0x0a } >= answered
        }
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        let log = try #require(readBytes(path))
        // Strictly parsed, and no line that was not made for a request.
        let lines = try GatewayProcess.accessLines(try harmless(log))
        #expect(lines.count == answered && answered >= texts.count / 2)
        #expect(!lines.contains { $0["msg"]?.text != "request" || $0.names.count != 24 })
        let safe = lines.allSatisfy { line in
          line["request_id"]?.text?.wholeMatch(of: /[-A-Za-z0-9._~+\/=:@]{1,128}/) != nil
        }
        #expect(safe, "an identifier is of the safe set or made anew")
        let errors = try harmless(Array(gateway.errors.utf8))
        for line in errors.split(separator: "\n") { _ = try JSON(parsing: String(line)) }
        #expect(!errors.contains("forged"))
      }
    }

    /// The text of a log, which must be valid UTF-8 without anything that acts on a terminal.
    private func harmless(_ bytes: [UInt8]) throws -> String {
      let text = try #require(String(validating: bytes, as: UTF8.self))
      for scalar in text.unicodeScalars where scalar != "\n" {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069, 0xfeff:
          Issue.record("U+\(String(scalar.value, radix: 16)) in a log")
        default: break
        }
      }
      return text
    }
  }
}
