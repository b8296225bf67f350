// Why this file exists: what must not be proved by hope: that every configuration key does
// something in the running program, and that every known mistake of gateways has its test.

import Testing

@Suite struct Proof {
  /// Regression 38: a key that is parsed, and whose part nobody starts.
  @Test func `every configuration key is set in a scenario on the real program`() throws {
    let reference = try #require(Repository.file("docs/configuration.md"))
    let scenarios = Repository.tests.filter { $0.path.hasPrefix("Tests/ScenarioTests/") }
      .map(\.text).joined(separator: "\n")
    var missing: [String] = []
    var seen = 0
    for line in reference.lines where line.hasPrefix("| `") {
      let key = line.dropFirst(3).prefix { $0 != "`" }
      // Rows of the other tables show values, and an item of a list or map has no name of its own.
      guard key.contains("."), let name = key.split(separator: ".").last else { continue }
      guard name.allSatisfy({ $0.isLowercase || $0 == "_" || $0.isNumber }) else { continue }
      seen += 1
      if !scenarios.contains("\(name):") { missing.append(String(key)) }
    }
    #expect(seen > 80, "the reference has another form")
    #expect(missing.isEmpty, "no scenario sets \(missing.joined(separator: ", "))")
  }

  @Test func `every mistake of the list names a test that exists`() throws {
    let list = try #require(Repository.file("Tests/README.md"))
    var names: Set<Substring> = []
    for file in Repository.tests {
      for line in file.lines {
        guard let start = line.firstRange(of: "func `")?.upperBound else { continue }
        names.insert(line[start...].prefix { $0 != "`" })
      }
    }
    let rows = list.lines.filter { $0.first == "|" && $0.dropFirst(2).first?.isNumber == true }
    #expect(rows.count == 38)
    for (index, row) in rows.enumerated() {
      #expect(row.hasPrefix("| \(index + 1) |"))
      // Every second piece stands between backticks; the last column holds the tests.
      let tests = row.split(separator: "|").last ?? ""
      let pieces = tests.split(separator: "`", omittingEmptySubsequences: false)
      let named = stride(from: 1, to: pieces.count, by: 2).map { pieces[$0] }
      #expect(!named.isEmpty, "mistake \(index + 1) names no test")
      for name in named {
        #expect(names.contains(name), "mistake \(index + 1): there is no test `\(name)`")
      }
    }
  }
}
