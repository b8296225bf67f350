// Why this file exists: routes, services and backends come and go while workers count, so what is
// counted is kept by numbers that stay; this is how many numbers there is room for, and which of
// them lose their owner.
package import Primitives

/// How many numbers a shard has words for. Those of routes and services include 0, which is "-".
package struct MetricsRoom: Equatable, Sendable {
  package private(set) var routes: Int
  package private(set) var services: Int
  package private(set) var backends: Int
  /// Places of the request table.
  package private(set) var series: Int

  /// What any gateway has: some statuses and methods for each of many routes.
  package static let fewestSeries = 4_096

  /// Room for exactly these.
  package init(
    routes: Int, services: Int, backends: Int, series: Int = MetricsRoom.fewestSeries
  ) {
    self.routes = routes
    self.services = services
    self.backends = backends
    self.series = max(series, routes * MetricsRoom.seriesPerRoute)
  }

  /// Most routes are asked with one or two methods and answer with one or two statuses.
  private static let seriesPerRoute = 4

  /// True when these fit. Otherwise there is room for them afterwards, and for a quarter more, so
  /// that a configuration which grows step by step is not copied at every step.
  package mutating func grow(routes: Int, services: Int, backends: Int) -> Bool {
    if routes <= self.routes && services <= self.services && backends <= self.backends {
      return true
    }
    func room(_ present: Int, _ needed: Int) -> Int {
      needed <= present ? present : needed + needed / 4 + 8
    }
    self = MetricsRoom(
      routes: room(self.routes, routes), services: room(self.services, services),
      backends: room(self.backends, backends), series: series)
    return false
  }
}

/// Numbers whose owners are gone: what was counted under them ends, so that another may have them.
package struct Forgotten {
  package var routes: Bitset
  package var services: Bitset
  package var backends: Bitset

  package init(routes: Bitset, services: Bitset, backends: Bitset) {
    self.routes = routes
    self.services = services
    self.backends = backends
  }
}
