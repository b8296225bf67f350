// Why this file exists: slow peers, hostile or not, hold nothing for ever, and those beside them do
// not notice (regression 10).

import Testing

extension Endurance {
  @Suite struct `Slow peers` {
    @Test func `many half heads are cut on time while good clients go on`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "timeouts:\n  head: 700ms"), [backend]) { gateway in
        let slow = try (0..<50).map { _ in
          try gateway.connect(sending: "GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
        }
        let good = try gateway.connect(sending: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in 0..<50 {
          #expect(try good.readResponse().text == "ok")
          try good.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        #expect(try good.readResponse().text == "ok")
        for client in slow {
          #expect(try client.readResponse().reason == "head_timeout")
          try client.readToEnd()
          client.close()
        }
        try good.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try good.readResponse().text == "ok")
        let labels = ["reason": "head_timeout"]
        try gateway.waitForMetric("gateway_local_responses_total", labels, toBe: 50)
        try gateway.waitForMetric("gateway_client_connections", toBe: 1)
      }
    }

    /// The rate is averaged over 20 seconds, so that this is the longest of all scenarios; the
    /// four cases run side by side.
    @Test func `a rate below the minimum is cut, a slow one above it is not`() throws {
      let backend = ScriptedBackend { connection in
        guard let head = try connection.readHead() else { return }
        if head.method == "GET" {
          try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
          let block = [UInt8](repeating: 0x61, count: 65_536)
          while (try? connection.wire.send(bytes: block, within: 40)) != nil {}
        } else {
          try connection.waitForEnd(within: 50)
        }
      }
      let text = configuration(
        top: "limits:\n  min_rate: 1KiB/s\ntimeouts:\n  body_idle: 2m\n  write_idle: 2m",
        service: "timeouts: {response: 2m, idle: 2m}")
      try withGateway(text, [backend]) { gateway in
        let reader = try gateway.connect(receiveBuffer: 8_192)
        try reader.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let patient = try gateway.connect(receiveBuffer: 8_192)
        try patient.send("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
        let slow = try gateway.connect()
        let steady = try gateway.connect()
        try slow.send(head)
        try steady.send(head)
        let block = String(repeating: "s", count: 1_024)
        var rounds = 0
        _ = try patient.readResponseHead()
        while (try? slow.receiveMore(until: .after(0.5))) == nil, rounds < 70 {
          try? slow.send("x")  // 2 bytes a second
          try steady.send(block)  // 2 KiB a second
          // Some 20 KiB a second: the system's buffer holds enough of them for minutes.
          _ = try patient.receiveMore(until: .after(1), keep: false)
          rounds += 1
        }
        #expect(rounds >= 20, "not before the time over which it is averaged")
        let response = try slow.readResponse(to: "POST")
        #expect(response.status == 408)
        #expect(response.reason == "body_timeout")
        #expect(steady.end == nil && steady.unreadCount == 0)
        try steady.send(block)
        try eventually("the reader to be cut", within: 10) {
          try gateway.accessLog().contains {
            $0["path"]?.text == "/" && $0["reason"]?.text == "client_abort"
          }
        }
        #expect(try !gateway.accessLog().contains { $0["path"]?.text == "/patient" })
        #expect(steady.end == nil && steady.unreadCount == 0)
      }
    }
  }
}
