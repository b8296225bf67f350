// Why this file exists: what a trace shows of a request, as a collector gets it: every attempt
// under the id that its backend was sent, every wait, and the caller's own span above it all.

import Testing

/// The lines that have spans sent to this collector.
func tracing(to collector: ScriptedBackend, sample: String = "100%", host: String = "127.0.0.1")
  -> String
{
  tracing(to: collector.address.port, sample: sample, host: host)
}

func tracing(to port: UInt16, sample: String = "100%", host: String = "127.0.0.1") -> String {
  """
  tracing:
    export: "http://\(host):\(port)/v1/traces"
    sample: \(sample)
  """
}

extension ScriptedBackend {
  /// Takes whatever it is sent, as a collector does.
  static func collecting(at address: Address = .v4(0)) -> ScriptedBackend {
    ScriptedBackend(address) { connection in
      try connection.serve { _ in
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
      }
    }
  }

  /// The spans of all requests so far.
  func spans() throws -> [Span] {
    try requests.flatMap { request in
      let body = try JSON(parsing: request.text)
      return body["resourceSpans"]?[0]?["scopeSpans"]?[0]?["spans"]?.items.map(Span.init) ?? []
    }
  }

  func waitForSpans(_ count: Int, line: UInt = #line) throws -> [Span] {
    try eventually("\(count) spans", line: line) { try spans().count >= count }
    return try spans()
  }
}

/// One span as the collector has it.
struct Span {
  let json: JSON

  var name: String { json["name"]?.text ?? "" }
  var trace: String { json["traceId"]?.text ?? "" }
  var id: String { json["spanId"]?.text ?? "" }
  var parent: String? { json["parentSpanId"]?.text }
  /// 1 inside, 2 server, 3 client.
  var kind: Int { json["kind"]?.integer ?? 0 }
  var begun: UInt64 { UInt64(json["startTimeUnixNano"]?.text ?? "") ?? 0 }
  var ended: UInt64 { UInt64(json["endTimeUnixNano"]?.text ?? "") ?? 0 }
  var isError: Bool { json["status"]?["code"]?.integer == 2 }

  subscript(_ key: String) -> String? {
    let value = json["attributes"]?.items.first { $0["key"]?.text == key }?["value"]
    return value?["stringValue"]?.text ?? value?["intValue"]?.text
  }
}

/// What a traceparent says.
struct TraceParent {
  let trace: String
  let span: String
  let flags: String

  init(_ request: Message?) throws {
    let parts = try #require(request?["traceparent"]).split(separator: "-").map(String.init)
    (trace, span, flags) = (parts[1], parts[2], parts[3])
  }
}

extension Operations {
  @Suite struct Traces {
    private let theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
    private func parent(_ flags: String) -> String {
      "traceparent: 00-\(theirs)-00f067aa0ba902b7-\(flags)\r\n"
    }

    @Test func `a repeated request shows each attempt under the id that its backend was sent`()
      throws
    {
      let busy = ScriptedBackend.answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
      let good = ScriptedBackend.answering()
      let collector = ScriptedBackend.collecting()
      let text = configuration(
        top: tracing(to: collector), service: "retries: {attempts: 1, when: [503]}", backends: 2)
      try withGateway(text, [busy, good, collector]) { gateway in
        // Round robin begins anywhere.
        while busy.requests.isEmpty { #expect(try gateway.get("/a?secret=1").status == 200) }
        try good.waitForRequests(1)
        let sent = (try TraceParent(busy.requests.last), try TraceParent(good.requests.last))
        #expect(sent.0.trace == sent.1.trace && sent.0.span != sent.1.span)
        try eventually("the trace to be there") {
          try collector.spans().contains { $0.trace == sent.0.trace }
        }
        let spans = try collector.spans().filter { $0.trace == sent.0.trace }
        #expect(
          spans.map(\.name) == ["GET all", "GET", "connect", "GET", "connect", "response"]
            || spans.map(\.name) == ["GET all", "GET", "connect", "GET", "response"])
        let server = try #require(spans.first { $0.kind == 2 })
        let attempts = spans.filter { $0.kind == 3 }
        #expect(attempts.map(\.id) == [sent.0.span, sent.1.span])
        #expect(attempts.allSatisfy { $0.parent == server.id })
        #expect(attempts.map { $0["http.response.status_code"] } == ["503", "200"])
        #expect(attempts.map(\.isError) == [true, false])
        #expect(attempts.map { $0["error.type"] } == ["503", nil])
        #expect(attempts.map { $0["http.request.resend_count"] } == [nil, "1"])
        #expect(
          attempts.map { $0["server.port"] } == ["\(busy.address.port)", "\(good.address.port)"])
        #expect(attempts[0]["url.full"] == "http://\(busy.address)/a")
        #expect(server.parent == nil && !server.isError)
        #expect(server["url.path"] == "/a" && server["http.response.status_code"] == "200")
        #expect(server["gateway.service"] == "main" && server["client.address"] == "127.0.0.1")
        for span in spans {
          #expect(span.begun >= server.begun && span.begun <= span.ended, "\(span.name)")
          #expect(span.ended <= server.ended, "\(span.name)")
        }
        #expect(!collector.requests.contains { $0.text.contains("secret") })
        try eventually("its line in the access log") {
          try gateway.accessLog().contains {
            $0["trace_id"]?.text == sent.0.trace && $0["span_id"]?.text == server.id
          }
        }
      }
    }

