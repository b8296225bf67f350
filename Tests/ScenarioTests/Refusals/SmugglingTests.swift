// Why this file exists: what two parties could read differently reaches no backend: it is answered
// once, and the connection is closed.

import Testing

extension Refusals {
  @Suite struct Smuggling {
    /// Plays the corpus through one gateway. What is sent is followed by a good request, which
    /// must not be answered: the connection is over.
    private func play(_ corpus: [RefusedRequest], byteByByte: Bool = false) throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for request in corpus {
          let client = try gateway.connect()
          if byteByByte {
            // The gateway may have answered and closed before the last byte.
            for byte in request.bytes { try? client.send(bytes: [byte]) }
          } else {
            try client.send(bytes: request.bytes)
          }
          try? client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
          do {
            let response = try client.readResponse()
            #expect(response.status == request.status, "\(request.name): \(response)")
            #expect(response.reason == request.reason, "\(request.name)")
            #expect(response["Connection"]?.lowercased() == "close", "\(request.name)")
            #expect(try client.readToEnd() == .fin, "\(request.name)")
            #expect(client.unreadCount == 0, "\(request.name): answered twice")
          } catch {
            Issue.record("\(request.name): \(error)")
          }
          client.close()
        }
        #expect(backend.connectionCount == 0, "reached the backend:\n\(backend.transcript)")
        let after = try gateway.get("/good")
        #expect(after.status == 200, "an honest client is served")
        #expect(backend.requests.map(\.target) == ["/good"])
      }
    }

    @Test func `ambiguous framing is refused`() throws { try play(framingCorpus) }
    @Test func `bad fields and authorities are refused`() throws { try play(fieldCorpus) }
    @Test func `bad request lines are refused`() throws { try play(requestLineCorpus) }

    @Test func `all of it is refused as well when it comes byte by byte`() throws {
      try play(framingCorpus, byteByByte: true)
      try play(fieldCorpus, byteByByte: true)
      try play(requestLineCorpus, byteByByte: true)
    }

    @Test func `the refusal says what was wrong`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for (request, detail) in [
          ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "framing"),
          ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "host"),
          ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "target"),
          ("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n", "field"),
          ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", "version"),
          ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "method"),
        ] {
          let response = try gateway.exchange(request)
          #expect(response.reason == "bad_request")
          #expect(response.text.contains("\"\(detail)\""), "\(detail): \(response.text)")
        }
      }
    }

    @Test func `broken chunks end the exchange, and the backend never sees a whole request`()
      throws
    {
      let backend = ScriptedBackend { connection in
        // An honest backend answers only what is complete.
        _ = try connection.readRequest()
        if connection.wire.end == nil { try connection.write(plainAnswer) }
      }
      try withGateway(configuration(), [backend]) { gateway in
        for (name, body) in chunkCorpus {
          let before = backend.connectionCount
          let client = try gateway.connect()
          try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
          try client.send(body)
          try? client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try client.readResponse(to: "POST")
          #expect(response.status == 400, "\(name)")
          #expect(response.reason == "bad_request", "\(name)")
          #expect(response["Connection"]?.lowercased() == "close", "\(name)")
          try client.readToEnd()
          #expect(client.unreadCount == 0, "\(name): answered twice")
          for connection in backend.connections[before...] {
            try eventually("the backend connection to end: \(name)") {
              connection.wire.end != nil
            }
            let seen = connection.wire.receivedText
            #expect(!seen.contains("0\r\n\r\n"), "\(name): \(seen)")
            #expect(!seen.contains("smuggled"), "\(name): \(seen)")
          }
        }
      }
    }

    @Test func `a good request before a bad one is answered first`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
            + "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        #expect(try client.readResponse().status == 400)
        #expect(try client.readToEnd() == .fin)
        #expect(client.unreadCount == 0)
        #expect(backend.requests.map(\.target) == ["/1"])
      }
    }

    @Test func `a coding that the gateway does not know is not passed on as chunked alone`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
        #expect([400, 501].contains(response.status))
        #expect(response.reason == "bad_request")
        #expect(backend.connectionCount == 0)
      }
    }

    @Test func `a length above every limit is too large, not wrapped around`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for length in ["4294967296", "4294967301", "9223372036854775807", "9223372036854775808"] {
          let response = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\nhello")
          #expect([400, 413].contains(response.status), "\(length)")
          #expect(response["Connection"]?.lowercased() == "close")
        }
        #expect(backend.connectionCount == 0)
      }
    }

    @Test func `white space around a length and a coding is not ambiguous`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let length = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost:\ta \r\nContent-Length:  \t2 \t\r\n\r\nhi")
        #expect(length.status == 200)
        #expect(backend.requests.last?.text == "hi")
        #expect(backend.requests.last?.values("Content-Length") == ["2"])
        let chunked = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tCHUNKED \r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        #expect(chunked.status == 200)
        #expect(backend.requests.last?.text == "hi")
      }
    }
  }
}
