// Why this file exists: a reload is nobody's business but the operator's. Requests that are under
// way, connections, health and breakers go on; what is new is used, what is gone ends (semantics
// section 11; regression 32).

import Glibc
import Testing

extension GatewayProcess {
  /// Writes another configuration and has it put to use.
  func reload(_ text: String, _ backends: [ScriptedBackend] = [], line: UInt = #line) throws {
    edit(text, backends)
    let answer = try post("/reload", line: line)
    guard answer.status == 200 else { throw ScenarioFailure(answer.text, line: line) }
  }

  /// What /status says of the configuration.
  func configurationStatus() throws -> JSON {
    try JSON(parsing: admin("/status").text)["configuration"] ?? .null
  }
}

extension Operations {
  @Suite struct ReloadUnderTraffic {
    /// Two services, each at its own path, and more lines of each.
    private func two(_ first: String = "", _ second: String = "", top: String = "") -> String {
      """
      listeners: [{address: "127.0.0.1:{port}"}]
      admin: {address: "127.0.0.1:{admin}"}
      workers: 2
      \(top)
      services:
        one: {backends: [{backend1}]\(first)}
        two: {backends: [{backend2}]\(second)}
      routes:
        - {name: one, match: {path: /one}, service: one}
        - {name: two, match: {path: /two}, service: two}

      """
    }

    private let onlyTwo = """
      listeners: [{address: "127.0.0.1:{port}"}]
      admin: {address: "127.0.0.1:{admin}"}
      workers: 2
      services:
        two: {backends: [{backend2}]}
      routes:
        - {name: two, match: {path: /two}, service: two}

      """

    @Test func `a download goes on over the reload that removes its route and its backend`()
      throws
    {
      let gate = Gate()
      let half = String(repeating: "x", count: 70_000)
      let first = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 140000\r\n\r\n" + half)
        try gate.pass("the reload")
        try connection.write(half)
        _ = try connection.waitForEnd()
      }
      let second = ScriptedBackend.answering()
      try withGateway(two(), [first, second]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.readResponseHead()
        try gateway.reload(onlyTwo, [first, second])
        #expect(try gateway.get("/one").status == 404)
        #expect(try gateway.get("/two").status == 200)
        #expect(try gateway.configurationStatus()["snapshots_in_use"]?.integer == 2)
        try gateway.waitForMetric(
          "gateway_active_connections", ["service": "one", "backend": "\(first.address)"], toBe: 1)
        gate.open()
        let body = try client.read(exactly: 140_000, until: .after())
        #expect(body.count == 140_000 && body.allSatisfy { $0 == UInt8(ascii: "x") })
        // The client's connection is as good as before; the backend's is not kept.
        try client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        try eventually("the connection to the removed backend to be closed") {
          first.connections[0].wire.end == .fin
        }
        try eventually("the snapshot of before to be freed") {
          try gateway.configurationStatus()["snapshots_in_use"]?.integer == 1
        }
        try eventually("its series to end") {
          try !gateway.metrics().labels("gateway_active_connections").contains {
            $0["service"] == "one"
          }
        }
      }
    }

    @Test func `no request is lost over 40 reloads that change everything`() throws {
      let backends = (0..<3).map { _ in ScriptedBackend.answering() }
      func text(_ round: Int) -> String {
        let list = ["{backend1}, {backend2}", "{backend2}, {backend3}", "{backend3}"][round % 3]
        return """
          listeners: [{address: "127.0.0.1:{port}"}]
          admin: {address: "127.0.0.1:{admin}"}
          workers: 2
          limits: {head_fields: \(100 + round)}
          services:
            main: {backends: [\(list)], timeouts: {connect: \(1 + round % 2)s}}
            only\(round): {backends: [{backend1}]}
          routes:
            - {name: r\(round % 4), match: {path: /a}, service: main}
            - {name: all, match: {path: /*}, service: main, timeouts: {request: \(20 + round)s}}
            - {name: other\(round), match: {path: /other}, service: only\(round)}

          """
      }
      try withGateway(text(0), backends) { gateway in
        let isOver = Gate()
        let answered = Monitor(0)
        let failures = Monitor<[String]>([])
        let wires = try (0..<4).map { _ in try gateway.connect() }
        let clients = wires.enumerated().map { number, client in
          Helper {
            do {
              while !isOver.isOpen {
                try client.send(
                  "GET \(number % 2 == 0 ? "/a" : "/b") HTTP/1.1\r\nHost: a\r\n\r\n")
                let status = try client.readResponse().status
                if status != 200 { failures.update { $0.append("\(status)") } }
                answered.update { $0 += 1 }
              }
            } catch { failures.update { $0.append("\(error)") } }
          }
        }
        for round in 1...40 {
          let before = answered.value
          try gateway.reload(text(round), backends)
          try answered.wait("requests over reload \(round)") {
            $0 >= before + 8 || !failures.value.isEmpty
          }
        }
        isOver.open()
        for client in clients { try client.join() }
        #expect(failures.value.isEmpty)
        #expect(try gateway.configurationStatus()["generation"]?.integer == 41)
        try eventually("all snapshots of before to be freed") {
          try gateway.configurationStatus()["snapshots_in_use"]?.integer == 1
        }
      }
    }

