// Why this file exists: the form of every file, so that any of them opens the same way and fits on
// a screen. An exception carries its reason in a table here.

import Testing

/// Files that may be longer than the rule, each with its reason.
private let longFiles: [String: (limit: Int, reason: String)] = [:]

/// Functions that may be longer than the rule, by file and name.
private let longFunctions: [String: (limit: Int, reason: String)] = [:]

@Suite struct `Form of files` {
  @Test func `lines end before column 101`() {
    var breaches: [Breach] = []
    for file in Repository.swift {
      for (index, line) in file.lines.enumerated()
      where line.utf8.count > 100 && line.count > 100 {
        breaches.append(Breach(file: file.path, line: index + 1, what: "\(line.count) columns"))
      }
    }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `files have at most 400 lines, tests at most 600`() {
    let breaches = Repository.swift.compactMap { file -> Breach? in
      let limit = longFiles[file.path]?.limit ?? (file.isTest ? 600 : 400)
      guard file.lines.count > limit else { return nil }
      return Breach(file: file.path, line: limit + 1, what: "\(file.lines.count) lines")
    }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `functions have at most 70 lines`() {
    var breaches: [Breach] = []
    for file in Repository.swift {
      for function in file.code.functions {
        let limit = longFunctions["\(file.path) \(function.name)"]?.limit ?? 70
        guard function.lineCount > limit else { continue }
        breaches.append(
          Breach(
            file: file.path, line: function.line,
            what: "\(function.name) has \(function.lineCount) lines"))
      }
    }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `every file says first why it exists`() {
    // A manifest must begin with the version of its tools.
    let files = Repository.swift.filter { !$0.path.hasSuffix("/Package.swift") }
    let breaches = files.compactMap { file -> Breach? in
      let first = file.lines.first ?? ""
      if first.hasPrefix("// Why this file exists: ") { return nil }
      if file.isTest, first.hasPrefix("// "), first.count > 10 { return nil }
      return Breach(file: file.path, line: 1, what: "begins without '// Why this file exists: '")
    }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `no tabs, no blanks at line ends, one line feed at the end`() {
    var breaches: [Breach] = []
    for file in Repository.swift {
      for (index, line) in file.lines.enumerated() {
        if line.utf8.contains(UInt8(ascii: "\t")) {
          breaches.append(Breach(file: file.path, line: index + 1, what: "a tab"))
        }
        if let last = line.utf8.last, " \r".utf8.contains(last) {
          breaches.append(Breach(file: file.path, line: index + 1, what: "a blank at the end"))
        }
      }
      if !file.text.hasSuffix("\n") || file.text.hasSuffix("\n\n") {
        breaches.append(
          Breach(file: file.path, line: file.lines.count, what: "not one line feed at the end"))
      }
    }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `the newcomer's path through the code is short`() throws {
    let path = [
      "Sources/Forwarding/Admission.swift", "Sources/Forwarding/Exchange.swift",
      "Sources/Balancing/RoundRobin.swift", "Sources/CircuitBreaking/Breaker.swift",
      "Sources/Proxy/ClientConnection.swift", "Sources/EventLoop/Stream.swift",
    ]
    let counts = try path.map {
      try #require(Repository.file($0), "\($0) is gone").lines.count
    }
    #expect(counts.reduce(0, +) < 1_500, "\(counts)")
  }

  @Test func `exceptions are needed and carry a reason`() {
    for (path, exception) in longFiles {
      #expect(exception.reason.count > 20, "\(path)")
      #expect((Repository.file(path)?.lines.count ?? 0) > (path.hasPrefix("Tests/") ? 600 : 400))
    }
    for (name, exception) in longFunctions { #expect(exception.reason.count > 20, "\(name)") }
  }
}
