// Why this file exists: most unknown names are known names misspelt; saying which one saves the
// operator a look into the reference.

enum NearestName {
  /// More than this is another name.
  static let reach = 2

  /// The candidate that takes the fewest changes to get to from `name`, at most two, and fewer than
  /// would change most of it; the first of equals.
  static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
    let letters = Array(name.lowercased().unicodeScalars.prefix(128))
    guard letters.count < 128 else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in candidates {
      let target = Array(candidate.lowercased().unicodeScalars)
      guard abs(target.count - letters.count) <= reach else { continue }
      let distance = distance(letters, target)
      guard distance <= reach, distance * 2 < max(letters.count, target.count) else { continue }
      if let best, best.distance <= distance { continue }
      best = (candidate, distance)
    }
    return best?.name
  }

  /// What to write for a name that is none of `names`: the nearest, else some of them, else `none`.
  static func suggestion(
    for name: String, among names: [String], called: String, none: String
  ) -> String {
    if let near = of(name, among: names.prefix(1_000)) { return "did you mean '\(near)'?" }
    if names.isEmpty { return none }
    let more = names.count > 5 ? ", …" : ""
    return "the \(called) are \(names.prefix(5).joined(separator: ", "))\(more)"
  }

  /// Insertions, deletions, replacements and swaps of neighbours.
  private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in 1...max(left.count, 1) where !left.isEmpty {
      var current = [row] + [Int](repeating: 0, count: right.count)
      for column in 1...max(right.count, 1) where !right.isEmpty {
        let isSame = left[row - 1] == right[column - 1]
        var cost = min(
          last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2],
          left[row - 2] == right[column - 1]
        {
          cost = min(cost, beforeLast[column - 2] + 1)
        }
        current[column] = cost
      }
      beforeLast = last
      last = current
    }
    return last[right.count]
  }
}
