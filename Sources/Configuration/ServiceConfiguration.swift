// Why this file exists: services as values; with routes the part of the configuration that a reload
// changes most.
package import Primitives

/// A named pool of backends.
package struct ServiceConfiguration: Sendable, Equatable {
  package var name: String
  package var balancer: BalancerConfiguration
  /// May be empty.
  package var backends: [BackendConfiguration]
  /// Between two resolutions of its backends' host names.
  package var resolveEvery: Duration
  package var host: HostMode
  package var connections: PoolConfiguration
  package var timeouts: ServiceTimeouts
  package var retries: RetryConfiguration
  package var health: HealthConfiguration
  /// nil = none.
  package var circuitBreaker: CircuitBreakerConfiguration?
  /// A backend that comes back gets from 10 % to 100 % of its share over this time; nil = all at
  /// once.
  package var warmUp: Duration?
  /// Where its name stands in the file, from 1.
  package var line: Int
}

package struct BackendConfiguration: Sendable, Equatable {
  package var address: NetworkAddress
  /// 1...1,000.
  package var weight: Int
  /// No new requests from the start on.
  package var drain: Bool
  /// Where it stands in the file, from 1.
  package var line: Int

  /// What metrics, logs and the admin listener call it: `host:port` or `unix:/path`.
  package var label: String { address.text }
}

/// The Host field that a backend is sent.
package enum HostMode: Sendable, Equatable {
  /// The client's.
  case preserve
  /// The backend's address.
  case backend
  /// A valid authority: `host` or `host:port`.
  case literal(String)
}

package struct PoolConfiguration: Sendable, Equatable {
  /// Open connections per backend, all workers together; nil = no bound.
  package var max: Int?
  /// Idle ones kept per backend and worker.
  package var idle: Int
  package var idleTimeout: Duration
  /// Requests that wait, per service, all workers together.
  package var queue: Int
  package var queueTimeout: Duration
}

/// The timers on the backend's side.
package struct ServiceTimeouts: Sendable, Equatable {
  package var connect: Duration
  package var response: Duration
  package var idle: Duration
  /// The whole exchange; nil = none.
  package var request: Duration?
}

package enum RetryCondition: String, Sendable, CaseIterable {
  case connect
  case reusedReset = "reused_reset"
  case reset
  case timeout
  case status502 = "502"
  case status503 = "503"
  case status504 = "504"
}

package struct RetryConfiguration: Sendable, Equatable {
  /// Extra attempts; 0 = none.
  package var attempts: Int
  package var when: Set<RetryCondition>
  package var budget: Share
  package var budgetFloor: Rate
}
