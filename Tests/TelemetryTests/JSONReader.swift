// Why this file exists: log lines are judged by reading them as strictly as RFC 8259 is written,
// not by comparing them with what the writer happens to write.

indirect enum JSONValue: Equatable {
  case null
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  subscript(_ name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }
  subscript(_ index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
  var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var number: Int? { if case .number(let digits) = self { Int(digits) } else { nil } }
}

struct JSONMember: Equatable {
  var name: String
  var value: JSONValue
}

/// Reads one JSON object, strictly; nil for whatever is not exactly that.
struct JSONReader {
  private let bytes: [UInt8]
  private var index = 0

  static func object(_ bytes: [UInt8]) -> [(key: String, value: JSONValue)]? {
    var reader = JSONReader(bytes: bytes)
    guard let members = reader.object(), reader.index == bytes.count else { return nil }
    return members
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func object() -> [(key: String, value: JSONValue)]? {
    var members: [(String, JSONValue)] = []
    guard take(0x7b) else { return nil }
    if take(0x7d) { return members }
    while true {
      guard let key = string(), take(0x3a), let value = value() else { return nil }
      members.append((key, value))
      if take(0x7d) { return members }
      guard take(0x2c) else { return nil }
    }
  }

  private mutating func value() -> JSONValue? {
    guard index < bytes.count else { return nil }
    switch bytes[index] {
    case 0x22: return string().map { .string($0) }
    case 0x7b:
      return object().map { .object($0.map { JSONMember(name: $0.key, value: $0.value) }) }
    case 0x5b: return array().map { .array($0) }
    default: break
    }
    let start = index
    while index < bytes.count, ![0x2c, 0x7d, 0x5d].contains(bytes[index]) { index += 1 }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    if text == "null" { return .null }
    return text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/) == nil ? nil : .number(text)
  }

  private mutating func array() -> [JSONValue]? {
    var elements: [JSONValue] = []
    guard take(0x5b) else { return nil }
    if take(0x5d) { return elements }
    while true {
      guard let value = value() else { return nil }
      elements.append(value)
      if take(0x5d) { return elements }
      guard take(0x2c) else { return nil }
    }
  }

  private mutating func string() -> String? {
    guard take(0x22) else { return nil }
    var out: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case 0x22: return String(validating: out, as: UTF8.self)
      case 0..<0x20: return nil
      case 0x5c:
        guard let escaped = escape() else { return nil }
        out.append(contentsOf: escaped)
      default: out.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> [UInt8]? {
    guard index < bytes.count else { return nil }
    let byte = bytes[index]
    index += 1
    switch byte {
    case 0x22, 0x5c, 0x2f: return [byte]
    case 0x75:
      guard index + 4 <= bytes.count else { return nil }
      let digits = String(decoding: bytes[index..<index + 4], as: UTF8.self)
      index += 4
      guard let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) else {
        return nil
      }
      return Array(String(scalar).utf8)
    default: return nil
    }
  }
}
