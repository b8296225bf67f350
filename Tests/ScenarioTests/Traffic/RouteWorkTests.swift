// Why this file exists: what a route changes on the way, or answers by itself, is seen by backends
// and clients only; so it is looked at from there.

import Testing

private func configuration(_ routes: String, top: String = "") -> String {
  """
  \(top)
  listeners:
    - address: 127.0.0.1:{port}
  admin:
    address: 127.0.0.1:{admin}
  logging: {access: {output: "{directory}/access.log"}}
  services:
    main: {backends: [{backend1}]}
  routes:
  \(routes.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))

  """
}

extension Traffic {
  @Suite struct `Work of a route` {
    // MARK: The path

    @Test func `a stripped path begins with exactly one slash, and is what the match decided`()
      throws
    {
      let backend = ScriptedBackend.answering()
      let routes = "- {match: {path: /api/*}, service: main, strip_prefix: /api}"
      try withGateway(configuration(routes), [backend]) { (gateway) throws in
        let cases = [
          ("/api", "/"), ("/api/", "/"), ("/api?q=/x", "/?q=/x"), ("/api/users/7", "/users/7"),
          ("/api//users", "/users"), ("/api////", "/"), ("/api///x//y", "/x//y"),
          ("/api/%2e%2e/api/%75sers", "/users"), ("/api//?a", "/?a"), ("/api/x/..", "/"),
          ("/api/%252e%252e/x", "/%252e%252e/x"), ("/api/../api/..;/x", "/..;/x"),
        ]
        for (sent, forwarded) in cases {
          #expect(try gateway.get(sent).status == 200, "\(sent)")
          #expect(backend.requests.last?.target == forwarded, "\(sent)")
        }
        // What leads out of the prefix is no request of this route.
        for sent in ["/api/..", "/api/../x", "/apix", "/%61pi/%2E%2E/y", "/api/..//"] {
          #expect(try gateway.get(sent).status == 404, "\(sent)")
        }
        for sent in ["/api/%2fx", "/api%2fx", "/api/..%2fx", "/api/%5c..", "/api/%00", "/api/\\x"] {
          #expect(try gateway.get(sent).status == 400, "\(sent)")
        }
      }
    }

    // MARK: Fields

