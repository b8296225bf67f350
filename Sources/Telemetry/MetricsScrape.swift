// Why this file exists: a thousand routes and backends make a scrape of some megabytes; it is
// written in parts, so that whoever writes it can do something else in between.
import HTTPSemantics
import Primitives

/// The body of one answer to `GET /metrics`. All that it tells is of the moment at which it was
/// made; what is left for later is putting it into words.
package final class MetricsScrape {
  /// A family and its items: an item writes the samples of one route, service, backend, …
  struct Section {
    let family: MetricFamily
    let count: Int
    let write: (inout Exposition, Int) -> Void
  }

  private let sections: [Section]
  private var out: Exposition
  private var section = 0
  private var item = 0

  /// What is written at a time, unless one item is longer: about half a millisecond of work.
  package static let partSize = 64 << 10

  /// - Parameter sections: one at least.
  init(_ sections: [Section], as format: ExpositionFormat, _ clocks: ScrapeClocks) {
    self.sections = sections
    out = Exposition(sections[0].family, as: format, clocks)
  }

  /// The next part; empty when all has been told.
  package func next(atLeast size: Int = MetricsScrape.partSize) -> [UInt8] {
    while section < sections.count, out.bytes.count < size {
      if item < sections[section].count {
        sections[section].write(&out, item)
        item += 1
        continue
      }
      section += 1
      item = 0
      if section < sections.count { out.begin(sections[section].family) } else { out.finish() }
    }
    return out.take()
  }
}

extension MetricsReport {
  /// Reads what the workers have counted, once, and gives the answer that tells it.
  package func scrape(as format: ExpositionFormat) -> MetricsScrape {
    let readsExemplars =
      switch format {
      case .text: false
      case .openMetrics: true
      }
    let sums = MetricsSums(shards, readsExemplars: readsExemplars)
    return MetricsScrape(
      requests(sums) + durations(sums) + bytes(sums) + connections(sums) + conditions
        + limitSections
        + decisions(sums) + configurationSections + health(sums) + spanSections
        + processSections, as: format,
      clocks)
  }

  typealias Section = MetricsScrape.Section

  func single(
    _ family: MetricFamily, _ write: @escaping (inout Exposition) -> Void
  ) -> Section {
    Section(family: family, count: 1) { out, _ in write(&out) }
  }

  private func requests(_ sums: MetricsSums) -> [Section] {
    let layout = layout
    return [
      Section(family: .requests, count: sums.requests.count + 1) { out, index in
        if index == sums.requests.count {
          if sums.overflow == 0 { return }
          return out.sample("other", "other", "other", "other", value: sums.overflow)
        }
        let (key, count) = sums.requests[index]
        guard let route = layout.route(RequestTable.route(of: key)),
          let service = layout.service(RequestTable.service(of: key))
        else { return }
        let status = "\(1_000 + RequestTable.status(of: key))".dropFirst()
        out.sample(
          route, service, "\(RequestTable.method(of: key).word)", String(status), value: count)
      }
    ]
  }

  private func durations(_ sums: MetricsSums) -> [Section] {
    let layout = layout
    return [
      Section(family: .requestDuration, count: layout.routes.count) { out, index in
        let route = layout.routes[index]
        guard let service = layout.service(route.service),
          let histogram = sums.requestDuration(route: route.index)
        else { return }
        out.histogram(route.name, service, of: histogram, .request)
      },
      Section(family: .overhead, count: layout.routesByName.count) { out, index in
        let (name, indices) = layout.routesByName[index]
        if let histogram = sums.overhead(routes: indices) {
          out.histogram(name, of: histogram, .overhead)
        }
      },
      Section(family: .upstreamDuration, count: layout.services.count) { out, index in
        let service = layout.services[index]
        if let histogram = sums.upstreamDuration(service: service.index) {
          out.histogram(service.name, of: histogram, .request)
        }
      },
    ]
  }

  private func bytes(_ sums: MetricsSums) -> [Section] {
    let layout = layout
    return [
      Section(family: .requestBytes, count: layout.routesByName.count) { out, index in
        let (name, indices) = layout.routesByName[index]
        out.sample(name, value: sums.requestBytes(routes: indices))
      },
      Section(family: .responseBytes, count: layout.routesByName.count) { out, index in
        let (name, indices) = layout.routesByName[index]
        out.sample(name, value: sums.responseBytes(routes: indices))
      },
    ]
  }

