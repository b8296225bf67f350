// Why this file exists: a scenario as values, the way whoever plays it reads it: checked, complete,
// its configuration with it.
package import Primitives

/// One scenario file, decoded and checked.
package struct ScenarioConfiguration: Sendable {
  package var configuration: GatewayConfiguration
  package var seed: UInt64
  package var duration: Duration
  /// In the order of time.
  package var changes: [Change]
  package var flows: [FlowConfiguration]
  /// In the order of the file: later ones stand above.
  package var behaviours: [BehaviourConfiguration]
  package var expectations: [Expectation]

  /// Of the whole run, in the order of time.
  package var configurations: [GatewayConfiguration] {
    [configuration] + changes.map(\.configuration)
  }

  package struct Change: Sendable {
    package var at: Duration
    package var configuration: GatewayConfiguration
    /// As the scenario names the file.
    package var name: String
  }
}

/// Requests of one kind of clients.
package struct FlowConfiguration: Sendable {
  package struct Stage: Sendable, Equatable {
    package var at: Duration
    /// A second.
    package var rate: Double
  }

  package struct Request: Sendable {
    package var path: String
    package var method: String
    package var host: String
    package var fields: [(name: String, value: String)]
    package var body: Int
    package var weight: Int
  }

  package struct Repeats: Sendable {
    package var attempts: Int
    package var wait: Duration
    package var backsOff: Bool
  }

  package enum Spread: String, Sendable { case even, zipf }
  package enum Arrivals: String, Sendable { case even, random }

  package var name: String
  /// One at least, in the order of time.
  package var stages: [Stage]
  package var from: Duration
  /// nil = to the end.
  package var until: Duration?
  package var arrivals: Arrivals
  package var requests: [Request]
  package var clients: Int
  package var spread: Spread
  /// nil = for ever.
  package var patience: Duration?
  package var keepAlive: Duration
  /// nil = none.
  package var repeats: Repeats?

  /// Requests a second at a time.
  package func rate(at time: Duration) -> Double {
    guard let next = stages.firstIndex(where: { $0.at > time }) else {
      return stages[stages.count - 1].rate
    }
    if next == 0 { return stages[0].rate }
    let (left, right) = (stages[next - 1], stages[next])
    let part =
      Double((time - left.at).nanoseconds) / Double((right.at - left.at).nanoseconds)
    return left.rate + (right.rate - left.rate) * part
  }

  /// The highest rate that there is at any time.
  package var highestRate: Double { stages.reduce(0) { max($0, $1.rate) } }
}

/// How some backends behave for some time. nil = as before.
package struct BehaviourConfiguration: Sendable {
  package enum Latency: Sendable, Equatable {
    case fixed(Duration)
    case uniform(ClosedRange<Duration>)
    case logNormal(median: Duration, p99: Duration)
  }

  package enum Connect: String, Sendable { case accept, refuse, ignore }
  package enum Health: String, Sendable { case follow, up, down }
  /// `none` is a value of its own here.
  package enum Capacity: Sendable, Equatable {
    case unbounded
    case bounded(Int)
  }

  package var subject: BackendSubject
  package var from: Duration
  /// nil = to the end.
  package var until: Duration?
  package var latency: Latency?
  package var capacity: Capacity?
  package var failures: Share?
  package var failureStatus: UInt16?
  package var connect: Connect?
  package var resets: Share?
  package var hangs: Share?
  package var body: Int?
  package var bodyTime: Duration?
  package var health: Health?
}

/// Which backends are meant.
package enum BackendSubject: Sendable, Equatable {
  case all
  case service(String)
  case one(service: String, address: String)

  /// `*`, `users`, `users/10.0.0.2:9000`
  package init(_ text: String) {
    if text == "*" {
      self = .all
    } else if let slash = text.firstIndex(of: "/") {
      self = .one(
        service: String(text[..<slash]), address: String(text[text.index(after: slash)...]))
    } else {
      self = .service(text)
    }
  }

  package func covers(service: String, address: String) -> Bool {
    switch self {
    case .all: true
    case .service(let name): name == service
    case .one(let name, let label): name == service && label == address
    }
  }
}

extension BackendSubject {
  /// What to write instead of a name that is none of these.
  static func suggestion(for name: String, among names: [String]) -> String {
    if let whole = names.first(where: { $0.hasSuffix("/\(name)") }) {
      return "did you mean '\(whole)'?"
    }
    let isBackend = name.contains("/") || names.allSatisfy { $0.contains("/") }
    return NearestName.suggestion(
      for: name, among: names.filter { $0.contains("/") == isBackend },
      called: isBackend ? "backends" : "services", none: "there are none")
  }
}

/// What several configurations name, each once, in the order of the files.
extension [GatewayConfiguration] {
  package var routeNames: [String] { flatMap { $0.routes.map(\.name) }.uniqued }
  package var limitNames: [String] { flatMap { $0.rateLimits.map(\.name) }.uniqued }
  /// `service/address`
  package var backendNames: [String] {
    flatMap(\.services).flatMap { service in
      service.backends.map { "\(service.name)/\($0.label)" }
    }.uniqued
  }
}

extension [String] {
  var uniqued: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}

/// How requests end besides with the gateway's reason words, as their clients see it.
package enum ScenarioReasons {
  /// The answer broke off.
  package static let cut = "cut"
  /// The connection ended before an answer.
  package static let noAnswer = "no_answer"
  /// No connection could be made.
  package static let notConnected = "not_connected"
  /// A backend answered with a status from 500 on.
  package static let backendError = "backend_error"

  package static let own = [cut, noAnswer, notConnected, backendError]
}
