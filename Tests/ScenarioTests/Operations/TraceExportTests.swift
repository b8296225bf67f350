// Why this file exists: collectors go down, hang and ask for patience; requests must not notice, no
// more memory may be taken than was planned, and what can still arrive does.

import Testing

extension Operations {
  @Suite struct TraceExport {
    /// Answers posts with these, one after the other, and the last of them for ever.
    private func collector(answering answers: [String]) -> ScriptedBackend {
      let left = Monitor(answers)
      return ScriptedBackend { connection in
        try connection.serve { _ in
          left.update { $0.count > 1 ? $0.removeFirst() : $0[0] }
        }
      }
    }

    private let taken = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    private let failing = "the collector takes no spans"
    private let recovered = "the collector takes spans again"

    private func state(_ gateway: GatewayProcess) throws -> String? {
      try JSON(parsing: gateway.admin("/status").text)["tracing"]?["state"]?.text
    }

    @Test(arguments: [
      "429 Too Many Requests\r\nRetry-After: 1", "503 Service Unavailable\r\nRetry-After: 1",
      "502 Bad Gateway", "504 Gateway Timeout",
    ])
    func `a batch that is not taken now is sent again, and one line says so`(
      answer: String
    ) throws {
      let busy = "HTTP/1.1 \(answer)\r\nContent-Length: 0\r\n\r\n"
      let collector = collector(answering: [busy, busy, taken])
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: tracing(to: collector)), [backend, collector]) { gateway in
        _ = try gateway.get()
        try gateway.waitForMetric("gateway_trace_spans_exported_total", toBe: 4)
        #expect(collector.requests.count == 3)
        #expect(Set(collector.requests.map(\.text)).count == 1, "the same spans each time")
        #expect(gateway.logLines(failing).count == 1)
        #expect(
          gateway.logLines(failing).first?["reason"]?.text == "it answers \(answer.prefix(3))")
        #expect(try gateway.waitForLogLines(recovered).count == 1)
        #expect(try state(gateway) == "exporting")
      }
    }

    @Test func `a batch that would be refused again is not sent again`() throws {
      let collector = collector(answering: [
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", taken,
      ])
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: tracing(to: collector)), [backend, collector]) { gateway in
        _ = try gateway.get()
        let labels = ["reason": "refused"]
        try gateway.waitForMetric("gateway_trace_spans_dropped_total", labels, toBe: 4)
        #expect(try state(gateway) == "failing: it answers 400")
        _ = try gateway.get()
        try gateway.waitForMetric("gateway_trace_spans_exported_total", toBe: 3)
        #expect(collector.requests.count == 2)
        #expect(try gateway.waitForLogLines(recovered).count == 1)
        #expect(gateway.logLines(failing).count == 1)
      }
    }

    @Test func `a collector that comes later gets what has waited for it`() throws {
      let backend = ScriptedBackend.answering()
      let address = Address.v4(Socket.freePort())
      try withGateway(configuration(top: tracing(to: address.port)), [backend]) { gateway in
        #expect(try gateway.get().status == 200)
        let lines = try gateway.waitForLogLines(failing)
        #expect(lines.count == 1)
        #expect(lines.first?["reason"]?.text == "the connection was refused")
        #expect(lines.first?["collector"]?.text == "\(address)")
        let collector = ScriptedBackend.collecting(at: address)
        defer { collector.stop() }
        #expect(try collector.waitForSpans(4).count == 4)
        #expect(try gateway.waitForLogLines(recovered).count == 1)
        #expect(gateway.logLines(failing).count == 1)
      }
    }

    @Test func `a kept connection that was closed meanwhile is no failure`() throws {
      let backend = ScriptedBackend.answering()
      let collector = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        // The second one dies with its connection, unanswered.
        if connection.index == 0 { _ = try connection.readRequest() }
      }
      try withGateway(configuration(top: tracing(to: collector)), [backend, collector]) { gateway in
        _ = try gateway.get()
        try gateway.waitForMetric("gateway_trace_spans_exported_total", toBe: 4)
        _ = try gateway.get()
        try gateway.waitForMetric("gateway_trace_spans_exported_total", toBe: 7)
        #expect(gateway.logLines(failing).isEmpty)
      }
    }

    @Test func `a collector that hangs holds up no request, takes no more memory, and is left`()
      throws
    {
      let backend = ScriptedBackend.answering()
      let collector = ScriptedBackend { try $0.waitForEnd(within: 60) }
      let text = configuration(
        top: tracing(to: collector)
          + "\nlogging: {access: {output: none}}\nshutdown: {drain: 100ms}")
      try withGateway(text, [backend, collector]) { gateway in
        _ = try gateway.get()
        try collector.waitForConnections(1)
        let client = try gateway.connect()
        // A ring holds 1,024 exchanges, of three spans each.
        for _ in 0..<1_100 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        // Of 76 exchanges.
        try gateway.waitForMetric(
          "gateway_trace_spans_dropped_total", ["reason": "queue_full"], toBe: 228)
        client.close()
        gateway.signal(15)
        #expect(try gateway.waitForEnd(within: 8) == .exited(0))
        let lost = gateway.logLines("spans were not delivered before the end")
        #expect(lost.first?["spans"]?.text == "\(4 + 1_024 * 3)")
      }
    }

    @Test func `what is left at the end is sent before the process goes`() throws {
      let backend = ScriptedBackend.answering()
      let collector = ScriptedBackend.collecting()
      try withGateway(configuration(top: tracing(to: collector)), [backend, collector]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        client.close()
        gateway.signal(15)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(try collector.spans().count == 4)
        #expect(gateway.logLines("not delivered").isEmpty)
      }
    }

    @Test func `a reload begins, moves and ends it`() throws {
      let backend = ScriptedBackend.answering()
      let (one, two) = (ScriptedBackend.collecting(), ScriptedBackend.collecting())
      try withGateway(configuration(), [backend, one, two]) { gateway in
        _ = try gateway.get("/before")
        #expect(try state(gateway) == "off")
        for collector in [one, two] {
          gateway.edit(configuration(top: tracing(to: collector)), [backend])
          let answer = try gateway.post("/reload")
          #expect(answer.status == 200 && answer.text.contains("tracing.export"))
          try eventually("a trace to be sampled") {
            _ = try gateway.get("/now")
            return try TraceParent(backend.requests.last).flags == "01"
          }
          _ = try collector.waitForSpans(3)
          #expect(try state(gateway) == "exporting")
        }
        gateway.edit(configuration(), [backend])
        #expect(try gateway.post("/reload").status == 200)
        try eventually("no trace to be sampled") {
          _ = try gateway.get("/after")
          return try TraceParent(backend.requests.last).flags == "00"
        }
        try eventually("the rest to be sent") { try state(gateway) == "off" }
        let spans = try one.spans() + two.spans()
        _ = try gateway.get("/late")
        gateway.signal(15)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(try one.spans().count + two.spans().count == spans.count)
        let paths = Set(spans.compactMap { $0["url.path"] })
        #expect(paths.isSubset(of: ["/now", "/after"]) && paths.contains("/now"))
        #expect(gateway.logLines(failing).isEmpty)
      }
    }

    @Test func `a collector may be named, and is asked for by that name`() throws {
      let backend = ScriptedBackend.answering()
      let collector = ScriptedBackend.collecting()
      let text = configuration(top: tracing(to: collector, host: "localhost"))
      try withGateway(text, [backend, collector]) { gateway in
        _ = try gateway.get()
        _ = try collector.waitForSpans(4)
        #expect(collector.requests.first?["Host"] == "localhost:\(collector.address.port)")
      }
    }
  }
}