    @Test func `what a route sets or removes does not come back as a trailer, either way`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
          + "X-Fine: 1\r\nx-backend-version: 7\r\nx-mode: open\r\n\r\n")
      let routes = """
        - match: {path: /*}
          service: main
          request_headers: {set: {X-Team: users}, remove: [X-Internal]}
          response_headers: {set: {X-Mode: strict}, remove: [X-Backend-Version]}
        """
      try withGateway(configuration(routes), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
            + "Connection: TE\r\n\r\n1\r\nx\r\n0\r\nx-team: admin\r\nX-INTERNAL: 1\r\n"
            + "X-Fine: 2\r\n\r\n")
        #expect(response.trailers == [Field(name: "X-Fine", value: "1")])
        #expect(response["X-Mode"] == "strict")
        let request = try #require(backend.requests.first)
        #expect(request.trailers == [Field(name: "X-Fine", value: "2")])
        #expect(request.values("X-Team") == ["users"])
      }
    }

    private let edits = """
      - name: users
        match: {path: /u/*}
        service: main
        request_headers:
          set:
            X-Team: users
            x-client: "{client_ip}|{host}|{method}|{path}|{route}|{service}"
            X-Ids: "{request_id}/{trace_id} {{x}"
          remove: [X-Internal, cookie]
        response_headers:
          set: {Strict-Transport-Security: max-age=9, X-Echo: "{method} {path}", Retry-After: "7"}
          remove: [Server]
      """

    @Test func `fields are set and removed on the way to the backend`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(edits), [backend]) { gateway in
        let response = try gateway.exchange(
          "GET /u/%7e/../7?q HTTP/1.1\r\nHost: Example.com:80\r\nX-TEAM: forged\r\nX-Team: two\r\n"
            + "x-internal: 1\r\nX-Internal: 2\r\nCookie: a=b\r\nX-Kept: yes\r\n\r\n")
        #expect(response.status == 200)
        let request = try #require(backend.requests.last)
        #expect(request.values("X-Team") == ["users"])
        #expect(request.values("X-Client") == ["127.0.0.1|Example.com|GET|/u/7|users|main"])
        #expect(request.values("X-Internal").isEmpty && request.values("Cookie").isEmpty)
        #expect(request.values("X-Kept") == ["yes"])
        let trace = try #require(request["traceparent"]).split(separator: "-")[1]
        let identifier = try #require(request["X-Request-ID"])
        #expect(request["X-Ids"] == "\(identifier)/\(trace) {x}")
        #expect(response["X-Request-ID"] == identifier)
      }
    }

    @Test func `fields are set and removed on the way to the client`() throws {
      let answer =
        "HTTP/1.1 200 OK\r\nServer: x\r\nServer: y\r\nRetry-After: 1\r\nX-Echo: forged\r\n"
        + "X-Kept: yes\r\nContent-Length: 2\r\n\r\nok"
      try withGateway(configuration(edits), [ScriptedBackend.answering(answer)]) { gateway in
        let response = try gateway.exchange(
          "POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(response.values("Server").isEmpty)
        #expect(response.values("Strict-Transport-Security") == ["max-age=9"])
        #expect(response.values("X-Echo") == ["POST /u"])
        #expect(response.values("Retry-After") == ["7"])
        #expect(response.values("X-Kept") == ["yes"])
        #expect(response.text == "ok")
      }
    }

    @Test func `an answer of the gateway's own for the route carries them too, each name once`()
      throws
    {
      let text = configuration(edits).replacing("[{backend1}]", with: "[]")
      try withGateway(text, []) { gateway in
        let response = try gateway.get("/u/1")
        #expect(response.status == 503 && response.reason == "no_backend")
        #expect(response["Strict-Transport-Security"] == "max-age=9")
        #expect(response["X-Echo"] == "GET /u/1")
        #expect(response.values("Retry-After") == ["1"])
        // No route, nothing of a route.
        #expect(try gateway.get("/other")["Strict-Transport-Security"] == nil)
      }
    }

    @Test func `nothing that a client sends can end a field line`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(edits), [backend]) { gateway in
        let path = "/u/%0d%0aX-Evil:%201"
        let response = try gateway.get(path, fields: "X-Request-ID: a\r\n")
        #expect(response.status == 200)
        #expect(response["X-Evil"] == nil)
        #expect(response["X-Echo"] == "GET /u/%0D%0AX-Evil:%201")
        #expect(backend.requests.last?["X-Evil"] == nil)
      }
    }

    @Test func `lines that would be larger than a head may be are 431`() throws {
      let many = (0..<4).map { "X-\($0): \"{path}{path}{path}{path}{path}{path}\"" }
        .joined(separator: ", ")
      let routes = "- {match: {path: /*}, service: main, request_headers: {set: {\(many)}}}"
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(routes), [backend]) { gateway in
        #expect(try gateway.get("/" + String(repeating: "a", count: 2_000)).status == 200)
        #expect(backend.requests.last?["X-3"]?.utf8.count == 12_006)
        let long = try gateway.get("/" + String(repeating: "a", count: 20_000))
        #expect(long.status == 431 && long.reason == "head_too_large")
        #expect(backend.requests.count == 1)
      }
    }

    // MARK: Answers

    @Test(arguments: [
      ("/old//evil.example", "/new/evil.example"), ("/old", "/new/"), ("/old/", "/new/"),
      ("/old/a/b?x=1&y=//z", "/new/a/b?x=1&y=//z"), ("/old////evil.example/%2e%2e/x", "/new/x"),
      ("/old/%68ttp://evil.example", "/new/http://evil.example"), ("/old?q", "/new/?q"),
      ("/old/.//evil.example", "/new/evil.example"), ("/old?", "/new/"),
    ])
    func `a redirect never leads to another host`(sent: String, location: String) throws {
      let routes = "- {match: {path: /old/*}, redirect: {status: 308, location: /new/*}}"
      try withGateway(configuration(routes), [ScriptedBackend.answering()]) { gateway in
        let response = try gateway.get(sent)
        #expect(response.status == 308)
        #expect(response["Location"] == location)
        #expect(response.reason == nil)
      }
    }

    @Test func `a redirect at the root stays on this host as well`() throws {
      let routes = """
        - {match: {path: /r/*}, redirect: {status: 302, location: /*}}
        - {match: {path: /h/*}, redirect: {status: 301, location: "https://example.com/*"}}
        - {match: {path: /q}, redirect: {status: 307, location: "/x?a=b"}}
        """
      try withGateway(configuration(routes), [ScriptedBackend.answering()]) { gateway in
        #expect(try gateway.get("/r//evil.example")["Location"] == "/evil.example")
        #expect(try gateway.get("/r///")["Location"] == "/")
        for rest in ["@evil.example", ".evil.example"] {
          #expect(try gateway.get("/h/\(rest)")["Location"] == "https://example.com/\(rest)")
        }
        let query = try gateway.get("/q?c=d")
        #expect(query.status == 307 && query["Location"] == "/x?a=b&c=d")
        // A backslash never gets here, and stays encoded when it may.
        #expect(try gateway.get("/r/\\evil.example").status == 400)
      }
      let kept = configuration(routes, top: "http: {encoded_slash: keep}")
      try withGateway(kept, [ScriptedBackend.answering()]) { (gateway) throws in
        #expect(try gateway.get("/r/%2fevil.example")["Location"] == "/%2Fevil.example")
        #expect(try gateway.get("/r/%5cevil.example")["Location"] == "/%5Cevil.example")
      }
    }

    // MARK: Splits

    @Test(arguments: [
      ("Content-Length: 65\r\n\r\n", 413), ("Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    ])
    func `a refused request counts for the service that was drawn for it`(
      rest: String, status: Int
    ) throws {
      let routes = """
        - match: {path: /*}
          service: {main: 50%, other: 50%}
          body_size: 64B
        """
      let text = configuration(routes).replacing(
        "services:", with: "services:\n  other: {backends: [{backend1}]}")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        for _ in 0..<64 {
          let answer = try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\n\(rest)")
          #expect(answer.status == status)
        }
        try gateway.waitForMetric(
          "gateway_requests_total", ["route": "*/*", "status": "\(status)"], toBe: 64)
        let metrics = try gateway.metrics()
        for service in ["main", "other"] {
          let labels = ["service": service, "status": "\(status)"]
          // All 64 draws are one service's in one run of 2^63.
          #expect(metrics.value("gateway_requests_total", labels) ?? 0 > 0)
        }
      }
    }

    private let fixed = """
      - match: {path: /ping}
        respond: {status: 200, body: "pong\\n"}
        response_headers: {set: {X-A: b, Retry-After: "5"}}
      - {match: {path: /gone/*}, respond: {status: 410, body: "<p>", content_type: text/html}}
      - {match: {path: /nothing}, respond: {status: 204}}
      """

    @Test func `a fixed answer is an ordinary one, and no fault`() throws {
      try withGateway(configuration(fixed), [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /ping HTTP/1.1\r\nHost: a\r\nX-Request-ID: id-7\r\n\r\n")
        let pong = try client.readResponse()
        #expect(pong.status == 200 && pong.text == "pong\n")
        #expect(pong["Content-Type"] == "text/plain; charset=utf-8")
        #expect(pong["X-Request-ID"] == "id-7" && pong["Date"] != nil)
        #expect(pong["X-A"] == "b" && pong["Retry-After"] == "5")
        #expect(pong.reason == nil)
        try client.send("HEAD /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.readResponse(to: "HEAD")
        #expect(head.status == 200 && head["Content-Length"] == "5")
        try client.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        let nothing = try client.readResponse()
        #expect(nothing.status == 204 && nothing["Content-Length"] == nil)
        try client.send("GET /gone/x HTTP/1.1\r\nHost: a\r\n\r\n")
        let gone = try client.readResponse()
        #expect(gone.status == 410 && gone.text == "<p>" && gone["Content-Type"] == "text/html")
        #expect(try gateway.exchange("GET /ping HTTP/1.0\r\n\r\n").text == "pong\n")
        try gateway.waitForMetric("gateway_requests_total", toBe: 5)
        let metrics = try gateway.metrics()
        let labels = ["route": "*/ping", "service": "-", "method": "GET", "status": "200"]
        #expect(metrics.value("gateway_requests_total", labels) == 2)
        #expect(metrics.value("gateway_local_responses_total") == 0)
        try eventually("five lines in the log") {
          readFile(gateway.directory + "/access.log")?.split(separator: "\n").count == 5
        }
        let line = try JSON(
          parsing: String(readFile(gateway.directory + "/access.log")!.split(separator: "\n")[0]))
        #expect(line["route"]?.text == "*/ping" && line["status"]?.integer == 200)
        #expect(line["service"]?.text == nil && line["reason"]?.text == nil)
      }
    }

    @Test(arguments: ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n"])
    func `a fixed answer comes whatever the request brings`(rest: String) throws {
      try withGateway(configuration(fixed), [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("POST /ping HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + rest)
        let pong = try client.readResponse(to: "POST")
        #expect(pong.status == 200 && pong.text == "pong\n")
        if pong["Connection"]?.lowercased() == "close" {
          #expect(try client.readToEnd() == .fin)
        }
      }
    }
  }
}