    /// Its bytes and fields would lie beyond the new limits.
    @Test(arguments: ["head_fields: 64", "head_size: 1KiB"])
    func `a head that has begun is read to its end by the limits of before`(less: String) throws {
      let backend = ScriptedBackend.answering()
      func text(_ limit: String) -> String { configuration(top: "limits: {\(limit)}") }
      try withGateway(text("head_fields: 100"), [backend]) { gateway in
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 2_000))\r\n"
        let fields = String(repeating: "a:\r\n", count: 80)
        let clients = try (0..<2).map { _ in try gateway.connect() }
        for client in clients { try client.send(head + fields) }
        // When this is answered, theirs has been read.
        #expect(try gateway.get().status == 200)
        try gateway.reload(text(less), [backend])
        try clients[0].send(fields + "\r\n")
        #expect(try clients[0].readResponse().status == 431)
        try clients[1].send("\r\n")
        #expect(try clients[1].readResponse().status == 200)
        // The next one has the new limits.
        try clients[1].send(head + fields + "\r\n")
        #expect(try clients[1].readResponse().status == 431)
      }
    }

    /// 10,000 of them, by hand, kept 16 MiB to the end.
    @Test func `hundreds of reloads keep neither memory nor descriptors`() throws {
      let backends = (0..<2).map { _ in ScriptedBackend.answering() }
      func text(_ round: Int) -> String {
        two(", timeouts: {connect: \(1 + round % 9)s}").replacing(
          "  - {name: two,",
          with: """
              - {name: r\(round), match: {path: /r\(round)}, service: one}
              - {name: two,
            """)
      }
      try withGateway(text(0), backends) { gateway in
        let client = try gateway.connect()
        var memory: [Int] = []
        var descriptors: [Int] = []
        for round in 1...400 {
          try gateway.reload(text(round), backends)
          try client.send("GET /r\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
          if round % 100 == 0 {
            memory.append(gateway.residentMemory)
            descriptors.append(gateway.openDescriptors)
          }
        }
        #expect(descriptors[3] <= descriptors[0] + 2, "\(descriptors)")
        // A snapshot has at least 16 KiB: a hundred of them would be 1.6 MiB in each part.
        let grown = zip(memory, memory.dropFirst()).map { $1 - $0 }.min() ?? 0
        if !isSanitized { #expect(grown < 1 << 20, "\(memory)") }
        let series = try gateway.metrics().labels("gateway_requests_total").map { $0["route"] }
        #expect(series.count <= 4, "\(series)")
      }
    }

    // MARK: What is kept

    @Test func `an open breaker, an order to drain and connections stay over a reload`() throws {
      let bad = ScriptedBackend.answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
      let good = ScriptedBackend.answering()
      let breaker =
        ", health: {passive: none}, circuit_breaker: {consecutive_failures: 2, open: 60s}"
      try withGateway(two(breaker), [bad, good]) { gateway in
        for _ in 0..<2 { #expect(try gateway.get("/one").status == 500) }
        // An answer may be read before its worker has judged it.
        try gateway.waitForMetric("gateway_circuit_state", ["service": "one"], toBe: 1)
        #expect(try gateway.get("/one")["X-Gateway-Reason"] == "circuit_open")
        let client = try gateway.connect()
        try client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)

        // Other settings of both services, and of the breaker itself.
        let other = breaker.replacing("2, open", with: "3, open")
        try gateway.reload(
          two(other + ", timeouts: {connect: 2s}", ", timeouts: {connect: 2s}"), [bad, good])
        #expect(try gateway.get("/one")["X-Gateway-Reason"] == "circuit_open")
        #expect(bad.requests.count == 2)
        try client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        #expect(good.connectionCount == 1)

        #expect(try gateway.post("/backends/two/\(good.address)/drain").status == 200)
        try gateway.reload(two(other), [bad, good])
        #expect(try gateway.get("/two")["X-Gateway-Reason"] == "all_unhealthy")
      }
    }

    @Test func `a removed backend gets nothing new, and one that joins others warms up`() throws {
      let backends = (0..<3).map { _ in ScriptedBackend.answering() }
      func text(_ list: String) -> String {
        configuration(service: "warm_up: 60s").replacing("[{backend1}]", with: "[\(list)]")
      }
      try withGateway(text("{backend1}, {backend2}"), backends) { gateway in
        for _ in 0..<4 { #expect(try gateway.get().status == 200) }
        #expect(backends[0].requests.count == 2 && backends[1].requests.count == 2)
        try gateway.reload(text("{backend2}, {backend3}"), backends)
        try eventually("the idle connections of the removed one to close") {
          backends[0].connections.allSatisfy { $0.wire.end == .fin }
        }
        for _ in 0..<20 { #expect(try gateway.get().status == 200) }
        #expect(backends[0].requests.count == 2)
        #expect(try gateway.status(of: backends[2])["state"]?.text == "warming")
        #expect(try gateway.status(of: backends[2])["reason"]?.text == "added")
        #expect(try gateway.status(of: backends[1])["state"]?.text == "up")
        #expect(backends[2].requests.count < backends[1].requests.count)
      }
    }

    @Test func `the file drains a backend and readies it again`() throws {
      let backends = (0..<2).map { _ in ScriptedBackend.answering() }
      func text(drain: Bool) -> String {
        configuration(backends: 2).replacing(
          "[{backend1}, {backend2}]",
          with: "[{backend1}, {address: {backend2}, drain: \(drain)}]")
      }
      try withGateway(text(drain: false), backends) { gateway in
        for _ in 0..<2 { #expect(try gateway.get().status == 200) }
        #expect(backends[1].requests.count == 1)
        try gateway.reload(text(drain: true), backends)
        for _ in 0..<6 { #expect(try gateway.get().status == 200) }
        #expect(backends[1].requests.count == 1)
        try gateway.wait(for: backends[1], toBe: "draining")
        try gateway.reload(text(drain: false), backends)
        for _ in 0..<2 { #expect(try gateway.get().status == 200) }
        #expect(backends[1].requests.count == 2)
      }
    }

    @Test func `a health check begins with the reload that asks for it`() throws {
      let patient = Patient("one", says: "503 No\r\n")
      try withGateway(configuration(), [patient.backend]) { gateway in
        #expect(try gateway.get().status == 200)
        #expect(patient.checks.isEmpty)
        try gateway.reload(configuration(service: activeCheck()), [patient.backend])
        try gateway.wait(for: patient.backend, toBe: "down")
        try gateway.reload(configuration(), [patient.backend])
        try gateway.wait(for: patient.backend, toBe: "up")
        #expect(try gateway.get().status == 200)
      }
    }

    // MARK: Settings of the process

    @Test func `limits and trusted proxies change while it runs`() throws {
      let backend = ScriptedBackend.echoingHeads()
      let top = "trusted_proxies: [127.0.0.0/8]\nlimits: {head_fields: 4}"
      try withGateway(configuration(), [backend]) { gateway in
        let fields = "X-Forwarded-For: 203.0.113.9\r\nX-A: 1\r\nX-B: 1\r\n"
        #expect(try !gateway.get("/", fields: fields).text.contains("203.0.113.9"))
        try gateway.reload(configuration(top: top), [backend])
        #expect(try gateway.get("/", fields: fields).text.contains("203.0.113.9"))
        #expect(try gateway.get("/", fields: fields + "X-C: 1\r\n").status == 431)
      }
    }

    @Test func `the bound on connections changes while it runs`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let held = try (0..<2).map { _ in try gateway.connect() }
        for client in held {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        try gateway.reload(configuration(top: "limits: {connections: 2}"), [backend])
        let refused = try gateway.get()
        #expect(refused.status == 503 && refused["X-Gateway-Reason"] == "overloaded")
        for client in held {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        try gateway.reload(configuration(), [backend])
        #expect(try gateway.get().status == 200)
      }
    }

    @Test func `the access log goes elsewhere, keeps other requests, and ends`() throws {
      let backend = ScriptedBackend.answering()
      func log(_ settings: String) -> String {
        configuration(top: "logging: {access: {\(settings)}}")
      }
      try withGateway(log("output: none"), [backend]) { gateway in
        let path = gateway.directory + "/access.log"
        func lines() throws -> [JSON] {
          try GatewayProcess.accessLines(readFile(path) ?? "")
        }
        #expect(try gateway.get("/1").status == 200)
        try gateway.reload(log("output: \(path)"), [backend])
        #expect(try gateway.get("/2").status == 200)
        try eventually("a line in the file") { try lines().count == 1 }
        try gateway.reload(log("output: \(path), sample: 0%"), [backend])
        #expect(try gateway.get("/3").status == 200)
        try gateway.reload(log("output: \(path)"), [backend])
        #expect(try gateway.get("/4").status == 200)
        try eventually("another line in the file") { try lines().count == 2 }
        try gateway.reload(log("output: stdout"), [backend])
        #expect(try gateway.get("/5").status == 200)
        let printed = try gateway.waitForAccessLog(1)
        #expect(printed.map { $0["path"]?.text } == ["/5"])
        #expect(try lines().map { $0["path"]?.text } == ["/2", "/4"])
        // What cannot be opened is refused as a whole.
        gateway.edit(log("output: /nowhere/at/all/log"), [backend])
        let refused = try gateway.post("/reload")
        #expect(refused.status == 422)
        #expect(try JSON(parsing: refused.text)[0]?["code"]?.text == "cannot_open")
        #expect(try gateway.configurationStatus()["generation"]?.integer == 5)
      }
    }

    @Test func `the level of the diagnostics changes while it runs`() throws {
      try withGateway(configuration(top: "logging: {level: error}"), addresses: [.v4(1)]) {
        (gateway) throws in
        #expect(gateway.logLines("listening").isEmpty)
        gateway.edit(
          configuration(top: "logging: {level: info}").replacing("{backend1}", with: "127.0.0.1:1"))
        #expect(try gateway.post("/reload").status == 200)
        #expect(try gateway.waitForLogLines("configuration reloaded").count == 1)
      }
    }
  }
}
