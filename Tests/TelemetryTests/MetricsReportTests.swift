// Why this file exists: a metric defined and never recorded, a label that breaks the scrape, or
// shards added up wrongly all look like a quiet service.
import HTTPSemantics
import Primitives
import ScrapeReading
import Telemetry
import Testing

private let layout = MetricsLayout(
  routes: [
    .init(index: 1, name: "users", service: 1),
    .init(index: 2, name: "we\"ird\\\nname", service: 2),
  ],
  services: [.init(index: 1, name: "users"), .init(index: 2, name: "orders")],
  backends: [
    .init(index: 0, service: 1, name: "127.0.0.1:9001"),
    .init(index: 1, service: 2, name: "[::1]:9002"),
  ])
private let quiet = BackendGauges(active: 0, open: 0, idle: 0)

private func report(
  _ shards: [MetricsShard], _ layout: MetricsLayout = layout, gauges: [BackendGauges]? = nil
) -> MetricsReport {
  MetricsReport(
    layout: layout, shards: shards,
    gauges: gauges ?? [BackendGauges](repeating: quiet, count: layout.backends.count),
    configuration: ConfigurationStatus(
      isLastReloadSuccessful: true, lastReload: 1_700_000_000_500_000_000, successes: 3,
      failures: 1, hash: "abc123", generation: 3),
    process: ProcessSample(
      cpuSeconds: 1.25, residentBytes: 8_500_000, virtualBytes: 1 << 34, openDescriptors: 12,
      maximumDescriptors: 1_048_576, startTimeSeconds: 1_699_999_999.25),
    version: "1.0.0",
    clocks: anyClocks)
}

private func sample(
  route: Int = 1, service: Int = 1, method: Method = .get, status: UInt16 = 200,
  reason: Reason = .none, duration: Duration = .milliseconds(4), upstream: Duration? = .zero
) -> RequestSample {
  RequestSample(
    route: route, service: service, method: method, status: status, reason: reason,
    duration: duration, overhead: .microseconds(40), upstream: upstream, bytesIn: 100,
    bytesOut: 1_000)
}

private func withShards(
  _ count: Int, series: Int = 64, _ body: ([MetricsShard]) throws -> Void
) rethrows {
  let room = MetricsRoom(routes: 3, services: 3, backends: 2, series: series)
  let shards = MetricsShard.create(room, workers: count)
  defer { for shard in shards { shard.destroy() } }
  try body(shards)
}

@Suite struct MetricsReportTests {
  @Test func `an idle gateway's scrape is valid and has every family with a type and a help`() {
    withShards(2) { shards in
      let scrape = read(report(shards))
      #expect(scrape.faults == [])
      for family in MetricFamily.allCases {
        #expect(scrape.families[family.entry.name]?.type == family.entry.kind.rawValue)
        #expect(scrape.families[family.entry.name]?.help?.isEmpty == false)
      }
      #expect(scrape.families.count == MetricFamily.allCases.count)
    }
  }

