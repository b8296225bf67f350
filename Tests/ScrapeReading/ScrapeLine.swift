// Why this file exists: names, labels and numbers are written alike in both forms; here each is
// read to the letter of its grammar.

/// The rest of a line, taken piece by piece.
struct ScrapeLine {
  private(set) var rest: Substring.UnicodeScalarView

  init(_ text: Substring) { rest = text.unicodeScalars }

  var isAtEnd: Bool { rest.isEmpty }

  /// Takes exactly this; false when something else stands there.
  mutating func take(_ text: String) -> Bool {
    let scalars = text.unicodeScalars
    guard rest.starts(with: scalars) else { return false }
    rest = rest.dropFirst(scalars.count)
    return true
  }

  private mutating func take(while condition: (Unicode.Scalar) -> Bool) -> String {
    let taken = rest.prefix(while: condition)
    rest = rest.dropFirst(taken.count)
    return String(taken)
  }

  /// The name of a metric (colons allowed) or a label; nil for what is none.
  mutating func name(colons: Bool) -> String? {
    let name = take {
      ScrapeLine.isLetter($0) || ScrapeLine.isDigit($0) || $0 == "_" || colons && $0 == ":"
    }
    guard let first = name.unicodeScalars.first, !ScrapeLine.isDigit(first) else { return nil }
    return name
  }

  /// Braces with labels, or nothing; nil for what is neither. A label twice is neither.
  mutating func labels(trailingComma: Bool) -> [String: String]? {
    var labels: [String: String] = [:]
    guard take("{") else { return labels }
    while !take("}") {
      if !labels.isEmpty {
        guard take(",") else { return nil }
        if trailingComma, take("}") { return labels }
      }
      guard let name = name(colons: false), take("=\""), let value = quoted(),
        labels.updateValue(value, forKey: name) == nil
      else { return nil }
    }
    return labels
  }

  /// Up to the quote that ends it.
  private mutating func quoted() -> String? {
    var value = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"": return String(value)
      case "\\":
        guard let unescaped = ScrapeLine.unescape(rest.popFirst(), quotes: true) else {
          return nil
        }
        value.append(unescaped)
      default: value.append(scalar)
      }
    }
    return nil
  }

  /// What is left of the line, a help text; nil with an escape that there is not.
  /// - Parameter quotes: a quote is escaped there too, so that a bare one is a fault.
  mutating func help(quotes: Bool) -> String? {
    var text = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "\"" && quotes { return nil }
      guard scalar == "\\" else {
        text.append(scalar)
        continue
      }
      guard let unescaped = ScrapeLine.unescape(rest.popFirst(), quotes: quotes) else { return nil }
      text.append(unescaped)
    }
    return String(text)
  }

  /// The grammar of OpenMetrics lets a backslash stand before anything; who writes one before
  /// another character than these has forgotten to escape it.
  private static func unescape(_ scalar: Unicode.Scalar?, quotes: Bool) -> Unicode.Scalar? {
    switch scalar {
    case "n": "\n"
    case "\\": "\\"
    case "\"" where quotes: "\""
    default: nil
    }
  }

  /// Up to the next space or the end, read as a number.
  mutating func number() -> Double? {
    let text = take { $0 != " " }
    return ScrapeLine.number(text[...])
  }

  static func number(_ text: Substring) -> Double? {
    switch text.lowercased() {
    case "+inf", "inf", "+infinity", "infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    case "nan": return .nan
    default: return realNumber(text)
    }
  }

  /// Digits with an optional sign, fraction and exponent. Nothing else that a library might take:
  /// no hexadecimal digits, no white space.
  static func realNumber(_ text: Substring) -> Double? {
    var rest = text.unicodeScalars
    func digits() -> Int {
      let count = rest.prefix(while: isDigit).count
      rest = rest.dropFirst(count)
      return count
    }
    if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
    var count = digits()
    if rest.first == "." {
      rest.removeFirst()
      count += digits()
    }
    guard count > 0 else { return nil }
    if rest.first == "e" || rest.first == "E" {
      rest.removeFirst()
      if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
      guard digits() > 0 else { return nil }
    }
    return rest.isEmpty ? Double(text) : nil
  }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }
  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
