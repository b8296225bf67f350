// Why this file exists: a limit is a promise to both sides: exactly so many pass, whichever worker
// they meet, and who is refused learns when to come back.

import Testing

private func text(_ limits: String, _ names: String, top: String = "", workers: Int = 2) -> String {
  configuration(
    top: top + "\nrate_limits:\n" + limits.split(separator: "\n").map { "  \($0)\n" }.joined(),
    route: "rate_limits: \(names)", workers: workers)
}

/// How many of the answers to requests like this, sent over `connections` at once, are passes.
private func passes(
  _ gateway: GatewayProcess, connections: Int, each count: Int, fields: String = ""
) throws -> Int {
  let clients = try (0..<connections).map { _ in try gateway.connect() }
  let request = "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
  // All of it at once: the answers are read when everybody has sent.
  for client in clients { try client.send(String(repeating: request, count: count)) }
  var passed = 0
  for client in clients {
    for _ in 0..<count where try client.readResponse().status == 200 { passed += 1 }
    client.close()
  }
  return passed
}

extension Refusals {
  @Suite struct `Rate limits` {
    private let trusting = "trusted_proxies: [127.0.0.1/32]"

    @Test func `exactly the allowed number passes over several connections and workers`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(text("a: {rate: 40/h, key: client_ip}", "[a]", top: trusting), [backend]) {
        gateway in
        #expect(try passes(gateway, connections: 8, each: 25) == 40)
        #expect(backend.requests.count == 40, "what is refused reaches no backend")
        // Another client is untouched.
        let other = "X-Forwarded-For: 9.9.9.9\r\n"
        #expect(try passes(gateway, connections: 8, each: 25, fields: other) == 40)
        try gateway.waitForMetric(
          "gateway_rate_limited_total", ["limit": "a", "route": "all", "mode": "enforce"],
          toBe: 320)
        try gateway.waitForMetric("gateway_rate_limit_keys", ["limit": "a"], toBe: 2)
        try gateway.waitForMetric(
          "gateway_local_responses_total", ["reason": "rate_limited"], toBe: 320)
      }
    }

