// Why this file exists: /status, /readyz and /metrics ask the same of every backend: its state,
// why, since when, and how its breaker stands. It is read here, all at one instant.

import Admin
import Balancing
import CircuitBreaking
import Configuration
import Forwarding
import Health
import Primitives
import Telemetry

/// One backend as it stands.
struct SurveyedBackend {
  var label: String
  /// `host:port` as it was written, of a backend whose host is a name.
  var name: String?
  var weight: UInt32
  var shared: BackendShared
  var health: BackendHealthReport
  /// Neither down nor ejected, whether it drains or not.
  var isHealthy: Bool
  /// Nil when the service has no circuit breaker.
  var breaker: BreakerReport?
}

/// Every backend of the configuration in use, by service, in the order of the file. For the control
/// loop.
struct BackendSurvey {
  struct Service {
    var name: String
    var shared: ServiceShared
    var backends: [SurveyedBackend]

    /// For /readyz.
    var brief: AdminService {
      let unusable = backends.filter { !$0.health.state.isUsable }
      return AdminService(
        name: name, backends: backends.count,
        unusable: unusable.map { backend in
          AdminService.Unusable(
            address: backend.label, state: backend.health.state.word,
            reason: backend.health.cause.word)
        })
    }
  }

  let now: Instant
  let services: [Service]

  init(_ snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration, now: Instant) {
    self.now = now
    services = configuration.services.enumerated().map { index, configured in
      let service = snapshot.pointee.services[index]
      let backends = snapshot.pointee.backends(of: index).map {
        SurveyedBackend($0, service.rules, now: now)
      }
      return Service(name: configured.name, shared: service.shared, backends: backends)
    }
  }

  var panics: [PanicSample] {
    services.map { PanicSample(service: $0.name, count: $0.shared.panics.load()) }
  }

  /// By service and label.
  var conditions: [[String]: BackendCondition] {
    var conditions: [[String]: BackendCondition] = [:]
    for service in services {
      for backend in service.backends {
        conditions[[service.name, backend.label]] = backend.condition
      }
    }
    return conditions
  }
}

extension SurveyedBackend {
  init(_ entry: BackendEntry, _ rules: BackendRules, now: Instant) {
    label = entry.label.text
    let written = entry.authority.text
    name = entry.unixPath != nil || written == label ? nil : written
    weight = entry.weight
    shared = entry.shared
    health = shared.health.observe(now: now, warmUp: rules.warmUp)
    let gate = shared.health.gate
    isHealthy = !gate.isDown && !gate.isEjected(now: now)
    switch rules.breaker.mode {
    case .off: break
    case .shadow, .enforce: breaker = shared.breaker.observe(now: now, rules.breaker)
    }
  }

  var condition: BackendCondition {
    let circuit = breaker.map { report in
      BackendCondition.Circuit(
        state: UInt64(report.phase.rawValue),
        transitions: [BreakerPhase.closed, .open, .halfOpen].map {
          .init($0.word, shared.transitions(to: $0).load())
        })
    }
    return BackendCondition(
      isHealthy: isHealthy,
      states: BackendState.allCases.map { .init($0.word, $0 == health.state ? 1 : 0) },
      ejections: EjectionCause.allCases.map { .init($0.word, shared.health.ejections($0).load()) },
      circuit: circuit)
  }
}
