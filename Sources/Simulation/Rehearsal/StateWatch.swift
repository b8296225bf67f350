// Why this file exists: what the gateway thinks of its backends is the story of a run: it is looked
// at as often as the shipped program does, and each change becomes a line of the timeline.

import CircuitBreaking
import Configuration
import Forwarding
import Health
import Primitives
import Proxy

struct StateWatch {
  /// That of the shipped program, see `BackendWatch`.
  static let period = Duration.milliseconds(100)
  /// More changes of one kind at a time are one line.
  private static let told = 5

  private struct Entry {
    /// Among the records.
    var index: Int
    var health: BackendHealth
    var warmUp: Duration
    var state: BackendState
  }

  /// Changes of a kind, of one service.
  private struct Kind: Hashable {
    var service: String
    var what: String
  }

  private let records: RunRecords
  private let begun: Instant
  private var entries: [Entry] = []
  private var journal: StateJournal?
  private var next: UInt64 = 0
  /// By their numbers in the process.
  private var numbers: [Int: Int] = [:]
  private var services: [Int: String] = [:]
  private var places: [String: Int] = [:]

  init(_ records: RunRecords, begun: Instant) {
    self.records = records
    self.begun = begun
    for (index, backend) in records.backends.enumerated() { places[backend.name] = index }
  }

  /// Looks at the backends of this configuration from now on.
  mutating func follow(_ plane: DataPlane, _ configuration: GatewayConfiguration, at time: Duration)
  {
    let snapshot = plane.snapshot
    var before: [Int: BackendState] = [:]
    for entry in entries { before[entry.index] = entry.state }
    journal = snapshot.pointee.journal
    entries = []
    numbers = [:]
    services = [:]
    for (position, service) in configuration.services.enumerated() {
      let shared = snapshot.pointee.services[position]
      services[shared.shared.queueIndex] = service.name
      let found = snapshot.pointee.backends(of: position)
      for (place, backend) in service.backends.enumerated() where place < found.count {
        guard let index = places["\(service.name)/\(backend.label)"] else { continue }
        let entry = found[place]
        numbers[entry.shared.poolIndex] = index
        let warmUp = shared.rules.warmUp
        let state =
          before.removeValue(forKey: index)
          ?? entry.shared.health.observe(now: begun + time, warmUp: warmUp).state
        if records.backends[index].states.last?.state != state.word {
          records.changed(backend: index, at: time, state: state.word)
        }
        if records.backends[index].breaker.isEmpty, service.circuitBreaker != nil {
          records.breakerChanged(backend: index, at: time, state: "closed")
        }
        entries.append(
          Entry(index: index, health: entry.shared.health, warmUp: warmUp, state: state))
      }
    }
    for index in before.keys.sorted() {
      records.changed(backend: index, at: time, state: "removed")
    }
  }

  /// True when a state has changed since the last look.
  mutating func look(at time: Duration, clock: Instant) -> Bool {
    var changes: [(kind: Kind, backend: String)] = []
    let before = next
    tellEvents(at: time, &changes)
    for place in entries.indices {
      _ = entries[place].health.settle(now: clock)
      let report = entries[place].health.observe(now: clock, warmUp: entries[place].warmUp)
      if report.state == entries[place].state { continue }
      entries[place].state = report.state
      let record = records.backends[entries[place].index]
      records.changed(backend: entries[place].index, at: time, state: report.state.word)
      let what = "\(report.state.word): \(report.cause.word)"
      changes.append((Kind(service: record.service, what: what), record.name))
    }
    tell(changes, at: time)
    return !changes.isEmpty || next != before
  }

  private mutating func tellEvents(
    at time: Duration, _ changes: inout [(kind: Kind, backend: String)]
  ) {
    guard let journal else { return }
    var position = next
    _ = journal.read(from: &position) { event in
      switch event {
      case .breaker(let number, let change):
        guard let index = numbers[number] else { return }
        records.breakerChanged(backend: index, at: time, state: change.to.word)
        let record = records.backends[index]
        let what = "breaker \(change.to.word): \(change.cause.word)"
        changes.append((Kind(service: record.service, what: what), record.name))
      case .panicBegan(let number):
        let what = "panic: too few backends are usable, health is ignored"
        changes.append((Kind(service: services[number] ?? "-", what: what), ""))
      case .panicEnded(let number):
        changes.append((Kind(service: services[number] ?? "-", what: "panic is over"), ""))
      }
    }
    next = position
  }

  /// A few of a kind each on a line of its own, many on one.
  private func tell(_ changes: [(kind: Kind, backend: String)], at time: Duration) {
    var numbers: [Kind: Int] = [:]
    for change in changes { numbers[change.kind, default: 0] += 1 }
    for change in changes {
      guard let number = numbers[change.kind] else { continue }
      if number > StateWatch.told {
        numbers[change.kind] = nil
        records.tell(
          .gateway, at: time, "\(number) backends of \(change.kind.service) \(change.kind.what)")
      } else {
        let subject = change.backend.isEmpty ? change.kind.service : change.backend
        records.tell(.gateway, at: time, "\(subject) \(change.kind.what)")
      }
    }
  }
}
