// Why this file exists: a line is read as RFC 8259 has it, whoever wrote it, and what is no line of
// this gateway is told instead of taken for one.
import Primitives
import Testing

@testable import Replaying

/// Reads one line and looks at it before its memory goes.
private func read<R>(
  _ text: String, _ look: (LogLineReader.Result, LogLine) throws -> R
) rethrows -> R {
  try read(Array(text.utf8), look)
}

private func read<R>(
  _ bytes: [UInt8], _ look: (LogLineReader.Result, LogLine) throws -> R
) rethrows -> R {
  var reader = LogLineReader()
  defer { reader.destroy() }
  return try bytes.withUnsafeBufferPointer { bytes in
    let empty: StaticString = ""
    let result = reader.read(ByteSlice(bytes.baseAddress ?? empty.utf8Start, bytes.count))
    return try look(result, reader.line)
  }
}

private func fault(_ text: String) -> String? {
  read(text) { result, _ in
    if case .broken(let fault) = result { fault.words } else { nil }
  }
}

@Suite struct `A line of the access log` {
  @Test func `is read as the gateway writes it`() {
    let text = logLine(
      "POST", "/a/b", at: 61.5, route: "r", service: "s", status: 429, reason: "rate_limited",
      bytesIn: 77, limit: "per_client")
    read(text) { result, line in
      #expect(result == .request)
      #expect(line.time == 1_795_564_861_500_000_000)
      #expect(line.requestID.slice?.text == "id-61500000")
      #expect(line.client.slice?.text == "10.0.0.1")
      #expect(line.method.slice?.text == "POST" && line.path.slice?.text == "/a/b")
      #expect(line.host.slice?.text == "api.example.com")
      #expect(line.route.slice?.text == "r" && line.service.slice?.text == "s")
      #expect(line.status == 429 && line.bytesIn == 77)
      #expect(line.reason.equals("rate_limited") && line.limit.equals("per_client"))
      #expect(line.userAgent.equals("curl/8") && !line.isHTTP10)
    }
  }

  @Test func `may have its members in any order, with spaces, and others beside`() {
    let text = """
       { "path" : "/x" , "kubernetes" : { "pod" : ["a", {"b": [1.5e3, -0, true, false, null]}] },
      "method":"GET","time":"2026-11-25T01:00:00+01:00" , "msg":"request" }\u{d}
      """
    read(text.replacing("\n", with: "")) { result, line in
      #expect(result == .request)
      #expect(line.time == 1_795_564_800_000_000_000)
      #expect(line.path.equals("/x"))
    }
  }

  @Test func `of an older format has what it has, and null is not the same as nothing`() {
    read(#"{"time":"2026-11-25T00:00:00Z","method":"GET","path":"/","client_ip":null}"#) {
      result, line in
      #expect(result == .request)
      #expect(!line.client.isMissing && line.client.slice == nil)
      #expect(line.userAgent.isMissing && line.host.isMissing && line.status == nil)
    }
  }

