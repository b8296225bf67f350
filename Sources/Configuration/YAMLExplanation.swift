// Why this file exists: a YAML parser says what it expected; an operator needs to know what to
// change. Each complaint of libyaml's is put here in words about the file.

enum YAMLExplanation {
  /// - Parameters:
  ///   - words: the parser's complaint.
  ///   - position: where it gave up.
  ///   - began: where the construct that it was reading began.
  static func problem(
    _ words: String, at position: SourcePosition, began: SourcePosition?, in source: SourceText
  ) -> SourceText.Problem {
    let found = source.scalar(at: position)
    if found == "\t" || words.contains("tab character") {
      return SourceText.Problem(
        position: position, code: .tab, message: "a tab is used for indentation",
        suggestion: "indent with spaces")
    }
    if let (message, suggestion) = quoting(words, found: found) {
      return SourceText.Problem(
        position: position, code: .syntax, message: message, suggestion: suggestion)
    }
    if let began, let (message, suggestion) = unfinished(words) {
      return SourceText.Problem(
        position: began, code: .syntax, message: message, suggestion: suggestion)
    }
    let (message, suggestion) = structure(words, at: position, began: began, in: source)
    return SourceText.Problem(
      position: position, code: words.contains("tag handle") ? .tag : .syntax, message: message,
      suggestion: suggestion)
  }

  private typealias Words = (message: String, suggestion: String?)

  /// What a pair of quotes cures.
  private static func quoting(_ words: String, found: Unicode.Scalar?) -> Words? {
    switch words {
    case "found character that cannot start any token":
      let character = found.map { "'\(PrintableText.escaped($0))'" } ?? "this"
      return ("a value cannot begin with \(character)", "put it in quotes")
    case "found unknown escape character", "found invalid Unicode character escape code",
      "did not find expected hexdecimal number":
      return (
        "this escape does not exist in a double-quoted text",
        "write \\\\ for a backslash, or use single quotes"
      )
    case "mapping values are not allowed in this context":
      return (
        "a ':' is not allowed here",
        "check the indentation, or put a value that holds ': ' in quotes"
      )
    default: return nil
    }
  }

  /// What is best shown where it began.
  private static func unfinished(_ words: String) -> Words? {
    switch words {
    case "found unexpected end of stream", "found unexpected document indicator":
      ("the quote that opens here is not closed", nil)
    case "could not find expected ':'":
      ("this is a key without a ':'", "write 'key: value'")
    case "did not find expected alphabetic or numeric character":
      ("'*' and '&' begin an alias or an anchor", "put the value in quotes")
    case "found undefined tag handle":
      ("tags are not used: the schema says what a value is", "put the value in quotes")
    default: nil
    }
  }

  private static func structure(
    _ words: String, at position: SourcePosition, began: SourcePosition?, in source: SourceText
  ) -> Words {
    let line = source.lines([position.line])[position.line] ?? ""
    let opened = began.map { " of line \($0.line)" } ?? ""
    switch words {
    case "did not find expected key":
      let before = line.unicodeScalars.prefix(position.column - 1)
      if before.allSatisfy({ $0 == " " }) {
        return ("this line is indented like none of those above it", "align it with its siblings")
      }
      return ("text follows the end of a value", "put the whole value in one pair of quotes")
    case "did not find expected '-' indicator":
      return (
        "this stands among the entries of the list\(opened) but is none",
        "begin it with '- ', or indent it under the entry it belongs to"
      )
    case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
      if line.unicodeScalars.prefix(position.column - 1).last == "$" {
        return (
          "'{' has a meaning of its own here", "put a value that holds ${…} in quotes"
        )
      }
      let bracket = words.hasSuffix("']'") ? "[" : "{"
      return ("the '\(bracket)'\(opened) is not closed, or a comma is missing before this", nil)
    case "did not find expected node content":
      if line.contains("::") {
        return (
          "'[', ']' and ':' have a meaning of their own here", "put an IPv6 address in quotes"
        )
      }
      return ("a value is missing before this", "put a value that holds [ ] { } or , in quotes")
    case "block sequence entries are not allowed in this context":
      return (
        "a list cannot begin on the line of its key",
        "begin it on the next line, or write [a, b]"
      )
    case "did not find expected <document start>":
      return ("text follows the end of the document", nil)
    default:
      return ("this is not valid YAML: \(words)", nil)
    }
  }
}
