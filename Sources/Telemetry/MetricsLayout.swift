// Why this file exists: labels come from the configuration and are known when a snapshot is made,
// so a worker counts by number and names appear only in the exposition.
package import Primitives

/// The upper bounds of one kind of histogram.
package struct HistogramBoundaries: Sendable {
  package let nanoseconds: [UInt64]
  /// The same in raw memory, for the workers; lives as long as the process.
  package let bounds: HistogramBounds

  private init(microseconds: [UInt64]) {
    nanoseconds = microseconds.map { $0 * 1_000 }
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

/// The names behind the numbers of one configuration. Index 0 of routes and services is "-", for a
/// request without one; the route or service written as number n (from 0) has index n + 1. Backends
/// have none and count from 0.
package struct MetricsLayout: Sendable {
  package struct Route: Sendable {
    package let name: String
    /// Index of the service that its requests are labelled with.
    package let service: Int
  }
  package struct Backend: Sendable {
    package let service: Int
    /// host:port
    package let name: String
  }
  package let routes: [Route]
  package let services: [String]
  package let backends: [Backend]

  /// `service` in routes and backends is an index of the layout: number n is given as n + 1, none
  /// as 0.
  package init(routes: [Route], services: [String], backends: [Backend]) {
    self.services = ["-"] + services
    self.routes = [Route(name: "-", service: 0)] + routes
    self.backends = backends
    precondition(self.routes.count <= RequestTable.maximumIndex)
    precondition(self.services.count <= RequestTable.maximumIndex)
    precondition(self.routes.allSatisfy { self.services.indices.contains($0.service) })
    precondition(self.backends.allSatisfy { self.services.indices.contains($0.service) })
  }
}

extension MetricsLayout.Route {
  package init(_ name: String, service: Int) {
    self.name = name
    self.service = service
  }
}

extension MetricsLayout.Backend {
  package init(_ name: String, service: Int) {
    self.name = name
    self.service = service
  }
}
