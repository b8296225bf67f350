// Why this file exists: words that stand for unfinished work, for danger without a reason, or for
// another name than the one that the house has agreed on.

import Testing

/// A word that may not occur, where, and why.
private struct BannedWord: Sendable {
  let word: String
  let why: String
  let applies: @Sendable (SourceFile) -> Bool

  init(
    _ word: String, _ why: String,
    _ applies: @escaping @Sendable (SourceFile) -> Bool = { _ in true }
  ) {
    self.word = word
    self.why = why
    self.applies = applies
  }
}

/// Looked for in the whole text, comments too. The tables of this suite are exempt.
private let unfinished = [
  BannedWord("TODO", "finish it or make it an issue"),
  BannedWord("FIXME", "fix it or make it an issue"),
  BannedWord("XXX", "say what is wrong"),
  BannedWord("HACK", "say what it does and why"),
  BannedWord("not implemented", "an option that does nothing is not offered"),
  BannedWord("unimplemented", "an option that does nothing is not offered"),
  BannedWord("placeholder", "no stubs") { !$0.isTest },
  BannedWord("for now", "the present is all there is") { !$0.isTest },
]

/// The rooms that every request passes through.
private let requestPath = [
  "Balancing", "CircuitBreaking", "Health", "Limiting", "Routing", "Forwarding", "Proxy",
  "HTTPParsing",
]

/// Looked for in code, without comments and strings.
private let dangerous = [
  BannedWord("try!", "handle it, or trap with a reason") { !$0.isTest },
  BannedWord("as!", "handle it, or trap with a reason") { !$0.isTest },
  BannedWord("print", "diagnostics go through the log, output through the command") {
    !$0.isTest && $0.room != "gateway"
  },
  BannedWord("sleep", "wait for a condition with a deadline"),
  BannedWord("usleep", "wait for a condition with a deadline"),
  BannedWord("disabled", "a test that does not run is no test") {
    $0.isTest && $0.text.contains("import Testing")
  },
  BannedWord("withKnownIssue", "fix it"),
  BannedWord("XCTSkip", "a test that does not run is no test"),
  BannedWord("any", "an existential costs a retain on the request path") { file in
    requestPath.contains(file.room)
  },
  BannedWord("async", "nothing on the request path suspends") { !$0.isTest },
  BannedWord("await", "nothing on the request path suspends") { !$0.isTest },
  BannedWord("Task", "nothing on the request path suspends") { !$0.isTest },
]

/// Where a banned word stands with good reason: file and word.
private let exceptions: [String: String] = [:]

@Suite struct Words {
  private func breaches(
    of words: [BannedWord], in lines: (SourceFile) -> [Substring]
  ) -> [Breach] {
    var found: [Breach] = []
    for file in Repository.swift where file.path != "Tests/TidyTests/WordTests.swift" {
      let applying = words.filter { $0.applies(file) }
      for (index, line) in lines(file).enumerated() {
        for banned in applying where contains(line, word: banned.word) {
          if exceptions["\(file.path) \(banned.word)"] != nil { continue }
          found.append(
            Breach(file: file.path, line: index + 1, what: "'\(banned.word)': \(banned.why)"))
        }
      }
    }
    return found
  }

  private func contains(_ line: Substring, word: String) -> Bool {
    guard line.contains(word) else { return false }
    return line.ranges(of: word).contains { range in
      let before = line[..<range.lowerBound].last ?? " "
      let after = line[range.upperBound...].first ?? " "
      // `any` is a name too; before a type it is the existential.
      let name = line[range.upperBound...].dropFirst().first ?? " "
      if word == "any" && !(after == " " && name.isUppercase) { return false }
      return !isLetter(before) && (!isLetter(after) || word.hasSuffix("!"))
    }
  }

  private func isLetter(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  @Test func `nothing is left unfinished`() {
    let found = breaches(of: unfinished) { $0.lines }
    #expect(found.isEmpty, "\(report(found))")
  }

  @Test func `nothing dangerous stands without a reason`() {
    let found = breaches(of: dangerous) { $0.code.lines }
    #expect(found.isEmpty, "\(report(found))")
  }

  /// Names of the contract that hold the word; everywhere else it is client and backend.
  private let contractNames = [
    "upstream_reset", "upstream_protocol", "upstream_timeout", "upstream_ms",
    "gateway_upstream_duration_seconds",
  ]

  @Test func `documents and configuration say client and backend`() {
    var found: [Breach] = []
    // docs/migrating.md says what other programs call it, and shows their configurations.
    for file in Repository.documents where file.path != "docs/migrating.md" {
      for (index, line) in file.lines.enumerated() {
        var rest = line.lowercased()
        for name in contractNames { rest = rest.replacing(name, with: "") }
        for word in ["upstream", "downstream", "origin server"] where rest.contains(word) {
          found.append(Breach(file: file.path, line: index + 1, what: "'\(word)'"))
        }
      }
    }
    #expect(found.isEmpty, "\(report(found))")
  }
}
