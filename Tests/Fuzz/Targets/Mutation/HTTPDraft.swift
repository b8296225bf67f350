// Why this file exists: the bytes of a connection as messages, lines and bodies that can be moved
// about. It reads everything somehow, and writes exactly what it has read.

/// A line and what ends it.
struct DraftLine: Equatable {
  var text: [UInt8]
  var end: [UInt8]

  init(_ text: [UInt8], end: [UInt8] = DraftLine.crlf) {
    self.text = text
    self.end = end
  }
  init(_ text: String) { self.init(Array(text.utf8)) }

  static let crlf: [UInt8] = [0x0D, 0x0A]

  var bytes: [UInt8] { text + end }

  /// The first line of `bytes`, up to and with its line feed.
  init(first bytes: ArraySlice<UInt8>) {
    let feed = bytes.firstIndex(of: 0x0A)
    var textEnd = feed ?? bytes.endIndex
    if feed != nil, textEnd > bytes.startIndex, bytes[textEnd - 1] == 0x0D { textEnd -= 1 }
    text = Array(bytes[..<textEnd])
    end = Array(bytes[textEnd..<(feed.map { $0 + 1 } ?? bytes.endIndex)])
  }

  static func all(_ bytes: [UInt8]) -> [DraftLine] {
    var lines: [DraftLine] = []
    var at = 0
    while at < bytes.count {
      let line = DraftLine(first: bytes[at...])
      lines.append(line)
      at += line.bytes.count
    }
    return lines
  }

  /// Name and value around the first colon.
  var parts: (name: [UInt8], value: [UInt8]) {
    guard let colon = text.firstIndex(of: 0x3A) else { return (text, []) }
    return (Array(text[..<colon]), Array(text[(colon + 1)...]))
  }

  /// Begins a message.
  var isFirst: Bool {
    text.starts(with: "HTTP/".utf8) || text.suffix(9).starts(with: " HTTP/1.".utf8)
  }
}

struct HTTPDraft {
  var first: DraftLine
  var fields: [DraftLine] = []
  /// The empty line; nil where the head does not end.
  var gap: DraftLine?
  var body: [UInt8] = []

  var bytes: [UInt8] {
    first.bytes + fields.flatMap(\.bytes) + (gap?.bytes ?? []) + body
  }

  /// The messages of a connection.
  static func read(_ bytes: [UInt8]) -> [HTTPDraft] {
    var drafts: [HTTPDraft] = []
    for line in DraftLine.all(bytes) {
      guard var draft = drafts.last, !(line.isFirst && draft.gap != nil) else {
        drafts.append(HTTPDraft(first: line))
        continue
      }
      if draft.gap != nil {
        draft.body += line.bytes
      } else if line.text.isEmpty {
        draft.gap = line
      } else {
        draft.fields.append(line)
      }
      drafts[drafts.count - 1] = draft
    }
    return drafts
  }