    @Test func `a refusal says why, of what, and when to come back; its connection goes on`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(text("own: {rate: 2/m, key: client_ip}", "[own]"), [backend]) { gateway in
        let client = try gateway.connect()
        for left in [1, 0] {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          let passed = try client.readResponse()
          #expect(passed.status == 200)
          #expect(passed["RateLimit-Policy"] == "\"own\";q=2;w=60")
          let told = try #require(passed["RateLimit"])
          #expect(told.hasPrefix("\"own\";r=\(left);t="), "\(told)")
        }
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
        let refused = try client.readResponse(to: "POST")
        #expect(refused.status == 429 && refused.reason == "rate_limited")
        #expect(refused["Content-Type"] == "application/problem+json")
        // 30 seconds from the first request on, some of which have gone by.
        let wait = try #require(Int(refused["Retry-After"] ?? ""))
        #expect((1...30).contains(wait))
        #expect(refused["RateLimit-Policy"] == "\"own\";q=2;w=60")
        #expect(refused["RateLimit"] == "\"own\";r=0;t=\(wait)")
        let body = try JSON(parsing: refused.text)
        #expect(body["reason"]?.text == "rate_limited" && body["status"]?.integer == 429)
        #expect(refused.text.contains("\"violated-policies\":[\"own\"]"))
        let line = try #require(try gateway.waitForAccessLog(3).last)
        #expect(line["limit"]?.text == "own" && line["status"]?.integer == 429)
        #expect(line["reason"]?.text == "rate_limited" && line["route"]?.text == "all")
        #expect(line["backend"] == .null)
        // A GET may go on over the connection of a refusal.
        let next = try gateway.connect()
        for _ in 0..<3 {
          try next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try next.readResponse().status == 429)
        }
      }
    }

    /// Regression 14.
    @Test func `a wait of less than a second is told as one`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(
        text("own: {rate: 2/s, burst: 1, key: client_ip}", "[own]"), [backend]
      ) { gateway in
        // While the backend answers one, room for another may come.
        let client = try gateway.connect()
        try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 20))
        let refused = try (0..<20).map { _ in try client.readResponse() }
          .filter { $0.status == 429 }
        #expect(!refused.isEmpty && refused.allSatisfy { $0["Retry-After"] == "1" })
      }
    }

    @Test func `who is not trusted cannot be somebody else by X-Forwarded-For`() throws {
      let backend = ScriptedBackend.answering()
      let limit = text("a: {rate: 3/h, key: client_ip}", "[a]")
      try withGateway(limit, [backend]) { gateway in
        let statuses = try (0..<8).map { number throws in
          try gateway.get(fields: "X-Forwarded-For: 9.9.9.\(number)\r\n").status
        }
        #expect(statuses == [200, 200, 200, 429, 429, 429, 429, 429])
      }
    }

    @Test func `a v6 network is one client, the next one another`() throws {
      let backend = ScriptedBackend.answering()
      let limit = text("a: {rate: 2/h, key: client_ip}", "[a]", top: trusting)
      try withGateway(limit, [backend]) { gateway in
        func status(_ address: String) throws -> Int {
          try gateway.get(fields: "X-Forwarded-For: \(address)\r\n").status
        }
        let own = ["2001:db8::1", "2001:db8::2:3", "2001:db8:0:0:ffff::"]
        #expect(try own.map(status) == [200, 200, 429])
        #expect(try status("2001:db8:0:1::1") == 200)
        let limits = try JSON(parsing: gateway.admin("/status").text)["limits"]
        let keys = limits?[0]?["busiest"]?.items.compactMap { $0["key"]?.text } ?? []
        #expect(keys == ["2001:db8::/64", "2001:db8:0:1::/64"])
      }
    }

    @Test func `ipv6_prefix says how much of a v6 address is one client`() throws {
      let backend = ScriptedBackend.answering()
      let limit = text("a: {rate: 1/h, key: client_ip, ipv6_prefix: 48}", "[a]", top: trusting)
      try withGateway(limit, [backend]) { gateway in
        let answers = try ["2001:db8:7::1", "2001:db8:7:ffff::1", "2001:db8:8::1"].map {
          try gateway.get(fields: "X-Forwarded-For: \($0)\r\n").status
        }
        #expect(answers == [200, 429, 200])
      }
    }

    @Test func `missing_key says whether requests without the key are one client or nobody`()
      throws
    {
      for (setting, expected) in [("share", [200, 429, 200, 429]), ("skip", [200, 200, 200, 429])] {
        let backend = ScriptedBackend.answering()
        let limit = text("a: {rate: 1/h, key: header:X-Key, missing_key: \(setting)}", "[a]")
        try withGateway(limit, [backend]) { gateway in
          let answers = try ["", "", "X-Key: k\r\n", "X-Key: k\r\n"].map {
            try gateway.get(fields: $0).status
          }
          #expect(answers == expected, "missing_key: \(setting)")
        }
      }
    }

    @Test func `shadow refuses nobody, and metrics, status and log say what it would have`()
      throws
    {
      let backend = ScriptedBackend.answering()
      let limit = text("a: {rate: 2/h, key: header:Authorization, mode: shadow}", "[a]", workers: 1)
      try withGateway(limit, [backend]) { gateway in
        let shadow = ["limit": "a", "route": "all", "mode": "shadow"]
        #expect(try gateway.metrics().value("gateway_rate_limited_total", shadow) == 0)
        for _ in 0..<5 {
          let answer = try gateway.get(fields: "Authorization: Bearer secret\r\n")
          #expect(answer.status == 200 && answer["RateLimit"] == nil)
        }
        try gateway.waitForMetric("gateway_rate_limited_total", shadow, toBe: 3)
        let enforce = ["limit": "a", "route": "all", "mode": "enforce"]
        #expect(try gateway.metrics().value("gateway_rate_limited_total", enforce) == nil)
        let lines = try gateway.waitForAccessLog(5)
        #expect(lines.map { $0["limit"]?.text } == [nil, nil, "a", "a", "a"])
        #expect(lines.allSatisfy { $0["status"]?.integer == 200 })
        let status = try gateway.admin("/status").text
        let found = try JSON(parsing: status)["limits"]?[0]
        #expect(found?["would_have_refused"]?.integer == 3 && found?["refused"]?.integer == 0)
        // A key may be a secret: its beginning and a short hash are all that is shown.
        let key = try #require(found?["busiest"]?[0]?["key"]?.text)
        #expect(key.hasPrefix("Bear…#") && key.count == 14)
        #expect(!status.contains("secret"))
      }
    }

    @Test func `of two limits both or none are charged`() throws {
      let backend = ScriptedBackend.answering()
      let limits = text(
        "all: {rate: 10/h, key: global}\nown: {rate: 2/h, key: header:X-User}", "[all, own]")
      try withGateway(limits, [backend]) { gateway in
        #expect(try passes(gateway, connections: 4, each: 10, fields: "X-User: a\r\n") == 2)
        var others = 0
        for number in 0..<12 {
          let answer = try gateway.get(fields: "X-User: b\(number)\r\n")
          if answer.status == 200 { others += 1 }
          if answer.status == 429 { #expect(answer["RateLimit"] == nil, "it is everybody's") }
        }
        #expect(others == 8)
      }
    }

    @Test func `a flood of new keys is bounded and counted, and one that it knows is served`()
      throws
    {
      let backend = ScriptedBackend.answering()
      let limit = text(
        "a: {rate: 100/h, key: query:k, max_keys: 1000}", "[a]", workers: 1)
      try withGateway(limit, [backend]) { gateway in
        let client = try gateway.connect()
        func flood(_ numbers: Range<Int>) throws {
          for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 100) {
            try client.send(
              (start..<start + 100).map { "GET /?k=\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for _ in 0..<100 { #expect(try client.readResponse().status == 200) }
          }
        }
        try flood(0..<2_000)
        let before = gateway.residentMemory
        try flood(2_000..<6_000)
        #expect(gateway.residentMemory - before < (isSanitized ? memoryRoom : 2 << 20))
        let metrics = try gateway.metrics()
        let keys = try #require(metrics.value("gateway_rate_limit_keys", ["limit": "a"]))
        let gone = try #require(metrics.value("gateway_rate_limit_evictions_total", ["limit": "a"]))
        #expect(keys <= 1_000 && keys + gone == 6_000)
      }
    }

    @Test func `a reload keeps the counters where name, algorithm, key and period stay`() throws {
      let backend = ScriptedBackend.answering()
      let routes = """
        listeners: [{address: "127.0.0.1:{port}"}]
        admin: {address: "127.0.0.1:{admin}"}
        workers: 2
        services: {main: {backends: [{backend1}]}}
        rate_limits: {a: {rate: 5/h, key: client_ip}}
        routes: [{name: r, match: {path: /*}, service: main, rate_limits: [a]}]

        """
      try withGateway(routes, [backend]) { gateway in
        func passesAfter(_ limit: String) throws -> Int {
          gateway.edit(routes.replacing("rate: 5/h, key: client_ip", with: limit), [backend])
          #expect(try gateway.post("/reload").status == 200)
          return try passes(gateway, connections: 4, each: 5)
        }
        #expect(try passes(gateway, connections: 4, each: 5) == 5)
        #expect(try passesAfter("rate: 5/h, burst: 8, key: client_ip, max_keys: 10") == 3)
        #expect(try passesAfter("rate: 5/h, burst: 2, key: client_ip, headers: false") == 0)
        #expect(try passesAfter("rate: 2/2h, key: client_ip") == 2)
        let limited = ["limit": "a", "route": "r", "mode": "enforce"]
        try gateway.waitForMetric("gateway_rate_limited_total", limited, toBe: 70)
      }
    }

    @Test func `a limit applies to what a route answers itself, and explain names it`() throws {
      let routes = """
        listeners: [{address: 127.0.0.1:{port}}]
        admin: {address: 127.0.0.1:{admin}}
        services: {}
        rate_limits: {a: {algorithm: sliding_window, rate: 2/h, key: client_ip}}
        routes: [{name: r, match: {path: /*}, respond: {body: hi}, rate_limits: [a]}]
        """
      try withGateway(routes + "\n") { gateway in
        func explained() throws -> JSON? {
          let answer = try gateway.admin("/explain?method=GET&url=/x")
          return try JSON(parsing: answer.text)["limits"]?[0]
        }
        #expect(try explained()?["remaining"]?.integer == 2, "and asking counts nothing")
        #expect(try explained()?["remaining"]?.integer == 2)
        #expect(try gateway.get().status == 200)
        let last = try gateway.get()
        #expect(last.status == 200 && last["RateLimit-Policy"] == "\"a\";q=2;w=3600")
        #expect(last.text == "hi")
        #expect(try gateway.get().status == 429)
        #expect(try explained()?["passes"] == .bool(false))
        #expect(try explained()?["key"]?.text == "client_ip")
      }
    }
  }
}
