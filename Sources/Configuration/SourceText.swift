// Why this file exists: before a parser sees a file, its bytes are judged here, so that everything
// behind this door works on valid UTF-8; afterwards its lines are shown next to the complaints.

/// The bytes of a configuration file.
struct SourceText {
  /// 16 MiB.
  static let maximumSize = 16 << 20

  let bytes: [UInt8]
  /// A byte order mark is not part of the text.
  private let start: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  struct Problem: Error, Equatable {
    var position: SourcePosition
    var code: DiagnosticCode
    var message: String
    var suggestion: String?
  }

  // MARK: Judging

  /// The first byte that no configuration file may hold.
  func firstProblem() -> Problem? {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      return Problem(
        position: SourcePosition(line: 1, column: 1), code: .encoding,
        message: "the file is UTF-16", suggestion: "save it as UTF-8")
    }
    let version = Array("%YAML ".utf8)
    var position = SourcePosition(line: 1, column: 1)
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "%"), position.column == 1, !bytes[index...].starts(with: version) {
        return Problem(
          position: position, code: .syntax,
          message: "a line that begins with '%' is a directive, and only %YAML is allowed",
          suggestion: "put a value that begins with '%' in quotes")
      }
      if byte >= 0x20 && byte < 0x7F || byte == 0x09 {
        index += 1
        position.column += 1
      } else if byte == 0x0A || byte == 0x0D {
        index += byte == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 2 : 1
        position = SourcePosition(line: position.line + 1, column: 1)
      } else {
        guard let (scalar, length) = scalar(at: index) else {
          return Problem(
            position: position, code: .encoding,
            message: "byte 0x\(SourceText.hex(byte)) does not belong to valid UTF-8",
            suggestion: "save the file as UTF-8")
        }
        if let message = SourceText.refusal(of: scalar) {
          return Problem(position: position, code: .encoding, message: message)
        }
        index += length
        position.column += 1
      }
    }
    return nil
  }

  /// Decodes one scalar of two bytes or more, or a control character (RFC 3629 section 4).
  private func scalar(at index: Int) -> (Unicode.Scalar, length: Int)? {
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    guard first >= 0xC2, first <= 0xF4, index + length <= bytes.count else { return nil }
    var value = UInt32(first) & (0x7F >> UInt32(length))
    for offset in 1..<length {
      guard bytes[index + offset] & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(bytes[index + offset] & 0x3F)
    }
    // Overlong forms; surrogates and too large values are refused by the initialiser.
    guard value >= (length == 4 ? 0x1_0000 : length == 3 ? 0x800 : 0x80) else { return nil }
    return Unicode.Scalar(value).map { ($0, length) }
  }

  /// Why a scalar may not stand in a file; the same set that YAML 1.2 section 5.1 calls not
  /// printable, and three more line ends that no editor counts.
  private static func refusal(of scalar: Unicode.Scalar) -> String? {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F:
      "control character U+\(hex(UInt8(scalar.value), width: 4)) is not allowed"
    case 0x2028, 0x2029:
      "the line separator U+\(String(scalar.value, radix: 16, uppercase: true)) is not allowed"
    case 0xFEFF: "a byte order mark is allowed only at the beginning of the file"
    case 0xFFFE, 0xFFFF: "U+\(String(scalar.value, radix: 16, uppercase: true)) is not a character"
    default: nil
    }
  }

  private static func hex(_ byte: UInt8, width: Int = 2) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return String(repeating: "0", count: width - digits.count) + digits
  }

  // MARK: Showing

  /// The text of each of these lines that exists, without its line end.
  func lines(_ wanted: Set<Int>) -> [Int: String] {
    var found: [Int: String] = [:]
    let last = wanted.max() ?? 0
    var number = 1
    var lineStart = start
    while number <= last {
      var end = lineStart
      while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
      if wanted.contains(number) {
        found[number] = String(decoding: bytes[lineStart..<end], as: UTF8.self)
      }
      guard end < bytes.count else { break }
      let isPair = bytes[end] == 0x0D && end + 1 < bytes.count && bytes[end + 1] == 0x0A
      lineStart = end + (isPair ? 2 : 1)
      number += 1
    }
    return found
  }

  /// The scalar at a place; nil at the end of a line.
  func scalar(at position: SourcePosition) -> Unicode.Scalar? {
    guard let line = lines([position.line])[position.line] else { return nil }
    return line.unicodeScalars.dropFirst(position.column - 1).first
  }

  /// The line with an asterisk for every character in one of the ranges.
  static func hiding(_ ranges: [SourceRange], in line: String, number: Int) -> String {
    let touching = ranges.filter { $0.start.line <= number && number <= $0.end.line }
    if touching.isEmpty { return line }
    var shown = String.UnicodeScalarView()
    var position = SourcePosition(line: number, column: 1)
    for scalar in line.unicodeScalars {
      let isHidden = touching.contains { $0.start <= position && position < $0.end }
      shown.append(isHidden ? "*" : scalar)
      position.column += 1
    }
    return String(shown)
  }
}
