// Why this file exists: connections to backends are kept, chosen, shared and given up as semantics
// section 2 says.

import Glibc
import Testing

extension Connections {
  @Suite struct Pool {
    /// Answers with the number of the connection; `/hold/…` waits for its gate first.
    private func numbering(_ gates: [String: Gate] = [:]) -> ScriptedBackend {
      ScriptedBackend { connection in
        try connection.serve { request in
          try gates[request.target]?.pass("gate \(request.target)", within: 20)
          let text = "\(connection.index)"
          return "HTTP/1.1 200 OK\r\nContent-Length: \(text.count)\r\n\r\n\(text)"
        }
      }
    }

    @Test func `the connection that was used last is used next`() throws {
      let gates = ["/a": Gate(), "/b": Gate(), "/c": Gate()]
      let backend = numbering(gates)
      try withGateway(configuration(), [backend]) { gateway in
        let clients = try ["/a", "/b", "/c"].map { target in
          let client = try gateway.connect()
          try client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
          try backend.waitForRequests(["/a": 1, "/b": 2, "/c": 3][target]!)
          return client
        }
        // The three are given back in this order: b, c, a.
        for (client, target) in [(clients[1], "/b"), (clients[2], "/c"), (clients[0], "/a")] {
          gates[target]!.open()
          #expect(try client.readResponse().status == 200)
        }
        for _ in 0..<3 {
          let response = try gateway.get("/next")
          #expect(response.text == "0", "a's connection was given back last")
        }
        #expect(backend.connectionCount == 3)
      }
    }

    @Test func `a connection that the backend closes while idle is retired at once`() throws {
      let close = Gate()
      let backend = ScriptedBackend { connection in
        if connection.index > 0 { return try connection.serve { _ in plainAnswer } }
        _ = try connection.readRequest()
        try connection.write(plainAnswer)
        try close.pass()
        connection.wire.halfClose()
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let first = try gateway.get()
        #expect(first.status == 200)
        close.open()
        try eventually("the gateway to close its side") {
          backend.connections[0].wire.end != nil
        }
        let post = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        #expect(post.status == 200)
        let metrics = try gateway.metrics()
        #expect(metrics.value("gateway_retries_total") ?? 0 == 0)
      }
    }

