// Why this file exists: a container runtime believes what the probe says.

import Configuration
import Testing

@testable import gateway

@Suite struct `The health probe` {
  private func verdict(_ answer: String) -> HealthProbe.Verdict {
    HealthProbe.verdict(on: Array(answer.utf8))
  }

  @Test func `takes 200 for ready and nothing else`() {
    #expect(verdict("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == .ready)
    #expect(
      verdict("HTTP/1.1 503 Service Unavailable\r\n\r\n")
        == .notReady("the admin listener answers 503"))
    #expect(verdict("") == .notReady("the admin listener does not answer"))
    #expect(verdict("hello 200 there") == .notReady("the admin listener does not answer"))
  }

  @Test func `says that nobody listens`() {
    let path = "/tmp/gateway-no-such-socket-\(UInt64.random(in: 0...UInt64.max)).sock"
    let address = NetworkAddress(form: .unix(path: path), text: "unix:\(path)")
    #expect(
      HealthProbe.ask(address)
        == .notReady("connect to the admin listener at unix:\(path): no such file or directory"))
  }
}
