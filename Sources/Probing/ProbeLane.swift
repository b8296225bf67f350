// Why this file exists: probes that are due and find no free place wait in line, first come first
// served; and backends that take all their time stand in a line of their own.

/// One line of backends whose probe is due, and how many of its kind hold a place.
///
/// There are two: for backends that answered last time (or were not asked yet), and for those that
/// took all the time there was. Neither kind may hold more than three quarters of the places, so
/// however many backends hang, they delay each other and never those that answer.
struct ProbeLane {
  private var line: [WatchedBackend] = []
  private var first = 0
  /// Places held by this kind.
  private(set) var held = 0
  private let limit: Int

  init(places: Int) { limit = max(1, places - places / 4) }

  var isEmpty: Bool { first == line.count }

  mutating func join(_ backend: WatchedBackend) { line.append(backend) }

  /// The next in line, who takes a place; nil when nobody may. Those who were stopped meanwhile
  /// have left the line without a word.
  mutating func admit() -> WatchedBackend? {
    while held < limit, first < line.count {
      let next = line[first]
      first += 1
      // Every element is moved at most once for each that was taken out.
      if first * 2 >= line.count {
        line.removeFirst(first)
        first = 0
      }
      guard next.isInLine else { continue }
      held += 1
      return next
    }
    return nil
  }

  mutating func giveBack() {
    precondition(held > 0, "a place was given back twice")
    held -= 1
  }

  mutating func clear() {
    line.removeAll()
    first = 0
  }
}
