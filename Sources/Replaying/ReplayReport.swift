// Why this file exists: what a replay found out, counted. However long the log and whatever stands
// in it, this stays small.
import Primitives

/// Requests of one kind.
package struct ReplayCount: Equatable, Sendable {
  package var requests = 0
  /// The first of them.
  package var place = LinePlace(file: 0, number: 0)
  /// Of that one; empty when it has none.
  package var requestID = ""
}

/// Requests of a route whose service is drawn.
package struct ReplaySplit: Equatable, Sendable {
  package struct Part: Equatable, Sendable {
    package var service: Int32
    /// That went there by the log.
    package var requests: Int
    /// In millionths.
    package var share: UInt32
  }

  /// Position in the new configuration.
  package var route: Int32
  package var requests = 0
  package var parts: [Part] = []
  /// The shares are others than those that the log was written under.
  package var isChange = false
}

package struct ReplayReport {
  /// Groups of changes beyond this many are counted as one.
  static let groupBound = 10_000
  /// Broken lines that are told.
  static let faultBound = 5

  package internal(set) var lines = 0
  /// Lines about something else than a request.
  package internal(set) var others = 0
  package internal(set) var broken = 0
  package internal(set) var faults: [(place: LinePlace, fault: LogFault)] = []

  package internal(set) var requests = 0
  /// Of the first and the last request: nanoseconds since 1970.
  package internal(set) var firstTime: Int64 = .max
  package internal(set) var lastTime: Int64 = .min
  package internal(set) var changed = 0
  package internal(set) var byKind: [(kind: ChangeKinds, requests: Int)] = [
    (.route, 0), (.service, 0), (.limit, 0), (.statusClass, 0), (.statusUnknown, 0),
  ]
  package internal(set) var groups: [ReplayChange: ReplayCount] = [:]
  /// In groups beyond the bound.
  package internal(set) var ungrouped = 0
  package internal(set) var untold: [Untold: ReplayCount] = [:]
  package internal(set) var splits: [Int32: ReplaySplit] = [:]
  /// By the position of a limit that is in shadow under the new configuration: requests that it
  /// would refuse.
  package internal(set) var shadowed: [Int32: Int] = [:]
  /// Requests that began before others that had been replayed already.
  package internal(set) var late = 0
  /// That the log has on another route than the old configuration gives them.
  package internal(set) var mismatched = ReplayCount()
  package internal(set) var words = WordTable()

  package init() {}

  /// Something would be otherwise.
  package var hasChanges: Bool { changed > 0 || splits.values.contains(where: \.isChange) }
  package var untoldRequests: Int { untold.values.reduce(0) { $0 + $1.requests } }

  /// The most frequent first; of equals the one that came first.
  package var sortedGroups: [(change: ReplayChange, count: ReplayCount)] {
    groups.map { (change: $0.key, count: $0.value) }.sorted { isBefore($0.count, $1.count) }
  }
  package var sortedUntold: [(why: Untold, count: ReplayCount)] {
    untold.map { (why: $0.key, count: $0.value) }.sorted { isBefore($0.count, $1.count) }
  }
  package var sortedSplits: [ReplaySplit] { splits.values.sorted { $0.route < $1.route } }

  private func isBefore(_ left: ReplayCount, _ right: ReplayCount) -> Bool {
    if left.requests != right.requests { return left.requests > right.requests }
    if left.place.file != right.place.file { return left.place.file < right.place.file }
    return left.place.number < right.place.number
  }
}

extension ReplayCount {
  mutating func add(_ line: LogLine, _ place: LinePlace) {
    if requests == 0 {
      self.place = place
      requestID = line.requestID.slice?.text ?? ""
    }
    requests += 1
  }
}
