// Why this file exists: one complaint, two readers: a person at a terminal, who gets it the way
// compilers put it, and a program, which gets JSON.

package enum DiagnosticRenderer {
  /// Complaints that are printed; the rest is counted.
  package static let limit = 100
  /// Characters of a line that are shown.
  private static let width = 160

  // MARK: Text

  /// As a compiler has it:
  ///
  ///     config/gateway.yaml:12:5: error: unknown key 'pathh' in match; did you mean 'path'?
  ///        12 |     pathh: /api/*
  ///           |     ^~~~~
  ///
  /// Ends in a line end unless there is nothing to say.
  package static func text(_ result: ConfigurationResult, isColoured: Bool) -> String {
    var text = ""
    for diagnostic in result.diagnostics.prefix(limit) {
      text += self.text(diagnostic, isColoured: isColoured) + "\n"
    }
    let rest = result.diagnostics.dropFirst(limit)
    let restErrors = rest.count { $0.severity == .error }
    let counts = [
      count(restErrors + result.surplusErrors, "error"),
      count(rest.count - restErrors + result.surplusWarnings, "warning"),
    ].compactMap { $0 }
    if !counts.isEmpty { text += "… and \(counts.joined(separator: " and "))\n" }
    return text
  }

  /// The first error, and how many there are besides, in one line without an end; nil when there
  /// is none.
  package static func line(_ result: ConfigurationResult) -> String? {
    let errors = result.diagnostics.filter { $0.severity == .error }
    guard var first = errors.first else { return nil }
    first.excerpt = nil
    let rest = count(errors.count - 1 + result.surplusErrors, "error")
    return text(first, isColoured: false) + (rest.map { " (and \($0))" } ?? "")
  }

  private static func count(_ number: Int, _ word: String) -> String? {
    number == 0 ? nil : "\(number) more \(word)\(number == 1 ? "" : "s")"
  }

  /// One complaint, without a line end behind it.
  package static func text(_ diagnostic: Diagnostic, isColoured: Bool) -> String {
    let style = Style(isColoured: isColoured)
    var place = PrintableText.of(diagnostic.file, limit: 4_096)
    if diagnostic.line > 0 { place += ":\(diagnostic.line):\(diagnostic.column)" }
    let severity = style.severity(diagnostic.severity)
    let words = diagnostic.message + (diagnostic.suggestion.map { "; \($0)" } ?? "")
    var text = "\(style.bold(place + ":")) \(severity) \(style.bold(words))"
    guard let excerpt = diagnostic.excerpt else { return text }
    let (line, offset, length) = shown(
      excerpt, from: diagnostic.column - 1, to: diagnostic.endColumn - 1)
    let number = String(diagnostic.line)
    let margin = String(repeating: " ", count: max(5 - number.count, 0))
    text += "\n\(margin)\(number) | \(line)"
    let underline = "^" + String(repeating: "~", count: max(length - 1, 0))
    text += "\n" + String(repeating: " ", count: max(5, number.count)) + " | "
    return text + String(repeating: " ", count: offset) + style.mark(underline)
  }

  /// A line made printable, and where the columns from `start` to `end` are in it, in cells of a
  /// terminal. Of a long line, the part around them.
  private static func shown(
    _ line: String, from start: Int, to end: Int
  ) -> (line: String, offset: Int, length: Int) {
    let scalars = Array(line.unicodeScalars)
    let start = min(max(start, 0), scalars.count)
    var first = 0
    var last = scalars.count
    if scalars.count > width {
      first = max(0, start - width / 2)
      last = min(scalars.count, first + width)
    }
    var text = first > 0 ? "…" : ""
    var offset = TerminalCells.count(text)
    var length = 0
    for index in first..<last {
      let piece = PrintableText.escaped(scalars[index])
      let count = TerminalCells.count(piece)
      if index < start { offset += count } else if index < end { length += count }
      text += piece
    }
    if last < scalars.count { text += "…" }
    while text.last == " " { text.removeLast() }
    return (text, offset, max(length, 1))
  }

  private struct Style {
    var isColoured: Bool

    func bold(_ text: String) -> String { isColoured ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    func mark(_ text: String) -> String { isColoured ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
    func severity(_ severity: Diagnostic.Severity) -> String {
      let word = severity.rawValue + ":"
      guard isColoured else { return word }
      switch severity {
      case .error: return "\u{1B}[1;31m\(word)\u{1B}[0m"
      case .warning: return "\u{1B}[1;35m\(word)\u{1B}[0m"
      }
    }
  }

  // MARK: JSON

  /// The complaints of all results as one array; ends in a line end. `end_column` is the column
  /// after the last one meant; a complaint about a whole file has 0 for line and columns.
  package static func json(_ results: [ConfigurationResult]) -> String {
    let objects = results.flatMap(\.diagnostics).map { diagnostic -> JSONValue in
      .object([
        ("file", .string(diagnostic.file)), ("line", .integer(Int64(diagnostic.line))),
        ("column", .integer(Int64(diagnostic.column))),
        ("end_column", .integer(Int64(diagnostic.endColumn))),
        ("severity", .string(diagnostic.severity.rawValue)),
        ("code", .string(diagnostic.code.rawValue)), ("path", .string(diagnostic.path)),
        ("message", .string(diagnostic.message)),
        ("suggestion", diagnostic.suggestion.map { .string($0) } ?? .null),
      ])
    }
    return JSONValue.array(objects).text + "\n"
  }
}
