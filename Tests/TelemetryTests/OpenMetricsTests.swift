// Why this file exists: OpenMetrics says the same as the text format and more; what is said of
// exemplars must be the request that the bucket counted, and never half of one.
import HTTPSemantics
import Primitives
import ScrapeReading
import Telemetry
import Testing

private let layout = MetricsLayout(
  routes: [.init(index: 1, name: "users", service: 1), .init(index: 2, name: "users", service: 2)],
  services: [.init(index: 1, name: "main"), .init(index: 2, name: "canary")],
  backends: [.init(index: 0, service: 1, name: "127.0.0.1:9001")])

private func report(_ shards: [MetricsShard]) -> MetricsReport {
  MetricsReport(
    layout: layout, shards: shards, gauges: [BackendGauges(active: 1, open: 2, idle: 1)],
    configuration: ConfigurationStatus(
      isLastReloadSuccessful: true, lastReload: 1_700_000_000_500_000_000, successes: 1,
      failures: 0, hash: "abc", generation: 1),
    process: ProcessSample(
      cpuSeconds: 1.25, residentBytes: 8_500_000, virtualBytes: nil, openDescriptors: 12,
      maximumDescriptors: 64, startTimeSeconds: 1_699_999_999.25),
    version: "1.0.0", clocks: anyClocks)
}

private func withShards(_ count: Int, _ body: ([MetricsShard]) throws -> Void) rethrows {
  let room = MetricsRoom(routes: 3, services: 3, backends: 1)
  let shards = MetricsShard.create(room, workers: count)
  defer { for shard in shards { shard.destroy() } }
  try body(shards)
}

private func sample(
  route: Int = 1, service: Int = 1, duration: Duration, upstream: Duration? = .milliseconds(2)
) -> RequestSample {
  RequestSample(
    route: route, service: service, method: .get, status: 200, reason: .none, duration: duration,
    overhead: .microseconds(40), upstream: upstream, bytesIn: 100, bytesOut: 1_000)
}

private func trace(_ low: UInt64) -> TraceContext {
  TraceContext(traceHigh: 0xab, traceLow: low, span: 1, isSampled: true)
}

private func identifier(_ low: String) -> [String: String] {
  ["trace_id": "00000000000000ab" + String(repeating: "0", count: 16 - low.count) + low]
}

extension MetricsShard {
  /// Counts a request of a trace that is recorded.
  fileprivate func record(_ sample: RequestSample, _ trace: TraceContext, at seconds: UInt64) {
    record(sample)
    noteExemplars(sample, trace, now: Instant(nanoseconds: seconds * 1_000_000_000))
  }
}

extension Scrape {
  fileprivate func bucket(
    _ name: String, _ labels: [String: String], _ bound: String
  ) -> ScrapedSample? {
    samples.first {
      $0.name == name + "_bucket" && $0.labels == labels.merging(["le": bound]) { $1 }
    }
  }
}

@Suite struct `OpenMetrics` {
  @Test func `has the samples of the text format, under names without total and info`() {
    withShards(2) { shards in
      for shard in shards { shard.record(sample(duration: .milliseconds(4))) }
      let text = read(report(shards))
      let open = read(report(shards), as: .openMetrics)
      #expect(text.faults == [] && open.faults == [])
      #expect(text.samples == open.samples)
      #expect(open.families["gateway_requests"]?.type == "counter")
      #expect(open.families["gateway_build"]?.type == "info")
      #expect(open.families["gateway_request_duration_seconds"]?.type == "histogram")
      #expect(open.families.count == text.families.count)
      for (name, family) in text.families {
        let suffix = family.type == "counter" ? "_total" : name.hasSuffix("_info") ? "_info" : ""
        let same = open.families[String(name.dropLast(suffix.count))]
        #expect(same?.help == family.help)
      }
    }
  }

  @Test func `names the units of what has one`() {
    withShards(1) { shards in
      let families = read(report(shards), as: .openMetrics).families
      #expect(families["gateway_request_duration_seconds"]?.unit == "seconds")
      #expect(families["gateway_request_bytes"]?.unit == "bytes")
      #expect(families["process_cpu_seconds"]?.unit == "seconds")
      #expect(families["process_resident_memory_bytes"]?.unit == "bytes")
      #expect(families["gateway_requests"]?.unit == nil)
      #expect(families["process_open_fds"]?.unit == nil)
    }
  }

