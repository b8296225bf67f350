// Why this file exists: a scraper says by Accept which form of the metrics it reads, and another
// choice than Prometheus's own would leave it with what it cannot read.

import Telemetry

extension ExpositionFormat {
  /// The form for a request with these Accept fields (RFC 9110 section 12.5.1), chosen as
  /// Prometheus's own exporters choose: of the ranges that name a form we write, the one with the
  /// highest quality, the first among equals. A range that names another version, that we do not
  /// understand or that is refused (q=0) is passed over, and so is a wildcard, which everybody
  /// sends. When none is left it is the text format.
  static func negotiated(_ accepts: [String]) -> ExpositionFormat {
    var best: (format: ExpositionFormat, quality: Int)?
    for range in accepts.flatMap({ pieces($0, separatedBy: ",") }) {
      guard let (format, quality) = offer(range), quality > best?.quality ?? 0 else { continue }
      best = (format, quality)
    }
    return best?.format ?? .text
  }

  /// What a range names, with its quality in thousandths.
  private static func offer(_ range: String) -> (format: ExpositionFormat, quality: Int)? {
    let parts = pieces(range, separatedBy: ";")
    var quality = 1_000
    var version: String?
    for parameter in parts.dropFirst() {
      guard let equals = parameter.firstIndex(of: "=") else { return nil }
      let value = unquoted(parameter[parameter.index(after: equals)...])
      switch parameter[..<equals].lowercased() {
      case "q":
        guard let thousandths = thousandths(value) else { return nil }
        quality = thousandths
      case "version": version = value
      // Neither form comes in another character set or with other names than it has.
      default: break
      }
    }
    switch (parts[0].lowercased(), version) {
    case ("application/openmetrics-text", "1.0.0"), ("application/openmetrics-text", nil):
      return (.openMetrics, quality)
    case ("text/plain", "0.0.4"), ("text/plain", nil): return (.text, quality)
    default: return nil
    }
  }

  /// A weight: 0 to 1 with at most three decimals.
  private static func thousandths(_ text: String) -> Int? {
    let digits = Array(text.utf8)
    guard (1...5).contains(digits.count), digits.count == 1 || digits[1] == UInt8(ascii: "."),
      digits[0] == UInt8(ascii: "0") || digits[0] == UInt8(ascii: "1")
    else { return nil }
    var value = Int(digits[0] - UInt8(ascii: "0"))
    for place in 2..<5 {
      let digit = place < digits.count ? digits[place] : UInt8(ascii: "0")
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value <= 1_000 ? value : nil
  }

  /// The pieces without white space around them; separators between quotes do not count.
  private static func pieces(_ text: String, separatedBy separator: Character) -> [String] {
    var isQuoted = false
    var isEscaped = false
    var pieces = [""]
    for character in text {
      if character == separator, !isQuoted {
        pieces.append("")
        continue
      }
      if character == "\"", !isEscaped { isQuoted.toggle() }
      isEscaped = isQuoted && character == "\\" && !isEscaped
      pieces[pieces.count - 1].append(character)
    }
    return pieces.map(trimmed)
  }

  private static func trimmed(_ text: String) -> String {
    func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
    var rest = text.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return String(rest)
  }

  /// What a quoted string says; anything else as it is.
  private static func unquoted(_ text: Substring) -> String {
    guard text.count >= 2, text.first == "\"", text.last == "\"" else { return String(text) }
    var value = ""
    var isEscaped = false
    for character in text.dropFirst().dropLast() {
      if character == "\\", !isEscaped {
        isEscaped = true
        continue
      }
      value.append(character)
      isEscaped = false
    }
    return value
  }
}
