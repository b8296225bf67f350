// Why this file exists: a strict JSON reader that keeps the order of members, because the order of
// the access log's fields is part of the contract.

struct JSONError: Error, CustomStringConvertible {
  let description: String
}

indirect enum JSON: Equatable {
  case object([Member])
  case array([JSON])
  case string(String)
  /// The digits as written, so that a fraction can be told from a whole number.
  case number(String)
  case bool(Bool)
  case null

  struct Member: Equatable {
    let name: String
    let value: JSON
  }

  init(parsing text: String) throws {
    var reader = Reader(bytes: Array(text.utf8))
    self = try reader.document()
  }

  subscript(_ name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  subscript(_ index: Int) -> JSON? {
    guard case .array(let items) = self, items.indices.contains(index) else { return nil }
    return items[index]
  }

  var names: [String] {
    guard case .object(let members) = self else { return [] }
    return members.map(\.name)
  }

  var items: [JSON] {
    guard case .array(let items) = self else { return [] }
    return items
  }

  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  var number: Double? {
    guard case .number(let digits) = self else { return nil }
    return Double(digits)
  }

  var integer: Int? {
    guard case .number(let digits) = self else { return nil }
    return Int(digits)
  }

  fileprivate struct Reader {
    let bytes: [UInt8]
    var index = 0

    mutating func document() throws -> JSON {
      let value = try self.value(depth: 0)
      skipSpace()
      guard index == bytes.count else { throw error("something follows the value") }
      return value
    }

    private func error(_ what: String) -> JSONError {
      JSONError(
        description: "JSON: \(what) at byte \(index) of \(readable(bytes, limit: 2_000))")
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
      while let byte = current, [32, 9, 10, 13].contains(byte) { index += 1 }
    }

    private mutating func expect(_ text: StaticString) throws {
      let wanted = String(describing: text)
      guard bytes[index...].starts(with: wanted.utf8) else { throw error("no '\(wanted)'") }
      index += wanted.utf8.count
    }

    private mutating func value(depth: Int) throws -> JSON {
      guard depth < 64 else { throw error("too deep") }
      skipSpace()
      switch current {
      case UInt8(ascii: "{"): return .object(try members(depth: depth))
      case UInt8(ascii: "["): return .array(try elements(depth: depth))
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"):
        try expect("true")
        return .bool(true)
      case UInt8(ascii: "f"):
        try expect("false")
        return .bool(false)
      case UInt8(ascii: "n"):
        try expect("null")
        return .null
      default: return .number(try number())
      }
    }

    private mutating func members(depth: Int) throws -> [Member] {
      index += 1
      skipSpace()
      var members: [Member] = []
      if current == UInt8(ascii: "}") {
        index += 1
        return members
      }
      while true {
        skipSpace()
        let name = try string()
        guard !members.contains(where: { $0.name == name }) else { throw error("again \(name)") }
        skipSpace()
        try expect(":")
        members.append(Member(name: name, value: try value(depth: depth + 1)))
        skipSpace()
        if current == UInt8(ascii: "}") { break }
        try expect(",")
      }
      index += 1
      return members
    }

    private mutating func elements(depth: Int) throws -> [JSON] {
      index += 1
      skipSpace()
      var items: [JSON] = []
      if current == UInt8(ascii: "]") {
        index += 1
        return items
      }
      while true {
        items.append(try value(depth: depth + 1))
        skipSpace()
        if current == UInt8(ascii: "]") { break }
        try expect(",")
      }
      index += 1
      return items
    }

    private mutating func string() throws -> String {
      try expect("\"")
      var out: [UInt8] = []
      while let byte = current, byte != UInt8(ascii: "\"") {
        guard byte >= 32 else { throw error("a control byte in a string") }
        index += 1
        if byte == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(byte) }
      }
      try expect("\"")
      guard let text = String(validating: out, as: UTF8.self) else { throw error("not UTF-8") }
      return text
    }

    private mutating func escape(into out: inout [UInt8]) throws {
      guard let byte = current else { throw error("cut off") }
      index += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
      case UInt8(ascii: "b"): out.append(8)
      case UInt8(ascii: "f"): out.append(12)
      case UInt8(ascii: "n"): out.append(10)
      case UInt8(ascii: "r"): out.append(13)
      case UInt8(ascii: "t"): out.append(9)
      case UInt8(ascii: "u"):
        var unit = try fourDigits()
        if (0xd800..<0xdc00).contains(unit) {
          try expect("\\u")
          unit = 0x10000 + (unit - 0xd800) << 10 + (try fourDigits()) - 0xdc00
        }
        guard let scalar = Unicode.Scalar(unit) else { throw error("not a scalar") }
        out += String(Character(scalar)).utf8
      default: throw error("unknown escape")
      }
    }

    private mutating func fourDigits() throws -> UInt32 {
      let digits = String(decoding: bytes[index...].prefix(4), as: UTF8.self)
      guard digits.utf8.count == 4, let unit = UInt32(digits, radix: 16) else {
        throw error("not four digits")
      }
      index += 4
      return unit
    }

    private mutating func number() throws -> String {
      let start = index
      while let byte = current, "+-.0123456789eE".utf8.contains(byte) { index += 1 }
      let digits = String(decoding: bytes[start..<index], as: UTF8.self)
      guard Double(digits) != nil, !digits.hasPrefix("+"), !digits.hasPrefix(".") else {
        throw error("not a value")
      }
      return digits
    }
  }
}
