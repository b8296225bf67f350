// Why this file exists: what makes a backend get requests, or none, as values: the choice of the
// next one, health checks, evidence from traffic, circuit breakers and warming up.
package import Primitives

package struct BalancerConfiguration: Sendable, Equatable {
  package enum Policy: String, Sendable, CaseIterable {
    case roundRobin = "round_robin"
    case weightedRoundRobin = "weighted_round_robin"
    case leastConnections = "least_connections"
    case powerOfTwo = "power_of_two"
    case peakEWMA = "peak_ewma"
    case consistentHash = "consistent_hash"
    case maglev

    /// Requests go by a key; `key` and `maxLoad` are for these.
    package var isKeyed: Bool {
      switch self {
      case .consistentHash, .maglev: true
      case .roundRobin, .weightedRoundRobin, .leastConnections, .powerOfTwo, .peakEWMA: false
      }
    }
  }

  package var policy: Policy
  /// What requests have in common that go to one backend; read by keyed policies alone.
  package var key: RequestKey
  /// At least 100 %: of its fair part of the requests in flight, what a backend gets at most; nil =
  /// no bound. Keyed policies alone.
  package var maxLoad: Share?
}

/// A part of a request that others are told apart by.
package enum RequestKey: Sendable, Hashable {
  case clientIP
  /// Without the query.
  case path
  /// The field's name, in lower case.
  case header(String)
  /// The cookie's name, with regard to case.
  case cookie(String)
  /// The parameter's name, as it stands in the request.
  case query(String)
}

package struct HealthConfiguration: Sendable, Equatable {
  package enum Initial: String, Sendable { case up, down }

  /// nil = backends are not asked.
  package var active: ActiveHealthConfiguration?
  /// nil = responses are no evidence.
  package var passive: PassiveHealthConfiguration?
  /// Below this share of usable backends health is ignored; 0 % = never.
  package var panicThreshold: Share
  /// Before the first probe has answered. `down` only where there is an active check.
  package var initial: Initial
  /// From 500 to 599; for passive health and the circuit breaker. Ranges may overlap.
  package var failureStatuses: [ClosedRange<UInt16>]
}

package struct ActiveHealthConfiguration: Sendable, Equatable {
  /// In origin-form: `/path` or `/path?query`.
  package var path: String
  package var interval: Duration
  /// For the connection and the response head together.
  package var timeout: Duration
  /// Good answers in a row that bring a backend up; 1...100.
  package var healthyAfter: Int
  /// Bad or missing answers in a row that take it down; 1...100.
  package var unhealthyAfter: Int
  /// Good answers, from 200 to 599; at least one range, and they may overlap.
  package var status: [ClosedRange<UInt16>]
  /// The Host field; nil = the backend's address.
  package var host: String?
}

package struct PassiveHealthConfiguration: Sendable, Equatable {
  /// In a row; nil = not looked at.
  package var consecutiveFailures: Int?
  /// Of the requests in the window, at or above; nil = not looked at.
  package var failureRate: Share?
  /// In the window, before its rate is looked at.
  package var minRequests: Int
  package var window: Duration
  /// Times the number of ejections in a row.
  package var ejection: Duration
  /// At least `ejection`.
  package var maxEjection: Duration
  /// Of the pool; rounded down, but at least one of two or more; 0 % = never.
  package var maxEjected: Share
}

package struct CircuitBreakerConfiguration: Sendable, Equatable {
  package enum Mode: String, Sendable { case off, shadow, enforce }

  package var mode: Mode
  /// In a row; nil = not looked at.
  package var consecutiveFailures: Int?
  /// Of the requests in the window, at or above; nil = not looked at.
  package var failureRate: Share?
  /// A request that takes at least this long is slow; nil = none is.
  package var slowCall: Duration?
  /// Of the requests in the window, at or above.
  package var slowCallRate: Share
  /// In the window, before its rates are looked at.
  package var minRequests: Int
  package var window: Duration
  /// Grows by half with every trip in a row.
  package var open: Duration
  /// At least `open`.
  package var maxOpen: Duration
  /// 1...1,000.
  package var halfOpenRequests: Int
}
