// Why this file exists: what a scrape is made from: the shards of all workers, with what the
// control loop and the kernel know.

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
  /// In the order of the answer.
  package var limited: [LimitedSample]
  package var spans: SpanSamples
  package var configuration: ConfigurationStatus
  package var process: ProcessSample
  package var version: String
  package var clocks: ScrapeClocks

  package init(
    layout: MetricsLayout, shards: [MetricsShard], gauges: [BackendGauges],
    healthChecks: [HealthCheckSample] = [], panics: [PanicSample] = [],
    limits: [LimitSample] = [], limited: [LimitedSample] = [],
    spans: SpanSamples = SpanSamples(),
    configuration: ConfigurationStatus, process: ProcessSample, version: String,
    clocks: ScrapeClocks
  ) {
    precondition(gauges.count == layout.backends.count)
    self.layout = layout
    self.shards = shards
    self.gauges = gauges
    self.healthChecks = healthChecks
    self.panics = panics
    self.limits = limits
    self.limited = limited
    self.spans = spans
    self.configuration = configuration
    self.process = process
    self.version = version
    self.clocks = clocks
  }
}