  @Test func `a bucket names the latest request that it counted, of all workers`() {
    withShards(2) { shards in
      shards[0].record(sample(duration: .milliseconds(4)), trace(1), at: 490)
      shards[1].record(sample(duration: .microseconds(4_500)), trace(2), at: 495)
      shards[0].record(sample(duration: .milliseconds(40)), trace(3), at: 480)
      shards[0].record(sample(duration: .seconds(40)), trace(4), at: 470)
      shards[0].record(sample(duration: .milliseconds(200)))
      let scrape = read(report(shards), as: .openMetrics)
      #expect(scrape.faults == [])
      let name = "gateway_request_duration_seconds"
      let labels = ["route": "users", "service": "main"]
      let fast = scrape.bucket(name, labels, "0.005")?.exemplar
      #expect(fast?.labels == identifier("2") && fast?.value == 0.0045)
      // Five seconds before the scrape, by the wall clock.
      #expect(fast?.time == 1_700_000_595)
      #expect(scrape.bucket(name, labels, "0.05")?.exemplar?.labels == identifier("3"))
      #expect(scrape.bucket(name, labels, "+Inf")?.exemplar?.labels == identifier("4"))
      #expect(scrape.bucket(name, labels, "0.2")?.exemplar == nil)
      #expect(scrape.samples.count { $0.name == name + "_bucket" && $0.exemplar != nil } == 3)
    }
  }

  @Test func `all three histograms have exemplars, and routes of one name share theirs`() {
    withShards(1) { shards in
      shards[0].record(sample(duration: .milliseconds(4)), trace(1), at: 490)
      shards[0].record(
        sample(route: 2, service: 2, duration: .milliseconds(9), upstream: .milliseconds(8)),
        trace(2), at: 495)
      shards[0].record(sample(duration: .milliseconds(9), upstream: nil), trace(3), at: 480)
      let scrape = read(report(shards), as: .openMetrics)
      #expect(scrape.faults == [])
      let overhead = scrape.bucket("gateway_overhead_seconds", ["route": "users"], "5e-05")
      #expect(overhead?.value == 3 && overhead?.exemplar?.labels == identifier("2"))
      func upstream(_ service: String, _ bound: String) -> [String: String]? {
        scrape.bucket("gateway_upstream_duration_seconds", ["service": service], bound)?
          .exemplar?.labels
      }
      #expect(upstream("main", "0.002") == identifier("1"))
      #expect(upstream("canary", "0.01") == identifier("2"))
      #expect(upstream("main", "0.01") == nil)
    }
  }

  @Test func `the text format has no exemplars`() {
    withShards(1) { shards in
      shards[0].record(sample(duration: .milliseconds(4)), trace(1), at: 490)
      #expect(
        !String(decoding: bytes(report(shards).scrape(as: .text)), as: UTF8.self)
          .contains("trace_id"))
    }
  }

  @Test func `quotes in a help text are escaped in the one form and not in the other`() {
    withShards(1) { shards in
      let help = MetricFamily.seriesOverflow.entry.help
      #expect(help.contains("\""))
      let text = read(report(shards)).families["gateway_metrics_series_overflow_total"]
      let open = read(report(shards), as: .openMetrics).families["gateway_metrics_series_overflow"]
      #expect(text?.help == help && open?.help == help)
    }
  }

  @Test(arguments: [ExpositionFormat.text, .openMetrics])
  func `is the same in parts of any size`(format: ExpositionFormat) {
    withShards(1) { shards in
      shards[0].record(sample(duration: .milliseconds(4)), trace(1), at: 490)
      let whole = bytes(report(shards).scrape(as: format), partsOf: .max)
      for size in [1, 100, 5_000] {
        #expect(bytes(report(shards).scrape(as: format), partsOf: size) == whole)
      }
    }
  }

  @Test func `a part is no longer than asked for, but for its last item`() {
    withShards(1) { shards in
      shards[0].record(sample(duration: .milliseconds(4)), trace(1), at: 490)
      let scrape = report(shards).scrape(as: .openMetrics)
      var parts = 0
      while true {
        let part = scrape.next(atLeast: 1_000)
        if part.isEmpty { break }
        parts += 1
        #expect(part.count < 1_000 + 5_000)
      }
      #expect(parts > 5)
    }
  }

  @Test func `what is counted while it is written is for the next scrape`() {
    withShards(1) { shards in
      shards[0].record(sample(duration: .milliseconds(4)))
      let scrape = report(shards).scrape(as: .openMetrics)
      let first = scrape.next(atLeast: 1)
      shards[0].record(sample(duration: .milliseconds(4)))
      let all = OpenMetricsFormat.read(first + bytes(scrape))
      #expect(all.faults == [])
      let labels = ["route": "users", "service": "main"]
      #expect(all.value("gateway_request_duration_seconds_count", labels) == 1)
    }
  }
}
