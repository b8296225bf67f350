// Why this file exists: what a run has shown, as numbers of a bounded size: a slice for each second
// or more, a row for each flow and backend, never a list of requests.

package import Configuration
import HTTPSemantics
package import Primitives

/// Some time of a run. Requests count where they were sent.
package struct SliceRecord: Sendable {
  package var sent = 0
  package var ended = EndsRecord()
  /// Attempts by the position of the backend.
  package var attempts: [UInt32]

  init(backends: Int) { attempts = [UInt32](repeating: 0, count: backends) }
}

/// Where in the gateway a request was, by positions among the records.
package struct Passage: Equatable, Sendable {
  /// nil = no route took it, or it never came so far.
  package var route: Int?
  /// The limit that refused it or, in shadow, would have.
  package var limit: Int?
}

/// A request that is over.
package struct Ending: Sendable {
  package var flow: Int
  package var passage = Passage()
  package var sentAt: Duration
  /// From sending it to its end.
  package var latency: Duration
  package var kind: EndKind
  /// 0 = no head came.
  package var status: UInt16
}

/// How requests ended, and how long the good ones took.
package struct EndsRecord: Sendable {
  package var ends = [Int](repeating: 0, count: EndKind.count)
  package var latency = LatencyHistogram()

  package var count: Int { ends.reduce(0, +) }

  mutating func note(_ ending: Ending) {
    ends[ending.kind.index] += 1
    if ending.kind == .success { latency.record(ending.latency) }
  }
}

package struct FlowRecord: Sendable {
  package let name: String
  package var sent = 0
  /// Of these, sent again by clients of their own accord.
  package var repeats = 0
  package var ended = EndsRecord()

  init(name: String) { self.name = name }
}

package struct RouteRecord: Sendable {
  package let name: String
  package var ended = EndsRecord()

  init(name: String) { self.name = name }
}

package struct LimitRecord: Sendable {
  package let name: String
  package var refused = 0
  /// In shadow.
  package var wouldRefuse = 0

  init(name: String) { self.name = name }
}

package struct BackendRecord: Sendable {
  package let service: String
  package let address: String
  package var attempts = 0
  /// Connections that it refused or left without an answer.
  package var missed = 0
  package var attemptsWhileDown = 0
  /// By hundreds of the status; 0 = hung, reset or abandoned.
  package var answers = [Int](repeating: 0, count: 6)
  package var inFlightMost = 0
  package var waitingMost = 0
  /// From the end of a request's head to that of the answer, its wait for a turn included.
  package var latency = LatencyHistogram()
  /// What the gateway has held of it, and its breaker: each change with its time.
  package var states: [StateChange] = []
  package var breaker: [StateChange] = []

  package var name: String { "\(service)/\(address)" }
}

package struct StateChange: Sendable {
  package var at: Duration
  package var state: String
}

/// A line of the timeline.
package struct TimelineEntry: Sendable {
  package enum Side: String, Sendable { case scenario, gateway }

  package var at: Duration
  package var side: Side
  package var text: String
}

/// A scenario that was played, and what it has shown.
package struct RunResult {
  /// Of the scenario's file, as it was given.
  package var name: String
  package var scenario: ScenarioConfiguration
  package var records: RunRecords

  package init(name: String, scenario: ScenarioConfiguration, records: RunRecords) {
    self.name = name
    self.scenario = scenario
    self.records = records
  }
}

