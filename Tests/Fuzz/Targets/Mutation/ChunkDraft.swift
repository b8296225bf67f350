// Why this file exists: a chunked body as chunks that can be spelt, moved and broken.

struct ChunkDraft {
  /// The size as written, with what follows it on its line.
  var line: DraftLine
  var data: [UInt8] = []
  /// What follows the data.
  var end: [UInt8] = []

  var bytes: [UInt8] { line.bytes + data + end }

  /// Chunks, and the trailer section with all that is behind it.
  static func read(_ bytes: [UInt8]) -> (chunks: [ChunkDraft], rest: [UInt8]) {
    var chunks: [ChunkDraft] = []
    var at = 0
    while at < bytes.count {
      let line = DraftLine(first: bytes[at...])
      let digits = line.text.prefix { Int(String(decoding: [$0], as: UTF8.self), radix: 16) != nil }
      guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else { break }
      at += line.bytes.count
      var chunk = ChunkDraft(line: line)
      chunk.data = Array(bytes[at...].prefix(size))
      at += chunk.data.count
      if size > 0, bytes[at...].starts(with: DraftLine.crlf) { chunk.end = DraftLine.crlf }
      at += chunk.end.count
      chunks.append(chunk)
      if size == 0 { break }
    }
    return (chunks, Array(bytes[min(at, bytes.count)...]))
  }

  static func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    var (chunks, rest) = read(bytes)
    if chunks.isEmpty { return chunked(rest, &random) }
    let index = random.below(chunks.count)
    switch random.below(8) {
    case 0: chunks.shuffleOne(&random)
    case 1: chunks.insert(ChunkDraft(data: [0x78], &random), at: random.below(chunks.count + 1))
    case 2: chunks[index].respell(&random)
    case 3, 4: chunks[index].line.text += Array(random.pick(extensions).utf8)
    case 5:
      let end = Array(random.pick(HTTPWords.lineEnds).utf8)
      if random.oneOf(2) { chunks[index].line.end = end } else { chunks[index].end = end }
    case 6: rest = trailers(rest, &random)
    default:
      chunks[index].data.insert(random.byte(), at: random.below(chunks[index].data.count + 1))
      if !random.oneOf(4) { chunks[index].mendSize() }
    }
    return chunks.flatMap(\.bytes) + rest
  }

  private static let extensions = [
    ";a", ";a=b", ";a=\"b\"", ";a=\"b;\\\"c\"", "; a", ";", ";a=", ";=b", " ", "\t", ";a=\"b",
    ";a=b\"c",
    ";a=\u{0A}", "h", ";a=\"\\\r\n\"", ",", ";a=\"\u{00}\"", ";a;b=c;d",
  ]

  /// Changes the lines behind the last chunk.
  private static func trailers(_ rest: [UInt8], _ random: inout Dice) -> [UInt8] {
    var lines = DraftLine.all(rest)
    let gap = lines.firstIndex { $0.text.isEmpty } ?? lines.count
    var section = Array(lines[..<gap])
    if section.isEmpty, random.oneOf(2) { section = [DraftLine("X-Trace: 1")] }
    FieldLines.change(&section, &random)
    lines.replaceSubrange(..<gap, with: section)
    if gap == lines.count { lines.append(DraftLine("")) }
    return lines.flatMap(\.bytes)
  }

  /// A body of some chunks, and its end.
  static func chunked(_ data: [UInt8], _ random: inout Dice) -> [UInt8] {
    var out: [UInt8] = []
    var rest = data[...]
    while !rest.isEmpty {
      let part = rest.prefix(1 + random.below(rest.count))
      out += ChunkDraft(data: Array(part), &random).bytes
      rest = rest.dropFirst(part.count)
    }
    out += Array("0\r\n".utf8)
    if random.oneOf(3) { out += FieldLines.made(&random).bytes }
    return out + DraftLine.crlf
  }

  private init(line: DraftLine) { self.line = line }

  private init(data: [UInt8], _ random: inout Dice) {
    line = DraftLine(String(data.count, radix: 16, uppercase: random.oneOf(2)))
    self.data = data
    end = DraftLine.crlf
  }

  private mutating func mendSize() { line = DraftLine(String(data.count, radix: 16)) }

  /// The same size, or a wrong one, in other letters.
  private mutating func respell(_ random: inout Dice) {
    let size = data.count
    let hex = String(size, radix: 16)
    line.text = Array(
      random.pick([
        "0" + hex, "00000000000000000000" + hex, "+" + hex, "-" + hex, "0x" + hex, hex + " ",
        " " + hex,
        hex.uppercased(), String(size + 1, radix: 16), "ffffffffffffffff", "10000000000000000", "",
        String(repeating: "0", count: 200) + hex, hex + "_", String(size),
      ]).utf8)
  }
}
