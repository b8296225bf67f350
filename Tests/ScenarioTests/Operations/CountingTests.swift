// Why this file exists: an operator compares the gateway's numbers with what clients report; they
// agree to the request and to the byte, whatever became of each.

import ScrapeReading
import Testing

/// What clients did and saw.
private struct Tally: Sendable {
  /// By the labels of `gateway_requests_total`.
  var requests: [[String: String]: Double] = [:]
  /// By route; of requests that came to an end.
  var sent: [String: Double] = [:]
  var received: [String: Double] = [:]

  mutating func count(_ route: String, _ service: String, _ method: String, _ status: Int) {
    let labels = ["route": route, "service": service, "method": method, "status": "\(status)"]
    requests[labels, default: 0] += 1
  }
}

/// One kind of request: what is sent, and what becomes of it.
private struct Kind: Sendable {
  var method: String
  var target: String
  var body = ""
  var route: String
  var service: String
  var status: Int
  /// How the method is told; as it is, unless nobody knows it.
  var told: String?
  /// The connection ends with the answer.
  var closes = false

  var text: String {
    let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
    return "\(method) \(target) HTTP/1.1\r\nHost: a\r\n\(length)\r\n\(body)"
  }

  static let all = [
    Kind(method: "GET", target: "/s/200", route: "files", service: "main", status: 200),
    Kind(
      method: "POST", target: "/s/201", body: "some words", route: "files", service: "main",
      status: 201),
    Kind(method: "HEAD", target: "/s/200", route: "files", service: "main", status: 200),
    Kind(method: "PUT", target: "/s/204", body: "x", route: "files", service: "main", status: 204),
    Kind(method: "DELETE", target: "/s/404", route: "files", service: "main", status: 404),
    Kind(method: "GET", target: "/s/503", route: "files", service: "main", status: 503),
    Kind(
      method: "PROPPATCH", target: "/s/207", route: "files", service: "main", status: 207,
      told: "other"),
    Kind(method: "GET", target: "/lost", route: "-", service: "-", status: 404),
    Kind(method: "GET", target: "/ping", route: "ping", service: "-", status: 200),
    Kind(method: "GET", target: "/old/1", route: "old", service: "-", status: 308),
    Kind(
      method: "BREW", target: "/", route: "-", service: "-", status: 501, told: "other",
      closes: true),
    Kind(method: "GET", target: "/s/#", route: "-", service: "-", status: 400, closes: true),
  ]
}

private let statuses = """
  listeners:
    - address: 127.0.0.1:{port}
  admin:
    address: 127.0.0.1:{admin}
  workers: 3
  services:
    main:
      backends: [{backend1}, {backend2}]
      retries: {attempts: 0}
      timeouts: {connect: 10s}
      health: {passive: none}
      circuit_breaker: {mode: off}
  routes:
    - {name: files, match: {path: /s/*}, service: main}
    - {name: holds, match: {path: /hold/*}, service: main}
    - {name: ping, match: {path: /ping}, respond: {body: "pong"}}
    - {name: old, match: {path: /old/*}, redirect: {status: 308, location: /new/*}}
  """ + "\n"

/// Answers `/s/STATUS` with that status, and `/hold/…` never.
private func statusBackend() -> ScriptedBackend {
  ScriptedBackend { connection in
    while let request = try connection.readRequest() {
      guard request.target.hasPrefix("/s/") else {
        try connection.waitForEnd()
        return
      }
      let status = request.target.dropFirst(3)
      let body = request.method == "HEAD" || status == "204" ? "" : "an answer"
      let length = status == "204" ? "" : "Content-Length: 9\r\n"
      try connection.write("HTTP/1.1 \(status) Yes\r\n\(length)\r\n\(body)")
    }
  }
}

/// One client's requests, in an order of its own.
private func run(_ gateway: Address, client number: Int, _ tally: Monitor<Tally>) throws {
  var wire = try Wire.connect(to: gateway)
  defer { wire.close() }
  for step in 0..<60 {
    let kind = Kind.all[(step * 7 + number) % Kind.all.count]
    try wire.send(kind.text)
    let answer = try wire.readResponse(to: kind.method)
    #expect(answer.status == kind.status, "\(kind)")
    tally.update {
      $0.count(kind.route, kind.service, kind.told ?? kind.method, answer.status)
      $0.sent[kind.route, default: 0] += Double(kind.text.utf8.count)
      $0.received[kind.route, default: 0] += Double(answer.rawHead.count + answer.body.count)
    }
    if kind.closes {
      wire.close()
      wire = try Wire.connect(to: gateway)
    }
  }
}

