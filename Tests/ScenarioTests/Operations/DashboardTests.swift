// Why this file exists: what the page at `/` draws is what clients saw. How it looks in a browser
// is asked by Tests/Browser/check.

import Testing

extension Operations {
  @Suite struct Dashboard {
    @Test func `the page comes from the real binary, whole and closed to everything else`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        let page = try gateway.admin("/")
        #expect(page.status == 200)
        #expect(page["Content-Type"] == "text/html; charset=utf-8")
        let policy = page["Content-Security-Policy"] ?? ""
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(policy.contains("frame-ancestors 'none'"))
        #expect(page.text.hasPrefix("<!doctype html>"))
        let tag = try #require(page["ETag"])
        let again = try gateway.admin(
          "/", fields: "Host: 127.0.0.1:\(gateway.adminPort)\r\nIf-None-Match: \(tag)\r\n")
        #expect(again.status == 304 && again.text.isEmpty)
        #expect(try gateway.admin("/", fields: "Host: evil.example\r\n").status == 403)
        #expect(try gateway.post("/", "Origin: http://localhost\r\n").status == 403)
      }
    }

    @Test func `status counts what clients saw, by class, service, route and reason`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve {
          $0.target == "/made" ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" : plainAnswer
        }
      }
      let text = configuration(workers: 2)
        .replacing("path: /*", with: "path: /made/*")
        .replacing("routes:\n", with: "routes:\n  - {match: {path: /quiet}, service: main}\n")
      try withGateway(text, [backend]) { gateway in
        for _ in 0..<5 { _ = try gateway.get("/made/x") }
        for _ in 0..<2 { _ = try gateway.get("/made") }
        for _ in 0..<3 { _ = try gateway.get("/lost") }
        try gateway.waitForMetric("gateway_requests_total", toBe: 10)
        let status = try JSON(parsing: gateway.admin("/status").text)
        let traffic = try #require(status["traffic"])
        #expect(traffic["answers"]?["2xx"]?.integer == 5)
        #expect(traffic["answers"]?["4xx"]?.integer == 3)
        #expect(traffic["answers"]?["5xx"]?.integer == 2)
        #expect(traffic["local_answers"]?["no_route"]?.integer == 3)
        let durations = try #require(traffic["durations"]?.items)
        #expect(durations.compactMap(\.integer).reduce(0, +) == 10)
        #expect(durations.count == (traffic["duration_bounds_ms"]?.items.count ?? 0) + 1)
        let routes = try #require(traffic["routes"]?.items)
        #expect(routes.compactMap { $0["name"]?.text } == ["all", "-"])
        #expect(routes.first?["answers"]?["5xx"]?.integer == 2)
        #expect(traffic["routes_not_shown"]?.integer == 0)
        let service = try #require(status["services"]?.items.first)
        #expect(service["answers"]?["2xx"]?.integer == 5)
        #expect(service["durations"]?.items.compactMap(\.integer).reduce(0, +) == 7)
        #expect(service["backends"]?.items.first?["weight"]?.integer == 1)
        #expect(status["event_loop_lag_ms"]?.items.count == 2)
        let samples = try JSON(parsing: gateway.admin("/history").text)["samples"]?.items
        #expect((samples?.count ?? 0) >= 1)
        #expect(samples?.first?["answers"]?["2xx"]?.integer != nil)
      }
    }
  }
}
