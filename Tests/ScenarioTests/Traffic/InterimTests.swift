// Why this file exists: 1xx responses and Expect end to end, and answers that come before the
// request is complete (RFC 9110 sections 10.1.1 and 15.2, RFC 9112 section 9.3).

import Testing

extension Traffic {
  @Suite struct `Interim and early responses` {
    @Test func `the body waits for the backend's 100`() throws {
      let backend = ScriptedBackend { connection in
        guard let head = try connection.readHead() else { return }
        #expect(head["Expect"]?.lowercased() == "100-continue")
        #expect(connection.wire.unreadCount == 0, "no body before the 100")
        try connection.write("HTTP/1.1 100 Continue\r\n\r\n")
        let body = try connection.wire.read(exactly: 5, until: .after())
        try connection.respond(body: String(decoding: body, as: UTF8.self))
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        #expect(try client.readResponseHead().status == 100)
        try client.send("hello")
        #expect(try client.readResponse(to: "POST").text == "hello")
      }
    }

    @Test func `a backend that refuses spares the client its body`() throws {
      let backend = ScriptedBackend { connection in
        while try connection.readHead() != nil {
          try connection.respond("417 Expectation Failed", body: "no")
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        let response = try client.readResponse(to: "POST")
        #expect(response.interim.isEmpty)
        #expect(response.status == 417)
      }
    }

    @Test func `a client that does not wait for the 100 is served all the same`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
        #expect(response.status == 200)
        #expect(backend.requests.first?.text == "hello")
      }
    }

    @Test func `every interim response is passed on, in order and with its fields`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 102 Processing\r\n\r\n"
          + "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-N: 1\r\n\r\n"
          + "HTTP/1.1 103 Early Hints\r\nLink: </b.js>; rel=preload\r\n\r\n"
          + "HTTP/1.1 199 Whatever\r\n\r\n" + plainAnswer)
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<2 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.interim.map(\.status) == [102, 103, 103, 199])
          #expect(response.interim[1]["Link"] == "</a.css>; rel=preload")
          #expect(response.interim[1]["X-N"] == "1")
          #expect(response.interim[2]["Link"] == "</b.js>; rel=preload")
          #expect(response.text == "ok")
        }
        #expect(backend.connectionCount == 1)
      }
    }

    @Test func `an interim response arrives before the final one is made`() throws {
      let hintSeen = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        try hintSeen.pass("the client to see the hint")
        try connection.write(plainAnswer)
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponseHead().status == 103)
        hintSeen.open()
        #expect(try client.readResponse().text == "ok")
      }
    }

    @Test func `an answer that comes while the body is still being sent is passed at once`()
      throws
    {
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        _ = try connection.wire.read(exactly: 4, until: .after())
        try connection.respond("403 Forbidden", fields: "Connection: close\r\n", body: "enough")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbody")
        let response = try client.readResponse(to: "POST")
        #expect(response.status == 403)
        #expect(response.text == "enough")
        #expect(response["Connection"]?.lowercased() == "close")
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `after an early answer the backend connection is not used again`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readHead() != nil else { return }
        try connection.respond(body: "\(connection.index)")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let first = try gateway.connect()
        try first.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\npart")
        #expect(try first.readResponse(to: "POST").text == "0")
        #expect(try gateway.get("/").text == "1")
      }
    }

    /// RFC 9112 section 9.5 asks a client to stop that sees an early answer; not for a FIN.
    @Test func `an early answer that streams on is whole for a client that has fallen silent`()
      throws
    {
      let backend = ScriptedBackend.trickling()
      try withGateway(configuration(top: "timeouts: {body_idle: 2s}"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        let response = try client.readResponse(to: "POST")
        #expect(response.text == String(repeating: "x", count: 20))
        #expect(response.end == .complete)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["reason"] == .null)
      }
    }

    /// Its next byte would be answered by a reset if the connection were closed meanwhile.
    @Test(arguments: [500, 60_000])
    func `an early answer is whole for a client that uploads on and reads slowly`(burst: Int)
      throws
    {
      let total = 2 << 20
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
        try connection.wire.send(bytes: [UInt8](repeating: 0x61, count: total))
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let silent = try gateway.connect()
        let client = try gateway.connect(receiveBuffer: 8_192)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
        #expect(try client.readResponseHead().status == 200)
        let block = [UInt8](repeating: 0x62, count: burst)
        let slowly = Deadline.after(5)
        while !slowly.hasPassed, try client.receiveMore(until: .after()) {
          // The pause is a wait for bytes that do not come. What is sent may have to wait, too.
          _ = try? silent.receiveMore(until: .after(0.05))
          try? client.send(bytes: block, within: 0)
        }
        #expect(try client.read(exactly: total, until: .after(30)).count == total)
      }
    }

    @Test func `an early answer may be followed by the rest of the body`() throws {
      let answered = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        answered.open()
        let body = try connection.wire.read(exactly: 10, until: .after())
        try connection.write("a\r\n\(String(decoding: body, as: UTF8.self))\r\n0\r\n\r\n")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        try answered.pass()
        #expect(try client.readResponseHead().status == 200)
        #expect(try client.read(through: "hi", until: .after()) != nil)
        try client.send("0123456789")
        let rest = try client.read(through: "0\r\n\r\n", until: .after())
        #expect(String(decoding: rest ?? [], as: UTF8.self).contains("0123456789"))
      }
    }
  }
}
