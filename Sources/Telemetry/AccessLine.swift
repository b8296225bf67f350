// Why this file exists: the bytes of a log line. The room is checked once for the whole line, so
// that each piece is a plain store.
import HTTPSemantics
import Primitives

/// Writes the pieces of one line; whoever makes it has seen to `worstCase` bytes of room.
struct AccessLine {
  var cursor: UnsafeMutablePointer<UInt8>

  init(at cursor: UnsafeMutablePointer<UInt8>) { self.cursor = cursor }

  // Bounds on what is told of a text; what is longer is cut and ends in an ellipsis.
  static var requestIDBytes: Int { 128 }
  static var methodBytes: Int { 32 }
  static var nameBytes: Int { 256 }
  static var pathBytes: Int { 4_096 }
  static var userAgentBytes: Int { 1_024 }

  /// The keys (some 330 bytes), the texts of fixed length, the numbers at their longest (20 digits
  /// each) and nine ellipses come to less.
  static var fixedLength: Int { 1_024 }

  /// All texts at their bounds: host, route, service, backend and limit are names.
  static var longest: Int {
    let texts = requestIDBytes + methodBytes + 5 * nameBytes + pathBytes + userAgentBytes
    return fixedLength + texts * JSONBytes.worstCase
  }

  /// An upper bound on the length of this line.
  static func worstCase(of record: UnsafePointer<AccessRecord>) -> Int {
    func told(_ text: ByteSlice?, _ bound: Int) -> Int { min(text?.count ?? 0, bound) }
    let texts =
      told(record.pointee.requestID, requestIDBytes) &+ told(record.pointee.method, methodBytes)
      &+ told(record.pointee.host, nameBytes) &+ told(record.pointee.path, pathBytes)
      &+ told(record.pointee.route, nameBytes) &+ told(record.pointee.service, nameBytes)
      &+ told(record.pointee.backend, nameBytes) &+ told(record.pointee.userAgent, userAgentBytes)
      &+ told(record.pointee.limit, nameBytes)
    return fixedLength &+ texts &* JSONBytes.worstCase  // bounded by `longest`
  }

  // MARK: - The line

  /// From the brace to the client.
  mutating func begin(_ record: UnsafePointer<AccessRecord>, _ timestamp: inout Timestamp) {
    put("{\"time\":\"")
    timestamp.write(nanoseconds: record.pointee.time, to: cursor)
    cursor += Timestamp.length
    switch record.pointee.level {
    case .info: put("\",\"level\":\"info\"")
    case .warning: put("\",\"level\":\"warning\"")
    case .error: put("\",\"level\":\"error\"")
    }
    put(",\"msg\":\"request\",\"request_id\":")
    text(
      record.pointee.requestID, bound: AccessLine.requestIDBytes,
      isPlain: record.pointee.plain.contains(.requestID))
    if let traceID = record.pointee.traceID {
      put(",\"trace_id\":\"")
      put(traceID)
      put("\",\"span_id\":\"")
      hex(record.pointee.span)
      put("\",\"client_ip\":")
    } else {
      put(",\"trace_id\":null,\"span_id\":null,\"client_ip\":")
    }
    if let text = record.pointee.clientText {
      put("\"")
      put(text)
      put("\"")
    } else if let client = record.pointee.client {
      put("\"")
      cursor += client.write(to: cursor)
      put("\"")
    } else {
      null()
    }
  }

  /// What was asked for and where it went.
  mutating func request(_ record: UnsafePointer<AccessRecord>) {
    let plain = record.pointee.plain
    put(",\"method\":")
    text(record.pointee.method, bound: AccessLine.methodBytes, isPlain: plain.contains(.method))
    put(",\"host\":")
    text(record.pointee.host, bound: AccessLine.nameBytes, isPlain: plain.contains(.host))
    put(",\"path\":")
    text(record.pointee.path, bound: AccessLine.pathBytes)
    switch record.pointee.version {
    case .http11: put(",\"protocol\":\"HTTP/1.1\",\"route\":")
    case .http10: put(",\"protocol\":\"HTTP/1.0\",\"route\":")
    case nil: put(",\"protocol\":null,\"route\":")
    }
    text(record.pointee.route, bound: AccessLine.nameBytes, isPlain: plain.contains(.route))
    put(",\"service\":")
    text(record.pointee.service, bound: AccessLine.nameBytes, isPlain: plain.contains(.service))
    put(",\"backend\":")
    text(record.pointee.backend, bound: AccessLine.nameBytes, isPlain: plain.contains(.backend))
    put(",\"attempts\":")
    number(UInt64(record.pointee.attempts))
  }