/// What is counted while a scenario is played.
package final class RunRecords {
  package let length: Duration
  /// Of a slice: a whole number of seconds.
  package let width: Duration
  package internal(set) var slices: [SliceRecord]
  package internal(set) var flows: [FlowRecord]
  /// Of all configurations of the run, each once, in the order of the files.
  package internal(set) var routes: [RouteRecord]
  package internal(set) var limits: [LimitRecord]
  /// What no route took, and what never came so far.
  package internal(set) var withoutRoute = EndsRecord()
  package internal(set) var backends: [BackendRecord]
  package internal(set) var timeline: [TimelineEntry] = []
  package internal(set) var timelineLost = 0
  package internal(set) var judgements: [Judgement]
  package internal(set) var mostUnderWay = 0
  package internal(set) var underWay = 0

  static let slicesMost = 600
  static let timelineMost = 5_000
  static let changesMost = 2_000

  init(_ scenario: ScenarioConfiguration, backends: [BackendRecord]) {
    length = scenario.duration
    let seconds = (scenario.duration.nanoseconds + 999_999_999) / 1_000_000_000
    let perSlice = (seconds + Int64(RunRecords.slicesMost) - 1) / Int64(RunRecords.slicesMost)
    width = .seconds(max(1, perSlice))
    let count = (scenario.duration.nanoseconds + width.nanoseconds - 1) / width.nanoseconds
    slices = (0..<Int(count)).map { _ in SliceRecord(backends: backends.count) }
    flows = scenario.flows.map { FlowRecord(name: $0.name) }
    let configurations = scenario.configurations
    routes = configurations.routeNames.map { RouteRecord(name: $0) }
    limits = configurations.limitNames.map { LimitRecord(name: $0) }
    self.backends = backends
    judgements = []
    judgements = scenario.expectations.map { Judgement($0, self) }
  }

  private func slice(_ time: Duration) -> Int {
    min(slices.count - 1, max(0, Int(time.nanoseconds / width.nanoseconds)))
  }

  // MARK: Requests

  func sent(flow: Int, at time: Duration, isRepeat: Bool) {
    flows[flow].sent += 1
    if isRepeat { flows[flow].repeats += 1 }
    slices[slice(time)].sent += 1
    underWay += 1
    mostUnderWay = max(mostUnderWay, underWay)
    for index in judgements.indices { judgements[index].sent(flow: flow, at: time) }
  }

  func ended(_ ending: Ending) {
    underWay -= 1
    flows[ending.flow].ended.note(ending)
    if let route = ending.passage.route {
      routes[route].ended.note(ending)
    } else {
      withoutRoute.note(ending)
    }
    if let limit = ending.passage.limit {
      if ending.kind == .reason(.rateLimited) {
        limits[limit].refused += 1
      } else {
        limits[limit].wouldRefuse += 1
      }
    }
    slices[slice(ending.sentAt)].ended.note(ending)
    for index in judgements.indices { judgements[index].ended(ending) }
  }

  // MARK: Backends

  /// - Parameter isMissed: a connection that it did not accept.
  func attempt(backend: Int, at time: Duration, whileDown: Bool, isMissed: Bool) {
    backends[backend].attempts += 1
    if isMissed { backends[backend].missed += 1 }
    if whileDown { backends[backend].attemptsWhileDown += 1 }
    slices[slice(time)].attempts[backend] &+= 1
    for index in judgements.indices {
      judgements[index].attempted(backend: backend, at: time, whileDown: whileDown)
    }
  }

  func changed(backend: Int, at time: Duration, state: String) {
    if backends[backend].states.count < RunRecords.changesMost {
      backends[backend].states.append(StateChange(at: time, state: state))
    }
  }

  func breakerChanged(backend: Int, at time: Duration, state: String) {
    if backends[backend].breaker.count < RunRecords.changesMost {
      backends[backend].breaker.append(StateChange(at: time, state: state))
    }
  }

  func tell(_ side: TimelineEntry.Side, at time: Duration, _ text: String) {
    if timeline.count < RunRecords.timelineMost {
      timeline.append(TimelineEntry(at: time, side: side, text: text))
    } else {
      timelineLost += 1
    }
  }

  // MARK: Sums

  package var sent: Int { flows.reduce(0) { $0 + $1.sent } }
  package var attempts: Int { backends.reduce(0) { $0 + $1.attempts } }
  package var ends: [Int] {
    flows.reduce([Int](repeating: 0, count: EndKind.count)) {
      zip($0, $1.ended.ends).map { $0 + $1 }
    }
  }
  package var isMet: Bool { judgements.allSatisfy(\.isMet) }
}

extension RunRecords {
  func works(backend: Int, _ count: Int) {
    if count > backends[backend].inFlightMost { backends[backend].inFlightMost = count }
  }

  func waits(backend: Int, _ count: Int) {
    if count > backends[backend].waitingMost { backends[backend].waitingMost = count }
  }

  func answered(backend: Int, status: UInt16, after time: Duration) {
    backends[backend].answers[Int(min(status, 599)) / 100] += 1
    backends[backend].latency.record(time)
  }
}
