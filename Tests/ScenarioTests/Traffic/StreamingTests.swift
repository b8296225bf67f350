// Why this file exists: bytes pass when they come, and a side that takes none stops the other
// instead of filling memory (regression 6 and 9).

import Testing

extension Traffic {
  @Suite struct Streaming {
    @Test func `server-sent events arrive as they are sent`() throws {
      let seen = (0..<3).map { _ in Gate() }
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n")
        for (number, gate) in seen.enumerated() {
          let event = "data: \(number)\n\n"
          try connection.write(String(event.utf8.count, radix: 16) + "\r\n\(event)\r\n")
          try gate.pass("the client to see event \(number)")
        }
        try connection.write("0\r\n\r\n")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponseHead().status == 200)
        for (number, gate) in seen.enumerated() {
          #expect(try client.read(through: "data: \(number)\n\n", until: .after()) != nil)
          gate.open()
        }
        #expect(try client.read(through: "0\r\n\r\n", until: .after()) != nil)
      }
    }

    @Test func `events of a response without framing arrive as they are sent`() throws {
      let seen = (0..<2).map { _ in Gate() }
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for (number, gate) in seen.enumerated() {
          try connection.write("data: \(number)\n\n")
          try gate.pass("the client to see event \(number)")
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /events HTTP/1.0\r\nHost: a\r\n\r\n")
        for (number, gate) in seen.enumerated() {
          #expect(try client.read(through: "data: \(number)\n\n", until: .after()) != nil)
          gate.open()
        }
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `parts of a request body reach the backend before the body is complete`() throws {
      let seen = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        if try connection.wire.read(through: "first", until: .after()) != nil { seen.open() }
        _ = try connection.wire.read(through: "second", until: .after())
        try connection.respond(body: "done")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nfirst")
        try seen.pass("the backend to see the first part")
        try client.send("second")
        #expect(try client.readResponse(to: "POST").text == "done")
      }
    }

    @Test func `a client that does not read stops the backend, and memory stays small`() throws {
      let total = 64 << 20
      let stalled = Gate()
      let resumed = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
        let block = [UInt8](repeating: 0x61, count: 65_536)
        let sent = connection.wire.sendUntilBlocked(block, limit: total)
        #expect(sent < total, "the backend was never stopped")
        stalled.open()
        try resumed.pass("the client to read on")
        var left = total - sent
        while left > 0 {
          try connection.wire.send(bytes: Array(block.prefix(left)), within: 20)
          left -= min(left, block.count)
        }
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let before = gateway.residentMemory
        let client = try gateway.connect(receiveBuffer: 16_384)
        try client.send("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        try stalled.pass("the backend to be stopped", within: 20)
        let grown = gateway.residentMemory - before
        #expect(grown < memoryRoom, "grew by \(grown) bytes")
        resumed.open()
        let head = try client.readResponseHead()
        #expect(head["Content-Length"] == "\(total)")
        #expect(try client.drain() == total)
        #expect(gateway.residentMemory - before < memoryRoom)
      }
    }

    @Test func `a backend that does not read stops the client, and memory stays small`() throws {
      let readOn = Gate()
      let total = 64 << 20
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try readOn.pass("the test to look at memory", within: 20)
        var left = total - connection.wire.unreadCount
        while left > 0 {
          let before = connection.wire.unreadCount
          guard try connection.wire.receiveMore(until: .after()) else { return }
          left -= connection.wire.unreadCount - before
          connection.wire.skip(connection.wire.unreadCount)
        }
        try connection.respond(body: "got it")
        try connection.waitForEnd()
      }
      let text = configuration(top: "limits:\n  body_size: none")
      try withGateway(text, [backend]) { gateway in
        let before = gateway.residentMemory
        let client = try gateway.connect()
        try client.send("PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: \(total)\r\n\r\n")
        let block = [UInt8](repeating: 0x62, count: 65_536)
        let sent = client.sendUntilBlocked(block, limit: total)
        #expect(sent < total, "the client was never stopped")
        let grown = gateway.residentMemory - before
        #expect(grown < memoryRoom, "grew by \(grown) bytes")
        readOn.open()
        var left = total - sent
        while left > 0 {
          try client.send(bytes: Array(block.prefix(left)), within: 20)
          left -= min(left, block.count)
        }
        #expect(try client.readResponse(to: "PUT", within: 20).text == "got it")
        #expect(gateway.residentMemory - before < memoryRoom)
      }
    }

    @Test func `a long download that makes progress outlives every idle timer`() throws {
      let backend = ScriptedBackend.trickling()
      let text = configuration(
        top: "timeouts:\n  head: 2s\n  body_idle: 2s\n  write_idle: 2s\n  keep_alive: 2s",
        service: "timeouts: {connect: 2s, response: 2s, idle: 2s}")
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get("/long")
        #expect(response.text == String(repeating: "x", count: 20))
        #expect(response.end == .complete)
      }
    }
  }
}