    @Test func `a post is what the protocol says`() throws {
      let collector = ScriptedBackend.collecting()
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: tracing(to: collector)), [backend, collector]) { gateway in
        _ = try gateway.get()
        _ = try collector.waitForSpans(4)
        let request = try #require(collector.requests.first)
        #expect(request.method == "POST" && request.target == "/v1/traces")
        #expect(request["Content-Type"] == "application/json")
        #expect(request["Host"] == "\(collector.address)")
        let resource = try JSON(parsing: request.text)["resourceSpans"]?[0]?["resource"]
        let attributes = resource?["attributes"]?.items ?? []
        #expect(attributes.first?["key"]?.text == "service.name")
        #expect(attributes.first?["value"]?["stringValue"]?.text == "gateway")
        try gateway.waitForMetric("gateway_trace_spans_exported_total", toBe: 4)
        // The next batch takes the same connection.
        _ = try gateway.get()
        _ = try collector.waitForSpans(7)
        #expect(collector.connectionCount == 1)
      }
    }

    @Test func `a wait for a connection and the connect are seen`() throws {
      let gate = Gate()
      let backend = ScriptedBackend.named("a", holding: gate)
      let collector = ScriptedBackend.collecting()
      let text = configuration(
        top: tracing(to: collector), service: "connections: {max: 1, queue_timeout: 20s}")
      try withGateway(text, [backend, collector]) { gateway in
        let first = try gateway.connect()
        try first.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        let second = try gateway.connect()
        try second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("the second to wait") {
          try JSON(parsing: gateway.admin("/status").text)["services"]?[0]?["waiting"]?.integer == 1
        }
        gate.open()
        #expect(try first.readResponse().status == 200)
        #expect(try second.readResponse().status == 200)
        let spans = try collector.waitForSpans(8)
        let waits = spans.filter { $0.name == "queue" }
        #expect(waits.count == 1)
        let waiting = try #require(waits.first)
        let server = try #require(spans.first { $0["url.path"] == "/second" })
        #expect(waiting.trace == server.trace && waiting.parent == server.id)
        let attempt = try #require(spans.first { $0.kind == 3 && $0.trace == server.trace })
        #expect(waiting.ended <= attempt.begun && waiting.begun < waiting.ended)
        let connects = spans.filter { $0.name == "connect" }
        #expect(connects.count == 1, "the second request takes over the first one's connection")
        let opener = try #require(spans.first { $0.kind == 3 && $0.id == connects.first?.parent })
        #expect(opener["url.full"]?.hasSuffix("/hold") == true)
      }
    }

    @Test func `a caller's decision is followed, whatever the share is`() throws {
      let backend = ScriptedBackend.answering()
      let (none, all) = (ScriptedBackend.collecting(), ScriptedBackend.collecting())
      try withGateway(configuration(top: tracing(to: none, sample: "0%")), [backend, none]) {
        gateway in
        _ = try gateway.get(fields: parent("01"))
        let spans = try none.waitForSpans(4)
        let server = try #require(spans.first { $0.kind == 2 })
        #expect(server.trace == theirs && server.parent == "00f067aa0ba902b7")
        #expect(try TraceParent(backend.requests.last).flags == "01")
      }
      let other = ScriptedBackend.answering()
      try withGateway(configuration(top: tracing(to: all)), [other, all]) { gateway in
        _ = try gateway.get("/unsampled", fields: parent("00"))
        #expect(try TraceParent(other.requests.last).flags == "00")
        _ = try gateway.get("/own")
        let spans = try all.waitForSpans(3)
        #expect(!spans.contains { $0.trace == theirs })
      }
    }

    @Test func `whoever is not trusted decides nothing`() throws {
      let backend = ScriptedBackend.answering()
      let collector = ScriptedBackend.collecting()
      let text = configuration(top: tracing(to: collector, sample: "0%") + "\n  trust: never")
      try withGateway(text, [backend, collector]) { gateway in
        _ = try gateway.get(fields: parent("01"))
        let sent = try TraceParent(backend.requests.last)
        #expect(sent.trace != theirs && sent.flags == "00")
        gateway.signal(15)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(try collector.spans().isEmpty)
      }
    }

    @Test(arguments: [("0%", "00"), ("100%", "01")])
    func `new traces are sampled by the share, and say so`(sample: String, flags: String) throws {
      let backend = ScriptedBackend.answering()
      let collector = ScriptedBackend.collecting()
      let text = configuration(top: tracing(to: collector, sample: sample))
      try withGateway(text, [backend, collector]) { gateway in
        for _ in 0..<20 { _ = try gateway.get() }
        for request in backend.requests { #expect(try TraceParent(request).flags == flags) }
        gateway.signal(15)
        #expect(try gateway.waitForEnd() == .exited(0))
        let traces = Set(try collector.spans().map(\.trace)).count
        #expect(traces == (sample == "0%" ? 0 : 20))
      }
    }

    @Test func `errors are exported, sampled or not; what was refused to a client is not`() throws {
      let backend = ScriptedBackend { connection in
        while let request = try connection.readRequest() {
          if request.target == "/cut" {
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            return connection.wire.reset()
          }
          try connection.respond(request.target == "/500" ? "500 Oh" : "200 OK")
        }
      }
      let collector = ScriptedBackend.collecting()
      let text = configuration(top: tracing(to: collector, sample: "0%")).replacing(
        "path: /*", with: "path: /*\n      methods: [GET]")
      try withGateway(text, [backend, collector]) { gateway in
        #expect(try gateway.get("/good").status == 200)
        #expect(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\n\r\n").status == 405)
        #expect(try gateway.get("/500").status == 500)
        #expect(try TraceParent(backend.requests.last).flags == "00")
        _ = try? gateway.get("/cut")
        gateway.signal(15)
        #expect(try gateway.waitForEnd() == .exited(0))
        let servers = try collector.spans().filter { $0.kind == 2 }
        #expect(servers.map { $0["url.path"] } == ["/500", "/cut"])
        #expect(servers.map { $0["error.type"] } == ["500", "upstream_reset"])
        #expect(servers.allSatisfy { $0.isError })
      }
    }

    @Test func `what nobody could be asked is an error of the connect, the attempt and the whole`()
      throws
    {
      let collector = ScriptedBackend.collecting()
      let text = configuration(
        top: tracing(to: collector, sample: "0%"), service: "retries: {attempts: 1}")
      try withGateway(text, [collector], addresses: [.v4(Socket.freePort())]) { gateway in
        #expect(try gateway.get().status == 502)
        let spans = try collector.waitForSpans(5)
        #expect(spans.map(\.name) == ["GET all", "GET", "connect", "GET", "connect"])
        #expect(spans.allSatisfy { $0.isError })
        #expect(
          spans.map { $0["error.type"] }
            == ["connect_refused", "connect", "connect", "connect_refused", "connect_refused"])
        #expect(spans[0]["gateway.reason"] == "connect_refused")
      }
    }
  }
}