  /// How it ended and how long it took, to the line feed.
  mutating func outcome(_ record: UnsafePointer<AccessRecord>) {
    put(",\"status\":")
    if let status = record.pointee.status { number(UInt64(status)) } else { null() }
    switch record.pointee.reason {
    case .none: put(",\"reason\":null")
    case let reason:
      put(",\"reason\":\"")
      put(reason.word)
      put("\"")
    }
    put(",\"bytes_in\":")
    number(record.pointee.bytesIn)
    put(",\"bytes_out\":")
    number(record.pointee.bytesOut)
    put(",\"latency_ms\":")
    milliseconds(record.pointee.latency)
    put(",\"upstream_ms\":")
    milliseconds(record.pointee.upstream)
    put(",\"queue_ms\":")
    milliseconds(record.pointee.queue)
    put(",\"connect_ms\":")
    milliseconds(record.pointee.connect)
    put(",\"user_agent\":")
    text(record.pointee.userAgent, bound: AccessLine.userAgentBytes)
    if let limit = record.pointee.limit {
      put(",\"limit\":")
      text(limit, bound: AccessLine.nameBytes)
    }
    put("}\n")
  }

  // MARK: - Pieces

  private mutating func put(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    cursor.update(from: text.utf8Start, count: count)
    cursor += count
  }

  private mutating func null() { put("null") }

  private mutating func hex(_ value: UInt64) {
    ASCII.writeHex16(value, to: cursor)
    cursor += 16
  }

  private mutating func put(_ text: ByteSlice) {
    ByteWriter.copy(text.base, text.count, to: cursor)
    cursor += text.count
  }

  private mutating func number(_ value: UInt64) {
    if value < 10 {
      cursor.pointee = UInt8(truncatingIfNeeded: value) &+ 0x30
      cursor += 1
      return
    }
    if value >= 100 && value < 1_000 {
      // A status, the bytes of a small message: most numbers of a line.
      ASCII.writeThreeDigits(UInt32(truncatingIfNeeded: value), to: cursor)
      cursor += 3
      return
    }
    let count = ASCII.decimalCount(value)
    ASCII.writeDecimal(value, count: count, to: cursor)
    cursor += count
  }

  /// Three decimals, rounded down; below zero is told as zero.
  private mutating func milliseconds(_ duration: Duration?) {
    guard let duration else { return null() }
    guard duration.nanoseconds >= 1_000 else { return put("0.000") }
    let microseconds = UInt64(duration.nanoseconds) / 1_000
    let whole = microseconds / 1_000
    number(whole)
    cursor.pointee = 0x2e
    ASCII.writeThreeDigits(
      UInt32(truncatingIfNeeded: microseconds &- whole &* 1_000), to: cursor + 1)
    cursor += 4
  }

  @inline(__always)
  private mutating func text(_ text: ByteSlice?, bound: Int, isPlain: Bool = false) {
    guard let text else { return null() }
    cursor.pointee = 0x22
    if isPlain && text.count <= bound {
      cursor += 1
      put(text)
    } else if text.count <= bound {
      cursor = JSONBytes.escape(text, to: cursor + 1)
    } else {
      // Not within a character: at most three bytes of one may stand before the cut.
      var cut = bound
      while cut > bound - 3, text.base[cut] & 0xc0 == 0x80 { cut &-= 1 }
      cursor = JSONBytes.escape(ByteSlice(text.base, cut), to: cursor + 1)
      put("…")
    }
    cursor.pointee = 0x22
    cursor += 1
  }
}
