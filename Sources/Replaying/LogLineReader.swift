// Why this file exists: a log is read line by line, millions of them, and some of them are cut,
// forged or of another program. Each is read in one pass, within the memory of one line.
package import Primitives

/// Reads lines of an access log. Has memory of its own; who makes it destroys it.
package struct LogLineReader {
  /// The gateway's longest line, every byte of it escaped, is shorter.
  package static let longest = 64 * 1024
  /// Deeper values than any log shipper nests.
  private static let deepest = 16

  package enum Result: Equatable, Sendable {
    case request
    /// A log line of the gateway, or of another program, that is about no request.
    case other
    case broken(LogFault)
  }

  /// Of the last line that was a request.
  package private(set) var line = LogLine()
  /// Of texts with escapes.
  private let memory: UnsafeMutablePointer<UInt8>
  private var texts: ByteWriter
  private var scanner: JSONScanner
  private var isOther = false
  private var fault: LogFault?

  package init() {
    memory = .allocate(capacity: LogLineReader.longest)
    texts = ByteWriter(memory, capacity: LogLineReader.longest)
    scanner = JSONScanner(ByteSlice(UnsafePointer(memory), 0))
  }

  package func destroy() { memory.deallocate() }

  /// Reads one line, without its line feed.
  package mutating func read(_ bytes: ByteSlice) -> Result {
    if bytes.count > LogLineReader.longest { return .broken(.tooLong) }
    line = LogLine()
    texts = ByteWriter(memory, capacity: LogLineReader.longest)
    scanner = JSONScanner(bytes)
    isOther = false
    fault = nil
    guard readObject() else { return .broken(.notJSON) }
    if scanner.hasHighBytes, String(validating: bytes.buffer, as: UTF8.self) == nil {
      return .broken(.notUTF8)
    }
    if isOther { return .other }
    if let fault = fault ?? judge() { return .broken(fault) }
    return .request
  }

  private mutating func readObject() -> Bool {
    scanner.skipSpace()
    guard scanner.take(0x7b) else { return false }
    scanner.skipSpace()
    if !scanner.take(0x7d) {
      repeat {
        scanner.skipSpace()
        guard let key = scanner.string() else { return false }
        scanner.skipSpace()
        guard scanner.take(0x3a) else { return false }
        scanner.skipSpace()
        guard readMember(key.raw) else { return false }
        scanner.skipSpace()
      } while scanner.take(0x2c)
      guard scanner.take(0x7d) else { return false }
    }
    scanner.skipSpace()
    return scanner.isAtEnd
  }

  /// The value of one member. No name that is asked for has an escape.
  private mutating func readMember(_ name: ByteSlice) -> Bool {
    switch name.count {
    case 3 where ASCII.equal(name, "msg"): return readMessage()
    case 4 where ASCII.equal(name, "time"): return readTime()
    case 4 where ASCII.equal(name, "host"): return read("host", \.host)
    case 4 where ASCII.equal(name, "path"): return read("path", \.path)
    case 5 where ASCII.equal(name, "route"): return read("route", \.route)
    case 5 where ASCII.equal(name, "limit"): return read("limit", \.limit)
    case 6 where ASCII.equal(name, "method"): return read("method", \.method)
    case 6 where ASCII.equal(name, "reason"): return read("reason", \.reason)
    case 6 where ASCII.equal(name, "status"): return readStatus()
    case 7 where ASCII.equal(name, "service"): return read("service", \.service)
    case 8 where ASCII.equal(name, "bytes_in"): return readBytesIn()
    case 8 where ASCII.equal(name, "protocol"): return readProtocol()
    case 9 where ASCII.equal(name, "client_ip"): return read("client_ip", \.client)
    case 10 where ASCII.equal(name, "request_id"): return read("request_id", \.requestID)
    case 10 where ASCII.equal(name, "user_agent"): return read("user_agent", \.userAgent)
    default: return scanner.skipValue(depth: LogLineReader.deepest)
    }
  }

  // MARK: Members

  private mutating func read(
    _ name: StaticString, _ member: WritableKeyPath<LogLine, LogText>
  ) -> Bool {
    guard let text = readText(name) else { return false }
    line[keyPath: member] = text
    return true
  }

  /// Nil when the line is no JSON. A value of another type makes the line a broken one.
  private mutating func readText(_ name: StaticString) -> LogText? {
    if scanner.next == 0x22 {
      guard let string = scanner.string() else { return nil }
      if !string.isEscaped { return .text(string.raw) }
      return JSONScanner.unescape(string.raw, into: &texts).map { .text($0) }
    }
    if scanner.takeWord("null") { return .null }
    fault = fault ?? .type(name)
    return scanner.skipValue(depth: LogLineReader.deepest) ? .null : nil
  }

  private mutating func readMessage() -> Bool {
    guard let text = readText("msg") else { return false }
    isOther = !text.equals("request")
    return true
  }

  private mutating func readProtocol() -> Bool {
    guard let text = readText("protocol") else { return false }
    line.isHTTP10 = text.equals("HTTP/1.0")
    return true
  }

  private mutating func readTime() -> Bool {
    guard let text = readText("time") else { return false }
    if let slice = text.slice {
      line.time = LogTime.parse(slice)
      if line.time == nil { fault = fault ?? .value("time") }
    }
    return true
  }

  private mutating func readStatus() -> Bool {
    switch readNumber("status") {
    case .none: return false
    case .some(.none): break
    case .some(.some(let value)):
      if (100...999).contains(value) {
        line.status = UInt16(value)
      } else {
        fault = fault ?? .value("status")
      }
    }
    return true
  }

  private mutating func readBytesIn() -> Bool {
    guard let value = readNumber("bytes_in") else { return false }
    line.bytesIn = value ?? 0
    return true
  }

  /// A number of digits only; within it nil for null. Nil when the line is no JSON.
  private mutating func readNumber(_ name: StaticString) -> UInt64?? {
    if scanner.takeWord("null") { return .some(nil) }
    let start = scanner.cursor
    guard scanner.skipValue(depth: LogLineReader.deepest) else { return nil }
    let value = ASCII.decimal(ByteSlice(start, scanner.cursor - start))
    if value == nil { fault = fault ?? .type(name) }
    return .some(value)
  }

  // MARK: What the gateway never writes

  /// What is put into the head of a request here must not end a line there.
  private func judge() -> LogFault? {
    if line.method.isMissing { return .missing("method") }
    if line.path.isMissing { return .missing("path") }
    if line.time == nil { return .missing("time") }
    if let method = line.method.slice {
      guard !method.isEmpty, method.buffer.allSatisfy({ ASCII.isToken($0) }) else {
        return .value("method")
      }
    }
    if let path = line.path.slice {
      let isAsterisk = path.count == 1 && path.base[0] == 0x2a
      guard path.count > 0, path.base[0] == 0x2f || isAsterisk,
        path.buffer.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x3f && $0 != 0x23 })
      else { return .value("path") }
    }
    if let host = line.host.slice {
      guard host.buffer.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return .value("host") }
    }
    if let agent = line.userAgent.slice {
      guard agent.buffer.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
        return .value("user_agent")
      }
    }
    if let client = line.client.slice, IPAddress.parse(client) == nil { return .value("client_ip") }
    return nil
  }
}
