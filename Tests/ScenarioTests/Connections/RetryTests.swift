// Why this file exists: a request is repeated where that is safe, nowhere else, and never without
// bound.

import Testing

extension Connections {
  @Suite struct Retries {
    /// Answers the first request of its first connection, and resets that connection when the
    /// second request has come. Later connections answer everything.
    private func racing() -> ScriptedBackend {
      ScriptedBackend { connection in
        if connection.index > 0 { return try connection.serve { _ in plainAnswer } }
        _ = try connection.readRequest()
        try connection.write(plainAnswer)
        _ = try connection.readRequest()
        connection.wire.reset()
      }
    }

    @Test(arguments: ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
    func `an idempotent request on a dying connection is repeated on another`(method: String)
      throws
    {
      let backend = racing()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get("/first")
        let body = method == "PUT" ? "Content-Length: 5\r\n\r\nhello" : "\r\n"
        let response = try gateway.exchange("\(method) /second HTTP/1.1\r\nHost: a\r\n\(body)")
        #expect(response.status == 200)
        #expect(backend.requests.map(\.target) == ["/first", "/second", "/second"])
        if method == "PUT" { #expect(backend.requests.last?.text == "hello") }
        let metrics = try gateway.metrics()
        let labels = ["service": "main", "reason": "reused_reset"]
        #expect(metrics.value("gateway_retries_total", labels) == 1)
      }
    }

    @Test func `a POST on a dying connection is not repeated`() throws {
      let backend = racing()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get("/first")
        let response = try gateway.exchange(
          "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        // On a slow machine the pooled connection may have been idle too long for a POST.
        if backend.connectionCount == 1 {
          #expect(response.status == 502)
          #expect(response.reason == "upstream_reset")
        } else {
          #expect(response.status == 200)
        }
        #expect(backend.requests.count { $0.target == "/second" } == 1)
      }
    }

    @Test func `a POST with an Idempotency-Key is repeated`() throws {
      let backend = racing()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get("/first")
        let response = try gateway.exchange(
          "POST /second HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \"k\"\r\n"
            + "Content-Length: 2\r\n\r\nhi")
        #expect(response.status == 200)
        #expect(backend.requests.last?.text == "hi")
      }
    }

