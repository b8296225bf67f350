// Why this file exists: what the admin listener tells agrees with what clients saw, and only those
// may ask whom the contract lets (regression 33 and 38).

import Testing

extension Operations {
  @Suite struct Admin {
    @Test func `liveness and readiness answer 200`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        for path in ["/livez", "/readyz"] {
          #expect(try gateway.admin(path).status == 200)
          #expect(try gateway.admin(path, method: "HEAD").status == 200)
        }
        #expect(try gateway.admin("/nowhere").status == 404)
        let post = try gateway.admin(
          "/readyz", method: "POST",
          fields: "Host: localhost\r\nContent-Length: 0\r\n")
        #expect(post.status == 405)
      }
    }

    @Test func `several requests pass over one admin connection`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        let client = try Wire.connect(to: .v4(gateway.adminPort))
        for path in ["/livez", "/status", "/metrics", "/readyz"] {
          try client.send("GET \(path) HTTP/1.1\r\nHost: localhost:\(gateway.adminPort)\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        client.close()
      }
    }

    @Test func `status is JSON about services and their backends`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.admin("/status")
        #expect(response.status == 200)
        #expect(response["Content-Type"]?.hasPrefix("application/json") == true)
        let status = try JSON(parsing: response.text)
        #expect(response.text.contains("main"))
        #expect(response.text.contains("\(backend.address)"))
        #expect(!status.names.isEmpty)
      }
    }

    @Test func `metrics count what clients saw`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve {
          $0.target == "/made" ? "HTTP/1.1 201 Made\r\nContent-Length: 4\r\n\r\nbody" : plainAnswer
        }
      }
      let text = configuration(workers: 2).replacing("path: /*", with: "path: /made")
      try withGateway(text, [backend]) { gateway in
        for _ in 0..<7 { _ = try gateway.get("/made") }
        for _ in 0..<3 { _ = try gateway.get("/lost") }
        _ = try gateway.exchange("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try gateway.exchange(
          "PROPPATCH /made HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        try gateway.waitForMetric("gateway_requests_total", toBe: 12)
        let response = try gateway.admin("/metrics")
        #expect(response["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        let metrics = Metrics(response.text)
        #expect(metrics.faults == [])
        func requests(_ labels: [String: String]) -> Double? {
          metrics.value("gateway_requests_total", labels)
        }
        let made = ["route": "all", "service": "main", "method": "GET", "status": "201"]
        #expect(requests(made) == 7)
        #expect(requests(["route": "-", "service": "-", "method": "GET", "status": "404"]) == 3)
        #expect(requests(["route": "-", "status": "501"]) == 1)
        #expect(requests([:]) == 12)
        #expect(metrics.value("gateway_request_duration_seconds_count", ["route": "all"]) == 8)
        #expect(metrics.value("gateway_upstream_duration_seconds_count", ["service": "main"]) == 8)
        #expect(metrics.value("gateway_overhead_seconds_count", ["route": "all"]) == 8)
        #expect((metrics.value("gateway_request_bytes_total", ["route": "all"]) ?? 0) >= 3)
        #expect((metrics.value("gateway_response_bytes_total", ["route": "all"]) ?? 0) >= 32)
        #expect(metrics.value("gateway_local_responses_total", ["reason": "no_route"]) == 3)
        #expect(metrics.value("gateway_local_responses_total", ["reason": "bad_request"]) == 1)
        #expect(metrics.value("gateway_build_info") == 1)
        let names = ["gateway_requests_total", "gateway_request_duration_seconds"]
        #expect(names.map(metrics.type) == ["counter", "histogram"])
      }
    }

    @Test func `histograms are cumulative and begin below a millisecond`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for _ in 0..<20 { _ = try gateway.get() }
        try gateway.waitForMetric("gateway_requests_total", toBe: 20)
        let metrics = try gateway.metrics()
        let buckets = metrics.samples.filter {
          $0.name == "gateway_request_duration_seconds_bucket"
        }
        let bounds = buckets.compactMap { Double($0.labels["le"] ?? "") }
        #expect(bounds.first == 0.0005)
        #expect(bounds.max() == 30 || bounds.dropLast().max() == 30)
        #expect(buckets.last?.labels["le"] == "+Inf")
        #expect(zip(buckets, buckets.dropFirst()).allSatisfy { $0.value <= $1.value })
        #expect(buckets.last?.value == 20)
      }
    }

    @Test func `connections of clients and backends are gauges that go down again`() throws {
      let gate = Gate()
      let backend = ScriptedBackend.answering(holding: gate)
      try withGateway(configuration(), [backend]) { gateway in
        let clients = try (0..<3).map { _ in try gateway.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try backend.waitForRequests(3)
        let during = try gateway.metrics()
        #expect(during.value("gateway_client_connections") == 3)
        #expect(during.value("gateway_active_connections", ["service": "main"]) == 3)
        #expect(during.value("gateway_pool_connections", ["state": "active"]) == 3)
        gate.open()
        for client in clients {
          #expect(try client.readResponse().status == 200)
          client.close()
        }
        try eventually("the gauges to go down") {
          let after = try gateway.metrics()
          return after.value("gateway_client_connections") == 0
            && after.value("gateway_active_connections") == 0
            && after.value("gateway_pool_connections", ["state": "idle"]) == 3
        }
      }
    }

    @Test func `no label grows with what clients send`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for number in 0..<20 {
          _ = try gateway.get("/p\(number)", fields: "X-N: \(number)\r\nUser-Agent: u\(number)\r\n")
          _ = try gateway.exchange("M\(number) / HTTP/1.1\r\nHost: h\(number)\r\n\r\n")
        }
        let labels = try gateway.metrics().labels("gateway_requests_total")
        #expect(labels.count <= 3, "\(labels)")
      }
    }

    @Test(arguments: [
      ("localhost", 200), ("127.0.0.1", 200), ("[::1]:99", 200), ("10.1.2.3:1", 200),
      ("localhost.evil.example", 403), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
    ])
    func `only names that cannot be rebound may be asked for`(host: String, status: Int) throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        for path in ["/metrics", "/status", "/readyz"] {
          let response = try gateway.admin(path, fields: "Host: \(host)\r\n")
          #expect(response.status == status, "\(path)")
        }
      }
    }

    @Test(arguments: [
      ("Origin: http://localhost\r\n", true), ("Sec-Fetch-Site: cross-site\r\n", true),
      ("Sec-Fetch-Site: same-site\r\n", true), ("Sec-Fetch-Site: same-origin\r\n", false),
      ("Sec-Fetch-Site: none\r\n", false), ("", false),
    ])
    func `a browser on another page can post nothing`(fields: String, forbidden: Bool) throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        let response = try gateway.admin(
          "/livez", method: "POST",
          fields: "Host: localhost\r\n\(fields)Content-Length: 0\r\n")
        #expect((response.status == 403) == forbidden, "\(response.status)")
      }
    }

    @Test func `the admin listener refuses what is malformed, and can be switched off`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        for request in [
          "GET /livez HTTP/1.1\r\n\r\n", "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "nonsense\r\n\r\n", "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
        ] {
          let client = try Wire.connect(to: .v4(gateway.adminPort))
          try client.send(request)
          let response = try client.readResponse()
          #expect((400...501).contains(response.status))
          try client.readToEnd()
          client.close()
        }
        #expect(try gateway.admin("/livez").status == 200)
      }
      let text = configuration().replacing(
        "admin:\n  address: 127.0.0.1:{admin}", with: "admin: none")
      let backend = ScriptedBackend.answering()
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 200)
        #expect(throws: ScenarioFailure.self) { try gateway.admin("/livez") }
      }
    }
  }
}
