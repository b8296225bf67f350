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

    @Test func `a body that nobody wants is read off, so that the next request is found`() throws {
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n"
            + "GET /smuggled HTTP/1.1\r\nA: b\r\n\r\n".prefix(31))
        let response = try client.readResponse(to: "POST")
        #expect(response.status == 404)
        if response["Connection"]?.lowercased() == "close" {
          #expect(try client.readToEnd() == .fin)
        } else {
          try client.send("GET /only HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().text == "ok")
        }
        #expect(client.unreadCount == 0)
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