    @Test(arguments: [
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nConnection: X-A, Close\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ])
    func `a connection that the backend will not keep is not used again`(answer: String) throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write(answer)
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<3 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.text == "ok")
          #expect(response["Connection"]?.lowercased() != "close", "that was between them")
        }
        #expect(backend.connectionCount == 3)
        try eventually("the gateway to close its sides") {
          backend.connections.allSatisfy { $0.wire.end != nil }
        }
      }
    }

    @Test func `an idle connection is closed after its time`() throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(service: "connections: {idle_timeout: 300ms}")
      try withGateway(text, [backend]) { gateway in
        let first = try gateway.get()
        #expect(first.status == 200)
        try eventually("the idle connection to be closed") {
          backend.connections[0].wire.end == .fin
        }
        let second = try gateway.get()
        #expect(second.status == 200)
        #expect(backend.connectionCount == 2)
      }
    }

    @Test func `no more idle connections are kept than the limit says`() throws {
      let gates = ["/a": Gate(), "/b": Gate(), "/c": Gate()]
      let backend = numbering(gates)
      try withGateway(configuration(service: "connections: {idle: 1}"), [backend]) { gateway in
        let clients = try gates.keys.map { target in
          let client = try gateway.connect()
          try client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
          return client
        }
        try backend.waitForRequests(3)
        for gate in gates.values { gate.open() }
        for client in clients { #expect(try client.readResponse().status == 200) }
        try eventually("two of three to be closed") {
          backend.connections.count { $0.wire.end != nil } == 2
        }
        try gateway.waitForMetric("gateway_pool_connections", ["state": "idle"], toBe: 1)
      }
    }

    @Test func `a wave of requests finds the connections of the wave before, however few are kept`()
      throws
    {
      let gates = (1...20).map { ("/\($0)", Gate()) }
      let backend = numbering(Dictionary(uniqueKeysWithValues: gates))
      try withGateway(configuration(service: "connections: {idle: 1}"), [backend]) { gateway in
        // What no wave needs for a second is closed, so on a machine that stalls one wave may open
        // connections; that each of them does is what must not be.
        var opened: [Int] = []
        for (target, gate) in gates where opened.last != 0 {
          let before = backend.connectionCount
          let clients = try (0..<3).map { _ in try gateway.connect() }
          for client in clients { try client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") }
          try backend.waitForRequests(3 * (opened.count + 1))
          gate.open()
          for client in clients { #expect(try client.readResponse().status == 200) }
          opened.append(backend.connectionCount - before)
        }
        #expect(opened.last == 0, "\(opened)")
      }
    }

    @Test func `a pool limit of one makes requests take turns`() throws {
      let backend = numbering()
      let text = configuration(service: "connections: {max: 1, queue_timeout: 10s}", workers: 2)
      try withGateway(text, [backend]) { gateway in
        let clients = try (0..<20).map { _ in
          let client = try gateway.connect()
          try client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
          return client
        }
        for client in clients { #expect(try client.readResponse().status == 200) }
        // Another worker may take the place over, but never beside the first; of a connection that
        // was closed the backend's thread for it may hear later than of the next one.
        try eventually("one connection at most") {
          backend.connections.count { $0.wire.end == nil } <= 1
        }
        #expect(backend.requests.count == 20)
      }
    }

    @Test func `an idle connection that a POST may not have gives its place up`() throws {
      let backend = numbering()
      let text = configuration(service: "connections: {max: 1, queue_timeout: 10s}")
      try withGateway(text, [backend]) { gateway in
        let first = try gateway.get()
        #expect(first.text == "0")
        // Longer than the second after which a pooled connection is not trusted with a POST.
        #expect(throws: ScenarioFailure.self) {
          try gateway.connect().receiveMore(until: .after(1.2))
        }
        let post = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        #expect(post.text == "1")
        try eventually("its end") { backend.connections[0].wire.end != nil }
        let after = try gateway.get()
        #expect(after.text == "1")
      }
    }

    @Test func `what waits is served in order when a place is free`() throws {
      let gate = Gate()
      let backend = numbering(["/first": gate])
      let text = configuration(service: "connections: {max: 1, queue_timeout: 20s}")
      try withGateway(text, [backend]) { gateway in
        let first = try gateway.connect()
        try first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        var clients: [Wire] = []
        for number in 0..<5 {
          let client = try gateway.connect()
          try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
          clients.append(client)
          // Answered by the same worker, and accepted after the request before it.
          _ = try gateway.exchange("GET /no-host HTTP/1.1\r\n\r\n")
        }
        gate.open()
        #expect(try first.readResponse().status == 200)
        for client in clients { #expect(try client.readResponse().status == 200) }
        #expect(backend.requests.map(\.target) == ["/first", "/0", "/1", "/2", "/3", "/4"])
        #expect(backend.connectionCount == 1)
      }
    }

    @Test func `a full queue is a 503 at once, and a long wait is one too`() throws {
      let gate = Gate()
      let backend = numbering(["/held": gate])
      let text = configuration(
        service: "connections: {max: 1, queue: 1, queue_timeout: 600ms}")
      try withGateway(text, [backend]) { gateway in
        let clients = [try gateway.connect(), try gateway.connect()]
        for client in clients {
          try client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        let held = try gateway.connect()
        try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(3)
        // However late the test is, they come together.
        gateway.freeze()
        for client in clients { try client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n") }
        gateway.signal(SIGCONT)
        let answers = try clients.map { try $0.readResponse() }
        #expect(answers.map(\.status) == [503, 503])
        #expect(Set(answers.map(\.reason)) == ["queue_full", "queue_timeout"])
        for answer in answers { #expect((Int(answer["Retry-After"] ?? "") ?? 0) >= 1) }
        gate.open()
        #expect(try held.readResponse().status == 200)
        let after = try gateway.get("/after")
        #expect(after.status == 200, "the queue is empty again")
        #expect(backend.requests.map(\.target) == ["/x", "/x", "/held", "/after"])
      }
    }

    @Test func `a client that goes away gives up its place in the queue`() throws {
      let gate = Gate()
      let backend = numbering(["/held": gate])
      let text = configuration(
        service: "connections: {max: 1, queue: 1, queue_timeout: 20s}")
      try withGateway(text, [backend]) { gateway in
        let held = try gateway.connect()
        try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        let leaver = try gateway.connect()
        try leaver.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("the queue to be full") {
          try gateway.get("/probe").reason == "queue_full"
        }
        leaver.reset()
        // The line of the one who left is the one that says client_abort.
        try eventually("the leaver to be noticed") {
          try gateway.accessLog().contains { $0["reason"]?.text == "client_abort" }
        }
        let next = try gateway.connect()
        try next.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        gate.open()
        #expect(try held.readResponse().status == 200)
        #expect(try next.readResponse().status == 200)
        #expect(backend.requests.map(\.target) == ["/held", "/next"])
      }
    }

    @Test func `a client that goes away while its request is answered frees the backend`() throws {
      let backend = ScriptedBackend { connection in
        while let request = try connection.readRequest() {
          if request.target == "/left" {
            try connection.waitForEnd()
          } else {
            try connection.write(plainAnswer)
          }
        }
      }
      let text = configuration(service: "connections: {max: 1}")
      try withGateway(text, [backend]) { gateway in
        let leaver = try gateway.connect()
        try leaver.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        leaver.reset()
        try eventually("the abandoned attempt to be ended") {
          backend.connections[0].wire.end != nil
        }
        let next = try gateway.get("/next")
        #expect(next.status == 200)
        let line = try #require(try gateway.waitForAccessLog(2).first)
        #expect(line["status"]?.integer == 499)
        #expect(line["reason"]?.text == "client_abort")
      }
    }

    @Test func `a client that vanishes in its upload leaves no whole request behind`() throws {
      let backend = ScriptedBackend { connection in _ = try connection.readRequest() }
      try withGateway(configuration(), [backend]) { gateway in
        for head in [
          "Content-Length: 100\r\n\r\npart", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        ] {
          let before = backend.connectionCount
          let client = try gateway.connect()
          try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(head)")
          try backend.waitForConnections(before + 1)
          try eventually("the part to arrive") {
            backend.connections[before].wire.receivedText.contains("part")
          }
          if before == 0 { client.reset() } else { client.close() }
          try eventually("the attempt to end") { backend.connections[before].wire.end != nil }
          #expect(!backend.connections[before].wire.receivedText.contains("0\r\n\r\n"))
        }
        let lines = try gateway.waitForAccessLog(2)
        #expect(lines.map { $0["reason"]?.text } == ["client_abort", "client_abort"])
        #expect(lines.map { $0["status"]?.integer } == [499, 499])
      }
    }

    @Test func `opened and reused connections are counted`() throws {
      let backend = numbering()
      try withGateway(configuration(), [backend]) { gateway in
        for _ in 0..<5 { _ = try gateway.get() }
        let labels = ["service": "main", "backend": "\(backend.address)"]
        try gateway.waitForMetric("gateway_pool_reused_total", labels, toBe: 4)
        try gateway.waitForMetric("gateway_active_connections", labels, toBe: 0)
        #expect(try gateway.metrics().value("gateway_pool_opened_total", labels) == 1)
      }
    }

    @Test func `backends take turns`() throws {
      let backends = [numbering(), numbering(), numbering()]
      try withGateway(configuration(backends: 3, workers: 2), backends) { gateway in
        for _ in 0..<30 { _ = try gateway.get() }
        #expect(backends.map(\.requests.count) == [10, 10, 10])
      }
    }
  }
}
