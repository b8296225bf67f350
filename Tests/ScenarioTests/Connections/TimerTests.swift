// Why this file exists: every timer has its own end, status and reason word, and none of them
// punishes those who are on time (regression 8 and 10).

import Glibc
import Testing

extension Connections {
  @Suite struct Timers {
    @Test func `a head that is not complete in time is a 408`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  head: 300ms"), [backend]) { gateway in
        for part in ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX-A: "] {
          let client = try gateway.connect(sending: part)
          let response = try client.readResponse()
          #expect(response.status == 408)
          #expect(response.reason == "head_timeout")
          #expect(response["Connection"]?.lowercased() == "close")
          #expect(try client.readToEnd() == .fin)
        }
        #expect(backend.connectionCount == 0)
      }
    }

    @Test func `an empty line is no request: what follows it in vain is closed without a word`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  head: 300ms"), [backend]) { gateway in
        for line in ["\r", "\r\n"] {
          let client = try gateway.connect()
          try client.send(line)
          #expect(try client.readToEnd() == .fin)
          #expect(client.unreadCount == 0)
        }
        // Some clients end a body with one more line end.
        let client = try gateway.connect(
          sending: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n")
        #expect(try client.readResponse().status == 200)
        #expect(try client.readToEnd() == .fin)
        #expect(client.unreadCount == 0)
      }
    }

    @Test func `a client that connects and says nothing is closed without a word`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  head: 300ms"), [backend]) { gateway in
        let client = try gateway.connect()
        #expect(try client.readToEnd() == .fin)
        #expect(client.unreadCount == 0)
      }
    }

    @Test func `a head that trickles in does not extend its time`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  head: 500ms"), [backend]) { gateway in
        let client = try gateway.connect(sending: "GET / HTTP/1.1\r\nX-A: ")
        var sent = 0
        // Each round waits for an answer a tenth of that time; a byte is sent in between.
        while sent < 200, (try? client.receiveMore(until: .after(0.05))) == nil {
          try? client.send("a")
          sent += 1
        }
        #expect(sent < 200)
        #expect(try client.readResponse().reason == "head_timeout")
      }
    }

    @Test func `the next head on a connection has the same time`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  head: 300ms"), [backend]) { gateway in
        let client = try gateway.connect(
          sending: "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /n")
        #expect(try client.readResponse().status == 200)
        let late = try client.readResponse()
        #expect(late.status == 408)
        #expect(late.reason == "head_timeout")
      }
    }

    @Test func `a body that stops is a 408`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try connection.waitForEnd()
      }
      try withGateway(configuration(top: "timeouts:\n  body_idle: 300ms"), [backend]) { gateway in
        for head in [
          "Content-Length: 100\r\n\r\npart", "Transfer-Encoding: chunked\r\n\r\n4\r\npa",
        ] {
          let client = try gateway.connect()
          try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(head)")
          let response = try client.readResponse(to: "POST")
          #expect(response.status == 408)
          #expect(response.reason == "body_timeout")
          #expect(try client.readToEnd() == .fin)
        }
        try eventually("the attempts to be given up") {
          backend.connections.allSatisfy { $0.wire.end != nil }
        }
      }
    }

    @Test func `an idle connection between requests is closed without a word`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  keep_alive: 300ms"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "ok")
        #expect(try client.readToEnd() == .fin)
        #expect(client.unreadCount == 0)
      }
    }

    @Test func `a client that takes no bytes is cut`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        let block = [UInt8](repeating: 0x61, count: 65_536)
        while (try? connection.wire.send(bytes: block, within: 15)) != nil {}
      }
      try withGateway(configuration(top: "timeouts:\n  write_idle: 400ms"), [backend]) { gateway in
        let client = try gateway.connect(receiveBuffer: 8_192)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["reason"]?.text == "client_abort")
        #expect(try client.drain() < 100_000_000)
        #expect(client.end == .reset)
      }
    }

    @Test func `a backend that cannot be connected to is a 504`() throws {
      let backend = UnreachableBackend()
      defer { backend.stop() }
      let text = configuration(
        service: "timeouts: {connect: 300ms}\nretries: {attempts: 0}")
      try withGateway(text, addresses: [backend.address]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 504)
        #expect(response.reason == "connect_timeout")
      }
    }

    @Test func `a connect that takes too long is tried at the next backend`() throws {
      let unreachable = UnreachableBackend()
      defer { unreachable.stop() }
      let backend = ScriptedBackend.answering()
      let text = configuration(service: "timeouts: {connect: 300ms}", backends: 2)
      try withGateway(
        text, [backend], addresses: [unreachable.address, backend.address]
      ) { gateway in
        for _ in 0..<2 {
          let response = try gateway.get()
          #expect(response.status == 200)
        }
      }
    }

    @Test func `a backend that does not answer is a 504`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.waitForEnd()
      }
      try withGateway(configuration(service: "timeouts: {response: 300ms}"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 504)
        #expect(response.reason == "upstream_timeout")
        try backend.waitForRequests(1)
        #expect(backend.requests.count == 1, "a timeout is not repeated by default")
        try eventually("the attempt to be given up") {
          backend.connections[0].wire.end != nil
        }
      }
    }

    @Test func `what came while the gateway stood still came in time`() throws {
      let asked = Gate()
      let mayAnswer = Gate()
      let answered = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        asked.open()
        try mayAnswer.pass("the gateway to be stopped")
        try connection.respond(body: "late for nobody")
        answered.open()
        try connection.waitForEnd()
      }
      try withGateway(configuration(service: "timeouts: {response: 4s}"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try asked.pass("the request at the backend")
        gateway.freeze()
        mayAnswer.open()
        try answered.pass("the backend's answer")
        let stoodStill = Deadline.after(4.5)
        try eventually("the time for an answer to be over") { stoodStill.hasPassed }
        gateway.signal(SIGCONT)
        #expect(try client.readResponse().status == 200)
      }
    }

    @Test func `the time to answer begins when the request is sent`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(service: "timeouts: {response: 2s}"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        for byte in "slow" {
          #expect(throws: ScenarioFailure.self) { try client.receiveMore(until: .after(0.6)) }
          try client.send(String(byte))
        }
        #expect(try client.readResponse(to: "POST").status == 200)
      }
    }

    @Test func `a response body that stops is aborted`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        try connection.waitForEnd()
      }
      try withGateway(configuration(service: "timeouts: {idle: 300ms}"), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.text == "some")
        #expect(response.end == .truncated(.reset))
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["reason"]?.text == "upstream_timeout")
        #expect(line["status"]?.integer == 200)
      }
    }

    @Test func `a backend that takes no request body is a 504`() throws {
      let answered = Gate()
      let backend = ScriptedBackend { connection in
        _ = try connection.readHead()
        try answered.pass(within: 20)
      }
      let text = configuration(
        top: "limits:\n  body_size: none",
        service: "timeouts: {idle: 500ms, response: 10s}\nretries: {attempts: 0}")
      try withGateway(text, [backend]) { gateway in
        defer { answered.open() }
        let client = try gateway.connect()
        try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        _ = client.sendUntilBlocked([UInt8](repeating: 1, count: 65_536), limit: 100_000_000)
        let response = try client.readResponse(to: "PUT")
        #expect(response.status == 504)
        #expect(response.reason == "upstream_timeout")
      }
    }

    @Test func `the whole exchange has a time: 504 before the head, abort after it`() throws {
      let backend = ScriptedBackend { connection in
        while let request = try connection.readRequest() {
          if request.target == "/started" {
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
          }
          // Progress that idle timers would accept.
          while connection.wire.end == nil, request.target == "/started" {
            _ = try? connection.wire.receiveMore(until: .after(0.1))
            try? connection.write("x")
          }
          try connection.waitForEnd()
        }
      }
      try withGateway(configuration(service: "timeouts: {request: 2s}"), [backend]) { gateway in
        let silent = try gateway.get("/silent")
        #expect(silent.status == 504)
        #expect(silent.reason == "request_timeout")
        let client = try gateway.connect()
        try client.send("GET /started HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().end == .truncated(.reset))
        let lines = try gateway.waitForAccessLog(2)
        #expect(lines.last?["reason"]?.text == "request_timeout")
      }
    }

    @Test func `a route may have its own time for the exchange`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.waitForEnd()
      }
      let text = configuration(
        service: "timeouts: {request: 30s}", route: "timeouts: {request: 300ms}")
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.status == 504)
        #expect(response.reason == "request_timeout")
      }
    }

    @Test func `the time of the exchange holds in the queue too`() throws {
      let backend = ScriptedBackend { connection in
        _ = try connection.readRequest()
        try connection.waitForEnd()
      }
      let text = configuration(
        service: "timeouts: {request: 500ms, response: 20s}\n"
          + "connections: {max: 1, queue_timeout: 20s}")
      try withGateway(text, [backend]) { gateway in
        let clients = [try gateway.connect(), try gateway.connect()]
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        for client in clients {
          #expect(try client.readResponse().reason == "request_timeout")
        }
      }
    }
  }
}
