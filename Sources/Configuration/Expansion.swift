// Why this file exists: what differs from machine to machine, and what is secret, does not stand in
// the file: `${NAME}`, `${NAME:-default}` and `${file:/path}` are put in here, after the YAML has
// been read, so that no value can change the structure of the document.

import HTTPSemantics

/// Expands scalars. Keeps what it read, so that one run sees one content of every file.
struct Expansion {
  /// Bytes that one scalar may become.
  static let maximumSize = 1 << 20
  /// Bytes that all scalars together may become.
  static let maximumTotal = 16 << 20

  struct Problem: Equatable {
    /// Where in the scalar, in characters.
    var offset: Int
    var length: Int
    var code: DiagnosticCode
    var message: String
    var suggestion: String?
    var isWarning = false
  }

  struct Outcome {
    /// nil when there is none because of the problems.
    var text: String?
    /// Some of the text comes from an expansion: it must not be shown.
    var isSecret: Bool
    var problems: [Problem]
  }

  private let environment: ConfigurationEnvironment
  private var files: [String: Result<[UInt8], FileProblem>] = [:]
  private var total = 0

  init(_ environment: ConfigurationEnvironment) { self.environment = environment }

  /// What was read, as `ConfigurationFile.mark` has it.
  var namedFiles: [String: String] { files.mapValues(ConfigurationFile.mark(of:)) }

  /// - Parameter isTemplate: braces mean something in this scalar, but not in what is put in: there
  ///   they are doubled, which makes them braces again.
  mutating func expand(_ text: String, isTemplate: Bool = false) -> Outcome {
    var outcome = Outcome(text: nil, isSecret: false, problems: [])
    guard text.utf8.count <= Expansion.maximumSize else {
      outcome.problems.append(Expansion.tooLarge("the value is"))
      return outcome
    }
    guard text.utf8.contains(UInt8(ascii: "$")) else {
      outcome.text = text
      return outcome
    }
    let scalars = Array(text.unicodeScalars)
    var result = ""
    var index = 0
    // One byte more than allowed is enough to tell.
    while index < scalars.count, result.utf8.count <= Expansion.maximumSize {
      guard scalars[index] == "$" else {
        result.unicodeScalars.append(scalars[index])
        index += 1
        continue
      }
      let next = index + 1 < scalars.count ? scalars[index + 1] : nil
      if next == "$" {
        result.append("$")
        index += 2
      } else if next == "{" {
        outcome.isSecret = true
        let reference = Reference(in: scalars, at: index)
        index += reference.length
        switch value(of: reference) {
        case .success(let value):
          result += isTemplate ? FieldTemplate.literal(value) : value
        case .failure(let problem): outcome.problems.append(problem)
        }
      } else {
        outcome.problems.append(
          Problem(
            offset: index, length: 1, code: .badExpansion,
            message: "a '$' begins an expansion",
            suggestion: "write '$$' for a dollar, or '${NAME}'"))
        index += 1
      }
    }
    if outcome.problems.isEmpty { outcome.text = bounded(result, &outcome.problems) }
    return outcome
  }

  private mutating func bounded(_ text: String, _ problems: inout [Problem]) -> String? {
    let size = text.utf8.count
    total += size
    if size > Expansion.maximumSize {
      problems.append(Expansion.tooLarge("the value becomes"))
      return nil
    }
    if total > Expansion.maximumTotal {
      let limit = "\(Expansion.maximumTotal >> 20) MiB"
      problems.append(
        Problem(
          offset: 0, length: 1, code: .tooLarge,
          message: "all expanded values together are larger than \(limit)"))
      return nil
    }
    return text
  }

  private static func tooLarge(_ subject: String) -> Problem {
    Problem(
      offset: 0, length: 1, code: .tooLarge,
      message: "\(subject) larger than \(maximumSize >> 20) MiB")
  }

  // MARK: One reference

  /// `${…}` as it is written.
  private struct Reference {
    var offset: Int
    /// With its braces; up to the end of the scalar when there is no closing one.
    var length: Int
    var body: String
    var isClosed: Bool
    var isNested: Bool

