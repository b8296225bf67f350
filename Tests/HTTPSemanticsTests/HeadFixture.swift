// Why this file exists: the rules judge positions in raw bytes; tests write raw text. This stands
// in for a parser, on purpose a careless one: it takes bare LF, folded lines and blanks before the
// colon, so that the rules are seen to refuse them by themselves.
import HTTPSemantics
import Primitives

/// The bytes of a head in an allocation of exactly their size, and the table a careless parser
/// makes of them. Freed when the fixture goes.
final class HeadFixture {
  let bytes: UnsafeMutablePointer<UInt8>
  let count: Int
  let fields: UnsafeMutablePointer<Field>
  private(set) var fieldCount = 0
  /// The request target, or the phrase of a response.
  private(set) var firstLineRange = ByteRange.empty
  private(set) var firstWord = ""
  private(set) var lastWord = ""

  init(_ raw: String) {
    let source = Array(raw.utf8)
    count = source.count
    bytes = .allocate(capacity: source.count)
    bytes.initialize(from: source, count: source.count)
    fields = .allocate(capacity: source.count)
    readLines(source)
  }

  deinit {
    bytes.deallocate()
    fields.deallocate()
  }

  private func readLines(_ source: [UInt8]) {
    var start = source.startIndex
    var isFirst = true
    while let lineFeed = source[start...].firstIndex(of: 0x0a) {
      var end = lineFeed
      if end > start, source[end - 1] == 0x0d { end -= 1 }
      if isFirst {
        readFirstLine(source, start..<end)
      } else if end == start {
        return
      } else if source[start] == 0x20 || source[start] == 0x09, fieldCount > 0 {
        let value = fields[fieldCount - 1].valueOffset
        fields[fieldCount - 1].valueLength = UInt32(end) - value
      } else {
        readField(source, start..<end)
      }
      isFirst = false
      start = lineFeed + 1
    }
  }

  private func readFirstLine(_ source: [UInt8], _ range: Range<Int>) {
    let line = source[range]
    guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20) else { return }
    firstWord = String(decoding: line[..<first], as: UTF8.self)
    if firstWord.hasPrefix("HTTP/") {
      lastWord = String(decoding: line[(first + 1)...].prefix(3), as: UTF8.self)
      let phrase = min(first + 5, range.upperBound)
      firstLineRange = byteRange(phrase, range.upperBound)
    } else {
      lastWord = String(decoding: line[(last + 1)...], as: UTF8.self)
      // Blanks around the target are skipped, as llhttp does.
      var from = first
      while from < last, source[from] == 0x20 { from += 1 }
      var to = last
      while to > from, source[to - 1] == 0x20 { to -= 1 }
      firstLineRange = byteRange(from, to)
    }
  }

  private func readField(_ source: [UInt8], _ range: Range<Int>) {
    let colon = source[range].firstIndex(of: 0x3a) ?? range.upperBound
    var nameEnd = colon
    while nameEnd > range.lowerBound, source[nameEnd - 1] == 0x20 { nameEnd -= 1 }
    var start = min(colon + 1, range.upperBound)
    while start < range.upperBound, source[start] == 0x20 || source[start] == 0x09 { start += 1 }
    var end = range.upperBound
    while end > start, source[end - 1] == 0x20 || source[end - 1] == 0x09 { end -= 1 }
    let name = ByteSlice(bytes + range.lowerBound, nameEnd - range.lowerBound)
    (fields + fieldCount).initialize(
      to: Field(
        nameOffset: UInt32(range.lowerBound), nameLength: UInt16(name.count),
        valueOffset: UInt32(start), valueLength: UInt32(end - start),
        kind: FieldClassifier.kind(of: name)))
    fieldCount += 1
  }

  private func byteRange(_ start: Int, _ end: Int) -> ByteRange {
    ByteRange(offset: UInt32(start), length: UInt32(max(0, end - start)))
  }

  // MARK: - Reading back

  func text(_ range: ByteRange) -> String {
    String(decoding: range.slice(in: bytes).buffer, as: UTF8.self)
  }
  func name(_ index: Int) -> String { text(fields[index].name) }
  func value(_ index: Int) -> String { text(fields[index].value) }

  /// The lines that are not dropped, as `Name: value`.
  var forwarded: [String] {
    (0..<fieldCount).filter { !fields[$0].isDropped }.map { "\(name($0)): \(value($0))" }
  }

  /// What a parser would go by: the last coding, else the first length.
  var framing: Framing? {
    var length: UInt64?
    for index in 0..<fieldCount {
      if fields[index].kind == .transferEncoding { return .chunked }
      if fields[index].kind == .contentLength, length == nil {
        length = UInt64(value(index).prefix { $0.isNumber })
      }
    }
    return length.map { .length($0) }
  }

  func requestHead() -> RequestHead {
    let methods: [String: HTTPSemantics.Method] = [
      "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete,
      "CONNECT": .connect, "OPTIONS": .options, "TRACE": .trace, "PATCH": .patch,
    ]
    return RequestHead(
      base: UnsafePointer(bytes), fields: fields, fieldCount: fieldCount,
      method: methods[firstWord] ?? .other, version: lastWord == "HTTP/1.0" ? .http10 : .http11,
      target: firstLineRange, framing: framing ?? .none, keepAlive: true)
  }

  func responseHead(to method: HTTPSemantics.Method) -> ResponseHead {
    let status = UInt16(lastWord) ?? 0
    let hasNoBody = status < 200 || status == 204 || status == 304 || method.isHead
    let body = framing ?? .untilClose
    return ResponseHead(
      base: UnsafePointer(bytes), fields: fields, fieldCount: fieldCount,
      version: firstWord == "HTTP/1.0" ? .http10 : .http11, status: status,
      phrase: firstLineRange, framing: hasNoBody ? .none : body, keepAlive: true)
  }
}

