// Why this file exists: each place where the compiler is told to trust us about threads is listed
// with the reason why that trust is deserved.

import Testing

private let trusted: [String: [String: (count: Int, reason: String)]] = [
  "nonisolated(unsafe)": [:],
  "@unchecked Sendable": [:],
]

@Suite struct `Trust in threads` {
  @Test(arguments: ["nonisolated(unsafe)", "@unchecked Sendable"])
  func `every use has its reason in the table`(word: String) {
    let table = trusted[word] ?? [:]
    for file in Repository.sources {
      let lines = file.code.lines.enumerated().filter { $0.element.contains(word) }
      let expected = table[file.path]?.count ?? 0
      let shown = lines.map { "\(file.path):\($0.offset + 1): \($0.element)" }
      #expect(
        lines.count == expected, "\(shown.joined(separator: "\n"))\nthe table says \(expected)")
    }
    for (path, entry) in table {
      #expect(entry.reason.count > 20, "\(path) without a reason")
      #expect(Repository.file(path) != nil, "\(path) is gone")
    }
  }
}
