// Why this file exists: an upgrade is a tunnel once the backend has agreed to it, and an ordinary
// request in every other case.

import Testing

private let handshake =
  "GET /ws HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
  + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

private let agreement =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
  + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/// Agrees to every upgrade and sends back what comes.
private func echoingTunnels() -> ScriptedBackend {
  ScriptedBackend { connection in
    while let request = try connection.readHead() {
      guard request["Upgrade"] != nil else {
        try connection.write(plainAnswer)
        continue
      }
      try connection.write(agreement)
      while true {
        let more = try connection.wire.receiveMore(until: .after(20))
        let bytes = connection.wire.unread
        connection.wire.skip(bytes.count)
        try connection.wire.send(bytes: bytes)
        if !more { return }
      }
    }
  }
}

extension Traffic {
  @Suite struct Upgrades {
    @Test func `a WebSocket tunnel carries bytes both ways until a side ends it`() throws {
      let backend = echoingTunnels()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        let response = try client.readResponseHead()
        #expect(response.status == 101)
        #expect(response["Upgrade"]?.lowercased() == "websocket")
        #expect(response["Connection"]?.lowercased().contains("upgrade") == true)
        #expect(response["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        for round in 0..<20 {
          let frame = [UInt8](repeating: UInt8(round), count: 1 + round * 1_000) + [0xff, 0, 10]
          try client.send(bytes: frame)
          #expect(try client.read(exactly: frame.count, until: .after()) == frame)
        }
        let request = try #require(backend.requests.first)
        #expect(request["Sec-WebSocket-Key"] == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(request["Upgrade"]?.lowercased() == "websocket")
        #expect(request["Connection"]?.lowercased().contains("upgrade") == true)
        client.halfClose()
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `bytes that the client sends before the 101 arrive after it`() throws {
      let earlySent = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try earlySent.pass()
        #expect(connection.wire.unreadCount == 0, "held until the tunnel stands")
        try connection.write(agreement + "hello from the backend")
        let early = try connection.wire.read(exactly: 10_000, until: .after())
        try connection.wire.send(bytes: early)
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        let early = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        try client.send(bytes: Array(handshake.utf8) + early)
        earlySent.open()
        #expect(try client.readResponseHead().status == 101)
        #expect(try client.read(through: "hello from the backend", until: .after()) != nil)
        #expect(try client.read(exactly: early.count, until: .after()) == early)
      }
    }

