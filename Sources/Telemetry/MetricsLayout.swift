// Why this file exists: labels come from the configuration and are known when a snapshot is made,
// so a worker counts by number and names appear only in the exposition.
package import Primitives

/// The upper bounds of one kind of histogram.
package struct HistogramBoundaries: Sendable {
  package let nanoseconds: [UInt64]
  /// The same in raw memory, for the workers; lives as long as the process.
  package let bounds: HistogramBounds
  /// Seconds as `le` has them, "+Inf" at the end, in the form that OpenMetrics calls canonical (as
  /// in 1.0 and 1e-05): a bound must be the same text whichever form a scraper takes.
  let texts: [[UInt8]]

  private init(microseconds: [UInt64]) {
    nanoseconds = microseconds.map { $0 * 1_000 }
    texts = nanoseconds.map { Array("\(Double($0) / 1e9)".utf8) } + [Array("+Inf".utf8)]
    bounds = HistogramBounds.create(nanoseconds)
  }

  /// Requests and backends: half a millisecond to 30 seconds.
  package static let request = HistogramBoundaries(microseconds: [
    500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000, 300_000,
    500_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000, 10_000_000, 20_000_000, 30_000_000,
  ])
  /// The gateway's own time: ten microseconds to 100 milliseconds.
  package static let overhead = HistogramBoundaries(microseconds: [
    10, 20, 30, 50, 100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000,
  ])
}

/// The names behind the numbers. Index 0 of routes and services is "-", for a request without one;
/// the route or service with the number n (from 0) has index n + 1. Backends have no such entry and
/// count from 0. Numbers may be missing: their owners are gone.
package struct MetricsLayout: Sendable {
  package struct Route: Sendable {
    package let index: Int
    package let name: String
    /// Index of the service that its requests are labelled with.
    package let service: Int

    package init(index: Int, name: String, service: Int) {
      self.index = index
      self.name = name
      self.service = service
    }
  }
  package struct Service: Sendable {
    package let index: Int
    package let name: String

    package init(index: Int, name: String) {
      self.index = index
      self.name = name
    }
  }
  package struct Backend: Sendable {
    package let index: Int
    package let service: Int
    /// host:port
    package let name: String

    package init(index: Int, service: Int, name: String) {
      self.index = index
      self.service = service
      self.name = name
    }
  }
  package let routes: [Route]
  package let services: [Service]
  package let backends: [Backend]
  /// For metrics that do not tell services apart: a route has another index for each service that
  /// its requests went to.
  package let routesByName: [(name: String, indices: [Int])]
  private let routeNames: [Int: String]
  private let serviceNames: [Int: String]

  /// All but the entries of index 0. Every `service` is the index of one of `services`, or 0.
  package init(routes: [Route], services: [Service], backends: [Backend]) {
    let services = [Service(index: 0, name: "-")] + services
    let routes = [Route(index: 0, name: "-", service: 0)] + routes
    self.services = services
    self.routes = routes
    self.backends = backends
    routeNames = Dictionary(uniqueKeysWithValues: routes.map { ($0.index, $0.name) })
    serviceNames = Dictionary(uniqueKeysWithValues: services.map { ($0.index, $0.name) })
    var byName: [(name: String, indices: [Int])] = []
    var positions: [String: Int] = [:]
    for route in routes {
      if let position = positions[route.name] {
        byName[position].indices.append(route.index)
      } else {
        positions[route.name] = byName.count
        byName.append((route.name, [route.index]))
      }
    }
    routesByName = byName
    precondition(routes.allSatisfy { $0.index < RequestTable.maximumIndex })
    precondition(services.allSatisfy { $0.index < RequestTable.maximumIndex })
  }

  /// nil: that number's owner is gone.
  package func route(_ index: Int) -> String? { routeNames[index] }
  package func service(_ index: Int) -> String? { serviceNames[index] }
}
