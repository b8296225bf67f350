// Why this file exists: what the admin listener tells is gathered here, from the workers, the
// configuration and the kernel, each time somebody asks.

import Admin
import Balancing
import CircuitBreaking
import Configuration
import EventLoop
import Forwarding
import Health
import Primitives
import Proxy
import Telemetry

/// The answers to /status and /metrics. For the main thread.
final class StatusReport {
  private let inUse: ConfigurationInUse
  private let dataPlane: DataPlane
  private let checks: HealthChecks
  private let traces: TraceExport
  private let limits: LimitSurvey
  let history: TrafficHistory
  private let descriptorLimit: Int
  private let readiness: () -> AdminReadiness
  private let started = Loop.clock()

  init(
    _ inUse: ConfigurationInUse, _ dataPlane: DataPlane, _ checks: HealthChecks,
    _ traces: TraceExport, descriptorLimit: Int,
    readiness: @escaping () -> AdminReadiness
  ) {
    self.inUse = inUse
    self.dataPlane = dataPlane
    self.checks = checks
    self.traces = traces
    limits = LimitSurvey(dataPlane)
    history = TrafficHistory { TrafficSums(dataPlane.layout, dataPlane.shards) }
    self.descriptorLimit = descriptorLimit
    self.readiness = readiness
  }

  /// What the admin listener asks.
  func source(_ orders: BackendOrders, _ reloads: Reloads) -> AdminSource {
    AdminSource(
      readiness: readiness, services: { self.survey.services.map(\.brief) },
      setDraining: { orders.setDraining(service: $0, address: $1, $2, now: Loop.clock()) },
      status: { self.status() }, history: { self.history.json },
      metrics: { self.metrics($0) }, explain: { self.explain($0) },
      configuration: { Array(EffectiveConfiguration.json(self.inUse.loaded.values).utf8) },
      configurationErrors: { ReloadReport.errors(of: self.inUse.refused, $0) },
      reload: { format, completion in
        reloads.ask(.request) { outcome in
          completion(
            outcome.verdict(format, self.inUse, generation: self.dataPlane.live.generation))
        }
      })
  }

  private var survey: BackendSurvey {
    BackendSurvey(dataPlane.snapshot, dataPlane.live.configuration, now: Loop.clock())
  }

  /// Parts of the answer, as `MetricsScrape` gives them.
  func metrics(_ format: ExpositionFormat) -> () -> [UInt8] {
    let layout = dataPlane.layout
    let survey = survey
    let conditions = survey.conditions
    var gauges = dataPlane.gauges
    for (index, backend) in layout.backends.enumerated() {
      gauges[index].condition = conditions[[layout.service(backend.service) ?? "-", backend.name]]
    }
    let report = MetricsReport(
      layout: layout, shards: dataPlane.shards, gauges: gauges,
      healthChecks: checks.samples, panics: survey.panics,
      limits: limits.samples(now: survey.now), limited: limits.limited, spans: traces.samples,
      configuration: ConfigurationStatus(
        isLastReloadSuccessful: inUse.refused == nil, lastReload: UInt64(inUse.since),
        successes: inUse.successes, failures: inUse.failures, hash: inUse.loaded.contentHash,
        generation: dataPlane.live.generation),
      process: ProcessSample(
        cpuSeconds: ProcessFacts.cpuSeconds(), residentBytes: ProcessFacts.residentBytes(),
        virtualBytes: ProcessFacts.virtualBytes(), openDescriptors: ProcessFacts.openDescriptors(),
        maximumDescriptors: descriptorLimit, startTimeSeconds: ProcessFacts.startTimeSeconds()),
      version: Version.number,
      clocks: ScrapeClocks(monotonic: survey.now, wall: WallClock.nanoseconds()))
    let scrape = report.scrape(as: format)
    return { scrape.next() }
  }

