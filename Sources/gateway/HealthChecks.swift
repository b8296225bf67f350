// Why this file exists: the prober knows no snapshot and the snapshot no prober; here the backends
// of the one become the targets of the other, and results become the words that workers read.

import Balancing
import Configuration
import EventLoop
import Forwarding
import Health
import Primitives
import Probing
import Telemetry

/// The health checks of the process. Control loop only.
final class HealthChecks {
  private let prober: Prober
  private let ledger: Ledger
  private let onChange: () -> Void

  /// - Parameter seed: of the system, so that no two gateways check in step.
  /// - Parameter places: probes under way at once.
  /// - Parameter onChange: a backend has gone down or come up.
  init(
    _ loop: Loop, seed: UInt64 = .random(in: 0 ... .max), places: Int,
    onChange: @escaping () -> Void
  ) {
    let ledger = Ledger()
    prober = Prober(
      loop, userAgent: "gateway/\(Version.number) health-check", seed: seed, places: places
    ) { result in
      if ledger.record(result) { onChange() }
    }
    self.ledger = ledger
    self.onChange = onChange
  }

  /// Checks what this configuration says from now on; `snapshot` is what it was compiled to. A
  /// backend that is in both the old one and this one goes on as it was. To be called when a
  /// snapshot takes the place of another, while that one is still there: its backends' words are
  /// written a last time.
  func follow(_ snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration) {
    let checked = CheckedBackend.all(in: snapshot, configuration)
    let hasChanged = ledger.follow(checked)
    prober.watch(checked.map(\.target))
    if hasChanged { onChange() }
  }

  func stop() { prober.stop() }

  // MARK: Reading

  func report(service: String, backend: String) -> ProbeReport? {
    prober.report(ProbeTarget.Identity(service: service, backend: backend))
  }

  /// For `gateway_health_checks_total`.
  var samples: [HealthCheckSample] { ledger.samples }
}

/// A backend with an active check, and the words that its results go to.
struct CheckedBackend {
  var target: ProbeTarget
  var health: BackendHealth
  var service: ServiceShared

  /// In the order of the snapshot.
  static func all(
    in snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration
  ) -> [CheckedBackend] {
    var checked: [CheckedBackend] = []
    for (index, service) in configuration.services.enumerated() {
      guard let active = service.health.active else { continue }
      let shared = snapshot.pointee.services[index].shared
      for backend in snapshot.pointee.backends(of: index) {
        checked.append(CheckedBackend(backend, of: service.name, shared, active))
      }
    }
    return checked
  }

  private init(
    _ backend: BackendEntry, of name: String, _ service: ServiceShared,
    _ active: ActiveHealthConfiguration
  ) {
    self.service = service
    health = backend.shared.health
    target = ProbeTarget(
      identity: ProbeTarget.Identity(service: name, backend: backend.label.text),
      address: backend.unixPath.map { .unix(String(cString: $0)) } ?? .tcp(backend.endpoint),
      check: ProbeCheck(
        question: ProbeCheck.Question(
          path: active.path, host: active.host ?? backend.authority.text,
          statuses: StatusRanges(active.status)),
        schedule: ProbeSchedule(interval: active.interval), timeout: active.timeout,
        thresholds: ProbeThresholds(
          healthyAfter: active.healthyAfter, unhealthyAfter: active.unhealthyAfter)),
      // What the process knows of the backend already comes before what the file presumes.
      isInitiallyUp: !health.gate.isDown)
  }
}

/// Where results go: the backends' words and the counts.
private final class Ledger {
  private struct Entry {
    var health: BackendHealth
    var service: ServiceShared
    /// How many ended so, by the label of the metric.
    var counts: [String: UInt64]
  }

  private var entries: [ProbeTarget.Identity: Entry] = [:]
  private var order: [ProbeTarget.Identity] = []

  /// Entries for these and no others. A backend that is checked no more, but still there, is up as
  /// far as checks go; nobody could bring it back otherwise. True when that has changed a state.
  func follow(_ checked: [CheckedBackend]) -> Bool {
    let before = entries
    let orderBefore = order
    entries = [:]
    order = []
    for backend in checked where entries[backend.target.identity] == nil {
      let identity = backend.target.identity
      entries[identity] = Entry(
        health: backend.health, service: backend.service, counts: before[identity]?.counts ?? [:])
      order.append(identity)
    }
    let now = Loop.clock()
    var hasChanged = false
    for identity in orderBefore where entries[identity] == nil {
      guard let entry = before[identity], entry.health.gate.isDown else { continue }
      entry.health.probeStopped(now: now)
      entry.service.noteChange()
      hasChanged = true
    }
    return hasChanged
  }

  /// True when the backend's state is another one now.
  func record(_ result: ProbeResult) -> Bool {
    guard var entry = entries[result.identity] else { return false }
    entry.counts[result.verdict.result, default: 0] += 1
    entries[result.identity] = entry
    switch (result.verdict, result.flipped) {
    case (.pass, true): entry.health.probePassed(now: result.at)
    case (.fail(let failure), true): entry.health.probeFailed(failure, now: result.at)
    case (.fail(let failure), false):
      if entry.health.probeFailedAgain(failure) { entry.service.noteChange() }
      return false
    case (.pass, false), (.skipped, _): return false
    }
    entry.service.noteChange()
    return true
  }

  var samples: [HealthCheckSample] {
    order.flatMap { identity in
      let counts = entries[identity]?.counts ?? [:]
      return ProbeVerdict.results.map { result in
        HealthCheckSample(
          service: identity.service, backend: identity.backend, result: result,
          count: counts[result] ?? 0)
      }
    }
  }
}
