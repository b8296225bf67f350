// Why this file exists: the mistakes that the simulation must find are lines of the sources; a
// table of them that fits no longer would find nothing, and nobody would notice before the night.

import Testing

/// A mistake of `Tests/Mutations/table`; what the lines mean stands there.
private struct Mistake {
  struct Change {
    var file: String
    var before = ""
    var after = ""
  }

  var name: String
  var rule = ""
  var seed = 0
  var changes: [Change] = []
}

private func readTable() throws -> [Mistake] {
  let table = try #require(Repository.file("Tests/Mutations/table"))
  var mistakes: [Mistake] = []
  for line in table.lines where !line.isEmpty && !line.hasPrefix("#") {
    if line.hasPrefix("== ") {
      mistakes.append(Mistake(name: String(line.dropFirst(3))))
      continue
    }
    let last = mistakes.count - 1
    try #require(last >= 0)
    if line.hasPrefix("rule: ") {
      mistakes[last].rule = String(line.dropFirst(6))
    } else if line.hasPrefix("seed: ") {
      mistakes[last].seed = try #require(Int(line.dropFirst(6)))
    } else if line.hasPrefix("file: ") {
      mistakes[last].changes.append(Mistake.Change(file: String(line.dropFirst(6))))
    } else {
      let change = mistakes[last].changes.count - 1
      try #require(change >= 0 && "-+".contains(line.prefix(1)), "a line of no kind: \(line)")
      if line.hasPrefix("-") {
        mistakes[last].changes[change].before += line.dropFirst() + "\n"
      } else {
        mistakes[last].changes[change].after += line.dropFirst() + "\n"
      }
    }
  }
  return mistakes
}

@Suite struct Mutations {
  @Test func `every mistake of the table still fits the sources`() throws {
    for mistake in try readTable() {
      #expect(!mistake.changes.isEmpty, "\(mistake.name) changes nothing")
      for change in mistake.changes {
        let source = try #require(
          Repository.file(change.file), "\(mistake.name): there is no \(change.file)")
        let count = source.text.ranges(of: change.before).count
        #expect(
          count == 1, "\(mistake.name): stands \(count) times in \(change.file):\n\(change.before)")
      }
      let isSwitched = mistake.changes.contains { $0.after.contains("PLANTED") }
      #expect(isSwitched, "\(mistake.name) is always there")
    }
  }

  @Test func `the ten classic mistakes are in the table, each with its world`() throws {
    let mistakes = try readTable()
    for name in [
      "permit leaked on abort", "tried set ignored", "stale generation accepted",
      "retry after bytes were sent", "half-open lets two pass", "timer lost on re-arm",
      "weight ignored in warm-up", "window never rolls", "idle connection reused after FIN",
      "queue place leaked",
    ] {
      #expect(mistakes.count { $0.name == name } == 1, "\(name)")
    }
    for mistake in mistakes {
      #expect((1...1000).contains(mistake.seed), "\(mistake.name) at \(mistake.seed)")
    }
  }

  @Test func `every promise of the gateway has a mistake that breaks it`() throws {
    let world = try #require(Repository.file("Sources/Simulation/World/World.swift"))
    let start = try #require(world.lines.firstIndex { $0.hasPrefix("package enum Rule:") })
    let promises = world.lines[(start + 1)...].prefix { $0.hasPrefix("  case ") }
      .flatMap { $0.dropFirst(7).split(separator: ", ").map { String($0) } }
    #expect(promises.count > 15, "the enumeration has another form")
    let rules = Set(try readTable().map(\.rule)).subtracting(["trap"])
    #expect(rules == Set(promises), "\(rules.symmetricDifference(promises).sorted())")
  }

  @Test func `nothing that is shipped asks for a planted mistake`() {
    for file in Repository.sources {
      #expect(!file.text.contains("isPlanted("), "\(file.path)")
    }
  }
}
