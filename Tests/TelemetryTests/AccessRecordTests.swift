// Why this file exists: dashboards and `gateway replay` read this line; its fields, their order and
// their types are a contract.
import HTTPSemantics
import Primitives
import Telemetry
import Testing

private func line(_ record: AccessRecord, capacity: Int = 65_536) -> [UInt8] {
  var timestamp = Timestamp()
  return written(capacity: capacity) { writer in
    let isWhole = withUnsafePointer(to: record) { $0.write(to: &writer, &timestamp) }
    precondition(isWhole == (writer.count > 0))
  }
}

private func members(_ record: AccessRecord) throws -> [(key: String, value: JSONValue)] {
  let bytes = line(record)
  #expect(bytes.last == 0x0a)
  #expect(bytes.filter { $0 == 0x0a }.count == 1)
  return try #require(JSONReader.object(Array(bytes.dropLast())))
}

private let names = [
  "time", "level", "msg", "request_id", "trace_id", "span_id", "client_ip", "method", "host",
  "path", "protocol", "route", "service", "backend", "attempts", "status", "reason", "bytes_in",
  "bytes_out", "latency_ms", "upstream_ms", "queue_ms", "connect_ms", "user_agent",
]

private func full() -> AccessRecord {
  var record = AccessRecord(time: 1_709_164_800_123_456_789)
  record.requestID = lasting("req-1")
  record.traceID = lasting("00000000000000010000000000000abc")
  record.span = 0x10
  record.client = IPAddress.parse("2001:db8::7")
  record.method = lasting("GET")
  record.host = lasting("api.example.com")
  record.path = lasting("/api/users/7")
  record.version = .http11
  record.route = lasting("users")
  record.service = lasting("users")
  record.backend = lasting("127.0.0.1:9001")
  record.attempts = 2
  record.status = 200
  record.bytesIn = 312
  record.bytesOut = 10_240
  record.latency = .microseconds(12_345)
  record.upstream = .microseconds(12_000)
  record.queue = .zero
  record.connect = .nanoseconds(999)
  record.userAgent = lasting("curl/7.88.1")
  return record
}

@Suite struct AccessRecordTests {
  @Test func `a full record, byte for byte`() {
    let expected =
      #"{"time":"2024-02-29T00:00:00.123456Z","level":"info","msg":"request","#
      + #""request_id":"req-1","trace_id":"00000000000000010000000000000abc","#
      + #""span_id":"0000000000000010","client_ip":"2001:db8::7","method":"GET","#
      + #""host":"api.example.com","path":"/api/users/7","protocol":"HTTP/1.1","#
      + #""route":"users","service":"users","backend":"127.0.0.1:9001","attempts":2,"#
      + #""status":200,"reason":null,"bytes_in":312,"bytes_out":10240,"latency_ms":12.345,"#
      + #""upstream_ms":12.000,"queue_ms":0.000,"connect_ms":0.000,"user_agent":"curl/7.88.1"}"#
      + "\n"
    #expect(String(decoding: line(full()), as: UTF8.self) == expected)
  }

  @Test func `what is known to be plain, and an address that is text already, change no byte`() {
    var record = full()
    let address = "2001:db8::7"
    record.clientText = lasting(address)
    record.plain = [.requestID, .route, .service, .backend]
    #expect(line(record) == line(full()))
    record.route = lasting(String(repeating: "r", count: 300))
    var other = full()
    other.route = record.route
    #expect(line(record) == line(other), "a name above its bound is cut all the same")
  }

  @Test func `an empty record has every field, in order, unknown as null`() throws {
    let members = try members(AccessRecord(time: 0))
    #expect(members.map(\.key) == names)
    let known = ["time", "level", "msg", "attempts", "bytes_in", "bytes_out"]
    for member in members where !known.contains(member.key) {
      #expect(member.value == .null, "\(member.key)")
    }
    #expect(members[14].value == .number("0"))
  }

  @Test func `every reason is told by its word, and the level follows`() throws {
    for reason in Reason.allCases {
      var record = full()
      record.reason = reason
      record.status = reason.status()
      let members = try members(record)
      #expect(members.map(\.key) == names)
      #expect(members[16].value == (reason == .none ? .null : .string("\(reason.word)")))
      let level = reason == .none ? "info" : reason.status() >= 500 ? "error" : "warning"
      #expect(members[1].value == .string(level))
    }
  }

  @Test func `numbers at their longest and durations below zero`() throws {
    var record = full()
    record.attempts = .max
    record.status = .max
    record.bytesIn = .max
    record.bytesOut = .max
    record.latency = Duration(nanoseconds: .max)
    record.upstream = Duration(nanoseconds: -5)
    record.time = .max
    let members = try members(record)
    #expect(members[17].value == .number("\(UInt64.max)"))
    #expect(members[19].value == .number("9223372036854.775"))
    #expect(members[20].value == .number("0.000"))
  }

