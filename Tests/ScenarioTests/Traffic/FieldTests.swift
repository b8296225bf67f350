// Why this file exists: which fields pass, which end at the gateway and which it adds, in both
// directions (RFC 9110 section 7.6; regression 1, 2, 4 and 5).

import Testing

extension Traffic {
  @Suite struct Fields {
    @Test func `the query string arrives as it was sent`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for target in ["/a?x=1&y=%2F%2f&z=a+b%20c", "/a?", "/?a?b=/../c", "/a?x=//y;z,'()*!$@:"] {
          let response = try gateway.get(target)
          #expect(response.status == 200)
          #expect(backend.requests.last?.target == target)
        }
      }
    }

    @Test func `the Host field is preserved`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for host in ["api.example.com", "API.Example.com:8443", "[::1]:80", "127.0.0.1"] {
          _ = try gateway.exchange("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
          #expect(backend.requests.last?.values("Host") == [host])
        }
      }
    }

    @Test(arguments: [("backend", nil), ("inner.example:81", "inner.example:81")])
    func `the Host field is what the service says`(setting: String, expected: String?) throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(service: "host: \(setting)"), [backend]) { gateway in
        _ = try gateway.get()
        #expect(
          backend.requests.last?.values("Host") == [expected ?? "\(backend.address)"])
        #expect(backend.requests.last?["X-Forwarded-Host"] == "example.com")
      }
    }

    @Test func `hop-by-hop fields of a request end here`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get(
          fields: "Connection: keep-alive, X-Secret , ,x-other\r\nKeep-Alive: timeout=5\r\n"
            + "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\n"
            + "TE: gzip, trailers;q=0.5, deflate\r\nTrailer: X-Sum\r\nX-Secret: 1\r\n"
            + "X-OTHER: 2\r\nX-Kept: 3\r\nUpgrade: h2c, foo/1\r\nHTTP2-Settings: AAMAAA\r\n")
        #expect(response.status == 200)
        let request = try #require(backend.requests.first)
        for name in [
          "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "X-Secret", "X-Other",
          "Upgrade", "HTTP2-Settings", "Transfer-Encoding",
        ] {
          #expect(request[name] == nil, "\(name)")
        }
        #expect(!(request["TE"] ?? "").contains("gzip"))
        #expect(request["X-Kept"] == "3")
        let nominated = (request["Connection"] ?? "").lowercased()
        #expect(!nominated.contains("x-secret") && !nominated.contains("x-other"))
      }
    }

    @Test func `hop-by-hop fields of a response end here`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Inner\r\nKeep-Alive: timeout=5\r\n"
          + "X-Inner: 1\r\nProxy-Authenticate: Basic\r\nProxy-Connection: keep-alive\r\n"
          + "Upgrade: h2c\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nok")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 200)
        for name in [
          "Keep-Alive", "X-Inner", "Proxy-Authenticate", "Proxy-Connection", "Upgrade",
        ] {
          #expect(response[name] == nil, "\(name)")
        }
        #expect(!(response["Connection"] ?? "").lowercased().contains("x-inner"))
        #expect(response["X-Kept"] == "2")
      }
    }

    @Test func `TE with trailers is passed on, as a field for the next hop`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get(fields: "TE: trailers\r\nConnection: TE\r\n")
        let request = try #require(backend.requests.first)
        #expect(request["TE"] == "trailers")
        #expect(request["Connection"]?.lowercased().contains("te") == true)
      }
    }

    @Test func `Connection cannot remove what is not the client's to remove`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: example.com\r\nConnection: close, Host, Content-Length, "
            + "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Authorization, Via, "
            + "X-Request-ID, traceparent\r\nAuthorization: Bearer t\r\nContent-Length: 2\r\n"
            + "X-Request-ID: abc\r\n\r\nhi")
        #expect(response.status == 200)
        let request = try #require(backend.requests.first)
        #expect(request["Host"] == "example.com")
        #expect(request["Authorization"] == "Bearer t")
        #expect(request["X-Forwarded-For"] == "127.0.0.1")
        #expect(request["X-Forwarded-Proto"] == "http")
        #expect(request["X-Forwarded-Host"] == "example.com")
        #expect(request["X-Request-ID"] == "abc")
        #expect(request["traceparent"] != nil)
        #expect(request["Via"] != nil)
        #expect(request.text == "hi")
      }
    }

    @Test func `several lines of Connection count alike`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get(
          fields: "Connection: X-One\r\nX-One: 1\r\nX-Two: 2\r\nConnection: X-Two\r\n")
        let request = try #require(backend.requests.first)
        #expect(request["X-One"] == nil)
        #expect(request["X-Two"] == nil)
      }
    }

    @Test func `Via names every hop, both ways`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 2\r\n\r\nok")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get(fields: "Via: 1.0 fred, 1.1 p.example.net\r\n")
        let via = try #require(backend.requests.first?["Via"])
        #expect(via.hasPrefix("1.0 fred, 1.1 p.example.net, 1.1 "))
        let back = try #require(response["Via"])
        #expect(back.hasPrefix("1.1 inner, 1.1 "))
        _ = try gateway.exchange("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(backend.requests.last?["Via"]?.hasPrefix("1.0 ") == true)
      }
    }

    @Test func `Max-Forwards is counted down, and at zero the request ends here`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for method in ["OPTIONS", "TRACE"] {
          let response = try gateway.exchange(
            "\(method) /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n")
          #expect(response.status == 200)
          #expect(backend.requests.last?.method == method)
          #expect(backend.requests.last?.values("Max-Forwards") == ["2"])
        }
        for method in ["OPTIONS", "TRACE"] {
          let response = try gateway.exchange(
            "\(method) /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-Request-ID: id-7\r\n\r\n")
          #expect(response.status == 200)
          #expect(response.values("X-Request-ID") == ["id-7"], "as every answer of our own")
        }
        #expect(backend.requests.count == 2)
        _ = try gateway.get(fields: "Max-Forwards: 0\r\n")
        #expect(backend.requests.count == 3, "other methods do not count hops")
      }
    }

    @Test func `fields keep their order, their letter case and their repetition`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-cAsE: x\r\nSet-Cookie: b=2\r\n"
          + "Content-Length: 2\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\nok")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get(fields: "X-b: 1\r\nx-A: 2\r\nX-B: 3\r\nEmpty:\r\n")
        #expect(response.values("Set-Cookie") == ["a=1", "b=2"])
        #expect(response.fields.contains(Field(name: "X-cAsE", value: "x")))
        #expect(response.values("Date") == ["Tue, 01 Jan 2030 00:00:00 GMT"])
        let request = try #require(backend.requests.first)
        let own = request.fields.filter {
          ["x-a", "x-b", "empty"].contains($0.name.lowercased())
        }
        #expect(own.map(\.name) == ["X-b", "x-A", "X-B", "Empty"])
        #expect(own.map(\.value) == ["1", "2", "3", ""])
      }
    }

    @Test func `bytes above ASCII in a field value pass unchanged`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.wire.send(
          bytes: Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Raw: ".utf8) + [0xe9, 0xff]
            + Array("\r\n\r\n".utf8))
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          bytes: Array("GET / HTTP/1.1\r\nHost: a\r\nX-Raw: ".utf8) + [0xe9, 0xff]
            + Array("\r\n\r\n".utf8))
        let response = try client.readResponse()
        #expect(response.rawHead.firstIndex(of: [0xe9, 0xff, 13, 10], from: 0) != nil)
        let seen = backend.connections[0].wire.received
        #expect(seen.firstIndex(of: [0xe9, 0xff, 13, 10], from: 0) != nil)
      }
    }

    @Test(arguments: [("drop", 200), ("reject", 400), ("keep", 200)])
    func `names with an underscore follow the setting`(setting: String, status: Int) throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(top: "http:\n  underscore_fields: \(setting)")
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get(
          fields: "X_Own: 1\r\nX_Forwarded_For: 1.1.1.1\r\nX-Fine: 1\r\n")
        #expect(response.status == status)
        if status == 200 {
          let request = try #require(backend.requests.first)
          #expect(request["X_Own"] == (setting == "keep" ? "1" : nil))
          // A server that reads both names as one would believe it.
          #expect(request["X_Forwarded_For"] == nil)
          #expect(request["X-Fine"] == "1")
        } else {
          #expect(response.reason == "bad_request")
          #expect(backend.connectionCount == 0)
        }
      }
    }

    @Test func `a redirect of the backend is the client's to follow`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get("/from")
        #expect(response.status == 302)
        #expect(response["Location"] == "/elsewhere")
        #expect(backend.requests.map(\.target) == ["/from"])
      }
    }

    @Test func `statuses and reason phrases pass as the backend chose them`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve {
          "HTTP/1.1 \($0.target.dropFirst()) Its Own Words\r\nContent-Length: 0\r\n\r\n"
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        for status in [200, 206, 299, 404, 418, 429, 499, 500, 501, 503, 505, 599] {
          let response = try gateway.get("/\(status)")
          #expect(response.startLine == "HTTP/1.1 \(status) Its Own Words")
          #expect(response.reason == nil, "not an answer of the gateway's own")
        }
      }
    }
  }
}
