// Why this file exists: the JSON form of a span (OTLP specification, JSON Protobuf Encoding: ids in
// hexadecimal, 64-bit numbers as strings, enumerations as numbers), piece by piece.
import Primitives

/// Writes the members of spans into a given room.
struct SpanJSON {
  /// SpanKind of the protocol.
  enum Kind {
    case inside, server, client

    var word: StaticString {
      switch self {
      case .inside: "1"
      case .server: "2"
      case .client: "3"
      }
    }
  }

  /// StatusCode of the protocol.
  enum Status { case unset, error }

  var out: ByteWriter
  /// No attribute stands before the next one.
  var isFirst = true

  init(_ out: ByteWriter) { self.out = out }

  // MARK: A span

  /// From the brace to the quote before the name. Of the flags the lowest byte is that of
  /// traceparent, the two above it say whether the parent is in another process.
  mutating func begin(_ trace: TraceContext, span: UInt64, parent: UInt64, isRemote: Bool) {
    put("{\"traceId\":\"")
    out.appendHex16(trace.traceHigh)
    out.appendHex16(trace.traceLow)
    put("\",\"spanId\":\"")
    out.appendHex16(span)
    if parent != 0 {
      put("\",\"parentSpanId\":\"")
      out.appendHex16(parent)
    }
    put("\",\"flags\":")
    let sampled: UInt64 = trace.isSampled ? 0x1 : 0x0
    out.appendDecimal((isRemote ? 0x300 : 0x100) | sampled)
    put(",\"name\":\"")
  }

  /// From behind the name to the bracket before the attributes. Times are nanoseconds since 1970.
  mutating func kind(_ kind: Kind, _ begun: Int64, _ ended: Int64) {
    put("\",\"kind\":")
    put(kind.word)
    put(",\"startTimeUnixNano\":\"")
    out.appendDecimal(UInt64(max(0, begun)))
    put("\",\"endTimeUnixNano\":\"")
    out.appendDecimal(UInt64(max(0, begun, ended)))
    put("\",\"attributes\":[")
    isFirst = true
  }

  mutating func end(_ status: Status) {
    switch status {
    case .unset: put("],\"status\":{}}")
    case .error: put("],\"status\":{\"code\":2}}")
    }
  }

  // MARK: Attributes

  mutating func attribute(_ key: StaticString, _ value: StaticString) {
    begin(key, "stringValue")
    put(value)
    put("\"}}")
  }

  mutating func attribute(_ key: StaticString, _ value: ByteSlice) {
    begin(key, "stringValue")
    escaped(value)
    put("\"}}")
  }

  /// Where nothing has to be escaped.
  mutating func attribute(_ key: StaticString, _ value: String) {
    begin(key, "stringValue")
    put(value)
    put("\"}}")
  }

  mutating func attribute(_ key: StaticString, _ value: UInt64) {
    begin(key, "intValue")
    out.appendDecimal(value)
    put("\"}}")
  }

  /// A status as a word.
  mutating func attribute(_ key: StaticString, status: UInt16) {
    begin(key, "stringValue")
    out.appendDecimal(UInt64(status))
    put("\"}}")
  }

  /// `server.address` and `server.port` of `host`, `host:port`, `[v6]:port` or `unix:/path`.
  mutating func address(_ text: ByteSlice) {
    let (host, port) = SpanJSON.split(text)
    attribute("server.address", host)
    if let port { attribute("server.port", port) }
  }

  /// `url.full`; a unix socket has none.
  mutating func url(_ authority: ByteSlice, _ target: ByteSlice) {
    if SpanJSON.isUnix(authority) { return }
    begin("url.full", "stringValue")
    put("http://")
    escaped(authority)
    escaped(target)
    put("\"}}")
  }

  private mutating func begin(_ key: StaticString, _ type: StaticString) {
    if !isFirst { put(",") }
    isFirst = false
    put("{\"key\":\"")
    put(key)
    put("\",\"value\":{\"")
    put(type)
    put("\":\"")
  }

  // MARK: Addresses

  private static func isUnix(_ text: ByteSlice) -> Bool {
    let word: StaticString = "unix:/"
    guard text.count >= word.utf8CodeUnitCount else { return false }
    return (0..<word.utf8CodeUnitCount).allSatisfy { text.base[$0] == word.utf8Start[$0] }
  }

  /// Host, without brackets, and port where there is one.
  private static func split(_ text: ByteSlice) -> (host: ByteSlice, port: UInt64?) {
    if isUnix(text) { return (ByteSlice(text.base + 5, text.count - 5), nil) }
    var end = text.count
    var port: UInt64 = 0
    var scale: UInt64 = 1
    while end > 0, text.count - end < 5, ASCII.isDigit(text.base[end - 1]) {
      end -= 1
      port += UInt64(text.base[end] - 0x30) * scale
      scale *= 10
    }
    guard end > 0, end < text.count, text.base[end - 1] == 0x3a else {
      return (unbracketed(text), nil)
    }
    return (unbracketed(ByteSlice(text.base, end - 1)), port)
  }

  private static func unbracketed(_ host: ByteSlice) -> ByteSlice {
    guard host.count > 2, host.base[0] == 0x5b, host.base[host.count - 1] == 0x5d else {
      return host
    }
    return ByteSlice(host.base + 1, host.count - 2)
  }

  // MARK: Bytes

  mutating func put(_ text: StaticString) { out.append(text) }

  mutating func put(_ text: String) { for byte in text.utf8 { out.append(byte) } }

  /// The inside of a JSON string. Taken only where the worst escaping fits too.
  mutating func escaped(_ text: ByteSlice) {
    guard !out.overflowed, text.count * JSONBytes.worstCase <= out.room else {
      out.overflowed = true
      return
    }
    out.cursor = JSONBytes.escape(text, to: out.cursor)
  }
}
