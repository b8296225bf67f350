// Why this file exists: of a request that waited in vain the log has to say where it waited, and
// the gateway's own time is its own only: who looks for the slow part must not be sent to the wrong
// place.

import Testing

extension Operations {
  @Suite struct `Where a request waited` {
    /// Milliseconds of the exchange that are not the gateway's own time.
    private func foreignTime(_ gateway: GatewayProcess, of line: JSON) throws -> Double {
      let route = line["route"]?.text ?? "-"
      try gateway.waitForMetric("gateway_overhead_seconds_count", ["route": route], toBe: 1)
      let own = try gateway.metrics().value("gateway_overhead_seconds_sum", ["route": route])
      let whole = try #require(line["latency_ms"]?.number)
      return whole - (try #require(own)) * 1_000
    }

    @Test func `a head that comes in pieces is the client's time`() throws {
      try withGateway(configuration(), [.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHo")
        #expect(throws: ScenarioFailure.self) { try client.receiveMore(until: .after(2.5)) }
        try client.send("st: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(try foreignTime(gateway, of: line) >= 390)
      }
    }

    @Test func `a connect that timed out is told, and is the backend's time`() throws {
      let backend = UnreachableBackend()
      defer { backend.stop() }
      let text = configuration(service: "timeouts: {connect: 300ms}\nretries: {attempts: 1}")
      try withGateway(text, addresses: [backend.address]) { gateway in
        #expect(try gateway.get().reason == "connect_timeout")
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["attempts"]?.integer == 2)
        #expect((line["connect_ms"]?.number ?? 0) >= 590)
        #expect(try foreignTime(gateway, of: line) >= 590)
      }
    }

    @Test func `a wait in the queue that came to nothing is told, and is not the gateway's time`()
      throws
    {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.waitForEnd()
      }
      let text = configuration(service: "connections: {max: 1, queue_timeout: 300ms}")
      try withGateway(text, [backend]) { gateway in
        let first = try gateway.connect()
        try first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        #expect(try gateway.get().reason == "queue_timeout")
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["backend"] == .null)
        #expect((line["queue_ms"]?.number ?? 0) >= 290)
        #expect(try foreignTime(gateway, of: line) >= 290)
        first.close()
      }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost a\r\n\r\n", "GET / HTTP/1.1\r\nX: "])
    func `bytes of a head that is no request are counted`(head: String) throws {
      let text = configuration(top: "timeouts: {head: 2500ms}")
      try withGateway(text, [.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send(head)
        #expect([400, 408].contains(try client.readResponse().status))
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["bytes_in"]?.integer == head.utf8.count)
        try gateway.waitForMetric(
          "gateway_request_bytes_total", ["route": "-"], toBe: Double(head.utf8.count))
      }
    }
  }
}
