// Why this file exists: collectors read what we write by a specification of their own, so the bytes
// are compared whole; a body is always whole JSON, however little fits.
import HTTPSemantics
import Primitives
import Telemetry
import Testing

private let program = TracedProgram(version: "1.2", instance: "f00")
private let opening =
  #"{"resourceSpans":[{"resource":{"attributes":["#
  + #"{"key":"service.name","value":{"stringValue":"gateway"}},"#
  + #"{"key":"service.version","value":{"stringValue":"1.2"}},"#
  + #"{"key":"service.instance.id","value":{"stringValue":"f00"}}]},"#
  + #""scopeSpans":[{"scope":{"name":"gateway","version":"1.2"},"spans":["#

private func text(_ batch: SpanBatch) -> String { String(decoding: batch.body, as: UTF8.self) }

/// The spans in a body, which must be one whole object.
private func spans(_ batch: SpanBatch) throws -> [JSONValue] {
  let members = try #require(JSONReader.object(Array(batch.body)), "\(text(batch))")
  #expect(members.map(\.key) == ["resourceSpans"])
  return members[0].value[0]?["scopeSpans"]?[0]?["spans"]?.elements ?? []
}

private func spans(_ trace: TraceFixture) throws -> [JSONValue] {
  let batch = SpanBatch(program)
  #expect(batch.append(trace.record))
  let spans = try spans(batch)
  #expect(spans.count == trace.record.spanCount)
  return spans
}

private func attribute(_ key: String, of span: JSONValue) -> String? {
  let value = span["attributes"]?.elements.first { $0["key"]?.text == key }?["value"]
  return value?["stringValue"]?.text ?? value?["intValue"]?.text
}

@Suite struct SpanBatchTests {
  @Test func `an exchange is a tree of spans, to the byte`() {
    let trace = TraceFixture()
    trace.ordinary()
    trace.head.pointee.parent = 0x77
    trace.head.pointee.seed = 1
    let batch = SpanBatch(program)
    #expect(batch.append(trace.record) && batch.count == 4)
    var ids = SplitMix64(seed: 1)
    func hex(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    func span(
      _ id: String, _ parent: String, flags: Int, _ name: String, _ kind: Int, _ begun: Int,
      _ ended: Int, _ attributes: [String], _ status: String = ""
    ) -> String {
      #"{"traceId":"000000000000000a000000000000000b","spanId":""# + id + #"","parentSpanId":""#
        + parent + #"","flags":\#(flags),"name":""# + name + #"","kind":\#(kind),"#
        + #""startTimeUnixNano":"\#(Int(endOfDay) - begun)","#
        + #""endTimeUnixNano":"\#(Int(endOfDay) - ended)","attributes":["#
        + attributes.joined(separator: ",") + #"],"status":{\#(status)}}"#
    }
    func string(_ key: String, _ value: String) -> String {
      #"{"key":"\#(key)","value":{"stringValue":"\#(value)"}}"#
    }
    func number(_ key: String, _ value: Int) -> String {
      #"{"key":"\#(key)","value":{"intValue":"\#(value)"}}"#
    }
    let backend = [string("server.address", "10.0.0.1"), number("server.port", 80)]
    let expected = [
      span(
        "000000000000000c", "0000000000000077", flags: 769, "GET users", 2, 1_000_000, 0,
        [
          string("http.request.method", "GET"), string("url.scheme", "http"),
          string("network.protocol.version", "1.1"), string("url.path", "/a"),
          string("server.address", "a.test"), number("server.port", 8_080),
          string("client.address", "1.2.3.4"), number("http.response.status_code", 200),
          number("http.request.size", 30), number("http.response.size", 120),
          string("gateway.route", "users"), string("gateway.service", "main"),
        ]),
      span(
        "000000000000000d", "000000000000000c", flags: 257, "GET", 3, 900_000, 100_000,
        [string("http.request.method", "GET"), string("network.protocol.version", "1.1")] + backend
          + [string("url.full", "http://10.0.0.1:80/a"), number("http.response.status_code", 200)]),
      span(
        hex(ids.next()), "000000000000000d", flags: 257, "connect", 1, 900_000, 800_000, backend),
      span(hex(ids.next()), "000000000000000c", flags: 257, "response", 1, 200_000, 0, []),
    ]
    #expect(text(batch) == opening + expected.joined(separator: ",") + "]}]}]}")
  }

  @Test func `a wait comes before the attempt that it led to`() throws {
    let trace = TraceFixture()
    trace.record.add(TraceStage(.wait, begun: at(1_010), ended: at(1_090)))
    trace.ordinary()
    let all = try spans(trace)
    #expect(all.map { $0["name"]?.text } == ["GET users", "queue", "GET", "connect", "response"])
    #expect(all[1]["parentSpanId"]?.text == "000000000000000c")
    #expect(all[1]["startTimeUnixNano"]?.text == "\(endOfDay - 990_000)")
    #expect(all[1]["endTimeUnixNano"]?.text == "\(endOfDay - 910_000)")
    #expect(Set(all.map { $0["spanId"]?.text }).count == 5, "ids of their own")
  }

  @Test func `attempts that were repeated say why and which they are`() throws {
    let trace = TraceFixture()
    var refused = TraceStage(.attempt, begun: at(1_000), ended: at(1_010))
    refused.span = 0x1
    refused.repeatedFor = .connect
    refused.connectBegun = at(1_000)
    refused.connectEnded = at(1_010)
    trace.record.add(refused, backend: lasting("[2001:db8::1]:81"))
    var busy = TraceStage(.attempt, begun: at(1_020), ended: at(1_030))
    busy.span = 0x2
    busy.repeatedFor = .status503
    busy.status = 503
    trace.record.add(busy, backend: lasting("unix:/run/a.sock"))
    trace.ordinary()
    let all = try spans(trace)
    let attempts = all.filter { $0["kind"]?.number == 3 }
    #expect(attempts.map { $0["spanId"]?.text?.suffix(1) } == ["1", "2", "d"])
    #expect(attempts.map { attribute("error.type", of: $0) } == ["connect", "503", nil])
    #expect(attempts.map { attribute("http.request.resend_count", of: $0) } == [nil, "1", "2"])
    #expect(
      attempts.map { attribute("http.response.status_code", of: $0) } == [nil, "503", "200"])
    #expect(attempts.map { $0["status"]?["code"]?.number } == [2, 2, nil])
    #expect(attribute("server.address", of: attempts[0]) == "2001:db8::1")
    #expect(attribute("server.port", of: attempts[0]) == "81")
    #expect(attribute("server.address", of: attempts[1]) == "/run/a.sock")
    #expect(attribute("url.full", of: attempts[1]) == nil)
    let connects = all.filter { $0["name"]?.text == "connect" }
    #expect(connects.map { $0["status"]?["code"]?.number } == [2, nil])
  }

