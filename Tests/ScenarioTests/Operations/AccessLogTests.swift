// Why this file exists: the access log is a contract: one JSON object per request, these fields in
// this order, whatever a client sends (regression 37).

import Glibc
import Testing

private let contractFields = [
  "time", "level", "msg", "request_id", "trace_id", "span_id", "client_ip", "method", "host",
  "path", "protocol", "route", "service", "backend", "attempts", "status", "reason", "bytes_in",
  "bytes_out", "latency_ms", "upstream_ms", "queue_ms", "connect_ms", "user_agent",
]

extension Operations {
  @Suite struct `Access log` {
    @Test func `a proxied request is one line with every field in order`() throws {
      let backend = ScriptedBackend.answering(
        "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello")
      try withGateway(configuration(), [backend]) { gateway in
        let request =
          "POST /a/b?secret=1 HTTP/1.1\r\nHost: api.example.com:81\r\nUser-Agent: curl/8\r\n"
          + "Content-Length: 3\r\n\r\nabc"
        let client = try gateway.connect()
        try client.send(request)
        _ = try client.readResponse(to: "POST")
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line.names == contractFields)
        #expect(line["level"]?.text == "info")
        #expect(line["msg"]?.text == "request")
        #expect(line["client_ip"]?.text == "127.0.0.1")
        #expect(line["method"]?.text == "POST")
        #expect(line["host"]?.text == "api.example.com:81")
        #expect(line["path"]?.text == "/a/b")
        #expect(line["protocol"]?.text == "HTTP/1.1")
        #expect(line["route"]?.text == "all")
        #expect(line["service"]?.text == "main")
        #expect(line["backend"]?.text == "\(backend.address)")
        #expect(line["attempts"]?.integer == 1)
        #expect(line["status"]?.integer == 201)
        #expect(line["reason"] == .null)
        #expect(line["bytes_in"]?.integer == request.utf8.count, "head and body")
        #expect(line["bytes_out"]?.integer == client.received.count, "head and body")
        #expect(line["user_agent"]?.text == "curl/8")
        #expect(line["trace_id"]?.text?.count == 32)
        #expect(line["span_id"]?.text?.count == 16)
        #expect(!gateway.output.contains("secret"))
      }
    }

