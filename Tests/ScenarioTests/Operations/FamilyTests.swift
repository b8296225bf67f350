// Why this file exists: a metric that is defined and never recorded looks like a quiet service, and
// a label that holds what clients send fills the scraper's disk (regression list 33 and 34).

import Glibc
import ScrapeReading
import Testing

/// What was seen of metrics: their samples that are not 0, over several gateways.
private struct Seen {
  var families: Set<String> = []
  var moved: Set<String> = []

  mutating func note(_ metrics: Metrics) {
    families.formUnion(metrics.scrape.families.keys)
    for sample in metrics.samples where sample.value != 0 {
      moved.insert(sample.name)
      for suffix in ["_bucket", "_count", "_sum"] where sample.name.hasSuffix(suffix) {
        moved.insert(String(sample.name.dropLast(suffix.count)))
      }
    }
  }
}

private let everything = """
  listeners:
    - address: 127.0.0.1:{port}
  admin:
    address: 127.0.0.1:{admin}
  workers: 1
  logging: {access: {output: /dev/full}}
  rate_limits:
    few: {rate: 1/h, key: global}
    watched: {rate: 1/h, key: global, mode: shadow}
    keyed: {rate: 100/h, key: query:k, max_keys: 1000}
  services:
    main:
      backends: [{backend1}]
    ill:
      backends: [{backend2}, {backend3}]
      timeouts: {connect: 10s}
      retries: {attempts: 0}
      circuit_breaker: {mode: off}
    frail:
      backends: [{backend4}]
      timeouts: {connect: 10s}
      retries: {attempts: 0}
      health: {passive: none}
      circuit_breaker: {mode: enforce, consecutive_failures: 3, open: 2m}
    checked:
      backends: [{backend5}]
      health: {active: {path: /healthz, interval: 10ms, unhealthy_after: 1}, panic_threshold: 50%}
  routes:
    - {name: few, match: {path: /few}, service: main, rate_limits: [few]}
    - {name: watched, match: {path: /watched}, service: main, rate_limits: [watched]}
    - {name: keyed, match: {path: /keyed}, service: main, rate_limits: [keyed]}
    - {name: ill, match: {path: /ill}, service: ill}
    - {name: frail, match: {path: /frail}, service: frail}
    - {name: checked, match: {path: /checked}, service: checked}
    - {name: all, match: {path: /*}, service: main}
  """ + "\n"

/// Answers `/s/STATUS` so, resets the connection of the second request of its first one, and is
/// never done with `/hold`.
private func mainBackend() -> ScriptedBackend {
  ScriptedBackend { connection in
    var count = 0
    while let request = try connection.readRequest() {
      count += 1
      if connection.index == 0 && count == 2 { return connection.wire.reset() }
      if request.target == "/hold" {
        try connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while connection.wire.end == nil {
          _ = try? connection.wire.receiveMore(until: .after(0.005))
          try connection.write("1\r\nx\r\n")
        }
        return
      }
      let status = request.target.hasPrefix("/s/") ? request.target.dropFirst(3) : "200"
      try connection.write("HTTP/1.1 \(status) Yes\r\nContent-Length: 0\r\n\r\n")
    }
  }
}

extension Operations {
  @Suite struct Families {
    @Test func `every metric of the contract is recorded`() throws {
      var seen = Seen()
      let failing = [Changeable(.status("500 No")), Changeable(), Changeable(.status("500 No"))]
      let checked = Patient("checked", says: "500 No\r\n")
      let main = mainBackend()
      let backends = [main] + failing.map(\.backend) + [checked.backend]
      try withGateway(everything, backends) { gateway in
        let client = try provoke(gateway, main, failing, checked)
        try overflow(gateway)
        let held = try gateway.connect()
        try held.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("a request in flight") { main.requests.contains { $0.target == "/hold" } }
        gateway.edit("nonsense: true\n")
        #expect(try gateway.post("/reload").status == 422)
        // What is held keeps the loop busy: one with nothing to do has no lag.
        try eventually("the lag of the loop to be measured") {
          let metrics = try gateway.metrics()
          seen.note(metrics)
          return metrics.value("gateway_event_loop_lag_seconds") != 0
        }
        try checkLabels(gateway.metrics(), backends.map { "\($0.address)" })
        client.close()
        held.reset()
        gateway.edit(everything, backends)
        #expect(try gateway.post("/reload").status == 200)
        seen.note(try gateway.metrics())
      }
      try withGateway(
        configuration(top: "limits: {memory: 1MiB}"), [ScriptedBackend.answering()]
      ) { gateway in
        try eventually("requests to be shed") {
          try gateway.metrics().value("gateway_shedding") == 2
        }
        seen.note(try gateway.metrics())
      }
      seen.note(try tracedMetrics())
      #expect(seen.families.count > 35)
      #expect(seen.families.subtracting(seen.moved) == [])
    }