  @Test func `a counter is there before it counts, so that no first one is missed`() {
    withShards(1) { shards in
      var idle = report(shards)
      idle.limited = [LimitedSample(limit: "a", route: "users", mode: "enforce", count: 0)]
      let scrape = read(idle)
      for service in ["users", "orders"] {
        let labels = scrape.samples.filter {
          $0.name == "gateway_retries_total" && $0.labels["service"] == service
        }
        #expect(
          labels.map { $0.labels["reason"] } == [
            "connect", "reused_reset", "reset", "timeout", "502", "503", "504",
          ])
        #expect(labels.allSatisfy { $0.value == 0 })
      }
      #expect(scrape.value("gateway_retries_total", ["service": "-", "reason": "reset"]) == nil)
      for name in ["gateway_request_bytes_total", "gateway_response_bytes_total"] {
        #expect(scrape.value(name, ["route": "users"]) == 0)
        #expect(scrape.value(name, ["route": "-"]) == 0)
      }
      let limited = ["limit": "a", "route": "users", "mode": "enforce"]
      #expect(scrape.value("gateway_rate_limited_total", limited) == 0)
    }
  }

  @Test func `workers are added up`() {
    withShards(3) { shards in
      for shard in shards {
        shard.record(sample())
        shard.record(sample(duration: .seconds(2), upstream: .milliseconds(1_900)))
      }
      let scrape = read(report(shards))
      #expect(scrape.faults == [])
      let series = ["route": "users", "service": "users", "method": "GET", "status": "200"]
      #expect(scrape.value("gateway_requests_total", series) == 6)
      let duration = ["route": "users", "service": "users"]
      #expect(scrape.value("gateway_request_duration_seconds_count", duration) == 6)
      #expect(scrape.value("gateway_request_duration_seconds_sum", duration) == 6.012)
      func bucket(_ bound: String) -> Double? {
        scrape.value(
          "gateway_request_duration_seconds_bucket", duration.merging(["le": bound]) { $1 })
      }
      #expect(bucket("0.0005") == 0 && bucket("0.003") == 0 && bucket("0.005") == 3)
      #expect(bucket("1.0") == 3 && bucket("2.0") == 6 && bucket("+Inf") == 6)
      #expect(scrape.value("gateway_overhead_seconds_count", ["route": "users"]) == 6)
      let overhead = "gateway_overhead_seconds_bucket"
      #expect(scrape.value(overhead, ["route": "users", "le": "5e-05"]) == 6)
      #expect(scrape.value(overhead, ["route": "users", "le": "3e-05"]) == 0)
      #expect(scrape.value("gateway_upstream_duration_seconds_count", ["service": "users"]) == 6)
      #expect(scrape.value("gateway_request_bytes_total", ["route": "users"]) == 600)
      #expect(scrape.value("gateway_response_bytes_total", ["route": "users"]) == 6_000)
    }
  }

  @Test func `a request without a route is told with dashes, and its reason counted`() {
    withShards(1) { shards in
      shards[0].record(
        sample(
          route: 0, service: 0, method: .other, status: 431, reason: .headTooLarge, upstream: nil))
      let scrape = read(report(shards))
      let series = ["route": "-", "service": "-", "method": "other", "status": "431"]
      #expect(scrape.value("gateway_requests_total", series) == 1)
      #expect(scrape.value("gateway_local_responses_total", ["reason": "head_too_large"]) == 1)
      #expect(scrape.value("gateway_local_responses_total", ["reason": "no_route"]) == 0)
      #expect(scrape.value("gateway_upstream_duration_seconds_count", ["service": "-"]) == nil)
    }
  }

  @Test func `label values with quotes, backslashes and line feeds come back whole`() {
    withShards(1) { shards in
      shards[0].record(sample(route: 2, service: 2))
      let scrape = read(report(shards))
      #expect(scrape.faults == [])
      #expect(
        scrape.value("gateway_request_bytes_total", ["route": "we\"ird\\\nname"]) == 100)
    }
  }

  @Test func `every counter and gauge of a worker has a place in the scrape`() {
    withShards(2) { shards in
      for shard in shards {
        shard.clientConnections.add(5)
        shard.underscoreFieldsDropped.add(2)
        shard.accessLogDropped.add(3)
        shard.poolOpened(backend: 1).add(7)
        shard.poolReused(backend: 0).add(8)
        shard.retries(service: 2, kind: .reset).increment()
      }
      shards[1].eventLoopLag.set(1_500_000)
      shards[1].clientConnections.subtract(1)
      let gauges = [
        BackendGauges(active: 2, open: 8, idle: 8), BackendGauges(active: 0, open: 13, idle: 1),
      ]
      let scrape = read(report(shards, gauges: gauges))
      #expect(scrape.faults == [])
      let first = ["service": "users", "backend": "127.0.0.1:9001"]
      let second = ["service": "orders", "backend": "[::1]:9002"]
      func pool(_ backend: [String: String], _ state: String) -> Double? {
        scrape.value("gateway_pool_connections", backend.merging(["state": state]) { $1 })
      }
      #expect(scrape.value("gateway_client_connections") == 9)
      #expect(scrape.value("gateway_fields_dropped_total", ["reason": "underscore"]) == 4)
      #expect(scrape.value("gateway_access_log_dropped_total") == 6)
      #expect(scrape.value("gateway_active_connections", first) == 2)
      #expect(scrape.value("gateway_active_connections", second) == 0)
      #expect(pool(first, "idle") == 8 && pool(second, "active") == 12)
      #expect(scrape.value("gateway_pool_opened_total", second) == 14)
      #expect(scrape.value("gateway_pool_reused_total", first) == 16)
      let retry = ["service": "orders", "reason": "reset"]
      #expect(scrape.value("gateway_retries_total", retry) == 2)
      #expect(scrape.value("gateway_event_loop_lag_seconds", ["worker": "1"]) == 0.0015)
      #expect(scrape.value("gateway_event_loop_lag_seconds", ["worker": "0"]) == 0)
    }
  }

  @Test func `configuration, build and process are told`() {
    withShards(1) { shards in
      let scrape = read(report(shards))
      #expect(scrape.value("gateway_config_last_reload_successful") == 1)
      #expect(scrape.value("gateway_config_last_reload_timestamp_seconds") == 1_700_000_000.5)
      #expect(scrape.value("gateway_config_reloads_total", ["result": "success"]) == 3)
      #expect(scrape.value("gateway_config_reloads_total", ["result": "failure"]) == 1)
      #expect(scrape.value("gateway_config_info", ["hash": "abc123", "generation": "3"]) == 1)
      #expect(scrape.value("gateway_build_info", ["version": "1.0.0"]) == 1)
      #expect(scrape.value("process_cpu_seconds_total") == 1.25)
      #expect(scrape.value("process_resident_memory_bytes") == 8_500_000)
      #expect(scrape.value("process_open_fds") == 12)
      #expect(scrape.value("process_max_fds") == 1_048_576)
      #expect(scrape.value("process_start_time_seconds") == 1_699_999_999.25)
    }
  }

  @Test func `a gauge counted up by one worker and down by another sums up`() {
    withShards(2) { shards in
      shards[0].clientConnections.increment()
      shards[1].clientConnections.decrement()
      let scrape = read(report(shards))
      #expect(scrape.value("gateway_client_connections") == 0)
    }
  }

  @Test func `connections counted as idle a moment before they are closed are not negative`() {
    withShards(1) { shards in
      let gauges = [BackendGauges(active: 0, open: 2, idle: 3), quiet]
      let scrape = read(report(shards, gauges: gauges))
      let active = ["service": "users", "backend": "127.0.0.1:9001", "state": "active"]
      #expect(scrape.value("gateway_pool_connections", active) == 0)
    }
  }

  @Test func `combinations beyond the table are counted as other, and no request is lost`() {
    withShards(1, series: 16) { shards in
      for status in 200..<300 as Range<UInt16> {
        shards[0].record(sample(status: status))
        shards[0].record(sample(status: status))
      }
      let scrape = read(report(shards))
      #expect(scrape.faults == [])
      let all = scrape.samples.filter { $0.name == "gateway_requests_total" }
      #expect(all.reduce(0) { $0 + $1.value } == 200)
      #expect(all.count == 13)
      #expect(scrape.value("gateway_metrics_series_overflow_total") == 176)
      #expect(all.first { $0.labels["status"] == "other" }?.value == 176)
    }
  }

  @Test func `the bound on combinations is for all workers together`() {
    withShards(3, series: 16) { shards in
      // All meet the first few; then each meets others.
      for status in 200..<206 as Range<UInt16> {
        for shard in shards { shard.record(sample(status: status)) }
      }
      for status in 300..<310 as Range<UInt16> {
        for (worker, shard) in shards.enumerated() {
          shard.record(sample(status: status + 100 * UInt16(worker)))
        }
      }
      for shard in shards { shard.record(sample(status: 200)) }
      let scrape = read(report(shards))
      let all = scrape.samples.filter { $0.name == "gateway_requests_total" }
      #expect(all.count == 13)
      #expect(all.reduce(0) { $0 + $1.value } == 51)
      #expect(scrape.value("gateway_metrics_series_overflow_total") == 24)
      #expect(all.first { $0.labels["status"] == "200" }?.value == 6)
    }
  }

  @Test func `the table of requests agrees with a dictionary`() {
    var random = SplitMix64(seed: 17)
    let table = RequestTable.create(capacity: 4_096)[0]
    defer { table.destroy() }
    var model: [UInt64: UInt64] = [:]
    for _ in 0..<50_000 {
      let method = Method(rawValue: UInt8(random.next() % 10)) ?? .get
      let key = RequestTable.key(
        route: Int(random.next() % 20), service: Int(random.next() % 3), method: method,
        status: UInt16(200 + random.next() % 4))
      table.count(key)
      model[key, default: 0] += 1
    }
    var read: [UInt64: UInt64] = [:]
    for place in 0..<table.places {
      if let entry = table.entry(at: place) { read[entry.key] = entry.count }
    }
    #expect(read == model)
    #expect(table.overflow == 0 && table.usedPlaces == UInt64(model.count))
  }

  @Test func `a key gives back what it was made from, at the bounds too`() {
    for route in [0, 1, RequestTable.maximumIndex - 1] {
      for service in [0, 5, RequestTable.maximumIndex - 1] {
        for method in Method.allCases {
          for status in [0, 200, 999, 1_023] as [UInt16] {
            let key = RequestTable.key(
              route: route, service: service, method: method, status: status)
            #expect(RequestTable.route(of: key) == route)
            #expect(RequestTable.service(of: key) == service)
            #expect(RequestTable.method(of: key) == method)
            #expect(RequestTable.status(of: key) == Int(status))
            #expect(key != 0)
          }
        }
      }
    }
  }

  @Test func `an index that there is no room for traps`() async {
    await #expect(processExitsWith: .failure) {
      let shard = MetricsShard.create(MetricsRoom(routes: 1, services: 1, backends: 0))
      shard.requestBytes(route: 1).increment()
    }
    await #expect(processExitsWith: .failure) {
      let shard = MetricsShard.create(MetricsRoom(routes: 1, services: 1, backends: 0))
      shard.poolOpened(backend: 0).increment()
    }
  }

  @Test func `words of routes, services and backends do not overlap`() {
    withShards(1) { shards in
      let shard = shards[0]
      for route in 0..<3 {
        shard.requestDuration(route: route).record(.max)
        shard.overhead(route: route).record(.max)
        shard.requestBytes(route: route).add(1)
        shard.responseBytes(route: route).add(1)
      }
      for service in 0..<3 {
        shard.upstreamDuration(service: service).record(.max)
        for kind in RetryKind.allCases {
          shard.retries(service: service, kind: kind).increment()
        }
      }
      for reason in Reason.allCases { shard.localResponses(reason).increment() }
      for backend in 0..<2 {
        for word in 0..<2 { shard.backend(backend).next(word).increment() }
      }
      let touched = (0..<shard.words.count).filter { shard.words[$0].load() != 0 }
      let reasons = Reason.allCases.count
      let kinds = RetryKind.allCases.count
      #expect(touched.count == 3 * 6 + 3 * (2 + kinds) + reasons + 4)
      for index in touched {
        let value = shard.words[index].load()
        #expect(value == 1 || value == .max)
      }
    }
  }
}

