// Why this file exists: listeners come and go while the gateway runs, nobody who has connected is
// turned away, and one that cannot be opened leaves everything as it was.

import Glibc
import Testing

extension Operations {
  @Suite struct ReloadOfListeners {
    private func text(_ addresses: String..., more: String = "") -> String {
      let list = addresses.map { "  - address: \"\($0)\"" }.joined(separator: "\n")
      return """
        listeners:
        \(list)
        admin: {address: "127.0.0.1:{admin}"}
        workers: 2
        services: {main: {backends: [{backend1}]}}
        routes:
          - {name: all, match: {path: /*}, service: main}
        \(more)

        """
    }

    private let main = "127.0.0.1:{port}"

    private func get(_ address: Address) throws -> Int {
      let client = try Wire.connect(to: address)
      defer { client.close() }
      try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      return try client.readResponse().status
    }

    private func listeners(_ gateway: GatewayProcess) throws -> [String?] {
      try JSON(parsing: gateway.admin("/status").text)["listeners"]?.items.map(\.text) ?? []
    }

    @Test func `one that is added accepts, one that is removed finishes what it has`() throws {
      let gate = Gate()
      let backend = ScriptedBackend { connection in
        try connection.serve { request in
          if request.target == "/held" { try gate.pass("the test to let go") }
          return plainAnswer
        }
      }
      let port = Socket.freePort()
      try withGateway(text(main), [backend]) { gateway in
        let unix = gateway.directory + "/g.sock"
        let idle = try gateway.connect()
        try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try idle.readResponse().status == 200)

        let both = text(main, "127.0.0.1:\(port)", "unix:\(unix)")
        try gateway.reload(both, [backend])
        for address in [Address.v4(gateway.port), .v4(port), .unix(unix)] {
          #expect(try get(address) == 200)
        }
        #expect(
          try listeners(gateway) == [
            "127.0.0.1:\(gateway.port)", "127.0.0.1:\(port)", "unix:\(unix)",
          ])

        let busy = try Wire.connect(to: .v4(port))
        try busy.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        let local = try Wire.connect(to: .unix(unix))
        try local.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("both requests at the backend") {
          backend.requests.count { $0.target == "/held" } == 2
        }
        try gateway.reload(text(main), [backend])
        try eventually("nobody to listen there any more") {
          (try? Wire.connect(to: .v4(port)))?.close() == nil
        }
        #expect(access(unix, F_OK) != 0)
        gate.open()
        for client in [busy, local] {
          let answer = try client.readResponse()
          #expect(answer.status == 200 && answer["Connection"] == "close")
          #expect(try client.readToEnd() == .fin)
        }
        // The one that stayed has noticed nothing.
        try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try idle.readResponse()
        #expect(answer.status == 200 && answer["Connection"] == nil)
        #expect(try listeners(gateway) == ["127.0.0.1:\(gateway.port)"])
      }
    }

    @Test func `an idle connection of a removed one may ask once more, and is closed`() throws {
      try untilInTime {
        let backend = ScriptedBackend.answering()
        let port = Socket.freePort()
        try withGateway(text(main, "127.0.0.1:\(port)"), [backend]) { gateway in
          let clients = try (0..<2).map { _ in try Wire.connect(to: .v4(port)) }
          let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
          for client in clients {
            try client.send(request)
            #expect(try client.readResponse().status == 200)
          }
          let told = monotonicNow()
          try gateway.reload(text(main), [backend])
          let last = try clients[0].askOnceMore(request, since: told)
          #expect(last["Connection"] == "close")
          for client in clients { #expect(try client.readToEnd() == .fin) }
        }
      }
    }

    @Test func `one that cannot be opened refuses the whole reload`() throws {
      let backend = ScriptedBackend.answering()
      let other = ScriptedBackend.answering()
      defer { other.stop() }
      let port = Socket.freePort()
      let route = "  - {name: new, match: {path: /new}, respond: {status: 204}}"
      try withGateway(text(main), [backend]) { gateway in
        gateway.edit(
          text(main, "127.0.0.1:\(port)", "\(other.address)", more: route), [backend])
        let refused = try gateway.post("/reload", "Accept: text/plain\r\n")
        #expect(refused.status == 422)
        #expect(
          refused.text.contains(
            "gateway.yaml:4:14: error: listen on \(other.address): address already in use"))
        #expect(try gateway.admin("/config/errors").text.contains("\"cannot_listen\""))
        #expect(try gateway.configurationStatus()["generation"]?.integer == 1)
        #expect(try gateway.get("/new").status == 200)
        #expect(try listeners(gateway) == ["127.0.0.1:\(gateway.port)"])
        // What was opened before it is given up.
        #expect((try? Wire.connect(to: .v4(port))) == nil)

        try gateway.reload(text(main, "127.0.0.1:\(port)", more: route), [backend])
        #expect(try get(.v4(port)) == 200)
        #expect(try gateway.get("/new").status == 204)
      }
    }

    @Test func `the same port may go from one address to all and back`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(text(main), [backend]) { gateway in
        for address in ["0.0.0.0:{port}", main, "0.0.0.0:{port}", main] {
          try gateway.reload(text(address), [backend])
          #expect(try gateway.get().status == 200)
        }
        #expect(try listeners(gateway) == ["127.0.0.1:\(gateway.port)"])
      }
    }
  }
}
