// Why this file exists: a person who looks wants few numbers that say much: the answers by class
// and how long they took, of everything, of each service and of each route, over all workers.

import HTTPSemantics
import Primitives

/// Answers and durations, counted since the start.
package struct TrafficSum: Equatable, Sendable {
  /// Of 1xx to 5xx, in this order, without those that no client waited for.
  package var classes = [UInt64](repeating: 0, count: 5)
  /// Ended by the client before the answer: 499.
  package var aborted: UInt64 = 0
  /// By the buckets of `HistogramBoundaries.request`, each for itself, and one above them all.
  package var durations = [UInt64](
    repeating: 0, count: HistogramBoundaries.request.nanoseconds.count + 1)

  package init() {}

  package var answers: UInt64 { classes.reduce(aborted, &+) }

  mutating func count(status: UInt64, _ count: UInt64) {
    if status == 499 {
      aborted &+= count
    } else {
      // Statuses have three digits; an answer without one is not recorded.
      classes[min(max(Int(status) / 100, 1), 5) - 1] &+= count
    }
  }

  mutating func add(_ histogram: FixedHistogram) {
    for bucket in durations.indices { durations[bucket] &+= histogram.count(inBucket: bucket) }
  }
}

/// The traffic of all workers at one moment. Counters are read one after another while the workers
/// go on; each by itself is whole.
package struct TrafficSums: Sendable {
  package struct Route: Sendable {
    package var name: String
    package var service: String
    package var sum = TrafficSum()
  }
  package struct Service: Sendable {
    package var name: String
    /// Durations are those of its backends, not of whole requests.
    package var sum = TrafficSum()
    /// Attempts made again, by what the one before ended with.
    package var retries: [(kind: String, count: UInt64)] = []
  }

  package private(set) var overall = TrafficSum()
  /// In the gateway itself, by the buckets of `HistogramBoundaries.overhead`.
  package private(set) var overhead: [UInt64]
  package private(set) var bytesIn: UInt64 = 0
  package private(set) var bytesOut: UInt64 = 0
  /// Those that were asked for, the busiest first.
  package private(set) var routes: [Route]
  /// All of the layout but "-".
  package private(set) var services: [Service]
  /// Own answers, and ends of exchanges, by reason; those that occurred.
  package private(set) var reasons: [(word: String, count: UInt64)] = []

  package init(_ layout: MetricsLayout, _ shards: [MetricsShard]) {
    overhead = [UInt64](
      repeating: 0, count: HistogramBoundaries.overhead.nanoseconds.count + 1)
    var routes: [Int: Route] = [:]
    for route in layout.routes {
      let service = layout.service(route.service) ?? "-"
      routes[route.index] = Route(name: route.name, service: service)
    }
    var services: [Int: Service] = [:]
    for service in layout.services {
      services[service.index] = Service(name: service.name)
    }
    for shard in shards {
      for place in 0..<shard.requests.places {
        guard let entry = shard.requests.entry(at: place) else { continue }
        let status = UInt64(RequestTable.status(of: entry.key))
        overall.count(status: status, entry.count)
        routes[RequestTable.route(of: entry.key)]?.sum.count(status: status, entry.count)
        services[RequestTable.service(of: entry.key)]?.sum.count(status: status, entry.count)
      }
      for index in routes.keys where index < shard.routeCount {
        routes[index]?.sum.add(shard.requestDuration(route: index))
        bytesIn &+= shard.requestBytes(route: index).value
        bytesOut &+= shard.responseBytes(route: index).value
        let own = shard.overhead(route: index)
        for bucket in overhead.indices { overhead[bucket] &+= own.count(inBucket: bucket) }
      }
      for index in services.keys where index < shard.serviceCount {
        services[index]?.sum.add(shard.upstreamDuration(service: index))
      }
    }
    for route in routes.values {
      for (bucket, count) in route.sum.durations.enumerated() {
        overall.durations[bucket] &+= count
      }
    }
    self.routes = routes.values.filter { $0.sum.answers > 0 }.sorted {
      ($1.sum.answers, $0.name, $0.service) < ($0.sum.answers, $1.name, $1.service)
    }
    self.services = layout.services.filter { $0.index != 0 }.map { service in
      var found = services[service.index] ?? Service(name: service.name)
      found.retries = TrafficSums.retries(service.index, shards)
      return found
    }
    for reason in Reason.allCases where reason != .none {
      let count = shards.reduce(UInt64(0)) { $0 &+ $1.localResponses(reason).value }
      if count > 0 { reasons.append(("\(reason.word)", count)) }
    }
  }

  private static func retries(
    _ service: Int, _ shards: [MetricsShard]
  ) -> [(kind: String, count: UInt64)] {
    RetryKind.allCases.compactMap { kind in
      let count = shards.reduce(UInt64(0)) { sum, shard in
        shard.serviceCount > service
          ? sum &+ shard.retries(service: service, kind: kind).value : sum
      }
      return count > 0 ? ("\(kind.word)", count) : nil
    }
  }
}
