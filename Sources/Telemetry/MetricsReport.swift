// Why this file exists: one scrape: the shards of all workers added up, with what the control loop
// and the kernel know.
import HTTPSemantics
import Primitives

/// What the control loop knows of the configuration.
package struct ConfigurationStatus: Sendable {
  /// The configuration read last is the one in use.
  package var isLastReloadSuccessful: Bool
  /// When the configuration in use was put to use: nanoseconds since 1970.
  package var lastReload: UInt64
  package var successes: UInt64
  package var failures: UInt64
  /// Of the configuration in use.
  package var hash: String
  package var generation: UInt64

  package init(
    isLastReloadSuccessful: Bool, lastReload: UInt64, successes: UInt64, failures: UInt64,
    hash: String, generation: UInt64
  ) {
    self.isLastReloadSuccessful = isLastReloadSuccessful
    self.lastReload = lastReload
    self.successes = successes
    self.failures = failures
    self.hash = hash
    self.generation = generation
  }
}

/// What the kernel tells of the process; nil is left out of the answer.
package struct ProcessSample: Sendable {
  package var cpuSeconds: Double?
  package var residentBytes: Int?
  package var virtualBytes: Int?
  package var openDescriptors: Int?
  package var maximumDescriptors: Int?
  /// Since 1970.
  package var startTimeSeconds: Double?

  package init(
    cpuSeconds: Double?, residentBytes: Int?, virtualBytes: Int?, openDescriptors: Int?,
    maximumDescriptors: Int?, startTimeSeconds: Double?
  ) {
    self.cpuSeconds = cpuSeconds
    self.residentBytes = residentBytes
    self.virtualBytes = virtualBytes
    self.openDescriptors = openDescriptors
    self.maximumDescriptors = maximumDescriptors
    self.startTimeSeconds = startTimeSeconds
  }
}

/// What all workers have in common about a backend.
package struct BackendGauges: Equatable, Sendable {
  /// Requests in flight.
  package var active: UInt64
  /// Connections that are open or being made, and how many of them are idle in a pool.
  package var open: UInt64
  package var idle: UInt64
  /// Nil for one that no configuration names any more.
  package var condition: BackendCondition?

  package init(active: UInt64, open: UInt64, idle: UInt64) {
    self.active = active
    self.open = open
    self.idle = idle
  }
}

/// The health checks of one backend that ended in one way.
package struct HealthCheckSample: Sendable {
  package var service: String
  package var backend: String
  /// `pass`, `fail` or `skipped`.
  package var result: String
  package var count: UInt64

  package init(service: String, backend: String, result: String, count: UInt64) {
    self.service = service
    self.backend = backend
    self.result = result
    self.count = count
  }
}

/// How often health was ignored for a service's backends.
package struct PanicSample: Sendable {
  package var service: String
  package var count: UInt64

  package init(service: String, count: UInt64) {
    self.service = service
    self.count = count
  }
}

/// The keys of one rate limit.
package struct LimitSample: Sendable {
  package var limit: String
  package var keys: UInt64
  package var evictions: UInt64

  package init(limit: String, keys: UInt64, evictions: UInt64) {
    self.limit = limit
    self.keys = keys
    self.evictions = evictions
  }
}

/// Requests of one route that were above one limit.
package struct LimitedSample: Sendable {
  package var limit: String
  package var route: String
  /// `shadow` or `enforce`.
  package var mode: String
  package var count: UInt64

  package init(limit: String, route: String, mode: String, count: UInt64) {
    self.limit = limit
    self.route = route
    self.mode = mode
    self.count = count
  }
}

