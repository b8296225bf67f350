// Why this file exists: who asked is decided once, from the socket and from trusted proxies only,
// and what is forwarded about it cannot be forged (regression 36).

import Testing

extension Operations {
  @Suite struct Identity {
    private let forged =
      "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
      + "X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"

    @Test func `an unknown client's claims are replaced by what the socket says`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get(fields: forged)
        let request = try #require(backend.requests.first)
        #expect(request.values("X-Forwarded-For") == ["127.0.0.1"])
        #expect(request.values("X-Forwarded-Proto") == ["http"])
        #expect(request.values("X-Forwarded-Host") == ["example.com"])
        #expect(request["X-Real-IP"] == nil)
        #expect(request["Forwarded"] == nil)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["client_ip"]?.text == "127.0.0.1")
      }
    }

    @Test(arguments: [
      ("X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4"),
      ("X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\n", "1.2.3.4"),
      ("X-Forwarded-For: 1.2.3.4, 10.1.2.3\r\n", "1.2.3.4"),
      ("X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 1.2.3.4, 10.0.0.1\r\n", "1.2.3.4"),
      ("X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"),
      ("X-Forwarded-For: 2001:DB8:0:0::1\r\n", "2001:db8::1"),
      ("X-Forwarded-For: 9.9.9.9, nonsense, 10.0.0.1\r\n", "10.0.0.1"),
      ("X-Forwarded-For: 10.0.0.7, 10.0.0.8\r\n", "10.0.0.7"),
      ("", "127.0.0.1"),
    ])
    func `behind trusted proxies the list is walked from the right`(
      fields: String, client: String
    ) throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(top: "trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]")
      try withGateway(text, [backend]) { gateway in
        _ = try gateway.get(fields: fields)
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["client_ip"]?.text == client)
        let forwarded = try #require(backend.requests.first?["X-Forwarded-For"])
        #expect(forwarded.hasSuffix("127.0.0.1"), "our own peer is the last entry")
      }
    }

    /// What such a head says is not believed, and it is not without a client either.
    @Test func `a head that is refused comes from who is connected`() throws {
      let text = configuration(top: "trusted_proxies: [127.0.0.1/32]")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        let claim = "X-Forwarded-For: 1.2.3.4\r\n\r\n"
        let heads = [
          "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n",
          "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n", "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n",
          "GET * HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n",
          "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
          "BREW / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/2.0\r\nHost: a\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nA B: 1\r\n",
        ]
        for head in heads { #expect(try gateway.exchange(head + claim).status >= 400, "\(head)") }
        for line in try gateway.waitForAccessLog(heads.count) {
          #expect(line["client_ip"]?.text == "127.0.0.1", "\(line)")
        }
      }
    }

    @Test func `a trusted proxy's list is kept and ours appended`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "trusted_proxies: [127.0.0.1/32]"), [backend]) { gateway in
        _ = try gateway.get(
          fields: "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
            + "X-Forwarded-Host: outer.example\r\n")
        let request = try #require(backend.requests.first)
        #expect(request["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1")
        #expect(request.values("X-Forwarded-Proto") == ["https"])
        #expect(request.values("X-Forwarded-Host") == ["outer.example"])
      }
    }

    @Test func `a request identifier of a safe form is kept, forwarded, returned and logged`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for id in ["abc-123_X.y", String(repeating: "a", count: 128)] {
          let response = try gateway.get(fields: "X-Request-ID: \(id)\r\n")
          #expect(response.values("X-Request-ID") == [id])
          #expect(backend.requests.last?.values("X-Request-ID") == [id])
        }
        let line = try #require(try gateway.waitForAccessLog(2).first)
        #expect(line["request_id"]?.text == "abc-123_X.y")
      }
    }

    @Test func `a request identifier that is not safe is replaced`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        var made: Set<String> = []
        for fields in [
          "", "X-Request-ID:\r\n", "X-Request-ID: a b\r\n", "X-Request-ID: \"x\"\r\n",
          "X-Request-ID: {\"a\":1}\r\n", "X-Request-ID: é\r\n", "X-Request-ID: <script>\r\n",
          "X-Request-ID: \(String(repeating: "a", count: 129))\r\n",
        ] {
          let response = try gateway.get(fields: fields)
          let ids = response.values("X-Request-ID")
          #expect(ids.count == 1, "\(fields)")
          #expect(backend.requests.last?.values("X-Request-ID") == ids)
          let id = try #require(ids.first)
          #expect(id.count >= 16 && id.utf8.allSatisfy { isSafe($0) }, "\(id)")
          made.insert(id)
        }
        #expect(made.count == 8, "each has its own")
      }
    }

    @Test func `of several request identifiers one is passed on, not two`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let response = try gateway.get(fields: "X-Request-ID: a\r\nX-Request-ID: b\r\n")
        #expect(response.values("X-Request-ID").count == 1)
        #expect(
          backend.requests.first?.values("X-Request-ID") == response.values("X-Request-ID"))
      }
    }

    private func isSafe(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        return true
      default: return false
      }
    }

    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a trace is continued with a span of its own`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get(
          fields: "traceparent: \(parent)\r\ntracestate: a=1,b=2\r\ntracestate: c=3\r\n")
        let request = try #require(backend.requests.first)
        let parts = try #require(request["traceparent"]).split(separator: "-")
        #expect(parts.count == 4)
        #expect(parts[0] == "00")
        #expect(parts[1] == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(parts[2] != "00f067aa0ba902b7")
        #expect(parts[2].count == 16)
        #expect(parts[3] == "01", "the decision to sample is the parent's")
        let state = request.values("tracestate").joined(separator: ",")
        #expect(state.split(separator: ",").map { $0.drop { $0 == " " } } == ["a=1", "b=2", "c=3"])
        let line = try #require(try gateway.waitForAccessLog(1).first)
        #expect(line["trace_id"]?.text == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(line["span_id"]?.text == String(parts[2]))
      }
    }

    @Test func `a trace context that is not valid starts a new trace, without its state`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        for value in [
          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
          "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", "nonsense",
        ] {
          _ = try gateway.get(fields: "traceparent: \(value)\r\ntracestate: a=1\r\n")
          let request = try #require(backend.requests.last)
          let traces = request.values("traceparent")
          #expect(traces.count == 1, "\(value)")
          let parts = traces.first?.split(separator: "-") ?? []
          #expect(parts.count == 4)
          #expect(parts.first == "00")
          #expect(!traces[0].contains("4bf92f3577b34da6a3ce929d0e0e473"), "\(value)")
          #expect(!traces[0].contains("0000000000000000"))
          #expect(request["tracestate"] == nil, "\(value)")
        }
      }
    }

    @Test func `two trace contexts start a new trace, without a state`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        _ = try gateway.get(
          fields: "traceparent: \(parent)\r\ntraceparent: \(other)\r\ntracestate: a=1\r\n")
        let request = try #require(backend.requests.first)
        let traces = request.values("traceparent")
        #expect(traces.count == 1)
        #expect(!traces[0].contains("4bf92f3577b34da6a3ce929d0e0e4736"))
        #expect(!traces[0].contains("0af7651916cd43dd8448eb211c80319c"))
        #expect(request["tracestate"] == nil)
      }
    }

    @Test func `a higher version of the trace context is read as far as it is known`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        _ = try gateway.get(
          fields: "traceparent: 01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-new\r\n")
        let trace = try #require(backend.requests.first?["traceparent"])
        #expect(trace.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-"))
      }
    }

    @Test(arguments: [("never", false), ("trusted_proxies", false), ("always", true)])
    func `whose trace is continued is a setting`(trust: String, continued: Bool) throws {
      let backend = ScriptedBackend.answering()
      let text = configuration(top: "tracing:\n  trust: \(trust)")
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get(
          fields: "traceparent: \(parent)\r\nX-Request-ID: outside\r\n")
        let trace = try #require(backend.requests.first?["traceparent"])
        #expect(trace.contains("4bf92f3577b34da6a3ce929d0e0e4736") == continued)
        #expect((response["X-Request-ID"] == "outside") == continued)
      }
    }
  }
}