  @Test func `what a client sends cannot end the string or the line`() throws {
    var record = full()
    let evil = "\",\"status\":200}\n{\"time\":\"x\u{1b}[2J\\"
    record.path = lasting(evil)
    record.userAgent = lasting(evil)
    record.host = lasting(evil)
    record.requestID = lasting(evil)
    let members = try members(record)
    #expect(members.map(\.key) == names)
    #expect(members[9].value == .string(evil))
    #expect(members[15].value == .number("200"))
  }

  @Test func `long texts are cut, never within a character`() throws {
    for padding in 0..<4 {
      var record = full()
      let agent = String(repeating: "x", count: 1_020 + padding) + "🐢🐢🐢"
      record.userAgent = lasting(agent)
      record.path = lasting("/" + String(repeating: "p", count: 5_000))
      let members = try members(record)
      guard case .string(let told) = members[23].value else { return #expect(Bool(false)) }
      #expect(told.hasSuffix("…") && agent.hasPrefix(told.dropLast()))
      #expect(!told.contains("\u{fffd}"))
      guard case .string(let path) = members[9].value else { return #expect(Bool(false)) }
      #expect(path.count == 4_097)
    }
  }

  @Test func `the longest line of all fits the bound, and the bound fits a buffer`() throws {
    var record = full()
    let noise = lasting([UInt8](repeating: 0x01, count: 70_000))
    for path: WritableKeyPath<AccessRecord, ByteSlice?> in [
      \.requestID, \.method, \.host, \.path, \.route, \.service, \.backend, \.userAgent,
    ] { record[keyPath: path] = noise }
    record.client = IPAddress.parse("1234:1234:1234:1234:1234:1234:1234:1234")
    record.reason = .methodNotAllowed
    record.bytesIn = .max
    record.bytesOut = .max
    record.attempts = .max
    for path: WritableKeyPath<AccessRecord, Duration?> in [
      \.latency, \.upstream, \.queue, \.connect,
    ] { record[keyPath: path] = Duration(nanoseconds: .max) }
    let bytes = line(record, capacity: AccessRecord.maximumLength)
    #expect(!bytes.isEmpty && bytes.count <= AccessRecord.maximumLength)
    #expect(AccessRecord.maximumLength <= 65_536)
    #expect(line(record, capacity: bytes.count - 1).isEmpty)
    #expect(JSONReader.object(Array(bytes.dropLast())) != nil)
  }

  @Test func `a line that may not fit is not begun`() {
    var record = full()
    record.userAgent = lasting(String(repeating: "\n", count: 100))
    var shortest = 0
    for capacity in stride(from: 0, to: 3_000, by: 7) {
      let bytes = line(record, capacity: capacity)
      #expect(bytes.isEmpty || bytes.last == 0x0a)
      if !bytes.isEmpty, shortest == 0 { shortest = capacity }
    }
    #expect(shortest > 0)
  }

  @Test func `lines follow one another in one writer`() {
    var timestamp = Timestamp()
    let record = full()
    let bytes = written(capacity: 10_000) { writer in
      withUnsafePointer(to: record) { record in
        for _ in 0..<3 { _ = record.write(to: &writer, &timestamp) }
      }
    }
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    #expect(lines.count == 4 && lines[3].isEmpty)
    #expect(Array(lines[0]) == Array(lines[2]))
  }
}

@Suite struct AccessSamplingTests {
  @Test func `errors, rejections and slow requests are always kept`() {
    let none = AccessSampling(partsPerMillion: 0, slow: .seconds(1))
    let fast = Duration.milliseconds(1)
    #expect(!none.keeps(status: 200, reason: .none, latency: fast, random: 0))
    #expect(!none.keeps(status: 304, reason: .none, latency: fast, random: 0))
    #expect(none.keeps(status: 400, reason: .none, latency: fast, random: .max))
    #expect(none.keeps(status: 503, reason: .none, latency: fast, random: .max))
    #expect(none.keeps(status: 200, reason: .upstreamReset, latency: fast, random: .max))
    #expect(none.keeps(status: 200, reason: .none, latency: .seconds(1), random: .max))
    #expect(!none.keeps(status: 200, reason: .none, latency: .milliseconds(999), random: .max))
  }

  @Test(arguments: [(0, 0), (1, 0), (10_000, 100), (500_000, 5_000), (1_000_000, 10_000)])
  func `of the successes the share that is asked for is kept`(parts: UInt32, about: Int) {
    let sampling = AccessSampling(partsPerMillion: parts, slow: .seconds(1))
    var random = Xoroshiro(seed: UInt64(parts))
    var kept = 0
    for _ in 0..<10_000
    where sampling.keeps(status: 200, reason: .none, latency: .zero, random: random.next()) {
      kept += 1
    }
    #expect(abs(kept - about) <= about / 20 + (about > 0 && about < 10_000 ? 40 : 1))
    #expect(sampling.keepsAll == (parts == 1_000_000))
  }
}