/// Everything that one answer to `GET /metrics` is made from.
package struct MetricsReport: Sendable {
  package var layout: MetricsLayout
  /// One per worker, in the order of their numbers. One that was made before the newest numbers
  /// were given has no words for them yet: nothing was counted there.
  package var shards: [MetricsShard]
  /// For each of the layout's backends.
  package var gauges: [BackendGauges]
  /// In the order of the answer; a service without health checks has none.
  package var healthChecks: [HealthCheckSample]
  package var panics: [PanicSample]
  package var limits: [LimitSample]
  /// Those that are above 0 are shown.
  package var limited: [LimitedSample]
  package var configuration: ConfigurationStatus
  package var process: ProcessSample
  package var version: String

  package init(
    layout: MetricsLayout, shards: [MetricsShard], gauges: [BackendGauges],
    healthChecks: [HealthCheckSample] = [], panics: [PanicSample] = [],
    limits: [LimitSample] = [], limited: [LimitedSample] = [],
    configuration: ConfigurationStatus, process: ProcessSample, version: String
  ) {
    precondition(gauges.count == layout.backends.count)
    self.layout = layout
    self.shards = shards
    self.gauges = gauges
    self.healthChecks = healthChecks
    self.panics = panics
    self.limits = limits
    self.limited = limited
    self.configuration = configuration
    self.process = process
    self.version = version
  }

  /// The body of the answer, of type `Exposition.contentType`. Counters are read one after another
  /// while the workers go on; each by itself is whole, and a histogram's count is that of its
  /// buckets.
  package func text() -> [UInt8] {
    var out = Exposition(.requests)
    writeRequests(&out)
    writeDurations(&out)
    writeBytes(&out)
    writeConnections(&out)
    writeConditions(&out)
    writeLimits(&out)
    writeDecisions(&out)
    writeConfiguration(&out)
    writeHealth(&out)
    writeProcess(&out)
    return out.bytes
  }

  private func total(_ word: (MetricsShard) -> SharedCounter) -> UInt64 {
    shards.reduce(0) { $0 &+ word($1).value }
  }

  private func writeRequests(_ out: inout Exposition) {
    var counts: [UInt64: UInt64] = [:]
    for shard in shards {
      for place in 0..<shard.requests.places {
        guard let (key, count) = shard.requests.entry(at: place) else { continue }
        counts[key, default: 0] += count
      }
    }
    for key in counts.keys.sorted() {
      guard let route = layout.route(RequestTable.route(of: key)),
        let service = layout.service(RequestTable.service(of: key))
      else { continue }
      let status = "\(1_000 + RequestTable.status(of: key))".dropFirst()
      out.sample(
        route, service, "\(RequestTable.method(of: key).word)", String(status),
        value: counts[key] ?? 0)
    }
    let overflow = shards.reduce(0) { $0 + $1.requests.overflow }
    if overflow > 0 { out.sample("other", "other", "other", "other", value: overflow) }
  }

  private func writeDurations(_ out: inout Exposition) {
    out.begin(.requestDuration)
    for route in layout.routes {
      guard let service = layout.service(route.service),
        let sums = sums(.request, of: [route.index], { $0.requestDuration(route: $1) })
      else { continue }
      out.histogram(
        route.name, service, bounds: HistogramBoundaries.request.nanoseconds,
        counts: sums.counts, sum: sums.sum)
    }
    out.begin(.overhead)
    for (name, indices) in layout.routesByName {
      guard let sums = sums(.overhead, of: indices, { $0.overhead(route: $1) }) else { continue }
      out.histogram(
        name, bounds: HistogramBoundaries.overhead.nanoseconds, counts: sums.counts,
        sum: sums.sum)
    }
    out.begin(.upstreamDuration)
    for service in layout.services {
      let histograms = shards(knowing: service).map {
        $0.upstreamDuration(service: service.index)
      }
      guard let sums = sums(.request, histograms) else { continue }
      out.histogram(
        service.name, bounds: HistogramBoundaries.request.nanoseconds, counts: sums.counts,
        sum: sums.sum)
    }
  }

  /// Histograms added up, over all workers too; nil when nothing was recorded in it yet.
  private func sums(
    _ boundaries: HistogramBoundaries, of routes: [Int],
    _ histogram: (MetricsShard, Int) -> FixedHistogram
  ) -> (counts: [UInt64], sum: UInt64)? {
    let histograms = shards.flatMap { shard in
      routes.filter { shard.routeCount > $0 }.map { histogram(shard, $0) }
    }
    return sums(boundaries, histograms)
  }

  private func sums(
    _ boundaries: HistogramBoundaries, _ histograms: [FixedHistogram]
  ) -> (counts: [UInt64], sum: UInt64)? {
    var counts = [UInt64](repeating: 0, count: boundaries.nanoseconds.count + 1)
    var sum: UInt64 = 0
    for histogram in histograms {
      for bucket in counts.indices { counts[bucket] &+= histogram.count(inBucket: bucket) }
      sum &+= histogram.sum
    }
    return counts.allSatisfy { $0 == 0 } ? nil : (counts, sum)
  }

  private func writeBytes(_ out: inout Exposition) {
    out.begin(.requestBytes)
    for (name, indices) in layout.routesByName {
      let bytes = total(of: indices) { $0.requestBytes(route: $1) }
      if bytes > 0 { out.sample(name, value: bytes) }
    }
    out.begin(.responseBytes)
    for (name, indices) in layout.routesByName {
      let bytes = total(of: indices) { $0.responseBytes(route: $1) }
      if bytes > 0 { out.sample(name, value: bytes) }
    }
  }

  private func writeConnections(_ out: inout Exposition) {
    out.begin(.clientConnections)
    out.sample(gauge: total { $0.clientConnections })
    out.begin(.activeConnections)
    forEachBackend { out.sample($0, $1, gauge: $3.active) }
    out.begin(.poolConnections)
    forEachBackend { service, name, _, gauges in
      // The two are read one after the other, while connections come and go.
      let idle = min(gauges.idle, gauges.open)
      out.sample(service, name, "idle", gauge: idle)
      out.sample(service, name, "active", gauge: gauges.open - idle)
    }
    out.begin(.poolOpened)
    forEachBackend { service, name, index, _ in
      out.sample(service, name, value: total(index) { $0.poolOpened(backend: $1) })
    }
    out.begin(.poolReused)
    forEachBackend { service, name, index, _ in
      out.sample(service, name, value: total(index) { $0.poolReused(backend: $1) })
    }
  }

  func forEachBackend(_ body: (String, String, Int, BackendGauges) -> Void) {
    for (backend, gauges) in zip(layout.backends, gauges) {
      body(layout.service(backend.service) ?? "-", backend.name, backend.index, gauges)
    }
  }
  /// Those whose worker has taken over a snapshot that has the service.
  private func shards(knowing service: MetricsLayout.Service) -> [MetricsShard] {
    shards.filter { $0.serviceCount > service.index }
  }
  private func total(_ index: Int, _ word: (MetricsShard, Int) -> SharedCounter) -> UInt64 {
    shards.reduce(0) { $1.backendCount > index ? $0 &+ word($1, index).value : $0 }
  }
  private func total(
    of routes: [Int], _ word: (MetricsShard, Int) -> SharedCounter
  ) -> UInt64 {
    var sum: UInt64 = 0
    for shard in shards {
      for route in routes where shard.routeCount > route { sum &+= word(shard, route).value }
    }
    return sum
  }

  private func writeLimits(_ out: inout Exposition) {
    out.begin(.rateLimited)
    for sample in limited where sample.count > 0 {
      out.sample(sample.limit, sample.route, sample.mode, value: sample.count)
    }
    out.begin(.rateLimitKeys)
    for sample in limits { out.sample(sample.limit, value: sample.keys) }
    out.begin(.rateLimitEvictions)
    for sample in limits { out.sample(sample.limit, value: sample.evictions) }
  }

  private func writeDecisions(_ out: inout Exposition) {
    out.begin(.healthChecks)
    for check in healthChecks {
      out.sample(check.service, check.backend, check.result, value: check.count)
    }
    out.begin(.retries)
    for service in layout.services {
      let known = shards(knowing: service)
      for kind in RetryKind.allCases {
        let count = known.reduce(0) {
          $0 &+ $1.retries(service: service.index, kind: kind).value
        }
        if count > 0 { out.sample(service.name, "\(kind.word)", value: count) }
      }
    }
    out.begin(.localResponses)
    for reason in Reason.allCases where reason != .none {
      out.sample("\(reason.word)", value: total { $0.localResponses(reason) })
    }
    out.begin(.fieldsDropped)
    out.sample("underscore", value: total { $0.underscoreFieldsDropped })
  }

  private func writeConfiguration(_ out: inout Exposition) {
    out.begin(.lastReloadSuccessful)
    out.sample(value: configuration.isLastReloadSuccessful ? 1 as UInt64 : 0)
    out.begin(.lastReloadTimestamp)
    out.sample(seconds: configuration.lastReload)
    out.begin(.reloads)
    out.sample("success", value: configuration.successes)
    out.sample("failure", value: configuration.failures)
    out.begin(.configurationInfo)
    out.sample(configuration.hash, "\(configuration.generation)", value: 1 as UInt64)
  }

  private func writeHealth(_ out: inout Exposition) {
    out.begin(.eventLoopLag)
    for (worker, shard) in shards.enumerated() {
      out.sample("\(worker)", seconds: shard.eventLoopLag.value)
    }
    out.begin(.shedding)
    for (worker, shard) in shards.enumerated() {
      out.sample("\(worker)", value: shard.shedding.value)
    }
    out.begin(.accessLogDropped)
    out.sample(value: total { $0.accessLogDropped })
    out.begin(.seriesOverflow)
    out.sample(value: shards.reduce(0) { $0 + $1.requests.overflow })
    out.begin(.buildInfo)
    out.sample(version, value: 1 as UInt64)
  }

  private func writeProcess(_ out: inout Exposition) {
    func write(_ family: MetricFamily, _ value: Double?) {
      guard let value else { return }
      out.begin(family)
      out.sample(value: value)
    }
    write(.processCPU, process.cpuSeconds)
    write(.processMemory, process.residentBytes.map(Double.init))
    write(.processVirtualMemory, process.virtualBytes.map(Double.init))
    write(.processDescriptors, process.openDescriptors.map(Double.init))
    write(.processMaximumDescriptors, process.maximumDescriptors.map(Double.init))
    write(.processStart, process.startTimeSeconds)
  }
}