extension Operations {
  @Suite struct Counting {
    @Test func `counts equal what clients saw, to the request`() throws {
      let backends = [statusBackend(), statusBackend()]
      try withGateway(statuses, backends) { gateway in
        let tally = Monitor(Tally())
        let failures = Monitor<[String]>([])
        let address = Address.v4(gateway.port)
        let helpers = (0..<8).map { number in
          Helper {
            do { try run(address, client: number, tally) } catch {
              failures.update { $0.append("\(error)") }
            }
          }
        }
        for helper in helpers { try helper.join(within: 50) }
        #expect(failures.value == [])
        for number in 0..<6 {
          let client = try gateway.connect()
          try client.send("GET /hold/\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
          try eventually("the request to arrive") {
            backends.contains { $0.requests.contains { $0.target == "/hold/\(number)" } }
          }
          client.reset()
          tally.update { $0.count("holds", "main", "GET", 499) }
        }
        let saw = tally.value
        let all = saw.requests.values.reduce(0, +)
        #expect(all == 8 * 60 + 6)
        try gateway.waitForMetric("gateway_requests_total", toBe: all)
        try compare(gateway.metrics(), saw)
        try compare(gateway.openMetrics(), saw)
      }
    }

    private func compare(_ metrics: Metrics, _ saw: Tally) throws {
      var counted: [[String: String]: Double] = [:]
      for sample in metrics.samples where sample.name == "gateway_requests_total" {
        counted[sample.labels] = sample.value
      }
      #expect(counted == saw.requests)
      for route in ["files", "holds", "ping", "old", "-"] {
        let labels = ["route": route]
        let requests = metrics.value("gateway_requests_total", labels)
        for name in ["gateway_request_duration_seconds_count", "gateway_overhead_seconds_count"] {
          #expect(metrics.value(name, labels) == requests, "\(name) of \(route)")
        }
      }
      let main = metrics.value("gateway_requests_total", ["service": "main"])
      #expect(metrics.value("gateway_upstream_duration_seconds_count", ["service": "main"]) == main)
      for route in ["files", "ping", "old"] {
        let labels = ["route": route]
        #expect(metrics.value("gateway_request_bytes_total", labels) == saw.sent[route])
        #expect(metrics.value("gateway_response_bytes_total", labels) == saw.received[route])
      }
      let opened = try #require(metrics.value("gateway_pool_opened_total"))
      let reused = try #require(metrics.value("gateway_pool_reused_total"))
      #expect(opened + reused == main)
      func local(_ reason: String) -> Double? {
        metrics.value("gateway_local_responses_total", ["reason": reason])
      }
      #expect(
        local("no_route")
          == saw.requests.first { $0.key["status"] == "404" && $0.key["route"] == "-" }?.value)
      #expect(local("client_abort") == 6)
      let malformed = saw.requests.filter { ["400", "501"].contains($0.key["status"]) }
      #expect(local("bad_request") == malformed.values.reduce(0, +))
    }

    @Test func `OpenMetrics by Accept names traces that clients record, and no others`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(workers: 2), [backend]) { gateway in
        let recorded = "4bf92f3577b34da6a3ce929d0e0e4736"
        let other = "0af7651916cd43dd8448eb211c80319c"
        _ = try gateway.get(fields: "traceparent: 00-\(recorded)-00f067aa0ba902b7-01\r\n")
        _ = try gateway.get(fields: "traceparent: 00-\(other)-b7ad6b7169203331-00\r\n")
        try gateway.waitForMetric("gateway_requests_total", toBe: 2)
        var exemplars: [ScrapedSample] = []
        try eventually("the exemplars") {
          exemplars = try gateway.openMetrics().scrape.samples.filter { $0.exemplar != nil }
          return exemplars.count == 3
        }
        let names = [
          "gateway_request_duration_seconds_bucket", "gateway_overhead_seconds_bucket",
          "gateway_upstream_duration_seconds_bucket",
        ]
        #expect(exemplars.map(\.name) == names)
        for sample in exemplars { #expect(sample.exemplar?.labels == ["trace_id": recorded]) }
      }
    }
  }
}

extension GatewayProcess {
  /// A scrape in the other form, which is valid to the letter.
  func openMetrics(line: UInt = #line) throws -> Metrics {
    let answer = try admin(
      "/metrics",
      fields: "Host: localhost\r\nAccept: application/openmetrics-text; version=1.0.0\r\n",
      line: line)
    #expect(
      answer["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    let metrics = Metrics(OpenMetricsFormat.read(answer.body))
    for fault in metrics.faults { Issue.record("in OpenMetrics: \(fault)") }
    return metrics
  }
}