/// A request after the rules have seen it.
struct JudgedRequest {
  let fixture: HeadFixture
  let head: RequestHead
  let facts: RequestFacts
  let verdict: RequestVerdict

  init(_ raw: String, underscores: UnderscoreFields = .drop, parserFraming: Framing? = nil) {
    let fixture = HeadFixture(raw)
    var head = fixture.requestHead()
    if let parserFraming { head.framing = parserFraming }
    var facts = RequestFacts()
    verdict = RequestRules.judge(
      &head, rules: RequestRuleSettings(underscoreFields: underscores), into: &facts)
    self.fixture = fixture
    self.head = head
    self.facts = facts
  }

  var forwarded: [String] { fixture.forwarded }
  func text(_ range: ByteRange) -> String { fixture.text(range) }
}

/// A response after the rules have seen it.
struct JudgedResponse {
  let fixture: HeadFixture
  let head: ResponseHead
  let facts: ResponseFacts
  let verdict: ResponseVerdict

  init(
    _ raw: String, to method: HTTPSemantics.Method = .get, client: HTTPVersion = .http11,
    offered: String? = nil, parserFraming: Framing? = nil
  ) {
    let fixture = HeadFixture(raw)
    var head = fixture.responseHead(to: method)
    if let parserFraming { head.framing = parserFraming }
    var facts = ResponseFacts()
    var offer = Array((offered ?? "").utf8)
    verdict = offer.withUnsafeMutableBufferPointer { buffer in
      let slice = buffer.baseAddress.map { ByteSlice(UnsafePointer($0), buffer.count) }
      let context = ResponseContext(
        requestMethod: method, clientVersion: client, offeredUpgrade: offered == nil ? nil : slice)
      return ResponseRules.judge(&head, context, into: &facts)
    }
    self.fixture = fixture
    self.head = head
    self.facts = facts
  }

  var forwarded: [String] { fixture.forwarded }
}

/// Calls `body` with the bytes of `text`, in an allocation of exactly their size.
func withBytes<Result>(_ text: String, _ body: (ByteSlice) -> Result) -> Result {
  withBytes(Array(text.utf8), body)
}

func withBytes<Result>(_ bytes: [UInt8], _ body: (ByteSlice) -> Result) -> Result {
  let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
  defer { copy.deallocate() }
  copy.initialize(from: bytes, count: bytes.count)
  return body(ByteSlice(UnsafePointer(copy), bytes.count))
}

/// What `body` writes into a room of `capacity` bytes; nil when it overflowed.
func written(capacity: Int = 65_536, _ body: (inout ByteWriter) -> Void) -> String? {
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: capacity)
  body(&writer)
  if writer.overflowed { return nil }
  return String(decoding: writer.written.buffer, as: UTF8.self)
}
