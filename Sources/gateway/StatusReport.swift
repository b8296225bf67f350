// Why this file exists: what the admin listener tells is gathered here, from the workers, the
// configuration and the kernel, each time somebody asks.

import Admin
import Balancing
import Configuration
import EventLoop
import Forwarding
import Health
import Primitives
import Proxy
import Telemetry

/// The answers to /status and /metrics. For the main thread.
final class StatusReport {
  private let loaded: ConfigurationReport.Loaded
  private let dataPlane: DataPlane
  private let checks: HealthChecks
  private let descriptorLimit: Int
  private let readiness: () -> AdminReadiness
  /// When the configuration was put to use, in nanoseconds since 1970, and on the monotonic clock.
  private let startedAt = WallClock.nanoseconds()
  private let started = Loop.clock()

  init(
    _ loaded: ConfigurationReport.Loaded, _ dataPlane: DataPlane, _ checks: HealthChecks,
    descriptorLimit: Int,
    readiness: @escaping () -> AdminReadiness
  ) {
    self.loaded = loaded
    self.dataPlane = dataPlane
    self.checks = checks
    self.descriptorLimit = descriptorLimit
    self.readiness = readiness
  }

  /// What the admin listener asks.
  var source: AdminSource {
    AdminSource(readiness: readiness, status: { self.status() }, metrics: { self.metrics() })
  }

  func metrics() -> [UInt8] {
    MetricsReport(
      layout: dataPlane.layout, shards: dataPlane.shards, gauges: dataPlane.gauges,
      healthChecks: checks.samples,
      configuration: ConfigurationStatus(
        isLastReloadSuccessful: true, lastReload: UInt64(startedAt), successes: 0, failures: 0,
        hash: loaded.contentHash, generation: dataPlane.live.generation),
      process: ProcessSample(
        cpuSeconds: ProcessFacts.cpuSeconds(), residentBytes: ProcessFacts.residentBytes(),
        virtualBytes: ProcessFacts.virtualBytes(), openDescriptors: ProcessFacts.openDescriptors(),
        maximumDescriptors: descriptorLimit, startTimeSeconds: ProcessFacts.startTimeSeconds()),
      version: Version.number
    ).text()
  }

  func status() -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("version", Version.number)
    switch readiness() {
    case .ready: json.member("state", "ready")
    case .notReady(let why): json.member("state", why)
    }
    json.member("uptime_seconds", (Loop.clock() - started).nanoseconds / 1_000_000_000)
    json.key("configuration")
    json.beginObject()
    json.member("file", loaded.path)
    json.member("generation", dataPlane.live.generation)
    json.member("revision", dataPlane.revision)
    json.member("snapshots_in_use", dataPlane.retiredSnapshots + 1)
    json.member("hash", loaded.contentHash)
    json.endObject()
    json.key("listeners")
    json.beginArray()
    for address in dataPlane.boundAddresses { json.string(address) }
    json.endArray()
    json.member("workers", dataPlane.settings.workers)
    json.member("client_connections", clientConnections)
    json.member("client_connections_max", dataPlane.settings.connections)
    json.member("requests_in_flight", dataPlane.exchangesInFlight)
    json.member("shedding", shedding)
    json.key("services")
    json.beginArray()
    for index in 0..<dataPlane.snapshot.pointee.serviceCount { write(service: index, to: &json) }
    json.endArray()
    json.endObject()
    return json.finished
  }

  /// A connection may be counted in by one worker and out by another, so only the sum means
  /// anything.
  private var clientConnections: Int64 {
    Int64(bitPattern: dataPlane.shards.reduce(0) { $0 &+ $1.clientConnections.value })
  }

  /// What the worst worker refuses to protect the process.
  private var shedding: String {
    let worst = dataPlane.shards.map(\.shedding.value).max() ?? 0
    return switch OverloadLevel(rawValue: UInt8(truncatingIfNeeded: worst)) ?? .nothing {
    case .nothing: "nothing"
    case .connections: "new connections"
    case .requests: "new connections and requests"
    }
  }

  private func write(service index: Int, to json: inout JSONWriter) {
    let snapshot = dataPlane.snapshot
    let clocks = ClockReading(monotonic: Loop.clock(), wall: WallClock.nanoseconds())
    let service = snapshot.pointee.services[index]
    json.beginObject()
    json.member("name", text(service.name))
    json.member("balancer", dataPlane.live.configuration.services[index].balancer.policy.rawValue)
    json.member("waiting", service.shared.waiting.load())
    json.key("backends")
    json.beginArray()
    for position in 0..<service.view.count {
      let backend = snapshot.pointee.backends[Int(service.first) + position]
      let idle = backend.shared.idleTotal(workers: dataPlane.settings.workers)
      json.beginObject()
      json.member("address", text(backend.label))
      json.key("name")
      if let name = name(backend) { json.string(name) } else { json.null() }
      let report = backend.shared.health.observe(now: clocks.monotonic, warmUp: .zero)
      json.member("state", report.state.word)
      json.member("reason", report.cause.word)
      json.member("requests_in_flight", backend.shared.active.load())
      json.member("connections_open", backend.shared.open.load())
      json.member("connections_idle", idle)
      json.key("health_check")
      json.healthCheck(
        checks.report(service: text(service.name), backend: text(backend.label)), clocks)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  /// `host:port` as it was written, of a backend whose host is a name.
  private func name(_ backend: BackendEntry) -> String? {
    let written = text(backend.authority)
    return backend.unixPath != nil || written == text(backend.label) ? nil : written
  }

  private func text(_ slice: ByteSlice) -> String { String(decoding: slice.buffer, as: UTF8.self) }
}