@Suite struct MetricFamilyTests {
  @Test func `names follow the conventions of Prometheus, once each`() {
    let entries = MetricFamily.allCases.map(\.entry)
    #expect(Set(entries.map(\.name)).count == entries.count)
    for entry in entries {
      #expect(entry.name.hasPrefix("gateway_") || entry.name.hasPrefix("process_"))
      #expect(entry.name.hasSuffix("_total") == (entry.kind == .counter))
      if entry.kind == .histogram { #expect(entry.name.hasSuffix("_seconds")) }
      #expect(entry.help.hasSuffix("."))
      #expect(!entry.labels.contains("le"))
    }
  }

  @Test func `the reference has a row for every family and the bounds of every histogram`() {
    let text = MetricsReference.markdown()
    for family in MetricFamily.allCases {
      let entry = family.entry
      #expect(text.contains("| `\(entry.name)` | \(entry.kind.rawValue) |"))
      if entry.kind == .histogram { #expect(text.contains("* `\(entry.name)`: ")) }
    }
    #expect(text.contains("0.0005, 0.001"))
    #expect(text.hasSuffix("s\n"))
  }

  @Test func `the bounds are those that were promised`() {
    #expect(HistogramBoundaries.request.nanoseconds.first == 500_000)
    #expect(HistogramBoundaries.request.nanoseconds.last == 30_000_000_000)
    #expect(HistogramBoundaries.overhead.nanoseconds.first == 10_000)
    #expect(HistogramBoundaries.overhead.nanoseconds.last == 100_000_000)
  }
}

@Suite struct ExpositionTests {
  @Test(
    arguments: [
      (0, "0"), (1, "0.000000001"), (500_000, "0.0005"), (1_000_000_000, "1"),
      (1_500_000_000, "1.5"), (30_000_000_000, "30"), (.max, "18446744073.709551615"),
    ] as [(UInt64, String)])
  func `nanoseconds are told as exact seconds`(nanoseconds: UInt64, text: String) {
    var bytes: [UInt8] = []
    DecimalText.append(seconds: nanoseconds, to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
  }

  @Test(
    arguments: [
      (0, "0"), (1.5, "1.5"), (8_500_000, "8500000"), (-2, "-2"), (.infinity, "+Inf"),
      (-.infinity, "-Inf"), (.nan, "NaN"), (1_699_999_999.25, "1699999999.25"),
    ] as [(Double, String)])
  func `numbers are told in the words of Prometheus`(value: Double, text: String) {
    #expect(DecimalText.value(value) == text)
  }

  @Test func `a family begun twice, or a label forgotten, traps`() async {
    await #expect(processExitsWith: .failure) {
      var out = Exposition(.requests, as: .text, anyClocks)
      out.begin(.requests)
    }
    await #expect(processExitsWith: .failure) {
      var out = Exposition(.requests, as: .text, anyClocks)
      out.sample("only one", value: 1 as UInt64)
    }
  }
}
