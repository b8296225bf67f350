// Why this file exists: rules about code must not stumble over comments and strings, so both are
// blanked out before a rule looks; and functions are found with their extent.

/// Swift source with everything in comments and string literals replaced by spaces, line by line.
struct SwiftCode {
  let bytes: [UInt8]
  let lines: [Substring]

  init(_ text: String) {
    var blanker = Blanker(input: Array(text.utf8))
    bytes = blanker.run()
    lines = String(decoding: bytes, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  struct Function {
    let name: String
    /// The first line of the declaration, from 1.
    let line: Int
    let lineCount: Int
  }

  /// Every function and initialiser that has a body; nested ones count for themselves and for the
  /// function around them.
  var functions: [Function] {
    var found: [Function] = []
    var line = 1
    var before = newline
    for (index, byte) in bytes.enumerated() {
      defer { before = byte }
      if byte == newline { line += 1 }
      // Only the first letters of keywords, and only where a word begins.
      guard "fids".utf8.contains(byte), !isIdentifier(before) else { continue }
      for keyword in Self.keywords where isWord(keyword, at: index) {
        if let end = endOfBody(after: index + keyword.count) {
          let count = bytes[index...end].count { $0 == newline } + 1
          found.append(Function(name: name(at: index), line: line, lineCount: count))
        }
      }
    }
    return found
  }

  private static let keywords = ["func", "init", "deinit", "subscript"].map { Array($0.utf8) }

  private func name(at index: Int) -> String {
    let text = bytes[index...].prefix { $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: "{") }
    return String(decoding: text.prefix(60), as: UTF8.self)
  }

  private func isWord(_ word: [UInt8], at index: Int) -> Bool {
    guard bytes[index] == word[0], bytes[index...].starts(with: word) else { return false }
    // `.init(` and `#selector`-like uses are calls, not declarations.
    if index > 0, isIdentifier(bytes[index - 1]) || bytes[index - 1] == UInt8(ascii: ".") {
      return false
    }
    let after = index + word.count
    return after < bytes.count && !isIdentifier(bytes[after])
  }

  private func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "`"), 128...255:
      return true
    default: return false
    }
  }

  /// The index of the brace that closes the body; nil for a requirement without one.
  private func endOfBody(after start: Int) -> Int? {
    var parentheses = 0
    var index = start
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
      case UInt8(ascii: "{") where parentheses == 0: return closingBrace(from: index)
      case UInt8(ascii: "}") where parentheses == 0: return nil
      default:
        if parentheses < 0 { return nil }
        if parentheses == 0, Self.declarations.contains(where: { isWord($0, at: index) }) {
          return nil
        }
      }
      index += 1
    }
    return nil
  }

  private static let declarations = ["func", "var", "let", "init", "case", "static", "struct"]
    .map { Array($0.utf8) }

  private func closingBrace(from open: Int) -> Int? {
    var depth = 0
    for index in open..<bytes.count {
      if bytes[index] == UInt8(ascii: "{") { depth += 1 }
      if bytes[index] == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return nil
  }
}

private let newline = UInt8(ascii: "\n")

private struct Blanker {
  let input: [UInt8]
  private var output: [UInt8] = []
  private var index = 0

  init(input: [UInt8]) {
    self.input = input
    output.reserveCapacity(input.count)
  }

  mutating func run() -> [UInt8] {
    while index < input.count {
      if !"/\"#".utf8.contains(input[index]) {
        output.append(input[index])
        index += 1
      } else if has("//") {
        while index < input.count, input[index] != newline { blank() }
      } else if has("/*") {
        blockComment()
      } else if let hashes = stringStart() {
        string(hashes: hashes)
      } else {
        output.append(input[index])
        index += 1
      }
    }
    return output
  }

  private func has(_ text: StaticString, at offset: Int = 0) -> Bool {
    let start = index + offset
    guard start + text.utf8CodeUnitCount <= input.count else { return false }
    for position in 0..<text.utf8CodeUnitCount
    where input[start + position] != text.utf8Start[position] { return false }
    return true
  }

  private mutating func blank() {
    output.append(input[index] == newline ? newline : UInt8(ascii: " "))
    index += 1
  }

  private mutating func blank(_ count: Int) {
    for _ in 0..<count where index < input.count { blank() }
  }

  private mutating func blockComment() {
    var depth = 0
    repeat {
      if has("/*") {
        depth += 1
        blank(2)
      } else if has("*/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && index < input.count
  }

  /// How many # stand before the quote here; nil where no string begins.
  private func stringStart() -> Int? {
    var hashes = 0
    while has("#", at: hashes) { hashes += 1 }
    return has("\"", at: hashes) ? hashes : nil
  }

  private mutating func string(hashes: Int) {
    blank(hashes)
    let isLong = has("\"\"\"")
    blank(isLong ? 3 : 1)
    while index < input.count {
      if has("\\"), closes(hashes, at: 1) {
        // An escape; an interpolation keeps its code visible, since code may break rules too.
        if has("(", at: 1 + hashes) {
          blank(1 + hashes)
          interpolation()
        } else {
          blank(2 + hashes)
        }
      } else if isLong ? has("\"\"\"") : has("\""), closes(hashes, at: isLong ? 3 : 1) {
        blank((isLong ? 3 : 1) + hashes)
        return
      } else {
        blank()
      }
    }
  }

  private func closes(_ hashes: Int, at offset: Int) -> Bool {
    for position in 0..<hashes where !has("#", at: offset + position) { return false }
    return true
  }

  private mutating func interpolation() {
    var depth = 0
    while index < input.count {
      if let hashes = stringStart() {
        string(hashes: hashes)
        continue
      }
      if has("(") { depth += 1 }
      if has(")") { depth -= 1 }
      output.append(input[index])
      index += 1
      if depth == 0 { return }
    }
  }
}
