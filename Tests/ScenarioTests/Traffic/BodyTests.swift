// Why this file exists: bodies in every framing pass through whole, in both directions, and end
// where the framing says so (RFC 9112 section 6).

import Testing

extension Traffic {
  @Suite struct Bodies {
    @Test func `a request with Content-Length and its response pass unchanged`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-Kind: made\r\n\r\nhello")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST /things?a=1&b=%20x HTTP/1.1\r\nHost: api.example.com\r\n"
            + "Content-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world")
        #expect(response.status == 201)
        #expect(response.startLine == "HTTP/1.1 201 Created")
        #expect(response["X-Kind"] == "made")
        #expect(response["Content-Length"] == "5")
        #expect(response.text == "hello")
        let request = try #require(backend.requests.first)
        #expect(request.startLine == "POST /things?a=1&b=%20x HTTP/1.1")
        #expect(request["Content-Length"] == "11")
        #expect(request["Content-Type"] == "text/plain")
        #expect(request["Transfer-Encoding"] == nil)
        #expect(request.text == "hello world")
      }
    }

    @Test func `a chunked request with a trailer arrives chunked with its trailer`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            + "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n")
        #expect(response.status == 200)
        let request = try #require(backend.requests.first)
        #expect(request.isChunked)
        #expect(request["Content-Length"] == nil)
        #expect(request.text == "hello world")
        #expect(request.trailer("X-Sum") == "42")
        let raw = backend.connections[0].wire.receivedText
        #expect(!raw.contains("ext=1"), "chunk extensions are hop-by-hop")
      }
    }

    @Test func `a chunked response with a trailer arrives chunked with its trailer`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
          + "3;name=value\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 9\r\n\r\n")
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<2 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.isChunked)
          #expect(response.text == "abcd")
          #expect(response.trailer("X-Sum") == "9")
          #expect(response.end == .complete)
        }
      }
    }

    @Test func `a trailer that frames or routes is not forwarded`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
          + "Content-Type: a/b\r\nCache-Control: no-store\r\nX-Fine: 1\r\n\r\n")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
            + "Connection: TE\r\n\r\n1\r\nx\r\n0\r\nContent-Type: a/b\r\nHost: evil\r\n"
            + "Authorization: Basic x\r\nX-Forwarded-For: 9.9.9.9\r\nX-Fine: 2\r\n\r\n")
        #expect(response.trailers == [Field(name: "X-Fine", value: "1")])
        let request = try #require(backend.requests.first)
        #expect(request.trailers == [Field(name: "X-Fine", value: "2")])
      }
    }

    @Test func `a trailer that Connection names ends here, both ways`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nTrailer: X-Hop\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Hop: 1\r\n\r\n")
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<2 {
          try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop\r\nTrailer: X-Hop\r\n"
              + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Hop: 2\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.text == "a")
          #expect(response.end == .complete)
          #expect(response.trailers.isEmpty)
          #expect(response["Trailer"] == nil)
          let request = try #require(backend.requests.last)
          #expect(request.text == "x")
          #expect(request.trailers.isEmpty)
          #expect(request["Trailer"] == nil)
        }
      }
    }

    @Test(arguments: ["Content-Length: 9", "Transfer-Encoding: chunked"])
    func `framing in a trailer frames nothing and is dropped, both ways`(field: String) throws {
      let backend = ScriptedBackend { connection in
        while try connection.readRequest() != nil, connection.wire.end == nil {
          try connection.write(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
              + "\(field)\r\n\r\n")
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for count in 1...2 {
          try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n"
              + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\(field)\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.status == 200 && response.text == "ok" && response.trailers.isEmpty)
          #expect(response.end == .complete)
          #expect(backend.requests.count == count)
          #expect(backend.requests.last?.text == "x" && backend.requests.last?.trailers == [])
        }
      }
    }

    @Test func `a response that ends with its connection becomes chunked for HTTP 1.1`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<2 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.isChunked)
          #expect(response["Content-Length"] == nil)
          #expect(response.text == "until the end")
          #expect(response.end == .complete)
        }
      }
    }

    @Test func `a response that ends with its connection does so for HTTP 1.0 too`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.0 200 OK\r\n\r\nuntil the end")
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        let response = try client.readResponse()
        #expect(response["Transfer-Encoding"] == nil)
        #expect(response.text == "until the end")
        #expect(client.end == .fin)
      }
    }

    @Test func `HEAD, 204 and 304 have no body, and the connection goes on`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve { request in
          switch request.target {
          case "/204": return "HTTP/1.1 204 No Content\r\nX-N: 204\r\n\r\n"
          case "/304":
            return "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"x\"\r\n\r\n"
          case "/chunked":
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          default: return "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
          }
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse(to: "HEAD")["Content-Length"] == "1234")
        try client.send("HEAD /chunked HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse(to: "HEAD").status == 200)
        try client.send("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n")
        let empty = try client.readResponse()
        #expect(empty.status == 204)
        #expect(empty["Content-Length"] == nil && empty["Transfer-Encoding"] == nil)
        try client.send("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n")
        let unchanged = try client.readResponse()
        #expect(unchanged.status == 304)
        #expect(unchanged["ETag"] == "\"x\"")
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse(to: "HEAD").status == 200)
        #expect(client.unreadCount == 0)
        #expect(backend.connectionCount == 1, "all five went over one pooled connection")
      }
    }

    @Test func `bodies of many sizes pass unharmed in both directions`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve { request in
          let body = request.text
          return request.target == "/length"
            ? "HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n\(body)"
            : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              + String(request.body.count, radix: 16) + "\r\n\(body)\r\n0\r\n\r\n"
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for size in [1, 4_095, 4_096, 16_384, 65_535, 65_536, 65_537, 300_000] {
          let body = String(repeating: "0123456789abcdef", count: size / 16 + 1).prefix(size)
          try client.send(
            "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)")
          #expect(try client.readResponse(to: "POST").body.elementsEqual(body.utf8))
          try client.send(
            "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
              + String(size, radix: 16) + "\r\n\(body)\r\n0\r\n\r\n")
          #expect(try client.readResponse(to: "POST").body.elementsEqual(body.utf8))
        }
        #expect(backend.connectionCount == 1)
      }
    }

    @Test func `messages that arrive byte by byte are the same messages`() throws {
      let backend = ScriptedBackend { connection in
        let answer =
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
        while try connection.readRequest() != nil {
          for byte in answer.utf8 { try connection.wire.send(bytes: [byte]) }
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        let request =
          "POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "4\r\nwiki\r\n0\r\n\r\n"
        for _ in 0..<2 {
          for byte in request.utf8 { try client.send(bytes: [byte]) }
          let response = try client.readResponse(to: "POST")
          #expect(response.text == "abc")
          #expect(response.trailer("X-T") == "1")
        }
        #expect(backend.requests.map(\.text) == ["wiki", "wiki"])
      }
    }

    @Test func `a body on a GET is forwarded as a body and never read as a request`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        let inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n"
        try client.send(
          "GET /outer HTTP/1.1\r\nHost: a\r\nContent-Length: \(inner.utf8.count)\r\n\r\n\(inner)"
            + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        #expect(try client.readResponse().status == 200)
        #expect(backend.requests.map(\.target) == ["/outer", "/next"])
        #expect(backend.requests.first?.text == inner)
      }
    }

    @Test func `a POST without a body says so to the backend`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(response.status == 200)
        #expect(backend.requests.first?["Content-Length"] == "0")
      }
    }

    /// `strtol` with base 0 would read 0010 as 8.
    @Test func `a length with leading zeros is forwarded without them, both ways`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nContent-Length:0010\r\n\r\n0123456789")
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0010\r\n\r\n9876543210")
        #expect(response["Content-Length"] == "10")
        #expect(response.text == "0123456789")
        #expect(backend.requests.first?["Content-Length"] == "10")
        #expect(backend.requests.first?.text == "9876543210")
      }
    }

    @Test func `a length given as a list of one value is forwarded as one value, or refused`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi")
        if response.status == 200 {
          #expect(backend.requests.first?.values("Content-Length") == ["2"])
        } else {
          #expect(response.status == 400)
          #expect(backend.connectionCount == 0)
        }
      }
    }
  }
}
