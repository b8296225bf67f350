// Why this file exists: what is wrong with a configuration file, said the way a compiler says it:
// where, what, and what to write instead.

/// One complaint about a configuration file.
package struct Diagnostic: Sendable, Equatable {
  package enum Severity: String, Sendable {
    case error
    case warning
  }

  /// As the loader was told.
  package var file: String
  /// From 1; 0 when the complaint is about the file as a whole.
  package var line: Int
  /// From 1, in characters; 0 when the complaint is about the file as a whole.
  package var column: Int
  /// The column after the last one meant; on a range of several lines, after the end of the first.
  package var endColumn: Int
  package var severity: Severity
  package var code: DiagnosticCode
  /// `routes[3].timeouts.connect`; empty for the whole document.
  package var path: String
  package var message: String
  /// What to do about it; printed behind the message.
  package var suggestion: String?
  /// The line of the file, with whatever is secret made unreadable; nil when there is none to show.
  package var excerpt: String?
}

/// The kinds of complaint. The words are for programs: they stay when a message is put better.
package enum DiagnosticCode: String, Sendable, CaseIterable {
  // The file and its YAML
  case unreadable
  case tooLarge = "too_large"
  case encoding
  case syntax
  case tab
  case empty
  case severalDocuments = "several_documents"
  case tooDeep = "too_deep"
  case tooManyValues = "too_many_values"
  case alias
  case tag
  case mergeKey = "merge_key"
  case badKey = "bad_key"
  case duplicateKey = "duplicate_key"
  // Against the schema table
  case unknownKey = "unknown_key"
  case missingKey = "missing_key"
  case noValue = "no_value"
  case wrongShape = "wrong_shape"
  case badCount = "bad_count"
  case unknownWord = "unknown_word"
  case notBoolean = "not_boolean"
  case notNumber = "not_number"
  case noUnit = "no_unit"
  case badUnit = "bad_unit"
  case outOfBounds = "out_of_bounds"
  case badAddress = "bad_address"
  case badName = "bad_name"
  case badText = "bad_text"
  case badPath = "bad_path"
  case repeatedValue = "repeated_value"
  // ${…}
  case badExpansion = "bad_expansion"
  case unsetVariable = "unset_variable"
  case missingFile = "missing_file"
  // What the file asks for and the system refuses; only a running gateway finds out
  case cannotListen = "cannot_listen"
  case cannotOpen = "cannot_open"
  // Between the parts
  case unknownService = "unknown_service"
  case unknownLimit = "unknown_limit"
  case duplicateName = "duplicate_name"
  case duplicateAddress = "duplicate_address"
  case loop
  case unreachableRoute = "unreachable_route"
  case ambiguousRoute = "ambiguous_route"
  case unusedService = "unused_service"
  case unusedLimit = "unused_limit"
  case noEffect = "no_effect"
}

/// Collects complaints while a file is read. Bounded: what is over `limit` is only counted.
struct DiagnosticCollector {
  static let limit = 1_000

  let file: String
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var surplusErrors = 0
  private(set) var surplusWarnings = 0
  private(set) var hasErrors = false
  private var seen: Set<Seen> = []

  /// One value reached by several aliases is complained about once.
  private struct Seen: Hashable {
    var line: Int
    var column: Int
    var message: String
  }

  init(file: String) { self.file = file }

  /// So many that no more are printed: not worth the time to think about what to suggest.
  var isCrowded: Bool { diagnostics.count >= DiagnosticRenderer.limit }

  mutating func error(
    _ code: DiagnosticCode, _ range: SourceRange?, _ path: ConfigurationPath, _ message: String,
    suggestion: String? = nil
  ) {
    add(.error, code, range, path, message, suggestion)
  }

  mutating func warning(
    _ code: DiagnosticCode, _ range: SourceRange?, _ path: ConfigurationPath, _ message: String,
    suggestion: String? = nil
  ) {
    add(.warning, code, range, path, message, suggestion)
  }

  private mutating func add(
    _ severity: Diagnostic.Severity, _ code: DiagnosticCode, _ range: SourceRange?,
    _ path: ConfigurationPath, _ message: String, _ suggestion: String?
  ) {
    if severity == .error { hasErrors = true }
    if diagnostics.count >= DiagnosticCollector.limit {
      if severity == .error { surplusErrors += 1 } else { surplusWarnings += 1 }
      return
    }
    let line = range?.start.line ?? 0
    let column = range?.start.column ?? 0
    guard seen.insert(Seen(line: line, column: column, message: message)).inserted else { return }
    // A range over several lines is cut when the excerpt is known.
    let endColumn = range.map { $0.width == nil ? Int.max : max($0.end.column, column + 1) } ?? 0
    diagnostics.append(
      Diagnostic(
        file: file, line: line, column: column, endColumn: endColumn, severity: severity,
        code: code, path: path.text, message: message, suggestion: suggestion, excerpt: nil))
  }

  /// In file order, each with its line of the file.
  /// - Parameter hidden: places whose text is not shown.
  func finished(source: SourceText?, hidden: [SourceRange]) -> [Diagnostic] {
    var sorted = diagnostics.enumerated().sorted { left, right in
      (left.element.line, left.element.column, left.offset)
        < (right.element.line, right.element.column, right.offset)
    }.map(\.element)
    let lines = source?.lines(Set(sorted.map(\.line))) ?? [:]
    for index in sorted.indices {
      let diagnostic = sorted[index]
      if let line = lines[diagnostic.line] {
        sorted[index].excerpt = SourceText.hiding(hidden, in: line, number: diagnostic.line)
      }
      if diagnostic.endColumn == Int.max {
        let length = lines[diagnostic.line]?.unicodeScalars.count ?? 0
        sorted[index].endColumn = max(diagnostic.column + 1, length + 1)
      }
    }
    return sorted
  }
}