  private func connections(_ sums: MetricsSums) -> [Section] {
    [
      single(.clientConnections) { $0.sample(gauge: sums.clientConnections) },
      backends(.activeConnections) { $0.sample($1, $2, gauge: $4.active) },
      backends(.poolConnections) { out, service, name, _, gauges in
        // The two are read one after the other, while connections come and go.
        let idle = min(gauges.idle, gauges.open)
        out.sample(service, name, "idle", gauge: idle)
        out.sample(service, name, "active", gauge: gauges.open - idle)
      },
      backends(.poolOpened) { out, service, name, number, _ in
        out.sample(service, name, value: sums.poolOpened(backend: number))
      },
      backends(.poolReused) { out, service, name, number, _ in
        out.sample(service, name, value: sums.poolReused(backend: number))
      },
    ]
  }

  /// One item for each backend: its service, its name, its number and its gauges.
  func backends(
    _ family: MetricFamily,
    _ write: @escaping (inout Exposition, String, String, Int, BackendGauges) -> Void
  ) -> Section {
    let (layout, gauges) = (layout, gauges)
    return Section(family: family, count: layout.backends.count) { out, index in
      let backend = layout.backends[index]
      let service = layout.service(backend.service) ?? "-"
      write(&out, service, backend.name, backend.index, gauges[index])
    }
  }

  private var limitSections: [Section] {
    let (limited, limits) = (limited, limits)
    return [
      Section(family: .rateLimited, count: limited.count) { out, index in
        let sample = limited[index]
        out.sample(sample.limit, sample.route, sample.mode, value: sample.count)
      },
      Section(family: .rateLimitKeys, count: limits.count) {
        $0.sample(limits[$1].limit, value: limits[$1].keys)
      },
      Section(family: .rateLimitEvictions, count: limits.count) {
        $0.sample(limits[$1].limit, value: limits[$1].evictions)
      },
    ]
  }

  private func decisions(_ sums: MetricsSums) -> [Section] {
    let (layout, healthChecks) = (layout, healthChecks)
    return [
      Section(family: .healthChecks, count: healthChecks.count) { out, index in
        let check = healthChecks[index]
        out.sample(check.service, check.backend, check.result, value: check.count)
      },
      Section(family: .retries, count: layout.services.count) { out, index in
        let service = layout.services[index]
        // What has no service is sent nowhere, so it is not sent again.
        if service.index == 0 { return }
        // From 0 on, as every counter here: `rate` and `increase` need a value to go up from.
        for kind in RetryKind.allCases where kind != .never {
          out.sample(
            service.name, "\(kind.word)", value: sums.retries(service: service.index, kind: kind))
        }
      },
      single(.localResponses) { out in
        for reason in Reason.allCases where reason != .none {
          out.sample("\(reason.word)", value: sums.localResponses(reason))
        }
      },
      single(.fieldsDropped) { $0.sample("underscore", value: sums.underscoreFieldsDropped) },
    ]
  }

  private var configurationSections: [Section] {
    let configuration = configuration
    return [
      single(.lastReloadSuccessful) {
        $0.sample(value: configuration.isLastReloadSuccessful ? 1 as UInt64 : 0)
      },
      single(.lastReloadTimestamp) { $0.sample(seconds: configuration.lastReload) },
      single(.reloads) {
        $0.sample("success", value: configuration.successes)
        $0.sample("failure", value: configuration.failures)
      },
      single(.configurationInfo) {
        $0.sample(configuration.hash, "\(configuration.generation)", value: 1 as UInt64)
      },
    ]
  }

  private func health(_ sums: MetricsSums) -> [Section] {
    let version = version
    return [
      Section(family: .eventLoopLag, count: sums.lags.count) {
        $0.sample("\($1)", seconds: sums.lags[$1])
      },
      Section(family: .shedding, count: sums.shedding.count) {
        $0.sample("\($1)", value: sums.shedding[$1])
      },
      single(.accessLogDropped) { $0.sample(value: sums.accessLogDropped) },
      single(.seriesOverflow) { $0.sample(value: sums.overflow) },
      single(.buildInfo) { $0.sample(version, value: 1 as UInt64) },
    ]
  }

  private var spanSections: [Section] {
    let spans = spans
    return [
      single(.spansExported) { $0.sample(value: spans.exported) },
      single(.spansDropped) {
        $0.sample("queue_full", value: spans.queueFull)
        $0.sample("refused", value: spans.refused)
        $0.sample("undelivered", value: spans.undelivered)
      },
    ]
  }

  /// What the kernel does not tell is left out.
  private var processSections: [Section] {
    let values: [(MetricFamily, Double?)] = [
      (.processCPU, process.cpuSeconds), (.processMemory, process.residentBytes.map(Double.init)),
      (.processVirtualMemory, process.virtualBytes.map(Double.init)),
      (.processDescriptors, process.openDescriptors.map(Double.init)),
      (.processMaximumDescriptors, process.maximumDescriptors.map(Double.init)),
      (.processStart, process.startTimeSeconds),
    ]
    return values.compactMap { family, value in
      value.map { value in single(family) { $0.sample(value: value) } }
    }
  }
}
