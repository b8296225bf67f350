// Why this file exists: the second opinion on where a message begins and ends and what it says. It
// follows RFC 9112 letter by letter and takes no liberty that the RFC allows a recipient to take;
// it shares nothing with the parser and the rules. What it does not accept is ambiguous, and must
// not be forwarded.

/// A field line: the name as it was written, the value without the blanks around it.
struct StrictField: Equatable {
  var name: [UInt8]
  var value: [UInt8]

  var lowerName: String { Grammar.lower(name) }
}

enum StrictFraming: Equatable {
  case none
  case length(Int)
  case chunked, untilClose
}

/// One message, or as much of it as has come.
struct StrictMessage: Equatable {
  /// Method, target, version; of an answer version, status, phrase.
  var line: [[UInt8]] = []
  var fields: [StrictField] = []
  var framing = StrictFraming.none
  var body: [UInt8] = []
  var trailers: [StrictField] = []
  /// The first byte behind the head, and behind all of it.
  var headEnd = 0
  var end = 0

  /// HTTP/1.0. A method has no slash in it.
  var isOld: Bool {
    (line[0].contains(0x2F) ? line[0] : line[2]).elementsEqual("HTTP/1.0".utf8)
  }
  var status: Int { Grammar.decimal(line[1]) ?? 0 }

  func values(_ name: String) -> [[UInt8]] {
    fields.filter { $0.lowerName == name }.map(\.value)
  }

  /// Members of all lines of that name, in lower case.
  func members(_ name: String) -> [String] {
    values(name).flatMap { $0.split(separator: 0x2C) }
      .map { Grammar.lower(Grammar.trimmed(Array($0))) }.filter { !$0.isEmpty }
  }
}

enum StrictReading {
  case whole(StrictMessage)
  /// So far nothing is wrong; nil: the head is not complete.
  case part(StrictMessage?)
  /// The head is good, and the body is none of the chunked coding.
  case broken(StrictMessage)
  /// Two readers could disagree.
  case ambiguous(StaticString)
}

struct StrictReader {
  let bytes: [UInt8]
  var at: Int