    @Test func `early bytes without end are not held without end`() throws {
      let answer = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try answer.pass(within: 20)
        try? connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        _ = try? connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let before = gateway.residentMemory
        let client = try gateway.connect()
        try client.send(handshake)
        let limit = 64 << 20
        let sent = client.sendUntilBlocked([UInt8](repeating: 7, count: 65_536), limit: limit)
        #expect(sent < limit)
        #expect(gateway.residentMemory - before < memoryRoom)
        answer.open()
      }
    }

    @Test func `a backend that refuses the upgrade answers an ordinary request`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        let response = try client.readResponse()
        #expect(response.status == 403)
        #expect(response.text == "no")
        try client.send("GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 403)
        #expect(backend.requests.last?.target == "/after")
      }
    }

    @Test(arguments: ["h2c", "HTTP/2.0", "foo/1", "h2c, HTTP/3"])
    func `an upgrade that the route does not list is an ordinary request`(protocols: String)
      throws
    {
      let backend = echoingTunnels()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get(
          fields: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: \(protocols)\r\n"
            + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n")
        #expect(response.text == "ok")
        let request = try #require(backend.requests.first)
        #expect(request["Upgrade"] == nil)
        #expect(request["HTTP2-Settings"] == nil)
        #expect(!(request["Connection"] ?? "").lowercased().contains("upgrade"))
      }
    }

    @Test func `a route may list no upgrade at all, or others`() throws {
      let backend = echoingTunnels()
      try withGateway(configuration(route: "upgrades: []"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        #expect(try client.readResponse().text == "ok")
      }
      let other = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nhi")
        try connection.waitForEnd()
      }
      try withGateway(configuration(route: "upgrades: [chat]"), [other]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")
        #expect(try client.readResponseHead().status == 101)
        #expect(try client.read(exactly: 2, until: .after()) == Array("hi".utf8))
      }
    }

    @Test func `an upgrade of a request with a body, or not by GET, is an ordinary request`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let fields = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        for request in [
          "POST / HTTP/1.1\r\n\(fields)Content-Length: 0\r\n\r\n",
          "GET / HTTP/1.1\r\n\(fields)Content-Length: 2\r\n\r\nhi",
          "GET / HTTP/1.0\r\n\(fields)\r\n",
        ] {
          let response = try gateway.exchange(request)
          #expect(response.text == "ok")
          #expect(backend.requests.last?["Upgrade"] == nil)
        }
      }
    }

    @Test func `a 101 that nobody asked for is a broken backend`() throws {
      let backend = ScriptedBackend.answering(agreement)
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 502)
        #expect(response.reason == "upstream_protocol")
      }
    }

    @Test func `a 101 to another protocol than the one asked for is a broken backend`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(handshake)
        #expect(response.status == 502)
        #expect(response.reason == "upstream_protocol")
      }
    }

    @Test func `a tunnel on which no byte passes is ended by its own timer`() throws {
      let backend = echoingTunnels()
      let text = configuration(
        top: "timeouts:\n  tunnel_idle: 2s\n  keep_alive: 30s",
        service: "timeouts: {idle: 30s}")
      try withGateway(text, [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        #expect(try client.readResponseHead().status == 101)
        try client.send("ping")
        #expect(try client.read(exactly: 4, until: .after()) == Array("ping".utf8))
        try client.readToEnd()
        try eventually("the backend's side to end too") {
          backend.connections[0].wire.end != nil
        }
      }
    }

    @Test func `a tunnel whose client reads slowly is not idle, and whole`() throws {
      let total = 8 << 20
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(agreement)
        try connection.wire.send(bytes: [UInt8](repeating: 0x61, count: total), within: 30)
        let last = try connection.wire.read(exactly: 3, until: .after(30))
        try connection.wire.send(bytes: last)
      }
      try withGateway(configuration(top: "timeouts: {tunnel_idle: 2s}"), [backend]) { gateway in
        let silent = try gateway.connect()
        let client = try gateway.connect(receiveBuffer: 8_192)
        try client.send(handshake)
        #expect(try client.readResponseHead().status == 101)
        // The pause between two reads is a wait for bytes that do not come.
        let slowly = Deadline.after(5)
        while !slowly.hasPassed, try client.receiveMore(until: .after()) {
          _ = try? silent.receiveMore(until: .after(0.05))
        }
        #expect(try client.read(exactly: total, until: .after(30)).count == total)
        try client.send("bye")
        #expect(try client.read(exactly: 3, until: .after()) == Array("bye".utf8))
      }
    }

    @Test func `a tunnel whose client takes nothing is reset on both sides`() throws {
      let ends = Monitor<[StreamEnd]>([])
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(agreement)
        let block = [UInt8](repeating: 0x61, count: 65_536)
        _ = connection.wire.sendUntilBlocked(block, limit: 64 << 20)
        let end = try connection.waitForEnd()
        ends.update { $0.append(end) }
      }
      try withGateway(configuration(top: "timeouts: {tunnel_idle: 2s}"), [backend]) { gateway in
        let client = try gateway.connect(receiveBuffer: 8_192)
        try client.send(handshake)
        try eventually("the backend to hear of it") { ends.value == [.reset] }
        try client.readToEnd()
        #expect(client.end == .reset)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["status"]?.integer == 101)
      }
    }

    @Test func `a tunnel with traffic outlives the timers of ordinary requests`() throws {
      let backend = echoingTunnels()
      let text = configuration(
        top: "timeouts:\n  head: 2s\n  body_idle: 2s\n  keep_alive: 2s",
        service: "timeouts: {response: 2s, idle: 2s}")
      try withGateway(text, [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        #expect(try client.readResponseHead().status == 101)
        // Nothing is sent for longer than those timers: the wait is for bytes that do not come.
        #expect(throws: ScenarioFailure.self) {
          try client.receiveMore(until: .after(3))
        }
        try client.send("still here")
        #expect(try client.read(exactly: 10, until: .after()) == Array("still here".utf8))
      }
    }

    @Test func `when the backend resets a tunnel the client's side ends`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(agreement)
        _ = try connection.wire.read(exactly: 1, until: .after())
        connection.wire.reset()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        #expect(try client.readResponseHead().status == 101)
        try client.send("x")
        #expect(try client.readToEnd() == .reset)
      }
    }

    @Test func `when the client resets a tunnel the backend's side is reset`() throws {
      let ends = Monitor<[StreamEnd]>([])
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write(agreement)
        let end = try connection.waitForEnd()
        ends.update { $0.append(end) }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(handshake)
        #expect(try client.readResponseHead().status == 101)
        client.reset()
        try eventually("the backend to hear of it") { ends.update { $0 } == [.reset] }
      }
    }
  }
}