    @Test func `times are fractions of a millisecond, and the clock is RFC 3339`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for _ in 0..<3 { _ = try gateway.get() }
        for line in try gateway.waitForAccessLog(3) {
          for name in ["latency_ms", "upstream_ms"] {
            guard case .number(let digits) = line[name] else {
              Issue.record("\(name) is no number: \(line)")
              continue
            }
            #expect(digits.contains("."), "\(name)")
            #expect((Double(digits) ?? 0) > 0, "\(name)")
          }
          let latency = try #require(line["latency_ms"]?.number)
          #expect(latency >= line["upstream_ms"]?.number ?? 0)
          let time = try #require(line["time"]?.text)
          #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil, "\(time)")
        }
      }
    }

    @Test func `each phase has its time, and together they are no more than the whole`() throws {
      let gate = Gate()
      let backend = ScriptedBackend.named("one", holding: gate)
      let text = configuration(service: "connections: {max: 1, queue: 1, queue_timeout: 10s}")
      try withGateway(text, [backend]) { gateway in
        let (held, queued) = (try gateway.connect(), try gateway.connect())
        try held.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        try backend.waitForRequests(1)
        try queued.send("GET /queued HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("the queue to be full") {
          try gateway.get("/refused").reason == "queue_full"
        }
        gate.open()
        for client in [held, queued] { #expect(try client.readResponse().status == 200) }
        let lines = try gateway.waitForAccessLog(3)
        func time(_ name: String, _ path: String) throws -> Double {
          let line = try #require(lines.first { $0["path"]?.text == path }, "\(path)")
          return try #require(line[name]?.number, "\(name) of \(path)")
        }
        #expect(try time("connect_ms", "/hold") > 0, "it opened the connection")
        #expect(try time("queue_ms", "/hold") == 0)
        #expect(try time("queue_ms", "/queued") > 0)
        #expect(try time("connect_ms", "/queued") == 0, "it found one")
        for path in ["/hold", "/queued"] {
          let phases = try ["queue_ms", "connect_ms", "upstream_ms"].map { try time($0, path) }
          // Each of them is rounded by itself.
          #expect(phases.reduce(0, +) <= (try time("latency_ms", path)) + 0.002, "\(phases)")
        }
        let refused = try #require(lines.first { $0["reason"]?.text == "queue_full" })
        #expect(refused["attempts"]?.integer == 0 && refused["upstream_ms"] == .null)
      }
    }

    @Test func `what is not known is null`() throws {
      let backend = ScriptedBackend.answering()
      let text = configuration().replacing("path: /*", with: "path: /only")
      try withGateway(text, [backend]) { gateway in
        _ = try gateway.exchange("GET / HTTP/1.0\r\n\r\n")
        _ = try gateway.exchange("\u{1}\r\n\r\n")
        let lines = try gateway.waitForAccessLog(2)
        let missing = try #require(lines.first { $0["status"]?.integer == 404 })
        #expect(missing.names == contractFields)
        for name in ["host", "route", "service", "backend", "upstream_ms", "user_agent"] {
          #expect(missing[name] == .null, "\(name)")
        }
        #expect(missing["reason"]?.text == "no_route")
        #expect(missing["protocol"]?.text == "HTTP/1.0")
        #expect(missing["attempts"]?.integer == 0)
        let malformed = try #require(lines.first { $0["status"]?.integer == 400 })
        #expect(malformed.names == contractFields)
        for name in ["method", "host", "path", "route", "service", "backend"] {
          #expect(malformed[name] == .null, "\(name)")
        }
        #expect(malformed["reason"]?.text == "bad_request")
      }
    }

    @Test func `names of the configuration that have to be escaped are`() throws {
      let text = configuration().replacing("name: all", with: #"name: 'say "all" \'"#)
        .replacing("[{backend1}]", with: #"["unix:{directory}/a\"b.sock"]"#)
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        #expect(try gateway.get().status == 502)
        let line = try gateway.waitForAccessLog(1)[0]
        #expect(line.names == contractFields)
        #expect(line["route"]?.text == #"say "all" \"#)
        #expect(line["backend"]?.text == "unix:\(gateway.directory)/a\"b.sock")
      }
    }

    @Test func `nothing that a client sends can break or forge a line`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let client = try gateway.connect()
        try client.send(
          bytes: Array(
            "GET /\"},{\"msg\":\"forged\"}\\ HTTP/1.1\r\nHost: a\r\nUser-Agent: \"\\\t".utf8)
            + [0xff, 0xfe, 0xe2, 0x82] + Array("\r\n\r\n".utf8))
        _ = try client.readResponse()
        let agent = String(repeating: "x", count: 20_000)
        let path = "/" + String(repeating: "y", count: 5_000)
        _ = try gateway.get(path, fields: "User-Agent: \(agent)\r\n")
        // Every line parses strictly, or this throws.
        let lines = try gateway.waitForAccessLog(2)
        #expect(lines.count == 2)
        for line in lines { #expect(line.names == contractFields) }
        #expect(lines.allSatisfy { $0["msg"]?.text == "request" })
      }
    }

    @Test func `a file is written, and opened again on SIGUSR1`() throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(
        top: "logging:\n  access:\n    output: \"{directory}/access.log\"")
      try withGateway(text, [backend]) { gateway in
        let path = gateway.directory + "/access.log"
        func count(_ path: String) throws -> Int {
          try GatewayProcess.accessLines(readFile(path) ?? "").count
        }
        _ = try gateway.get("/1")
        try eventually("a line in the file") { try count(path) == 1 }
        rename(path, path + ".1")
        gateway.signal(SIGUSR1)
        try gateway.waitForLogLines("log files opened again")
        _ = try gateway.get("/2")
        try eventually("a line in the new file") { try count(path) == 1 }
        #expect(try count(path + ".1") == 1)
        #expect(try gateway.accessLog().isEmpty, "nothing on the standard output")
      }
    }

    @Test func `a file that cannot be opened again is said, and the old one goes on`() throws {
      let text = configuration(
        top: "logging:\n  access:\n    output: \"{directory}/logs/access.log\"")
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      try withGateway(
        text.replacing("{directory}/logs", with: directory), [ScriptedBackend.answering()]
      ) { gateway in
        let moved = directory + "-moved"
        defer { removeDirectory(moved) }
        rename(directory, moved)
        gateway.signal(SIGUSR1)
        try eventually("a line about it") { gateway.errors.contains("access.log") }
        #expect(!gateway.errors.contains("opened again"))
        _ = try gateway.get("/1")
        try eventually("a line in the old file") {
          try GatewayProcess.accessLines(readFile(moved + "/access.log") ?? "").count == 1
        }
      }
    }

    @Test func `what a full disk does not take is counted, also when nothing follows`() throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(top: "logging:\n  access:\n    output: /dev/full")
      try withGateway(text, [backend]) { gateway in
        for _ in 0..<3 { #expect(try gateway.get().status == 200) }
        try gateway.waitForMetric("gateway_access_log_dropped_total", [:], toBe: 3)
      }
    }

    @Test func `without an output nothing is written, to stderr when asked`() throws {
      let backend = ScriptedBackend.answering()
      let none = configuration(top: "logging:\n  access:\n    output: none")
      try withGateway(none, [backend]) { gateway in
        _ = try gateway.get()
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(!gateway.output.contains("\"request\""))
      }
      let other = ScriptedBackend.answering()
      let stderr = configuration(top: "logging:\n  access:\n    output: stderr")
      try withGateway(stderr, [other]) { gateway in
        _ = try gateway.get()
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(try GatewayProcess.accessLines(gateway.errors).count == 1)
        #expect(try gateway.accessLog().isEmpty)
      }
    }

    @Test func `successes are sampled, refusals and errors never`() throws {
      let backend = ScriptedBackend { connection in
        try connection.serve {
          $0.target == "/broken"
            ? "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n" : plainAnswer
        }
      }
      let text = configuration(
        top: "logging:\n  access:\n    output: stdout\n    sample: 0%\n    slow: 1m")
      try withGateway(text, [backend]) { gateway in
        for _ in 0..<10 { _ = try gateway.get() }
        _ = try gateway.get("/broken")
        _ = try gateway.exchange("GET / HTTP/1.1\r\n\r\n")
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(try gateway.accessLog().map { $0["status"]?.integer } == [500, 400])
      }
    }

    @Test func `slow requests are kept when successes are not`() throws {
      let backend = ScriptedBackend { connection in
        while try connection.readRequest() != nil {
          _ = try? connection.wire.receiveMore(until: .after(0.1))
          try connection.write(plainAnswer)
        }
      }
      let text = configuration(
        top: "logging:\n  access:\n    output: stdout\n    sample: 0%\n    slow: 50ms")
      try withGateway(text, [backend]) { gateway in
        _ = try gateway.get("/slow")
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["path"]?.text == "/slow")
        #expect((line["latency_ms"]?.number ?? 0) >= 50)
      }
    }

    @Test func `diagnostics are JSON lines on stderr, from their level upward`() throws {
      for (level, seen) in [("info", true), ("error", false)] {
        let text = configuration(top: "logging:\n  level: \(level)")
        try withGateway(text, [ScriptedBackend.answering()]) { gateway in
          _ = try gateway.get()
          gateway.signal(SIGTERM)
          #expect(try gateway.waitForEnd() == .exited(0))
          let lines = try gateway.errors.split(separator: "\n").map {
            try JSON(parsing: String($0))
          }
          #expect(!lines.isEmpty == seen)
          for line in lines { #expect(Array(line.names.prefix(3)) == ["time", "level", "msg"]) }
          #expect(try gateway.accessLog().count == 1, "the level is not the access log's")
        }
      }
    }

    @Test func `all lines are there after a clean end`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(workers: 2), [backend]) { gateway in
        let client = try gateway.connect()
        for number in 0..<200 {
          try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
          _ = try client.readResponse()
        }
        client.close()
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        let paths = try gateway.accessLog().compactMap { $0["path"]?.text }
        #expect(paths == (0..<200).map { "/\($0)" })
      }
    }
  }
}
