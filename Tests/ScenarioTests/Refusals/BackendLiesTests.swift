// Why this file exists: a backend is judged as hard as a client: an invalid head is a 502, and a
// body that was cut never looks complete (regression 7).

import Testing

private let brokenHeads: [(name: String, text: String)] = [
  ("no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
  ("an unknown version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
  ("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
  ("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
  ("a status that is no number", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n"),
  ("a status below 100", "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"),
  ("two lengths that differ",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
  ("a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
  ("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
  ("a length and a coding",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  ("chunked twice",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
  ("a space before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
  ("a folded value", "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n"),
  ("a bare LF", "HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 0\r\n\r\n"),
  ("a bare CR", "HTTP/1.1 200 OK\r\nX-A: 1\r2\r\nContent-Length: 0\r\n\r\n"),
  ("a NUL", "HTTP/1.1 200 OK\r\nX-A: \u{0}\r\nContent-Length: 0\r\n\r\n"),
  ("an empty name", "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n"),
  ("a line without a colon", "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n"),
  ("a head without end",
    "HTTP/1.1 200 OK\r\nX-A: " + String(repeating: "x", count: 300_000) + "\r\n\r\n"),
]

extension Refusals {
  @Suite struct `Backends that break the protocol` {
    @Test func `an invalid response head is a 502`() throws {
      let backend = ScriptedBackend { connection in
        while let request = try connection.readRequest() {
          try? connection.write(brokenHeads[Int(request.target.dropFirst())!].text)
          connection.wire.halfClose()
        }
      }
      try withGateway(configuration(service: "retries: {attempts: 0}"), [backend]) { gateway in
        for (index, head) in brokenHeads.enumerated() {
          let response = try gateway.get("/\(index)")
          #expect(response.status == 502, "\(head.name): \(response)")
          #expect(response.reason == "upstream_protocol", "\(head.name)")
          #expect(backend.connectionCount == index + 1, "\(head.name)")
          try eventually("the connection to be given up: \(head.name)") {
            backend.connections[index].wire.end != nil
          }
        }
      }
    }

    @Test(arguments: [StreamEnd.fin, .reset])
    func `a body shorter than its length aborts the client's stream`(end: StreamEnd) throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        if end == .reset { connection.wire.reset() }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response["Content-Length"] == "100")
        #expect(response.end == .truncated(.reset))
        #expect(response.body.count <= 5)
      }
    }

    @Test(arguments: [StreamEnd.fin, .reset])
    func `a cut chunked stream never gets a last chunk`(end: StreamEnd) throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo")
        if end == .reset { connection.wire.reset() }
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.end == .truncated(.reset))
        #expect(!client.receivedText.contains("0\r\n\r\n"))
      }
    }

    @Test func `a cut chunked stream is a reset for HTTP 1.0, where FIN would mean complete`()
      throws
    {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo")
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try client.readToEnd() == .reset)
      }
    }

    @Test func `a reset in a body without framing aborts the client's stream`() throws {
      let seen = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\n\r\nsome bytes")
        try seen.pass()
        connection.wire.reset()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponseHead().isChunked)
        #expect(try client.read(through: "some bytes", until: .after()) != nil)
        seen.open()
        #expect(try client.readToEnd() == .reset)
        #expect(!client.receivedText.contains("0\r\n\r\n"))
      }
    }

    @Test func `chunks that break the grammar abort the client's stream`() throws {
      for chunk in [
        "5 \r\nhello\r\n", "0x5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhelloXX", "z\r\n",
      ] {
        let backend = ScriptedBackend { connection in
          _ = try connection.readRequest()
          try connection.write(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n\(chunk)0\r\n\r\n")
          _ = try? connection.waitForEnd()
        }
        try withGateway(configuration(), [backend]) { gateway in
          let client = try gateway.connect()
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          let head = try client.readResponseHead()
          if head.status == 502 {
            #expect(head.reason == "upstream_protocol")
          } else {
            #expect(try client.readToEnd() == .reset, "\(readable(Array(chunk.utf8)))")
            #expect(!client.receivedText.contains("0\r\n\r\n"))
          }
        }
      }
    }

    @Test func `bytes after a response are never the next response`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        try connection.write(
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
            + "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        for _ in 0..<3 {
          let response = try gateway.get()
          #expect(response.text == "first")
        }
        #expect(backend.connectionCount == 3, "a connection with a surplus is not used again")
      }
    }

    @Test func `a response to HEAD or 204 with a body poisons nothing`() throws {
      let backend = ScriptedBackend { connection in
        guard let request = try connection.readRequest() else { return }
        try connection.write(
          request.method == "HEAD"
            ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
            : "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse(to: "HEAD").status == 200)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let empty = try client.readResponse()
        #expect(empty.status == 204)
        #expect(empty["Content-Length"] == nil)
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse(to: "HEAD").status == 200)
        #expect(client.unreadCount == 0)
        #expect(backend.connectionCount == 3)
      }
    }

    @Test func `bytes on an idle connection retire it`() throws {
      let speak = Gate()
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        try connection.write(plainAnswer)
        try speak.pass()
        try connection.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        try connection.waitForEnd()
      }
      try withGateway(configuration(), [backend]) { gateway in
        let first = try gateway.get("/1")
        #expect(first.status == 200)
        speak.open()
        try eventually("the idle connection to be closed") {
          backend.connections[0].wire.end != nil
        }
        let second = try gateway.get("/2")
        #expect(second.status == 200)
        #expect(backend.connectionCount == 2)
      }
    }

    @Test func `interim responses without end are not read without end`() throws {
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        let block = String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", count: 1_000)
        for _ in 0..<2_000 { try connection.write(block) }
      }
      let text = configuration(service: "timeouts: {response: 1s}\nretries: {attempts: 0}")
      try withGateway(text, [backend]) { gateway in
        let before = gateway.residentMemory
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let count = try client.drain()
        #expect(count < 70 << 20, "all of it was passed on")
        #expect(gateway.residentMemory - before < memoryRoom)
      }
    }
  }
}
