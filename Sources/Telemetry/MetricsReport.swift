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

/// Everything that one answer to `GET /metrics` is made from.
package struct MetricsReport: Sendable {
  package var layout: MetricsLayout
  /// One per worker, in the order of their numbers; all made for `layout`.
  package var shards: [MetricsShard]
  package var configuration: ConfigurationStatus
  package var process: ProcessSample
  package var version: String

  package init(
    layout: MetricsLayout, shards: [MetricsShard], configuration: ConfigurationStatus,
    process: ProcessSample, version: String
  ) {
    precondition(shards.allSatisfy { $0.routeCount == layout.routes.count })
    precondition(shards.allSatisfy { $0.serviceCount == layout.services.count })
    precondition(shards.allSatisfy { $0.backendCount == layout.backends.count })
    self.layout = layout
    self.shards = shards
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
      let status = "\(1_000 + RequestTable.status(of: key))".dropFirst()
      out.sample(
        layout.routes[RequestTable.route(of: key)].name,
        layout.services[RequestTable.service(of: key)], "\(RequestTable.method(of: key).word)",
        String(status), value: counts[key] ?? 0)
    }
    let overflow = shards.reduce(0) { $0 + $1.requests.overflow }
    if overflow > 0 { out.sample("other", "other", "other", "other", value: overflow) }
  }

  private func writeDurations(_ out: inout Exposition) {
    out.begin(.requestDuration)
    for (index, route) in layout.routes.enumerated() {
      guard let sums = sums(.request, { $0.requestDuration(route: index) }) else { continue }
      out.histogram(
        route.name, layout.services[route.service], bounds: HistogramBoundaries.request.nanoseconds,
        counts: sums.counts, sum: sums.sum)
    }
    out.begin(.overhead)
    for (index, route) in layout.routes.enumerated() {
      guard let sums = sums(.overhead, { $0.overhead(route: index) }) else { continue }
      out.histogram(
        route.name, bounds: HistogramBoundaries.overhead.nanoseconds, counts: sums.counts,
        sum: sums.sum)
    }
    out.begin(.upstreamDuration)
    for (index, service) in layout.services.enumerated() {
      guard let sums = sums(.request, { $0.upstreamDuration(service: index) }) else { continue }
      out.histogram(
        service, bounds: HistogramBoundaries.request.nanoseconds, counts: sums.counts,
        sum: sums.sum)
    }
  }

  /// A histogram added up over all workers, nil when nothing was recorded in it yet.
  private func sums(
    _ boundaries: HistogramBoundaries, _ histogram: (MetricsShard) -> FixedHistogram
  ) -> (counts: [UInt64], sum: UInt64)? {
    var counts = [UInt64](repeating: 0, count: boundaries.nanoseconds.count + 1)
    var sum: UInt64 = 0
    for shard in shards {
      let histogram = histogram(shard)
      for bucket in counts.indices { counts[bucket] &+= histogram.count(inBucket: bucket) }
      sum &+= histogram.sum
    }
    return counts.allSatisfy { $0 == 0 } ? nil : (counts, sum)
  }

  private func writeBytes(_ out: inout Exposition) {
    out.begin(.requestBytes)
    for (index, route) in layout.routes.enumerated() {
      let bytes = total { $0.requestBytes(route: index) }
      if bytes > 0 { out.sample(route.name, value: bytes) }
    }
    out.begin(.responseBytes)
    for (index, route) in layout.routes.enumerated() {
      let bytes = total { $0.responseBytes(route: index) }
      if bytes > 0 { out.sample(route.name, value: bytes) }
    }
  }

  private func writeConnections(_ out: inout Exposition) {
    out.begin(.clientConnections)
    out.sample(gauge: total { $0.clientConnections })
    out.begin(.activeConnections)
    forEachBackend { out.sample($0, $1, gauge: total($2) { $0.active(backend: $1) }) }
    out.begin(.poolConnections)
    forEachBackend { service, name, index in
      out.sample(service, name, "idle", gauge: total(index) { $0.poolIdle(backend: $1) })
      out.sample(service, name, "active", gauge: total(index) { $0.poolActive(backend: $1) })
    }
    out.begin(.poolOpened)
    forEachBackend { out.sample($0, $1, value: total($2) { $0.poolOpened(backend: $1) }) }
    out.begin(.poolReused)
    forEachBackend { out.sample($0, $1, value: total($2) { $0.poolReused(backend: $1) }) }
  }

  private func forEachBackend(_ body: (String, String, Int) -> Void) {
    for (index, backend) in layout.backends.enumerated() {
      body(layout.services[backend.service], backend.name, index)
    }
  }
  private func total(_ index: Int, _ word: (MetricsShard, Int) -> SharedCounter) -> UInt64 {
    shards.reduce(0) { $0 &+ word($1, index).value }
  }

  private func writeDecisions(_ out: inout Exposition) {
    out.begin(.retries)
    for (index, service) in layout.services.enumerated() {
      for kind in RetryKind.allCases {
        let count = total { $0.retries(service: index, kind: kind) }
        if count > 0 { out.sample(service, "\(kind.word)", value: count) }
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