    /// Of a gateway whose collector refuses the first batch and takes the second.
    private func tracedMetrics() throws -> Metrics {
      var metrics: Metrics?
      let collector = ScriptedBackend { connection in
        var isFirst = true
        try connection.serve { _ in
          defer { isFirst = false }
          return "HTTP/1.1 \(isFirst ? 400 : 200) x\r\nContent-Length: 0\r\n\r\n"
        }
      }
      let backends = [ScriptedBackend.answering(), collector]
      try withGateway(configuration(top: tracing(to: collector)), backends) { gateway in
        for name in ["dropped", "exported"] {
          _ = try gateway.get()
          try eventually("spans to be \(name)") {
            metrics = try gateway.metrics()
            return metrics?.samples.contains {
              $0.name == "gateway_trace_spans_\(name)_total" && $0.value > 0
            } ?? false
          }
        }
      }
      return try #require(metrics)
    }

    /// Gives back a client that is still connected.
    private func provoke(
      _ gateway: GatewayProcess, _ main: ScriptedBackend, _ failing: [Changeable],
      _ checked: Patient
    ) throws -> Wire {
      let client = try gateway.connect()
      func get(_ target: String, _ fields: String = "") throws -> Int {
        try client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        return try client.readResponse().status
      }
      // Its second request meets a connection that dies, and is repeated.
      #expect(try (0..<2).map { _ in try get("/") } == [200, 200])
      #expect(try get("/", "a_b: c\r\n") == 200)
      #expect(try (0..<2).map { _ in try get("/few") } == [200, 429])
      #expect(try (0..<2).map { _ in try get("/watched") } == [200, 200])
      for number in 0..<1_200 { #expect(try get("/keyed?k=\(number)") == 200) }
      while failing[0].count < 5 { _ = try get("/ill") }
      #expect(try (0..<4).map { _ in try get("/frail") } == [500, 500, 500, 503])
      try eventually("a backend to be down") {
        try gateway.metrics().value("gateway_backend_healthy", ["service": "checked"]) == 0
      }
      #expect(try get("/checked") == 200)
      return client
    }

    /// More combinations of method and status than the table has places for.
    private func overflow(_ gateway: GatewayProcess) throws {
      let client = try gateway.connect()
      for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
        for first in stride(from: 200, to: 900, by: 50) {
          let statuses = first..<(first + 50)
          let length = method == "GET" || method == "DELETE" ? "" : "Content-Length: 0\r\n"
          try client.send(
            statuses.map { "\(method) /s/\($0) HTTP/1.1\r\nHost: a\r\n\(length)\r\n" }.joined())
          for _ in statuses { _ = try client.readResponse(to: method) }
        }
      }
      let metrics = try gateway.metrics()
      let series = metrics.samples.filter { $0.name == "gateway_requests_total" }
      #expect(series.count <= 4_096 / 4 * 3 + 1)
      let others = ["route": "other", "service": "other", "method": "other", "status": "other"]
      let lost = metrics.value("gateway_metrics_series_overflow_total")
      #expect(metrics.value("gateway_requests_total", others) == lost)
    }

    /// Every value of every label is a word of ours or of the configuration.
    private func checkLabels(_ metrics: Metrics, _ backends: [String]) throws {
      let methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
      let fixed: [String: Set<String>] = [
        "route": ["-", "all", "few", "watched", "keyed", "ill", "frail", "checked", "other"],
        "service": ["-", "main", "ill", "frail", "checked", "other"],
        "method": Set(methods + ["other"]),
        "backend": Set(backends), "limit": ["few", "watched", "keyed"],
        "mode": ["enforce", "shadow"], "worker": ["0"], "to": ["closed", "open", "half_open"],
      ]
      for sample in metrics.samples {
        for (name, value) in sample.labels {
          if let words = fixed[name] {
            #expect(words.contains(value), "\(sample)")
          } else {
            #expect(
              ["status", "reason", "state", "result", "le", "hash", "generation", "version"]
                .contains(name), "\(sample)")
          }
        }
      }
    }
  }
}