    init(in scalars: [Unicode.Scalar], at start: Int) {
      offset = start
      var end = start + 2
      var isNested = false
      while end < scalars.count, scalars[end] != "}" {
        let next = end + 1 < scalars.count && scalars[end] == "$" ? scalars[end + 1] : nil
        if next == "{" { isNested = true }
        end += next == "$" ? 2 : 1
      }
      isClosed = end < scalars.count
      // The brace that closes the inner one is followed by that of the outer one.
      if isNested { while end + 1 < scalars.count, scalars[end + 1] == "}" { end += 1 } }
      self.isNested = isNested
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars[min(start + 2, end)..<end])
      body = String(text)
      length = min(end + 1, scalars.count) - start
    }

    func problem(
      _ code: DiagnosticCode, _ message: String, _ suggestion: String? = nil
    ) -> Problem {
      Problem(
        offset: offset, length: length, code: code, message: message, suggestion: suggestion)
    }

    /// The reference for a message.
    var shown: String { "${" + PrintableText.of(body, limit: 64) + (isClosed ? "}" : "") }
  }

  private enum Value {
    case success(String)
    case failure(Problem)
  }

  private mutating func value(of reference: Reference) -> Value {
    guard reference.isClosed else {
      return .failure(
        reference.problem(
          .badExpansion, "'${' is not closed", "write '${NAME}', or '$$' for a dollar"))
    }
    if reference.isNested {
      return .failure(
        reference.problem(
          .badExpansion, "an expansion stands inside another", "set one variable to the value"))
    }
    if reference.body.hasPrefix("file:") {
      let path = reference.body.unicodeScalars.dropFirst("file:".unicodeScalars.count)
      return file(Expansion.meant(path), reference)
    }
    return variable(reference)
  }

  private func variable(_ reference: Reference) -> Value {
    let body = reference.body.unicodeScalars
    let name = String(String.UnicodeScalarView(body.prefix { $0 != ":" }))
    let rest = body.dropFirst(name.unicodeScalars.count)
    guard Expansion.isName(name), rest.isEmpty || rest.starts(with: ":-".unicodeScalars) else {
      return .failure(
        reference.problem(
          .badExpansion, "'\(reference.shown)' is not an expansion",
          "write ${NAME}, ${NAME:-default} or ${file:/path}"))
    }
    let value = environment.variable(name)
    if !rest.isEmpty {
      if let value, !value.isEmpty { return .success(value) }
      return .success(Expansion.meant(rest.dropFirst(2)))
    }
    guard let value else {
      let shown = PrintableText.of(name, limit: 64)
      return .failure(
        reference.problem(
          .unsetVariable, "the environment variable '\(shown)' is not set",
          "set it, or write ${\(shown):-default}"))
    }
    return .success(value)
  }

  /// Inside of a reference too `$$` is a dollar.
  private static func meant(_ text: Substring.UnicodeScalarView) -> String {
    var meant = String.UnicodeScalarView()
    var rest = text
    while let scalar = rest.popFirst() {
      meant.append(scalar)
      if scalar == "$", rest.first == "$" { rest.removeFirst() }
    }
    return String(meant)
  }

  /// As the shell has it.
  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, first < 0x30 || first > 0x39 else { return false }
    return name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }

  private mutating func file(_ path: String, _ reference: Reference) -> Value {
    let shown = PrintableText.of(path, limit: 256)
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      return .failure(
        reference.problem(
          .badExpansion, "'\(shown)' is not an absolute path", "write ${file:/path}"))
    }
    let content = files[path] ?? environment.file(path)
    files[path] = content
    switch content {
    case .failure(let problem):
      var failure = reference.problem(
        .missingFile, "the file '\(shown)' cannot be read: \(problem.message)")
      failure.isWarning = environment.missingFileIsWarning
      return .failure(failure)
    case .success(var bytes):
      // The line end that editors and `echo` leave behind.
      if bytes.last == 0x0A {
        bytes.removeLast()
        if bytes.last == 0x0D { bytes.removeLast() }
      }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        return .failure(
          reference.problem(.encoding, "the file '\(shown)' does not hold valid UTF-8"))
      }
      return .success(text)
    }
  }
}