  @Test func `has its escapes resolved, a pair as one character and half a pair as none`() {
    let text = logLine(route: #"say \"all\" \\ \/ \u0041\u00e9\ud83d\ude00\ud83dx\b"#)
    read(text) { result, line in
      #expect(result == .request)
      #expect(line.route.slice?.text == "say \"all\" \\ / Aé😀\u{fffd}x\u{8}")
    }
  }

  @Test func `about something else than a request is no broken one`() {
    let diagnostic = #"{"time":"2026-11-25T00:00:00.000000Z","level":"info","msg":"started"}"#
    #expect(read(diagnostic) { result, _ in result } == .other)
  }

  @Test(arguments: [
    ("", "not one JSON object"), ("hello", "not one JSON object"), ("[]", "not one JSON object"),
    (#"{"time":"#, "not one JSON object"), (#"{"a":01}"#, "not one JSON object"),
    (#"{"a":1} x"#, "not one JSON object"), (#"{"a":"\q"}"#, "not one JSON object"),
    (#"{"a":1,}"#, "not one JSON object"), ("{\"a\":\"\u{0}\"}", "not one JSON object"),
    (#"{"route":"\u12"}"#, "not one JSON object"), (#"{"a":nul}"#, "not one JSON object"),
    ("{}", "no method"), (#"{"method":"GET"}"#, "no path"),
    (#"{"method":"GET","path":"/"}"#, "no time"),
    (#"{"method":"GET","path":"/","time":"yesterday"}"#, "time has a value"),
    (#"{"method":7,"path":"/"}"#, "method is of the wrong type"),
    (#"{"method":"GET","path":{}}"#, "path is of the wrong type"),
    (#"{"status":"200"}"#, "status is of the wrong type"),
    (#"{"status":20.5}"#, "status is of the wrong type"),
    (#"{"status":7}"#, "status has a value"), (#"{"bytes_in":-1}"#, "bytes_in is of the wrong"),
  ])
  func `is refused with the reason when it is none`(_ text: String, _ words: String) {
    let found = fault(text)
    #expect(found?.hasPrefix(words) == true, "\(found ?? "nil")")
  }

  /// They become part of a head, where a line end would begin another line.
  @Test(arguments: [
    ("path", #"/a\r\nHost: evil"#), ("path", "/a b"), ("path", "a"), ("path", "/a?b"),
    ("path", "/é"), ("host", #"a\nb"#), ("host", "a b"), ("method", "GE T"), ("method", #"G\r"#),
    ("method", ""), ("user_agent", #"a\r\nX: y"#), ("client_ip", "10.0.0.256"),
  ])
  func `with a value that the gateway never writes is broken`(_ name: String, _ value: String) {
    let good = [
      "path": "/users/1", "host": "api.example.com", "method": "GET",
      "user_agent": "curl/8", "client_ip": "10.0.0.1",
    ]
    let text = logLine().replacing(
      "\"\(name)\":\"\(good[name] ?? "")\"", with: "\"\(name)\":\"\(value)\"")
    #expect(text != logLine())
    #expect(fault(text) == "\(name) has a value that the gateway never writes")
  }

  @Test func `that is not UTF-8 is broken`() {
    let bytes = Array(logLine(agent: "curl/8x").utf8).map { $0 == 0x78 ? 0xff : $0 }
    // The x of example, too.
    read(bytes) { result, _ in #expect(result == .broken(.notUTF8)) }
  }

  @Test func `deeper than any log is refused, not followed`() {
    let deep = String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000)
    #expect(fault("{\"a\":\(deep)}") == "not one JSON object")
  }

  @Test func `longer than any that is written is refused`() {
    let long = logLine(agent: String(repeating: "x", count: 70_000))
    #expect(fault(long) == "longer than any line that the gateway writes")
  }

  /// Memory behind the end is never read: each prefix lies at the end of its allocation.
  @Test func `cut anywhere is broken`() {
    let whole = Array(logLine(route: #"a\u0041b"#, limit: "x").utf8)
    for count in 0..<whole.count {
      let isBroken = read(Array(whole[..<count])) { result, _ in
        if case .broken = result { true } else { false }
      }
      #expect(isBroken, "\(count)")
    }
    #expect(read(whole) { result, _ in result } == .request)
  }

  @Test func `with any byte made another one is read or refused`() {
    let whole = Array(logLine(route: #"a\u0041b"#, limit: "x").utf8)
    var refused = 0
    for index in whole.indices {
      for byte: UInt8 in [0, 0x0a, 0x22, 0x2c, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xff] {
        var bytes = whole
        bytes[index] = byte
        if case .broken = read(bytes, { result, _ in result }) { refused += 1 }
      }
    }
    #expect(refused > whole.count)
  }
}

@Suite struct `A time of the log` {
  private func parse(_ text: String) -> Int64? {
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      bytes.baseAddress.flatMap { LogTime.parse(ByteSlice($0, bytes.count)) }
    }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1_000),
    ("2000-02-29T12:30:45.5Z", 951_827_445_500_000_000),
    ("2026-11-25T00:00:00.123456Z", 1_795_564_800_123_456_000),
    ("2026-11-25T02:00:00.123456789+02:00", 1_795_564_800_123_456_789),
    ("2026-11-24 23:00:00-01:00", 1_795_564_800_000_000_000),
    ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
  ])
  func `is counted from 1970`(_ text: String, _ nanoseconds: Int64) {
    #expect(parse(text) == nanoseconds)
  }

  @Test(arguments: [
    "", "2026-11-25", "2026-11-25T00:00:00", "2026-13-01T00:00:00Z", "2026-11-25T24:00:00Z",
    "2026-11-25T00:00:00.Z", "2026-11-25T00:00:00+0100", "1969-12-31T23:59:59Z",
    "1970-01-01T00:30:00+01:00", "9999-01-01T00:00:00Z", "2026-11-25T00:00:00Zx",
    "2026-1a-25T00:00:00Z",
  ])
  func `that is none is refused`(_ text: String) { #expect(parse(text) == nil) }
}