  @Test(
    arguments: [
      (200, Reason.none, nil), (404, .none, nil), (429, .rateLimited, nil), (502, .none, "502"),
      (503, .queueFull, "queue_full"), (0, .clientAbort, "client_abort"),
      (200, .upstreamReset, "upstream_reset"),
    ] as [(UInt16, Reason, String?)])
  func `the exchange is an error when somebody failed at it`(
    status: UInt16, reason: Reason, error: String?
  ) throws {
    let trace = TraceFixture()
    trace.ordinary(status: status)
    trace.head.pointee.reason = reason
    let server = try spans(trace)[0]
    #expect(attribute("error.type", of: server) == error)
    #expect(server["status"]?["code"]?.number == (error == nil ? nil : 2))
    #expect(attribute("gateway.reason", of: server) == (reason == .none ? nil : "\(reason.word)"))
    #expect(
      attribute("http.response.status_code", of: server) == (status == 0 ? nil : "\(status)"))
  }

  @Test func `what never became a request says so little as is known`() throws {
    let trace = TraceFixture(isSampled: false)
    trace.head.pointee.endedAt = endOfDay
    trace.head.pointee.status = 505
    trace.head.pointee.reason = .badRequest
    let server = try spans(trace)[0]
    #expect(server["name"]?.text == "HTTP" && server["parentSpanId"] == nil)
    #expect(server["flags"]?.number == 256)
    #expect(attribute("http.request.method", of: server) == nil)
  }

  @Test func `a method of its own is told beside a word that everybody knows`() throws {
    let trace = TraceFixture()
    trace.ordinary()
    trace.head.pointee.method = .other
    trace.head.pointee.methodText = trace.keep("PURGE")
    let server = try spans(trace)[0]
    #expect(server["name"]?.text == "HTTP users")
    #expect(attribute("http.request.method", of: server) == "_OTHER")
    #expect(attribute("http.request.method_original", of: server) == "PURGE")
  }

  @Test func `what a client sends cannot leave its string`() throws {
    let trace = TraceFixture()
    trace.ordinary()
    trace.head.pointee.path = trace.keep("/\"},{\\\n\u{1}\u{e9}")
    let server = try spans(trace)[0]
    #expect(attribute("url.path", of: server) == "/\"},{\\\n\u{1}\u{e9}")
  }

  @Test func `what does not fit is left for the next body, which begins anew`() throws {
    let trace = TraceFixture()
    trace.ordinary()
    let batch = SpanBatch(program, capacity: 6_000)
    var records = 0
    while batch.append(trace.record) { records += 1 }
    #expect(records > 0 && batch.count == 4 * records)
    let first = text(batch)
    #expect(first.utf8.count <= 6_000)
    #expect(try spans(batch).count == batch.count)
    batch.clear()
    #expect(text(batch) == opening + "]}]}]}")
    #expect(batch.append(trace.record) && batch.count == 4)
  }
}