    /// Requests that could not be repeated: by their method, their body, or the setting.
    @Test(arguments: [
      ("POST", "Content-Length: 5", 1, ""), ("PUT", "Content-Length: 65540", 13_108, ""),
      ("PUT", "Transfer-Encoding: chunked", 1, ""), ("GET", "", 0, "retries: {attempts: 0}"),
      ("GET", "", 0, "retries: {when: [connect]}"),
    ])
    func `a connection idle for long is not given to what cannot be repeated`(
      method: String, framing: String, fives: Int, setting: String
    ) throws {
      let isChunked = framing.hasSuffix("chunked")
      let body = String(repeating: "hello", count: fives)
      let head = "\(method) / HTTP/1.1\r\nHost: a\r\n" + (fives > 0 ? "\(framing)\r\n\r\n" : "\r\n")
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(service: setting), [backend]) { gateway in
        _ = try gateway.get("/first")
        // Longer than the second after which a pooled connection is not trusted with a POST.
        #expect(throws: ScenarioFailure.self) {
          try gateway.connect().receiveMore(until: .after(1.2))
        }
        let second = try gateway.exchange(
          head + (isChunked ? "5\r\n\(body)\r\n0\r\n\r\n" : body))
        #expect(second.status == 200)
        #expect(backend.connectionCount == 2)
        if setting.isEmpty {
          // What can be repeated takes one of any age.
          #expect(try gateway.get("/third").status == 200)
          #expect(backend.connectionCount == 2)
        }
      }
    }

    @Test func `a pool of dead connections loses no request that may be repeated`() throws {
      let gates = (0..<5).map { _ in Gate() }
      // Every connection serves one request and dies with the next, without having said so.
      let backend = ScriptedBackend { connection in
        guard let request = try connection.readRequest() else { return }
        if let number = Int(request.target.dropFirst()) { try gates[number].pass() }
        try connection.write(plainAnswer)
        if try connection.readRequest() != nil { connection.wire.reset() }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let clients = try gates.indices.map { number in
          let client = try gateway.connect()
          try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
          return client
        }
        try backend.waitForRequests(gates.count)
        for gate in gates { gate.open() }
        for client in clients { #expect(try client.readResponse().status == 200) }
        try gateway.waitForMetric("gateway_pool_connections", ["state": "idle"], toBe: 5)
        let response = try gateway.get("/next")
        #expect(response.status == 200)
        let metrics = try gateway.metrics()
        let labels = ["service": "main", "reason": "reused_reset"]
        #expect(metrics.value("gateway_retries_total", labels) == 1)
        #expect(backend.connectionCount == 6)
      }
    }

    @Test(arguments: ["GET", "POST"])
    func `a refused connection is tried at the next backend, whatever the method`(
      method: String
    ) throws {
      let (socket, port) = Socket.reservePort()
      let holder = Wire(adopting: socket)
      defer { holder.close() }
      let backend = ScriptedBackend.answering()
      try withGateway(
        configuration(backends: 2), [backend], addresses: [.v4(port), backend.address]
      ) { gateway in
        for _ in 0..<6 {
          let response = try gateway.exchange(
            "\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
          #expect(response.status == 200)
        }
        #expect(backend.requests.count == 6)
        #expect(backend.requests.allSatisfy { $0.text == "hello" })
        let metrics = try gateway.metrics()
        let labels = ["service": "main", "reason": "connect"]
        #expect(metrics.value("gateway_retries_total", labels) == 3)
        let lines = try gateway.waitForAccessLog(6)
        #expect(lines.map { $0["attempts"]?.integer }.sorted { $0! < $1! } == [1, 1, 1, 2, 2, 2])
      }
    }

    @Test func `a fresh connection that dies before an answer is repeated for a GET only`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        if connection.index % 2 == 1 { try connection.respond(fields: "Connection: close\r\n") }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let get = try gateway.get("/get")
        #expect(get.status == 200)
        #expect(backend.connectionCount == 2)
        let post = try gateway.exchange(
          "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        #expect(post.status == 502)
        #expect(post.reason == "upstream_reset")
        #expect(backend.connectionCount == 3)
      }
    }

    @Test(arguments: [0, 1, 3]) func `attempts are bounded by the setting`(attempts: Int) throws {
      let backend = ScriptedBackend { connection in _ = try connection.readRequest() }
      let text = configuration(service: "retries: {attempts: \(attempts)}")
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 502)
        #expect(response.reason == "upstream_reset")
        #expect(backend.requests.count == attempts + 1)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["attempts"]?.integer == attempts + 1)
      }
    }

    @Test func `a status is a reason to repeat only where it is listed`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve { request in
          request.target == "/busy" && connection.index == 0
            ? "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy"
            : plainAnswer
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get("/busy")
        #expect(response.status == 503)
        #expect(response.text == "busy")
        #expect(response.reason == nil)
        #expect(backend.requests.count == 1)
      }
      let other = ScriptedBackend { connection in
        try connection.serve { _ in
          connection.index == 0
            ? "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy"
            : plainAnswer
        }
      }
      let text = configuration(service: "retries: {when: [connect, 503]}")
      try withGateway(text, [other]) { gateway in
        let response = try gateway.get("/busy")
        #expect(response.status == 200)
        #expect(other.requests.count == 2)
        let metrics = try gateway.metrics()
        let labels = ["service": "main", "reason": "503"]
        #expect(metrics.value("gateway_retries_total", labels) == 1)
      }
    }

    @Test func `a slow backend is given up for another only where timeout is listed`() throws {
      let slow = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.waitForEnd()
      }
      let text = configuration(
        service: "retries: {when: [timeout]}\ntimeouts: {response: 300ms}")
      try withGateway(text, [slow]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 504)
        #expect(response.reason == "upstream_timeout")
        try slow.waitForRequests(3)
        #expect(slow.requests.count == 3)
      }
    }

    @Test func `a body that was streamed past the tee is not repeated`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readHead() != nil else { return }
        _ = try connection.wire.read(exactly: 200_000, until: .after())
        connection.wire.reset()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let body = String(repeating: "b", count: 200_000)
        let response = try gateway.exchange(
          "PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n\(body)")
        #expect(response.status == 502)
        #expect(response.reason == "upstream_reset")
        #expect(backend.connectionCount == 1)
      }
    }

    @Test func `a chunked body within the tee is repeated whole`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        if connection.index == 0 { return connection.wire.reset() }
        try connection.write(plainAnswer)
        _ = try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let part = String(repeating: "c", count: 10_000)
        let response = try gateway.exchange(
          "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "2710\r\n\(part)\r\n2710\r\n\(part)\r\n0\r\nX-T: 1\r\n\r\n")
        #expect(response.status == 200)
        #expect(backend.requests.map(\.body.count) == [20_000, 20_000])
        #expect(backend.requests.last?.trailer("X-T") == "1")
      }
    }

    @Test(arguments: [true, false])
    func `a repeated body that outgrows the tee in the queue arrives whole`(
      isChunked: Bool
    ) throws {
      let (lost, held) = (Gate(), Gate())
      let backend = ScriptedBackend { connection in
        if connection.index > 0 {
          return try connection.serve { request in
            if request.target == "/held" { try held.pass() }
            return plainAnswer
          }
        }
        guard try connection.readHead() != nil else { return }
        _ = try connection.wire.read(exactly: 60_000, until: .after())
        try lost.pass()
        connection.wire.reset()
      }
      let text = configuration(service: "connections: {max: 1, queue_timeout: 20s}")
      try withGateway(text, [backend]) { gateway in
        // Answered by the same worker: what was sent before has been read.
        func settle() throws { _ = try gateway.exchange("GET /no-host HTTP/1.1\r\n\r\n") }
        let parts = [String(repeating: "1", count: 60_000), String(repeating: "2", count: 10_000)]
        let client = try gateway.connect()
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 70000"
        try client.send("PUT /big HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
        try client.send(isChunked ? "ea60\r\n\(parts[0])\r\n" : parts[0])
        try backend.waitForRequests(1)
        let other = try gateway.connect()
        try other.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        try settle()
        lost.open()
        // The other request has waited longer: the one place is its own now.
        try backend.waitForRequests(2)
        try client.send(isChunked ? "2710\r\n\(parts[1])\r\n0\r\n\r\n" : parts[1])
        try settle()
        held.open()
        #expect(try other.readResponse().status == 200)
        #expect(try client.readResponse().status == 200)
        #expect(backend.requests.last?.text == parts[0] + parts[1])
      }
    }

    @Test func `after the first byte of a response nothing is repeated`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        try connection.write("HTTP/1.1 200 OK\r\nContent-Le")
      }
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 502)
        #expect(backend.connectionCount == 1)
      }
    }

    @Test func `the budget bounds what a dead backend costs the others`() throws {
      let (socket, port) = Socket.reservePort()
      let holder = Wire(adopting: socket)
      defer { holder.close() }
      let backend = ScriptedBackend.answering()
      let text = configuration(
        service: """
          retries: {budget: 0%, budget_floor: 1/s}
          health: {passive: none}
          """, backends: 2)
      try withGateway(text, [backend], addresses: [.v4(port), backend.address]) { gateway in
        let client = try gateway.connect()
        var statuses: [Int] = []
        for _ in 0..<100 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          statuses.append(try client.readResponse().status)
        }
        #expect(Set(statuses) == [200, 502])
        let retries = try gateway.metrics().value("gateway_retries_total") ?? 0
        let refused = statuses.count { $0 == 502 }
        #expect(retries >= 1)
        #expect(refused >= 25, "50 turns were the dead backend's; \(retries) were repeated")
      }
    }

    @Test func `concurrent clients lose no repeatable request to the keep-alive race`() throws {
      // The backend closes every connection after its second answer without saying so.
      let backend = ScriptedBackend { connection in
        for _ in 0..<2 {
          guard try connection.readRequest() != nil else { return }
          try connection.write(plainAnswer)
        }
      }
      let text = configuration(
        service: "retries: {attempts: 5, budget: 100%, budget_floor: 1000/s}", workers: 2)
      try withGateway(text, [backend]) { gateway in
        let failures = Monitor<[String]>([])
        let port = gateway.port
        let helpers = (0..<4).map { _ in
          Helper {
            do {
              let client = try Wire.connect(to: .v4(port))
              for number in 0..<100 {
                try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try client.readResponse()
                if response.status != 200 { failures.update { $0.append("\(response)") } }
              }
              client.close()
            } catch {
              failures.update { $0.append("\(error)") }
            }
          }
        }
        for helper in helpers { try helper.join(within: 40) }
        #expect(failures.value == [])
      }
    }
  }
}
