// Why this file exists: requests and responses as the scripted sides see them: the raw bytes, and
// the fields, body, chunks and trailers read from them by the shortest honest parser.

import Glibc

struct Field: Sendable, Equatable {
  let name: String
  let value: String
}

/// How a body ended.
enum BodyEnd: Sendable, Equatable {
  /// The framing says that this was all.
  case complete
  /// The stream ended first.
  case truncated(StreamEnd)
}

struct Message: Sendable, CustomStringConvertible {
  /// The head as received, with the empty line.
  var rawHead: [UInt8] = []
  var startLine = ""
  var fields: [Field] = []
  var body: [UInt8] = []
  /// The chunks in their own borders, where the body was chunked.
  var chunks: [[UInt8]] = []
  var trailers: [Field] = []
  var end = BodyEnd.complete
  /// The 1xx responses that came before this one.
  var interim: [Message] = []

  /// All values of the name, joined; nil when there is none.
  subscript(_ name: String) -> String? {
    let all = values(name)
    return all.isEmpty ? nil : all.joined(separator: ", ")
  }

  func values(_ name: String) -> [String] {
    fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
  }

  func trailer(_ name: String) -> String? {
    trailers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  var text: String { String(decoding: body, as: UTF8.self) }
  var head: String { String(decoding: rawHead, as: UTF8.self) }
  var isChunked: Bool { self["Transfer-Encoding"]?.lowercased() == "chunked" }

  /// The status of a response, 0 where there is none.
  var status: Int { Int(startLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
  var method: String { String(startLine.split(separator: " ").first ?? "") }
  var target: String { String(startLine.split(separator: " ").dropFirst().first ?? "") }
  var version: String {
    let parts = startLine.split(separator: " ")
    return String((startLine.hasPrefix("HTTP/") ? parts.first : parts.last) ?? "")
  }
  var reason: String? { self["X-Gateway-Reason"] }

  var description: String { readable(rawHead + body) }
}

extension Wire {
  /// One request, with its body. Nil when the stream ended before its first byte.
  func readRequest(within seconds: Double = 10, line: UInt = #line) throws -> Message? {
    let deadline = Deadline.after(seconds)
    guard var message = try readHead(until: deadline, line: line) else { return nil }
    if message.isChunked {
      try readChunks(into: &message, until: deadline, line: line)
    } else if let length = Int(message["Content-Length"] ?? "") {
      try readBody(length, into: &message, until: deadline)
    }
    return message
  }

  /// The head of a request; its body stays unread.
  func readRequestHead(within seconds: Double = 10, line: UInt = #line) throws -> Message? {
    try readHead(until: .after(seconds), line: line)
  }

  /// The final response to a request with the given method, with its body and the 1xx before it.
  func readResponse(
    to method: String = "GET", within seconds: Double = 10, line: UInt = #line
  ) throws -> Message {
    let deadline = Deadline.after(seconds)
    var interim: [Message] = []
    while true {
      guard var message = try readHead(until: deadline, line: line) else {
        throw ScenarioFailure("the stream ended (\(end!)) before a response", line: line)
      }
      if (100..<200).contains(message.status) && message.status != 101 {
        interim.append(message)
        continue
      }
      message.interim = interim
      do {
        try readResponseBody(of: &message, to: method, until: deadline, line: line)
      } catch var failure as ScenarioFailure {
        failure.line = line
        failure.details += "after \(message.head)"
        throw failure
      }
      return message
    }
  }

  /// A response head of any kind, 1xx too; its body stays unread.
  func readResponseHead(within seconds: Double = 10, line: UInt = #line) throws -> Message {
    guard let message = try readHead(until: .after(seconds), line: line) else {
      throw ScenarioFailure("the stream ended (\(end!)) before a response head", line: line)
    }
    return message
  }

  private func readResponseBody(
    of message: inout Message, to method: String, until deadline: Deadline, line: UInt
  ) throws {
    if method == "HEAD" || [101, 204, 304].contains(message.status) { return }
    if message.isChunked {
      try readChunks(into: &message, until: deadline, line: line)
    } else if let length = Int(message["Content-Length"] ?? "") {
      try readBody(length, into: &message, until: deadline)
    } else {
      while try receiveMore(until: deadline) {}
      message.body = unread
      skip(unreadCount)
      message.end = end == .fin ? .complete : .truncated(.reset)
    }
  }

  private func readHead(until deadline: Deadline, line: UInt) throws -> Message? {
    let raw: [UInt8]?
    do {
      raw = try read(through: "\r\n\r\n", until: deadline)
    } catch {
      throw ScenarioFailure(
        "no complete head in time; unread: \(readable(unread))", line: line)
    }
    guard let raw else {
      if unreadCount == 0 { return nil }
      throw ScenarioFailure(
        "the stream ended (\(end!)) in a head: \(readable(unread))", line: line)
    }
    var message = Message()
    message.rawHead = raw
    var lines = splitLines(raw)
    message.startLine = lines.removeFirst()
    message.fields = try lines.map { try parseField($0, line: line) }
    return message
  }

  private func readBody(_ length: Int, into message: inout Message, until deadline: Deadline)
    throws
  {
    message.body = try read(exactly: length, until: deadline)
    if message.body.count < length { message.end = .truncated(end!) }
  }

  private func readChunks(into message: inout Message, until deadline: Deadline, line: UInt)
    throws
  {
    while true {
      guard let sizeLine = try read(through: "\r\n", until: deadline) else {
        message.end = .truncated(end!)
        return
      }
      let digits = String(decoding: sizeLine.dropLast(2), as: UTF8.self)
      guard let size = Int(digits.split(separator: ";").first ?? "", radix: 16) else {
        throw ScenarioFailure("chunk size '\(digits)'", line: line)
      }
      if size == 0 { break }
      let chunk = try read(exactly: size + 2, until: deadline)
      guard chunk.count == size + 2 else {
        message.end = .truncated(end!)
        return
      }
      guard chunk.suffix(2).elementsEqual([13, 10]) else {
        throw ScenarioFailure("a chunk does not end in CRLF: \(readable(chunk))", line: line)
      }
      message.chunks.append(Array(chunk.dropLast(2)))
      message.body += chunk.dropLast(2)
    }
    while true {
      guard let trailer = try read(through: "\r\n", until: deadline) else {
        message.end = .truncated(end!)
        return
      }
      if trailer.count == 2 { return }
      message.trailers.append(try parseField(splitLines(trailer)[0], line: line))
    }
  }

  private func parseField(_ text: String, line: UInt) throws -> Field {
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
      throw ScenarioFailure("not a field line: '\(text)'", line: line)
    }
    let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
    return Field(name: String(text[..<colon]), value: String(value))
  }

  private func splitLines(_ raw: [UInt8]) -> [String] {
    var lines: [String] = []
    var start = 0
    while let end = raw.firstIndex(of: [13, 10], from: start), end > start || start == 0 {
      lines.append(String(decoding: raw[start..<end], as: UTF8.self))
      start = end + 2
    }
    return lines
  }
}
