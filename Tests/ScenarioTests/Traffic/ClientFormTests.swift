// Why this file exists: the forms in which clients may ask: versions, target forms, pipelining,
// persistence, half-closed connections (RFC 9112 sections 3 and 9).

import Testing

extension Traffic {
  @Suite struct `Forms of asking` {
    @Test func `pipelined requests are answered in order`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve {
          "HTTP/1.1 200 OK\r\nContent-Length: \($0.target.utf8.count)\r\n\r\n\($0.target)"
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        let targets = (0..<50).map { "/n\($0)" }
        try client.send(
          targets.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for target in targets { #expect(try client.readResponse().text == target) }
        #expect(backend.requests.map(\.target) == targets)
      }
    }

    @Test func `pipelined requests with bodies are answered in order`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve {
          "HTTP/1.1 200 OK\r\nContent-Length: \($0.body.count)\r\n\r\n\($0.text)"
        }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
            + "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\ntwo\r\n0\r\n\r\n"
            + "HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfour")
        #expect(try client.readResponse(to: "POST").text == "one")
        #expect(try client.readResponse(to: "POST").text == "two")
        #expect(try client.readResponse(to: "HEAD").status == 200)
        #expect(try client.readResponse(to: "POST").text == "four")
      }
    }

    @Test(arguments: [64, 192, 1_000])
    func `a request behind a large body is the next one, however much is read at once`(
      kibibytes: Int
    ) throws {
      let backend = ScriptedBackend { connection in
        try connection.serve { "HTTP/1.1 200 OK\r\n\(length($0.body.count))" }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        let size = kibibytes << 10
        let gets = (0..<3_000).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
        let post = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n"
        try client.send(post + String(repeating: "x", count: size) + gets.joined())
        #expect(try client.readResponse(to: "POST").text == "\(size)")
        for _ in gets { #expect(try client.readResponse().text == "0") }
      }
    }

    @Test func `the connection stays open until a request says close`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<3 {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try client.readResponse()
          #expect(response["Connection"]?.lowercased() != "close")
        }
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let last = try client.readResponse()
        #expect(last["Connection"]?.lowercased() == "close")
        #expect(try client.readToEnd() == .fin)
        #expect(backend.connectionCount == 1, "close is about the client's connection")
      }
    }

    @Test func `a request after one that says close is not answered`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        #expect(try client.readToEnd() == .fin)
        #expect(client.unreadCount == 0)
        #expect(backend.requests.map(\.target) == ["/1"])
      }
    }

    @Test func `an HTTP 1.0 client gets a body without chunks and a closed connection`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response["Transfer-Encoding"] == nil)
        #expect(response.text == "abc")
        #expect(try client.readToEnd() == .fin)
        #expect(backend.requests.first?.version == "HTTP/1.1")
      }
    }

    @Test func `an HTTP 1.0 client that asks for it keeps its connection`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<2 {
          try client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
          let response = try client.readResponse()
          #expect(response.text == "ok")
          #expect(response["Connection"]?.lowercased() == "keep-alive")
        }
      }
    }

    @Test func `an HTTP 1.0 client without Host reaches the backend under its address`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange("GET /old HTTP/1.0\r\n\r\n")
        #expect(response.text == "ok")
        #expect(backend.requests.first?["Host"] == "\(backend.address)")
      }
    }

    @Test func `an interim response is not sent to an HTTP 1.0 client`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + plainAnswer)
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(response.interim.isEmpty)
        #expect(response.text == "ok")
      }
    }

    @Test func `the absolute form replaces Host and is forwarded in origin form`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for (target, forwarded) in [
          ("http://real.example:8080/p/a?q=1", "/p/a?q=1"),
          ("https://real.example:8080/p", "/p"),
          ("http://real.example:8080", "/"),
          ("http://real.example:8080?q", "/?q"),
        ] {
          let response = try gateway.exchange(
            "GET \(target) HTTP/1.1\r\nHost: other.example\r\n\r\n")
          #expect(response.status == 200, "\(target)")
          let request = try #require(backend.requests.last)
          #expect(request.target == forwarded)
          #expect(request.values("Host") == ["real.example:8080"])
        }
      }
    }

    @Test func `OPTIONS with an asterisk is forwarded as it is`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(response.status == 200)
        #expect(backend.requests.first?.startLine == "OPTIONS * HTTP/1.1")
      }
    }

    @Test func `a client that has finished sending still gets its answer`() throws {
      let backend = ScriptedBackend { connection in
        guard let request = try connection.readRequest() else { return }
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        _ = request
        try connection.write("def")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        client.halfClose()
        let response = try client.readResponse()
        #expect(response.text == "abcdef")
        #expect(try client.readToEnd() == .fin)
      }
    }

    @Test func `a half-closed client gets the answers to all that it had pipelined`() throws {
      let backend = ScriptedBackend.echoingHeads()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          (0..<5).map { "GET /n\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        client.halfClose()
        for number in 0..<5 {
          #expect(try client.readResponse().text.hasPrefix("GET /n\(number) "))
        }
        #expect(try client.readToEnd() == .fin)
      }
    }

    /// The FIN is there before there is a connection to the backend: the body waits in the gateway.
    @Test func `a client that closes its side right behind its body gets its answer`() throws {
      let backend = ScriptedBackend { connection in
        guard let request = try connection.readRequest() else { return }
        try connection.write(
          "HTTP/1.1 200 OK\r\nContent-Length: \(request.text.utf8.count)\r\n\r\n\(request.text)")
        try connection.waitForEnd()
      }
      try withGateway(configuration(service: "connections: {idle: 0}"), [backend]) { gateway in
        for size in [3, 40_000, 300_000] {
          for _ in 0..<8 {
            let client = try gateway.connect()
            let body = String(repeating: "x", count: size)
            try client.send(
              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)")
            client.halfClose()
            let response = try client.readResponse(to: "POST")
            #expect(response.status == 200 && response.text.utf8.count == size)
            #expect(try client.readToEnd() == .fin)
          }
        }
      }
    }

    @Test func `a client that closes its side gets what is refused, and what came before`() throws {
      let gate = Gate()
      let backend = ScriptedBackend.answering(holding: gate)
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /no-host HTTP/1.1\r\n\r\n")
        client.halfClose()
        try backend.waitForRequests(1)
        gate.open()
        #expect(try client.readResponse().text == "ok")
        #expect(try client.readResponse().status == 400)
        #expect(try client.readToEnd() == .fin)
        let lines = try gateway.waitForAccessLog(2)
        #expect(lines.last?["reason"]?.text == "bad_request")
      }
    }

    @Test func `a client that closes its side within its body is gone`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(service: "connections: {idle: 0}"), [backend]) { gateway in
        for count in 1...8 {
          let client = try gateway.connect()
          try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
          client.halfClose()
          _ = try client.readToEnd()
          #expect(client.received.isEmpty)
          let line = try #require(try gateway.waitForAccessLog(count).last)
          #expect(line["reason"]?.text == "client_abort")
        }
      }
    }

    @Test func `an empty line before a request is skipped`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        for _ in 0..<2 {
          try client.send("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().text == "ok")
        }
      }
    }

    @Test(arguments: ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "QUERY"])
    func `other methods pass`(method: String) throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.exchange(
          "\(method) /m HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        #expect(response.status == 200)
        #expect(backend.requests.first?.startLine == "\(method) /m HTTP/1.1")
      }
    }
  }
}

/// A number as a body, with its length before it.
private func length(_ number: Int) -> String {
  "Content-Length: \(String(number).utf8.count)\r\n\r\n\(number)"
}
