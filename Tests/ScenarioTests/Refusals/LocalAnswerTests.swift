// Why this file exists: an answer that the gateway makes itself says so, says why, and is a whole
// HTTP message.

import Testing

extension Refusals {
  @Suite struct `Local answers` {
    @Test func `a local answer carries its reason in a field and in a problem document`() throws {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /other HTTP/1.1\r\nHost: a\r\nX-Request-ID: id-7\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 404)
        #expect(response.reason == "no_route")
        #expect(response["Content-Type"] == "application/problem+json")
        #expect(response["X-Request-ID"] == "id-7")
        let problem = try JSON(parsing: response.text)
        #expect(response["Date"] != nil)
        #expect(problem["status"]?.integer == 404)
        #expect(problem["reason"]?.text == "no_route")
        #expect(problem["title"]?.text?.isEmpty == false)
        // The request was sound, so the connection goes on.
        try client.send("GET /only HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "ok")
      }
    }

    @Test func `the answer to HEAD has no body but the same fields`() throws {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("HEAD /other HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse(to: "HEAD")
        #expect(response.status == 404)
        #expect(response.reason == "no_route")
        try client.send("GET /only HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "ok")
      }
    }

    /// The body reads like a request; what is behind `split` of its bytes comes after the answer,
    /// with the next request.
    @Test(arguments: [0, 1, 21, 22])
    func `a short body that nobody wants is read off, and the next request is found`(split: Int)
      throws
    {
      let text = configuration().replacing("path: /*", with: "path: /only")
      let backend = ScriptedBackend.answering()
      try withGateway(text, [backend]) { gateway in
        let client = try gateway.connect()
        let body = "GET /smuggled HTTP/1.1"
        let next = "GET /only HTTP/1.1\r\nHost: a\r\n\r\n"
        for _ in 0..<2 {
          try client.send(
            "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 22\r\n\r\n"
              + body.prefix(split))
          let response = try client.readResponse(to: "POST")
          #expect(response.status == 404)
          #expect(response["Connection"] == nil)
          try client.send(body.dropFirst(split) + next)
          #expect(try client.readResponse().text == "ok")
        }
        #expect(client.unreadCount == 0)
        #expect(backend.requests.map(\.target) == ["/only", "/only"])
      }
    }

    @Test func `requests behind a refused one with a body are answered, also when FIN follows`()
      throws
    {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            + "POST /only HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            + "PUT /other HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        client.halfClose()
        #expect(try client.readResponse(to: "POST").status == 404)
        #expect(try client.readResponse(to: "POST").status == 200)
        #expect(try client.readResponse(to: "PUT").status == 404)
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test(arguments: [
      "Content-Length: 65537", "Transfer-Encoding: chunked",
      "Content-Length: 3\r\nExpect: 100-continue",
    ])
    func `the connection ends where the rest of a refused request is long or not known`(
      field: String
    ) throws {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("POST /other HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
        let response = try client.readResponse(to: "POST")
        #expect(response.status == 404)
        #expect(response["Connection"] == "close")
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `who never sends the short rest is not waited for long`() throws {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
        #expect(try client.readResponse(to: "POST").status == 404)
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `a large body after a refusal does not destroy the answer`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "limits:\n  body_size: 1KiB"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        _ = client.sendUntilBlocked([UInt8](repeating: 0x78, count: 50_000), limit: 200_000)
        let response = try client.readResponse(to: "POST")
        #expect(response.status == 413)
        #expect(response.end == .complete)
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `an HTTP 1.0 client gets a local answer that it understands`() throws {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /other HTTP/1.0\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 404)
        #expect(response["Transfer-Encoding"] == nil)
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `no backend at all is a 503 with a time to come back`() throws {
      try withGateway(configuration(backends: 0)) { gateway in
        let response = try gateway.get()
        #expect(response.status == 503)
        #expect(response.reason == "no_backend")
        #expect((Int(response["Retry-After"] ?? "") ?? 0) >= 1)
      }
    }

    @Test func `a backend that refuses connections is a 502, not a 503 or a 504`() throws {
      let (socket, port) = Socket.reservePort()
      let holder = Wire(adopting: socket)
      defer { holder.close() }
      let text = configuration(service: "retries: {attempts: 0}")
      try withGateway(text, addresses: [.v4(port)]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 502)
        #expect(response.reason == "connect_refused")
        let labels = ["reason": "connect_refused"]
        try gateway.waitForMetric("gateway_local_responses_total", labels, toBe: 1)
      }
    }

    @Test func `a backend socket that is not there is a 502`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      try withGateway(configuration(), addresses: [.unix(directory + "/none")]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 502)
        #expect(["connect_refused", "connect_failed"].contains(response.reason))
      }
    }

    @Test func `a backend that closes without an answer is a 502`() throws {
      let backend = ScriptedBackend { connection in _ = try connection.readRequest() }
      try withGateway(configuration(service: "retries: {attempts: 0}"), [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 502)
        #expect(response.reason == "upstream_reset")
      }
    }
  }
}
