// Why this file exists: the schema and the diagnostics are written as JSON, with their keys in the
// order in which they are best read.

/// A JSON text (RFC 8259).
indirect enum JSONValue: Equatable {
  case object([Member])
  case array([JSONValue])
  case string(String)
  case integer(Int64)
  case boolean(Bool)
  case null

  struct Member: Equatable {
    var key: String
    var value: JSONValue
  }

  static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(members.map { Member(key: $0.0, value: $0.1) })
  }

  /// Indented by two spaces; short arrays and objects of plain values stand on one line.
  var text: String {
    var text = ""
    write(into: &text, indentation: "")
    return text
  }

  private var isPlain: Bool {
    switch self {
    case .object(let members): members.isEmpty
    case .array(let values): values.isEmpty
    case .string, .integer, .boolean, .null: true
    }
  }

  private func write(into text: inout String, indentation: String) {
    switch self {
    case .string(let string): JSONValue.write(string, into: &text)
    case .integer(let number): text += String(number)
    case .boolean(let value): text += value ? "true" : "false"
    case .null: text += "null"
    case .array(let values):
      let isShort = values.count <= 8 && values.allSatisfy(\.isPlain)
      JSONValue.write(
        values.count, "[", "]", isShort: isShort, into: &text, indentation
      ) { index, text, inner in
        values[index].write(into: &text, indentation: inner)
      }
    case .object(let members):
      JSONValue.write(
        members.count, "{", "}", isShort: members.count == 1 && members[0].value.isPlain,
        into: &text, indentation
      ) { index, text, inner in
        JSONValue.write(members[index].key, into: &text)
        text += ": "
        members[index].value.write(into: &text, indentation: inner)
      }
    }
  }

  private static func write(
    _ count: Int, _ open: String, _ close: String, isShort: Bool, into text: inout String,
    _ indentation: String, entry: (Int, inout String, String) -> Void
  ) {
    text += open
    let inner = indentation + "  "
    for index in 0..<count {
      if index > 0 { text += isShort ? ", " : "," }
      if !isShort { text += "\n" + inner }
      entry(index, &text, inner)
    }
    if !isShort && count > 0 { text += "\n" + indentation }
    text += close
  }

  private static func write(_ string: String, into text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      default:
        if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }
}
