// Why this file exists: people type orders to a demo backend by hand, as a query, as curl's -d or
// as JSON; all three become names with texts here.

import Primitives

enum DemoOrder {
  /// `a=b&c=d` as in a query or a form. A percent sign that begins no triplet stands for itself,
  /// because `share=50%` is what people type.
  static func form(_ text: Substring) -> [String: String] {
    var settings: [String: String] = [:]
    for pair in text.split(whereSeparator: { $0 == "&" || $0.isNewline }) {
      let name = pair.prefix { $0 != "=" }
      let value = pair[name.endIndex...].dropFirst()
      settings[ASCII.formDecoded(name.utf8)] = ASCII.formDecoded(value.utf8)
    }
    return settings
  }

  /// A JSON object (RFC 8259) of texts without escapes and of numbers; nil for anything else.
  static func json(_ text: String) -> [String: String]? {
    var rest = text[...]
    var settings: [String: String] = [:]
    guard take("{", &rest) else { return nil }
    if take("}", &rest) { return isBlank(rest) ? settings : nil }
    repeat {
      guard let name = string(&rest), take(":", &rest), let value = string(&rest) ?? number(&rest)
      else { return nil }
      settings[name] = value
    } while take(",", &rest)
    return take("}", &rest) && isBlank(rest) ? settings : nil
  }

  private static func isBlank(_ text: Substring) -> Bool { text.allSatisfy(\.isWhitespace) }

  private static func take(_ character: Character, _ rest: inout Substring) -> Bool {
    rest = rest.drop(while: \.isWhitespace)
    guard rest.first == character else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func string(_ rest: inout Substring) -> String? {
    guard take("\"", &rest), let end = rest.firstIndex(of: "\"") else { return nil }
    let value = rest[..<end]
    rest = rest[rest.index(after: end)...]
    return value.contains("\\") ? nil : String(value)
  }

  private static func number(_ rest: inout Substring) -> String? {
    let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    rest = rest[digits.endIndex...]
    return digits.isEmpty ? nil : String(digits)
  }
}