  static func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    var drafts = read(bytes)
    if drafts.isEmpty { drafts = [HTTPDraft.plain(isRequest: random.oneOf(2), &random)] }
    let index = random.below(drafts.count)
    let isRequest = !drafts[index].first.text.starts(with: "HTTP/".utf8)
    switch random.below(16) {
    case 0: drafts.shuffleOne(&random)
    case 1: drafts.insert(plain(isRequest: isRequest, &random), at: random.below(drafts.count + 1))
    case 2, 3: drafts[index].changeFirst(isRequest: isRequest, &random)
    case 4, 5: drafts[index].frame(&random)
    case 6: drafts[index].body = ChunkDraft.changed(drafts[index].body, &random)
    case 7: drafts[index].changeBody(&random)
    default: FieldLines.change(&drafts[index].fields, &random)
    }
    // A length that no longer fits hides what else was changed.
    if !random.oneOf(4), index < drafts.count { drafts[index].mendLength() }
    return drafts.flatMap(\.bytes)
  }

  /// Messages of both, or one with fields of the other.
  static func crossed(_ one: [UInt8], _ other: [UInt8], _ random: inout Dice) -> [UInt8] {
    var drafts = read(one)
    let others = read(other)
    guard !drafts.isEmpty, !others.isEmpty else { return one + other }
    let index = random.below(drafts.count)
    let taken = random.pick(others)
    switch random.below(4) {
    case 0: drafts.insert(taken, at: random.below(drafts.count + 1))
    case 1: drafts[index].body = taken.body
    case 2: drafts[index].first = taken.first
    default:
      for field in taken.fields where random.oneOf(2) {
        drafts[index].fields.insert(field, at: random.below(drafts[index].fields.count + 1))
      }
    }
    return drafts.flatMap(\.bytes)
  }

  private static func plain(isRequest: Bool, _ random: inout Dice) -> HTTPDraft {
    var draft = HTTPDraft(
      first: DraftLine(random.pick(isRequest ? HTTPWords.requestLines : HTTPWords.statusLines)))
    if isRequest { draft.fields = [DraftLine("Host: h")] }
    draft.gap = DraftLine("")
    if random.oneOf(2) { draft.frame(&random) }
    return draft
  }

  // MARK: First lines

  private mutating func changeFirst(isRequest: Bool, _ random: inout Dice) {
    let lines = isRequest ? HTTPWords.requestLines : HTTPWords.statusLines
    var parts = first.text.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
      .map(Array.init)
    let other = Array(random.pick(lines).utf8)
      .split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
    switch random.below(8) {
    case 0: first.end = Array(random.pick(HTTPWords.lineEnds).utf8)
    case 1: first.text = parts.flatMap { $0 + Array(random.pick(HTTPWords.blanks).utf8) }
    case 2: first = DraftLine(random.pick(lines))
    case 3 where isRequest && parts.count == 3:
      parts[1] = PathDraft.changed(parts[1], &random)
      first.text = Array(parts.joined(separator: [0x20]))
    default:
      let index = random.below(min(parts.count, other.count))
      parts[index] = other[index]
      first.text = Array(parts.joined(separator: [0x20]))
    }
  }

  // MARK: Bodies

  /// Gives the body another frame: the right one, none, or two.
  private mutating func frame(_ random: inout Dice) {
    let framing = ["content-length", "transfer-encoding"]
    if !random.oneOf(4) { fields.removeAll { framing.contains(Grammar.lower($0.parts.name)) } }
    let data = random.oneOf(3) ? body : Array(random.pick(HTTPWords.bodies).utf8)
    if gap == nil { gap = DraftLine("") }
    switch random.below(5) {
    case 0, 1:
      body = data
      insert(DraftLine("Content-Length: \(data.count)"), &random)
    case 2, 3:
      body = ChunkDraft.chunked(data, &random)
      insert(DraftLine("Transfer-Encoding: chunked"), &random)
    default: insert(DraftLine(random.pick(HTTPWords.framings)), &random)
    }
  }

  private mutating func insert(_ field: DraftLine, _ random: inout Dice) {
    fields.insert(field, at: random.below(fields.count + 1))
  }

  private mutating func changeBody(_ random: inout Dice) {
    switch random.below(5) {
    case 0: body = Array(body.prefix(random.below(body.count + 1)))
    case 1: body += Array(random.pick(HTTPWords.bodies).utf8)
    case 2: body = Array(random.pick(HTTPWords.bodies).utf8)
    case 3: body.insert(random.byte(), at: random.below(body.count + 1))
    default: body += body
    }
  }

  /// Sets a plain Content-Length right.
  private mutating func mendLength() {
    for index in fields.indices {
      let (name, value) = fields[index].parts
      guard Grammar.lower(name) == "content-length", Grammar.decimal(Grammar.trimmed(value)) != nil
      else { continue }
      fields[index].text = name + Array(": \(body.count)".utf8)
    }
  }
}
