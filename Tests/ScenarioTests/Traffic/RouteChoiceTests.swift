// Why this file exists: a route table that is right in its own tests is worth nothing until
// requests on a socket meet it (regression 26 to 28).

import Testing

/// A gateway in front of backends that say who they are, where they were asked for, and what for.
private func head(_ services: String...) -> String {
  """
  listeners:
    - address: 127.0.0.1:{port}
  admin:
    address: 127.0.0.1:{admin}
  services:
  \(list(of: services))

  """
}

private func list(of services: [String]) -> String {
  services.enumerated().map { "  \($1): {backends: [{backend\($0 + 1)}]}" }.joined(separator: "\n")
}

extension Traffic {
  @Suite struct `Choice of a route` {
    private let hosts =
      head("exact", "below", "any") + """
        routes:
          - {match: {path: /*}, service: any}
          - {match: {host: "*.example.com", path: /*}, service: below}
          - {match: {host: api.example.com, path: /v1/*}, service: exact}

        """

    @Test func `the host decides before the path, without port and letter case (regression 27)`()
      throws
    {
      try withGateway(hosts, [ScriptedBackend.named("exact"), .named("below"), .named("any")]) {
        gateway in
        func service(_ host: String, _ path: String = "/v1/x") throws -> String {
          let answer = try gateway.exchange("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
          return String(answer.text.prefix { $0 != " " })
        }
        for host in [
          "api.example.com", "API.Example.COM:8443", "api.example.com.", "api.example.com:",
        ] {
          #expect(try service(host) == "exact", "\(host)")
        }
        #expect(try service("api.example.com", "/v2") == "below")
        #expect(try service("a.b.example.com:80") == "below")
        for host in [
          "example.com", "api.example.com.evil.org", "xexample.com", "10.0.0.1", "[::1]:1",
        ] {
          #expect(try service(host) == "any", "\(host)")
        }
        // An absolute target's host counts, not that of the field.
        let absolute = try gateway.exchange(
          "GET http://api.example.com/v1/x HTTP/1.1\r\nHost: other.org\r\n\r\n")
        #expect(absolute.text == "exact /v1/x")
      }
    }

    @Test func `a request without host meets only routes without one`() throws {
      try withGateway(hosts, [ScriptedBackend.named("exact"), .named("below"), .named("any")]) {
        gateway in
        let answer = try gateway.exchange("GET /v1/x HTTP/1.0\r\n\r\n")
        #expect(answer.text == "any /v1/x")
      }
      let text = hosts.replacing(
        "{path: /*}, service: any", with: "{host: a, path: /}, service: any")
      try withGateway(text, [ScriptedBackend.named("exact"), .named("below"), .named("any")]) {
        gateway in
        let answer = try gateway.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(answer.status == 404 && answer.reason == "no_route")
      }
    }

    private let conditions =
      head("canary", "write", "plain") + """
        routes:
          - {match: {path: /x/*}, service: plain}
          - {match: {path: /x/*, headers: {X-Canary: "1"}, query: {v: "2 a"}}, service: canary}
          - {match: {path: /x/*, methods: [PUT, PROPFIND]}, service: write}
          - {match: {path: /only, methods: [PUT]}, service: write}
          - {match: {path: /only, methods: [PATCH, LOCK]}, service: write}

        """

    @Test func `conditions are filters, and any of several lines will do (regression 28)`() throws {
      try withGateway(
        conditions, [ScriptedBackend.named("canary"), .named("write"), .named("plain")]
      ) { gateway in
        let target = "/x/1?a=b&v=1&v=2+a"
        let two = "X-Canary: 0\r\nx-canary: 1\r\n"
        #expect(try gateway.get(target, fields: two).text == "canary \(target)")
        #expect(try gateway.get("/x?%76=2%20a", fields: two).text == "canary /x?%76=2%20a")
        // A name in Connection does not take a condition away.
        let hidden = two + "Connection: x-canary\r\n"
        #expect(try gateway.get(target, fields: hidden).text == "canary \(target)")
        #expect(try gateway.get(target, fields: "X-Canary: 0\r\n").text == "plain \(target)")
        #expect(try gateway.get("/x/1?v=2", fields: two).text == "plain /x/1?v=2")
        let propfind = try gateway.exchange("PROPFIND /x/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(propfind.text == "write /x/1")
      }
    }

    @Test func `a method that no route takes is 405 with those that some route would`() throws {
      try withGateway(
        conditions, [ScriptedBackend.named("canary"), .named("write"), .named("plain")]
      ) { gateway in
        let client = try gateway.connect()
        try client.send("GET /only HTTP/1.1\r\nHost: a\r\n\r\n")
        let refused = try client.readResponse()
        #expect(refused.status == 405 && refused.reason == "method_not_allowed")
        #expect(refused["Allow"] == "PUT, PATCH, LOCK")
        // The request was sound, so the connection goes on.
        try client.send("PUT /only HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.readResponse().text == "write /only")
        #expect(try gateway.get("/nothing").status == 404)
      }
    }

    @Test func `OPTIONS with a star is routed as the root and forwarded as a star`() throws {
      let text =
        head("root", "other") + """
          routes:
            - {match: {path: /, methods: [OPTIONS]}, service: root}
            - {match: {path: /*}, service: other}

          """
      try withGateway(text, [ScriptedBackend.named("root"), .named("other")]) { gateway in
        let star = try gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(star.text == "root *")
        let path = try gateway.exchange("OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(path.text == "other /x")
      }
    }

    @Test func `a split draws for every request, and counts each service by itself`() throws {
      let text =
        head("old", "new") + """
          routes:
            - {name: split, match: {path: /*}, service: {old: 75%, new: 25%}}

          """
      try withGateway(text, [ScriptedBackend.named("old"), .named("new")]) { gateway in
        let client = try gateway.connect()
        var seen: [String: Int] = [:]
        for _ in 0..<400 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          seen[String(try client.readResponse().text.prefix { $0 != " " }), default: 0] += 1
        }
        // Ten standard deviations around 300.
        #expect((215...385).contains(seen["old"] ?? 0), "\(seen)")
        #expect(seen["old", default: 0] + seen["new", default: 0] == 400)
        try gateway.waitForMetric("gateway_requests_total", toBe: 400)
        let metrics = try gateway.metrics()
        for service in ["old", "new"] {
          let labels = ["route": "split", "service": service]
          #expect(metrics.value("gateway_requests_total", labels) == seen[service].map(Double.init))
          #expect(
            metrics.value("gateway_request_duration_seconds_count", labels)
              == seen[service].map(Double.init))
        }
        #expect(metrics.labels("gateway_overhead_seconds_count").count == 1)
        #expect(metrics.value("gateway_overhead_seconds_count", ["route": "split"]) == 400)
      }
    }

    @Test func `a repeat stays in its service`() throws {
      let closing = ScriptedBackend { connection in _ = try connection.readRequest() }
      let text =
        head("bad", "good") + """
          routes:
            - {name: split, match: {path: /*}, service: {bad: 50%, good: 50%}}

          """
      try withGateway(text, [closing, .named("good")]) { gateway in
        var failures = 0
        for _ in 0..<40 {
          let answer = try gateway.get("/")
          if answer.status == 200 { continue }
          #expect(answer.status == 502)
          failures += 1
        }
        #expect((1...39).contains(failures))
      }
    }
  }
}