  func status() -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("version", Version.number)
    json.member("time", DiagnosticLog.time(WallClock.nanoseconds()))
    switch readiness() {
    case .ready: json.member("state", "ready")
    case .notReady(let why): json.member("state", why)
    }
    json.member("uptime_seconds", (Loop.clock() - started).nanoseconds / 1_000_000_000)
    writeConfiguration(to: &json)
    json.key("listeners")
    json.beginArray()
    for address in dataPlane.boundAddresses { json.string(address) }
    json.endArray()
    json.member("post_needs_token", inUse.loaded.configuration.admin?.token != nil)
    json.member("workers", dataPlane.settings.workers)
    writeProcess(to: &json)
    json.member("client_connections", clientConnections)
    json.member("client_connections_max", dataPlane.connectionsMax)
    json.member("requests_in_flight", dataPlane.exchangesInFlight)
    json.member("shedding", shedding)
    json.key("services")
    json.beginArray()
    let survey = survey
    let sums = TrafficSums(dataPlane.layout, dataPlane.shards)
    // A name that was given up and taken again may be there twice for a moment.
    let counted = Dictionary(sums.services.map { ($0.name, $0) }) { _, newer in newer }
    let clocks = ClockReading(monotonic: survey.now, wall: WallClock.nanoseconds())
    for (index, service) in survey.services.enumerated() {
      write(service, index: index, counted[service.name], clocks, to: &json)
    }
    json.endArray()
    json.key("limits")
    limits.write(to: &json, now: survey.now)
    json.key("traffic")
    json.traffic(sums, now: survey.now)
    json.key("tracing")
    traces.write(to: &json)
    json.endObject()
    return json.finished
  }

  /// What the gateway itself needs.
  private func writeProcess(to json: inout JSONWriter) {
    json.key("event_loop_lag_ms")
    json.beginArray()
    for shard in dataPlane.shards {
      json.number(Double(shard.eventLoopLag.value / 1_000) / 1_000)
    }
    json.endArray()
    json.member("cpu_seconds", ProcessFacts.cpuSeconds())
    json.key("resident_bytes")
    if let bytes = ProcessFacts.residentBytes() { json.integer(bytes) } else { json.null() }
    let dropped = dataPlane.shards.reduce(UInt64(0)) { $0 &+ $1.accessLogDropped.value }
    json.member("access_log_dropped", dropped)
  }

  private func writeConfiguration(to json: inout JSONWriter) {
    json.key("configuration")
    json.beginObject()
    json.member("file", inUse.path)
    json.member("generation", dataPlane.live.generation)
    json.member("revision", dataPlane.revision)
    json.member("snapshots_in_use", dataPlane.retiredSnapshots + 1)
    json.member("hash", inUse.loaded.contentHash)
    json.member("since", DiagnosticLog.time(inUse.since))
    json.key("needs_restart")
    json.beginArray()
    for change in inUse.pending { json.string(change.path) }
    json.endArray()
    json.key("last_reload")
    if let last = inUse.lastAttempt {
      json.beginObject()
      json.member("result", last.result.rawValue)
      json.member("by", last.trigger)
      json.member("at", DiagnosticLog.time(last.at))
      json.member(
        "errors", inUse.refused?.diagnostics.count { $0.severity == .error } ?? 0)
      json.endObject()
    } else {
      json.null()
    }
    json.endObject()
  }

  /// Where a request would go at this moment.
  private func explain(_ question: AdminQuestion) -> AdminExplanation {
    let peer = question.client.isEmpty ? nil : IPAddress.parse(question.client)
    if peer == nil, !question.client.isEmpty {
      return .unclear("'\(question.client)' is not an IP address")
    }
    let request = ExplainedRequest(
      method: question.method, url: question.url, fields: question.fields, peer: peer)
    let survey = survey
    do throws(ExplainedRequest.Problem) {
      let explanation = Explanation(
        request: request, configuration: dataPlane.live.configuration, file: inUse.path,
        verdict: try ExplainedVerdict.of(request, dataPlane.snapshot, now: survey.now),
        knowsCounters: true
      ) { self.backends(of: $0, survey) }
      return .explained(explanation.json)
    } catch {
      return .unclear("\(error)")
    }
  }

  private func backends(of service: Int, _ survey: BackendSurvey) -> [ExplainedBackend] {
    let snapshot = dataPlane.snapshot
    let pool = BackendPool(snapshot, UnsafePointer(snapshot.pointee.services + service))
    return survey.services[service].backends.enumerated().map { position, backend in
      let health = backend.health
      let standing = pool.standing(of: position, now: survey.now)
      let state = health.state.isUsable ? nil : "\(health.state.word): \(health.cause.word)"
      let isHalfOpen = backend.breaker?.phase == .halfOpen
      let circuit = isHalfOpen ? "its circuit has no trial left" : "its circuit is open"
      return ExplainedBackend(
        address: backend.label, isEligible: standing.isHealthy && standing.admits,
        note: state ?? (standing.admits ? nil : circuit))
    }
  }

  /// A connection may be counted in by one worker and out by another, so only the sum means
  /// anything.
  private var clientConnections: Int64 {
    Int64(bitPattern: dataPlane.shards.reduce(0) { $0 &+ $1.clientConnections.value })
  }

  /// What the worst worker refuses to protect the process.
  private var shedding: String {
    let worst = dataPlane.shards.map(\.shedding.value).max() ?? 0
    return switch OverloadLevel(word: worst) {
    case .nothing: "nothing"
    case .connections: "new connections"
    case .requests: "new connections and requests"
    }
  }

  private func write(
    _ service: BackendSurvey.Service, index: Int, _ counted: TrafficSums.Service?,
    _ clocks: ClockReading, to json: inout JSONWriter
  ) {
    let balancer = dataPlane.live.configuration.services[index].balancer
    json.beginObject()
    json.member("name", service.name)
    json.member("balancer", balancer.policy.rawValue)
    json.member("waiting", service.shared.waiting.load())
    json.member("ignores_health", Panic.lasts(service.shared.panic))
    json.member("ignores_health_since", Panic.since(service.shared.panic).map(clocks.time))
    if let counted {
      json.counts(counted.sum)
      json.words("retries", counted.retries.map { ($0.kind, $0.count) })
    }
    json.key("backends")
    json.beginArray()
    for backend in service.backends {
      json.beginObject()
      json.backend(
        backend, check: checks.report(service: service.name, backend: backend.label),
        workers: dataPlane.settings.workers, clocks)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }
}
