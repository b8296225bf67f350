// Why this file exists: starting, stopping and the signals between.

import Glibc
import Testing

extension Operations {
  @Suite struct Lifecycle {
    private let minute = "shutdown: {drain: 1m}"

    private func holding(_ gate: Gate) -> ScriptedBackend {
      ScriptedBackend { connection in
        try connection.serve { _ in
          try gate.pass("the test to let go", within: 20)
          return plainAnswer
        }
      }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func `an idle gateway ends at once`(number: Int32) throws {
      try withGateway(configuration(workers: 2), [ScriptedBackend.answering()]) { gateway in
        _ = try gateway.get()
        gateway.signal(number)
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }

    @Test func `signals that come while the last spans are sent change nothing`() throws {
      let collector = ScriptedBackend { try $0.waitForEnd(within: 60) }
      let text = configuration(top: tracing(to: collector))
      try withGateway(text, [ScriptedBackend.answering(), collector]) { gateway in
        _ = try gateway.get()
        try collector.waitForConnections(1)
        gateway.signal(SIGTERM)
        try eventually("the end of the traffic") { !gateway.logLines("stopped").isEmpty }
        for number in [SIGUSR1, SIGHUP, SIGTERM, SIGINT] { gateway.signal(number) }
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(gateway.logLines("spans were not delivered before the end").count == 1)
      }
    }

    @Test func `what is in flight is finished, then it ends cleanly`() throws {
      let gate = Gate()
      let backend = holding(gate)
      try withGateway(configuration(top: minute, workers: 2), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /in-flight HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        try gateway.beginStopping()
        #expect(try gateway.admin("/livez").status == 200)
        try eventually("new clients to be refused") { (try? gateway.connect()) == nil }
        #expect(gateway.isRunning)
        gate.open()
        let response = try client.readResponse()
        #expect(response.status == 200)
        #expect(response["Connection"]?.lowercased() == "close")
        #expect(try client.readToEnd() == .fin)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(try gateway.accessLog().count == 1)
      }
    }

    @Test func `an upload that is under way is finished too`() throws {
      let backend = ScriptedBackend { connection in
        guard let request = try connection.readRequest() else { return }
        try connection.respond(body: "\(request.body.count)")
        try connection.waitForEnd()
      }
      try withGateway(configuration(top: minute), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
        try backend.waitForConnections(1)
        try gateway.beginStopping()
        try client.send("later")
        #expect(try client.readResponse(to: "POST").text == "10")
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }

    @Test func `an idle client may send one more request, and is no cut`() throws {
      try untilInTime {
        let gate = Gate()
        let backend = ScriptedBackend { connection in
          try connection.serve {
            if $0.target == "/held" { try gate.pass() }
            return plainAnswer
          }
        }
        try withGateway(configuration(top: minute), [backend]) { gateway in
          defer { gate.open() }
          let idle = try gateway.connect()
          try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try idle.readResponse().status == 200)
          let held = try gateway.connect()
          try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
          try backend.waitForRequests(2)
          let told = monotonicNow()
          try gateway.beginStopping()
          let last = try idle.askOnceMore("GET /more HTTP/1.1\r\nHost: a\r\n\r\n", since: told)
          #expect(last.status == 200)
          #expect(last["Connection"]?.lowercased() == "close")
          #expect(try idle.readToEnd() == .fin)
          // What it sends before it knows is read off: a reset could overtake the answer.
          for _ in 0..<2 { try idle.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n") }
          gate.open()
          #expect(try held.readResponse().status == 200)
          #expect(try gateway.waitForEnd() == .exited(0))
        }
      }
    }

    @Test(arguments: [
      ("GET /nowhere", "", 404), ("OPTIONS /held", "Max-Forwards: 0\r\n", 200),
      ("GET /moved", "", 308), ("GET /ping", "", 200),
    ])
    func `an answer of the gateway itself ends the connection too, while it stops`(
      line: String, fields: String, status: Int
    ) throws {
      try untilInTime {
        let gate = Gate()
        let backend = ScriptedBackend.answering(holding: gate)
        let text =
          configuration(top: minute).replacing("path: /*", with: "path: /held")
          + """
              - {match: {path: /moved}, redirect: {status: 308, location: /held}}
              - {match: {path: /ping}, respond: {status: 200, body: pong}}

            """
        try withGateway(text, [backend]) { gateway in
          defer { gate.open() }
          let request = "\(line) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
          let idle = try gateway.connect()
          try idle.send(request)
          let first = try idle.readResponse()
          #expect(first.status == status)
          #expect(first["Connection"] == nil)
          let held = try gateway.connect()
          try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
          try backend.waitForRequests(1)
          let told = monotonicNow()
          try gateway.beginStopping()
          let last = try idle.askOnceMore(request, since: told)
          #expect(last.status == status)
          #expect(last["Connection"]?.lowercased() == "close")
          gate.open()
          #expect(try held.readResponse().status == 200)
          #expect(try gateway.waitForEnd() == .exited(0))
        }
      }
    }

    @Test func `an idle client that stays silent is closed by FIN`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        let idle = try gateway.connect()
        try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try idle.readResponse().status == 200)
        let silent = try gateway.connect()
        gateway.signal(SIGTERM)
        #expect(try idle.readToEnd() == .fin)
        #expect(idle.unreadCount == 0)
        #expect(try silent.readToEnd() == .fin)
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }

    @Test func `what is not done in time is cut, and the exit code says so`() throws {
      let gate = Gate()
      let backend = holding(gate)
      try withGateway(configuration(top: "shutdown:\n  drain: 400ms"), [backend]) { gateway in
        defer { gate.open() }
        let client = try gateway.connect()
        try client.send("GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(3))
        try client.readToEnd()
      }
    }

    @Test func `a second signal ends it at once`() throws {
      let gate = Gate()
      let backend = holding(gate)
      try withGateway(configuration(top: "shutdown:\n  drain: 5m"), [backend]) { gateway in
        defer { gate.open() }
        let client = try gateway.connect()
        try client.send("GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        try gateway.beginStopping()
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(3))
      }
    }

    @Test func `during the grace new clients are still served`() throws {
      try withGateway(
        configuration(top: "shutdown:\n  accept_grace: 5m"), [ScriptedBackend.answering()]
      ) { gateway in
        try gateway.beginStopping()
        let response = try gateway.get()
        #expect(response.status == 200)
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }

    @Test func `SIGHUP and SIGPIPE end nothing`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        for number in [SIGPIPE, SIGHUP, SIGPIPE, SIGUSR1, SIGHUP] {
          gateway.signal(number)
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        #expect(try gateway.admin("/readyz").status == 200)
        #expect(gateway.isRunning)
      }
    }

    @Test func `a tunnel is work in flight: it goes on in the drain and is cut at its end`()
      throws
    {
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        while try connection.wire.receiveMore(until: .after(20)) {
          let bytes = connection.wire.unread
          connection.wire.skip(bytes.count)
          try connection.wire.send(bytes: bytes)
        }
      }
      try withGateway(configuration(top: "shutdown:\n  drain: 4s"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        #expect(try client.readResponseHead().status == 101)
        gateway.signal(SIGTERM)
        try eventually("the drain to begin") { (try? gateway.admin("/readyz").status) != 200 }
        try client.send("ping")
        #expect(try client.read(exactly: 4, until: .after()) == Array("ping".utf8))
        try client.readToEnd()
        #expect(try gateway.waitForEnd() == .exited(3))
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["status"]?.integer == 101)
        #expect(line["reason"]?.text == "draining")
        #expect(line["level"]?.text == "warning")
      }
    }

    @Test func `a tunnel that is cut with bytes on hand does not seem complete`() throws {
      let blocked = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        let block = [UInt8](repeating: 0x61, count: 65_536)
        _ = connection.wire.sendUntilBlocked(block, limit: 64 << 20)
        blocked.open()
        #expect(try connection.waitForEnd() == .reset)
      }
      try withGateway(configuration(top: "shutdown:\n  drain: 2500ms"), [backend]) { gateway in
        let client = try gateway.connect(receiveBuffer: 8_192)
        try client.send(
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        try blocked.pass("the tunnel to be full")
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(3))
        #expect(try client.readToEnd() == .reset)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["reason"]?.text == "draining")
      }
    }

    @Test func `clients that come in the moment of stopping are served or refused, never cut`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(workers: 2), [backend]) { gateway in
        let port = gateway.port
        let cut = Monitor<[String]>([])
        let stopped = Gate()
        let helpers = (0..<4).map { _ in
          Helper {
            while !stopped.isOpen {
              // A refused connection is as good as an answer; anything between is not.
              let begun = monotonicNow()
              guard let client = try? Wire.connect(to: .v4(port)) else { continue }
              do {
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try client.readResponse()
              } catch where monotonicNow() - begun < idleSecond {
                cut.update { $0.append("\(error)") }
              } catch {
                // It was silent until its time was over.
              }
              client.close()
            }
          }
        }
        try eventually("some traffic") { backend.requests.count > 100 }
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        stopped.open()
        for helper in helpers { try helper.join() }
        #expect(cut.value == [])
      }
    }
  }
}
