// Why this file exists: every bound on what a client may send has its status and its reason word,
// and holds exactly.

import Testing

extension Refusals {
  @Suite struct Limits {
    @Test func `a body above the limit is a 413, at the limit it passes`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "limits:\n  body_size: 1KiB"), [backend]) { gateway in
        let body = String(repeating: "x", count: 1_024)
        let good = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n\(body)")
        #expect(good.status == 200)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n\(body)x")
        let refused = try client.readResponse(to: "POST")
        #expect(refused.status == 413)
        #expect(refused.reason == "body_too_large")
        #expect(try client.readToEnd() == .fin)
        #expect(backend.requests.count == 1, "the length alone decides")
      }
    }

    @Test func `a chunked body is counted as it comes`() throws {
      let backend = ScriptedBackend { connection in
        while try connection.readRequest() != nil, connection.wire.end == nil {
          try connection.write(plainAnswer)
        }
      }
      try withGateway(configuration(top: "limits:\n  body_size: 1KiB"), [backend]) { gateway in
        let chunk = "200\r\n" + String(repeating: "x", count: 512) + "\r\n"
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let good = try gateway.exchange(head + chunk + chunk + "0\r\n\r\n")
        #expect(good.status == 200)
        let refused = try gateway.exchange(head + chunk + chunk + "1\r\nx\r\n0\r\n\r\n")
        #expect(refused.status == 413)
        #expect(refused.reason == "body_too_large")
      }
    }

    @Test func `a route may have its own limit on bodies`() throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(top: "limits:\n  body_size: 10B", route: "body_size: none")
        .replacing("10B", with: "1KiB")
      try withGateway(text, [backend]) { gateway in
        let body = String(repeating: "x", count: 20_000)
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n\(body)")
        #expect(response.status == 200)
      }
    }

    @Test func `a target above the limit is a 414`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "limits:\n  head_size: 1KiB"), [backend]) { gateway in
        let response = try gateway.get("/" + String(repeating: "a", count: 1_100))
        #expect(response.status == 414)
        #expect(response.reason == "target_too_long")
        #expect(response["Connection"]?.lowercased() == "close")
        let fits = try gateway.get("/" + String(repeating: "a", count: 800))
        #expect(fits.status == 200)
        #expect(backend.requests.count == 1)
      }
    }

    @Test func `a head above the limit is a 431`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "limits:\n  head_size: 1KiB"), [backend]) { gateway in
        let value = String(repeating: "v", count: 500)
        let response = try gateway.get(fields: "X-A: \(value)\r\nX-B: \(value)\r\n")
        #expect(response.status == 431)
        #expect(response.reason == "head_too_large")
        let one = try gateway.get(fields: "X-A: \(value)\(value)\(value)\r\n")
        #expect(one.status == 431)
        let fits = try gateway.get(fields: "X-A: \(value)\r\n")
        #expect(fits.status == 200)
      }
    }

    @Test func `the default limits hold`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let long = String(repeating: "v", count: 33_000)
        #expect(try gateway.get(fields: "X-A: \(long)\r\n").status == 431)
        #expect(try gateway.get("/\(long)").status == 414)
        let large = String(long.prefix(31_000))
        let fits = try gateway.get("/\(large)")
        #expect(fits.status == 200)
        #expect(backend.requests.last?.target == "/\(large)")
        let response = try gateway.exchange(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10485761\r\n\r\n")
        #expect(response.status == 413)
      }
    }

    @Test func `too many field lines are a 431`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let line = { (count: Int) in (0..<count).map { "X-\($0): 1\r\n" }.joined() }
        let fits = try gateway.get(fields: line(99))
        #expect(fits.status == 200, "with Host these are 100")
        let response = try gateway.get(fields: line(100))
        #expect(response.status == 431)
        #expect(response.reason == "head_too_large")
      }
    }

    @Test func `trailers count against the limits of a head`() throws {
      let backend = ScriptedBackend { connection in
        while try connection.readRequest() != nil, connection.wire.end == nil {
          try connection.write(plainAnswer)
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
        let many = (0..<101).map { "X-\($0): 1\r\n" }.joined()
        #expect(try gateway.exchange(head + many + "\r\n").status == 431)
        let large = "X-A: " + String(repeating: "v", count: 40_000) + "\r\n"
        let response = try gateway.exchange(head + large + "\r\n")
        #expect(response.status == 431)
        #expect(response.reason == "head_too_large")
      }
    }

    @Test func `a connection above the limit is answered 503 and closed, and a place freed`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "limits:\n  connections: 2"), [backend]) { gateway in
        let clients = [try gateway.connect(), try gateway.connect()]
        for client in clients {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().status == 200)
        }
        let third = try gateway.connect()
        try? third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try third.readResponse()
        #expect(response.status == 503)
        #expect(response.reason == "overloaded")
        #expect(try gateway.admin("/readyz").status == 200, "the admin listener is exempt")
        try third.readToEnd()
        clients[0].close()
        try eventually("the freed place to be given to a new client") {
          try gateway.get().status == 200
        }
        try clients[1].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try clients[1].readResponse().status == 200)
      }
    }
  }
}
