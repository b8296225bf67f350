// Why this file exists: a backend is taken out of the traffic without a client noticing, and put
// back, by the admin listener and by the file.

import Testing

extension Operations {
  @Suite struct Draining {
    private func post(_ gateway: GatewayProcess, _ path: String) throws -> Message {
      try gateway.admin(
        path, method: "POST",
        fields: "Host: 127.0.0.1:\(gateway.adminPort)\r\nContent-Length: 0\r\n")
    }

    @Test func `a drained backend finishes what it has and gets nothing new until it is readied`()
      throws
    {
      let gate = Gate()
      let backends = [ScriptedBackend.named("one", holding: gate), .named("two", holding: gate)]
      try withGateway(configuration(backends: 2, workers: 2), backends) { gateway in
        #expect(try gateway.whoAnswers(12) == ["one", "two"])
        let held = try (0..<2).map { _ in try gateway.connect() }
        for client in held { try client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n") }
        try eventually("a held request at each backend") {
          backends.allSatisfy { $0.requests.contains { $0.target == "/hold" } }
        }
        let before = backends[1].requests.count
        let path = "/backends/main/\(backends[1].address)"
        let answer = try post(gateway, path + "/drain")
        #expect(answer.status == 200)
        let body = try JSON(parsing: answer.text)
        #expect(body["backends"]?[0]?.text == "\(backends[1].address)")
        #expect(body["usable_backends"]?.integer == 1)
        #expect(try gateway.whoAnswers(12) == ["one"])
        #expect(try gateway.status(of: backends[1])["state"]?.text == "draining")
        let labels = ["backend": "\(backends[1].address)", "state": "draining"]
        try gateway.waitForMetric("gateway_backend_state", labels, toBe: 1)
        try eventually("its idle connections to be closed") {
          backends[1].connections.count { $0.wire.end == nil } == 1
        }
        gate.open()
        let finished = Set(try held.map { try $0.readResponse()["X-Backend"] })
        #expect(finished == ["one", "two"])
        try eventually("the connection that was busy to be closed too") {
          backends[1].connections.allSatisfy { $0.wire.end != nil }
        }
        #expect(backends[1].requests.count == before)
        #expect(try post(gateway, path + "/ready").status == 200)
        #expect(try gateway.whoAnswers(12) == ["one", "two"])
        #expect(try gateway.status(of: backends[1])["state"]?.text != "draining")
        try eventually("both changes to be logged") {
          gateway.errors.contains("drained_by_admin") && gateway.errors.contains("readied")
        }
      }
    }

    @Test func `a backend that the file drains gets nothing before it is readied`() throws {
      let backends = [ScriptedBackend.named("one"), .named("two")]
      let text = configuration(backends: 2).replacing(
        "[{backend1}, {backend2}]",
        with: "[{backend1}, {address: {backend2}, drain: true}]")
      try withGateway(text, backends) { (gateway: GatewayProcess) throws in
        #expect(try gateway.whoAnswers(12) == ["one"])
        #expect(try gateway.status(of: backends[1])["state"]?.text == "draining")
        #expect(try post(gateway, "/backends/main/\(backends[1].address)/ready").status == 200)
        #expect(try gateway.whoAnswers(12) == ["one", "two"])
      }
    }

    @Test func `a backend that was readied stays so when something else in the file changes`()
      throws
    {
      let backends = [ScriptedBackend.named("one"), .named("two")]
      func text(_ top: String) -> String {
        configuration(top: top, backends: 2).replacing(
          "[{backend1}, {backend2}]", with: "[{backend1}, {address: {backend2}, drain: true}]")
      }
      try withGateway(text(""), backends) { (gateway: GatewayProcess) throws in
        #expect(try post(gateway, "/backends/main/\(backends[1].address)/ready").status == 200)
        gateway.edit(text("http: {underscore_fields: keep}"), backends)
        #expect(try gateway.post("/reload").status == 200)
        #expect(try gateway.whoAnswers(12) == ["one", "two"])
      }
    }

    @Test func `a backend on a unix socket is named by its path, written either way`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = "\(directory)/b.sock"
      let backends = [ScriptedBackend.named("one"), .named("two", at: .unix(path))]
      try withGateway(configuration(backends: 2), backends) { (gateway: GatewayProcess) throws in
        let encoded = path.replacing("/", with: "%2F")
        #expect(try post(gateway, "/backends/main/unix:\(encoded)/drain").status == 200)
        #expect(try gateway.whoAnswers(12) == ["one"])
        #expect(try post(gateway, "/backends/main/unix:\(path)/ready").status == 200)
        #expect(try gateway.whoAnswers(12) == ["one", "two"])
      }
    }

    @Test func `when all are drained requests are refused, and the gateway stays ready`() throws {
      let backend = ScriptedBackend.named("one")
      try withGateway(configuration(), [backend]) { gateway in
        let path = "/backends/main/\(backend.address)"
        #expect(try post(gateway, path + "/drain").status == 200)
        let refused = try gateway.get()
        #expect(refused.status == 503)
        #expect(refused.reason == "all_unhealthy")
        let ready = try gateway.admin("/readyz")
        #expect(ready.status == 200)
        let service = try JSON(parsing: ready.text)["services"]?[0]
        #expect(service?["usable"]?.integer == 0)
        #expect(service?["unusable"]?[0]?["state"]?.text == "draining")
        #expect(service?["unusable"]?[0]?["reason"]?.text == "drained_by_admin")
      }
    }

    @Test func `an order for what is not there is 404 in words`() throws {
      let backend = ScriptedBackend.named("one")
      try withGateway(configuration(), [backend]) { gateway in
        let service = try post(gateway, "/backends/mian/\(backend.address)/drain")
        #expect(service.status == 404)
        #expect(service.text.contains("there is no service 'mian'; there is main"))
        let address = try post(gateway, "/backends/main/127.0.0.1:1/drain")
        #expect(address.status == 404)
        #expect(address.text.contains("no backend '127.0.0.1:1'; there is \(backend.address)"))
        #expect(try gateway.whoAnswers(12) == ["one"])
      }
    }
  }
}
