// Why this file exists: a world in which something goes wrong has a hundred things in it that have
// nothing to do with it. What can be left out, and it still goes wrong, is left out.

/// Makes a drawn scenario smaller.
package enum Shrinking {
  /// Everything that can be left out of the scenario of a seed, the largest parts first.
  package static func parts(of drawing: ScenarioDrawing) -> [String] {
    let scenario = drawing.scenario
    var parts = ["traffic"]
    parts += scenario.clients.indices.map { "client\($0)" }
    parts += scenario.changes.indices.map { "change\($0)" }
    for index in scenario.backends.indices {
      parts += ["behaviour\(index)", "phases\(index)", "faults\(index)"]
    }
    parts += ["network", "stalls", "descriptors", "workers", "timeouts", "limit", "lag"]
    for index in 0..<2 {
      parts += ["pool", "timeouts", "retries", "balancer", "passive", "active"].map {
        "\($0)\(index)"
      }
      parts += ["breaker", "warm", "panic", "drain"].map { "\($0)\(index)" }
    }
    for (index, client) in scenario.clients.enumerated() {
      for number in client.requests.indices {
        parts += ["request\(index).\(number)", "mischief\(index).\(number)"]
      }
    }
    return parts
  }

  /// The parts without which it still fails: first many at once, then fewer, until none can go.
  /// - Parameter fails: runs the scenario without these.
  package static func reduce(
    _ parts: [String], fails: (Set<String>) -> Bool
  ) -> Set<String> {
    var without: Set<String> = []
    var left = parts
    var size = max(1, left.count / 2)
    while true {
      var hasShrunk = false
      var start = 0
      while start < left.count {
        let some = left[start..<min(start + size, left.count)]
        if fails(without.union(some)) {
          without.formUnion(some)
          left.removeSubrange(start..<start + some.count)
          hasShrunk = true
        } else {
          start += size
        }
      }
      if size == 1 && !hasShrunk { return without }
      size = max(1, size / 2)
    }
  }
}