  /// The request that begins at `start`.
  static func request(_ bytes: [UInt8], from start: Int = 0) -> StrictReading {
    var reader = StrictReader(bytes: bytes, at: start)
    // One empty line may come first (RFC 9112 section 2.2).
    if reader.peek(0) == 0x0D, reader.peek(1) == 0x0A { reader.at += 2 }
    return reader.read { reader, line in
      let parts = line.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
      guard parts.count == 3 else { return "three parts, one space between them" }
      guard Grammar.isToken(parts[0]) else { return "a method is a token" }
      guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 })
      else { return "a target is visible ASCII without a fragment" }
      guard Grammar.isVersion(parts[2]) else { return "a version that we speak" }
      reader.line = parts
      return StrictReader.frameRequest(&reader)
    }
  }

  /// The answer that begins at `start`.
  /// - Parameter isEnded: nothing comes behind the bytes, in good order.
  static func response(
    _ bytes: [UInt8], from start: Int = 0, toHead: Bool, isEnded: Bool
  ) -> StrictReading {
    var reader = StrictReader(bytes: bytes, at: start)
    let reading = reader.read { message, line in
      guard line.count >= 12, line[8] == 0x20, Grammar.isVersion(Array(line[..<8])),
        line[9..<12].allSatisfy(Grammar.isDigit), line.count == 12 || line[12] == 0x20,
        line.dropFirst(12).allSatisfy(Grammar.isText)
      else { return "version, three digits, phrase" }
      message.line = [Array(line[..<8]), Array(line[9..<12]), Array(line.dropFirst(13))]
      return StrictReader.frameResponse(&message, toHead: toHead)
    }
    if isEnded, case .part(let message?) = reading, message.framing == .untilClose {
      return .whole(message)
    }
    return reading
  }

  private func peek(_ distance: Int) -> UInt8? {
    at + distance < bytes.count ? bytes[at + distance] : nil
  }

  // MARK: Heads

  private enum Line {
    case line([UInt8])
    case part, bad
  }

  /// Up to CRLF. A CR or LF by itself is nowhere allowed.
  private mutating func takeLine() -> Line {
    var index = at
    while index < bytes.count {
      if bytes[index] == 0x0A { return .bad }
      if bytes[index] == 0x0D {
        if index + 1 == bytes.count { return .part }
        guard bytes[index + 1] == 0x0A else { return .bad }
        defer { at = index + 2 }
        return .line(Array(bytes[at..<index]))
      }
      index += 1
    }
    return .part
  }

  private mutating func read(
    _ frame: (inout StrictMessage, [UInt8]) -> StaticString?
  ) -> StrictReading {
    var message = StrictMessage()
    var first: [UInt8]?
    while true {
      switch takeLine() {
      case .part: return .part(nil)
      case .bad: return .ambiguous("lines end in CRLF")
      case .line(let line) where first == nil: first = line
      case .line(let line) where line.isEmpty:
        if let wrong = frame(&message, first ?? []) { return .ambiguous(wrong) }
        message.headEnd = at
        return readBody(&message)
      case .line(let line):
        guard let field = Grammar.field(line) else { return .ambiguous("name, colon, text") }
        message.fields.append(field)
      }
    }
  }

  private static func frameRequest(_ message: inout StrictMessage) -> StaticString? {
    let lengths = message.values("content-length")
    let codings = message.values("transfer-encoding")
    let hosts = message.values("host").count
    guard hosts == 1 || (message.isOld && hosts == 0) else { return "one Host" }
    guard lengths.count + codings.count <= 1 else { return "one way to find the end of the body" }
    if let coding = codings.first {
      guard Grammar.lower(coding) == "chunked", !message.isOld else { return "chunked alone" }
      message.framing = .chunked
    } else if let text = lengths.first {
      guard let length = Grammar.decimal(text) else { return "a length is digits" }
      message.framing = .length(length)
    }
    return nil
  }

  private static func frameResponse(
    _ message: inout StrictMessage, toHead: Bool
  ) -> StaticString? {
    let lengths = message.values("content-length")
    let codings = message.values("transfer-encoding")
    let hasNone = message.status < 200 || message.status == 204
    guard message.status >= 100 else { return "a status is 100 or more" }
    guard lengths.count + codings.count <= 1 else { return "one way to find the end of the body" }
    message.framing = .untilClose
    if let coding = codings.first {
      guard Grammar.lower(coding) == "chunked", !message.isOld, !hasNone else {
        return "chunked alone"
      }
      message.framing = .chunked
    } else if let text = lengths.first {
      guard let length = Grammar.decimal(text) else { return "a length is digits" }
      message.framing = .length(length)
    }
    if hasNone || message.status == 304 || toHead { message.framing = .none }
    return nil
  }

  // MARK: Bodies

  private mutating func readBody(_ message: inout StrictMessage) -> StrictReading {
    switch message.framing {
    case .none: break
    case .length(let length):
      message.body = Array(bytes[at...].prefix(length))
      at += message.body.count
      if message.body.count < length { return .part(message) }
    case .untilClose:
      message.body = Array(bytes[at...])
      return .part(message)
    case .chunked:
      var chunks = StrictChunks(bytes, from: at)
      let state = chunks.read()
      message.body = chunks.data
      message.trailers = chunks.trailers
      at = chunks.at
      switch state {
      case .whole: break
      case .part: return .part(message)
      case .bad: return .broken(message)
      }
    }
    message.end = at
    return .whole(message)
  }
}

/// The words of the grammar.
enum Grammar {
  static func field(_ line: [UInt8]) -> StrictField? {
    guard let colon = line.firstIndex(of: 0x3A), isToken(Array(line[..<colon])),
      line[(colon + 1)...].allSatisfy(isText)
    else { return nil }
    return StrictField(name: Array(line[..<colon]), value: trimmed(Array(line[(colon + 1)...])))
  }

  static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    let start = bytes.firstIndex { !isBlank($0) } ?? bytes.endIndex
    let end = bytes.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start
    return Array(bytes[start..<end])
  }

  /// Digits alone, below 2^63.
  static func decimal(_ bytes: [UInt8]) -> Int? {
    guard !bytes.isEmpty, bytes.allSatisfy(isDigit) else { return nil }
    return Int(String(decoding: bytes, as: UTF8.self))
  }

  static func isVersion(_ bytes: [UInt8]) -> Bool {
    bytes.elementsEqual("HTTP/1.1".utf8) || bytes.elementsEqual("HTTP/1.0".utf8)
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
  static func isText(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7F) || byte == 0x09 }
  static func isToken(_ bytes: [UInt8]) -> Bool { !bytes.isEmpty && bytes.allSatisfy(isToken) }
  static func isToken(_ byte: UInt8) -> Bool {
    let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
    return isDigit(byte) || isLetter || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
  static func lower(_ bytes: [UInt8]) -> String {
    String(
      decoding: bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
  }
}
