// Why this file exists: what a snapshot says of routes depends on the file alone, what it says of
// backends on the addresses of names too; the two parts live and die apart.
import Configuration
import HTTPSemantics
import Primitives
import Routing

/// The part of a snapshot that depends on the configuration alone: all snapshots of one
/// configuration share it, so that new addresses of a name cost nothing for every route. Control
/// loop only.
final class SnapshotRules {
  let routes: UnsafeMutablePointer<RouteEntry>
  let routePositions: UnsafeBufferPointer<Int32>
  let routing: RouteTable
  let trustedProxies: UnsafeBufferPointer<CIDR>
  /// For each service, how long its requests wait at most for a connection and an answer's head.
  let longestAnswers: [Duration]
  private let registry: SharedRegistry
  private let identities: SnapshotIdentities
  private let arena: Arena

  init(
    _ routes: UnsafeMutablePointer<RouteEntry>, _ routePositions: UnsafeBufferPointer<Int32>,
    _ routing: RouteTable, _ trustedProxies: UnsafeBufferPointer<CIDR>,
    _ longestAnswers: [Duration],
    _ registry: SharedRegistry, _ identities: SnapshotIdentities, _ arena: Arena
  ) {
    self.routes = routes
    self.routePositions = routePositions
    self.routing = routing
    self.trustedProxies = trustedProxies
    self.longestAnswers = longestAnswers
    self.registry = registry
    self.identities = identities
    self.arena = arena
  }

  deinit { registry.release(identities) }
}

extension SnapshotRules {
  static func build(
    _ configuration: GatewayConfiguration, registry: SharedRegistry, hashKey: UInt64
  ) -> SnapshotRules {
    let arena = Arena()
    var identities = SnapshotIdentities()
    let routes = arena.allocate(RouteEntry.self, count: configuration.routes.count)
    for (index, route) in configuration.routes.enumerated() {
      let number = registry.route(
        route.name, service: configuration.services[route.service].name)
      identities.routes.append(number)
      (routes + index).initialize(to: routeEntry(route, number: number, configuration, arena))
    }
    let table = routeTable(configuration.routes, hashKey: hashKey)
    arena.atEnd { table.destroy() }
    return SnapshotRules(
      routes, arena.copy(positions(of: identities.routes, among: registry.routeNumbers)), table,
      arena.copy(configuration.trustedProxies), longestAnswers(configuration), registry, identities,
      arena)
  }

  private static func longestAnswers(_ configuration: GatewayConfiguration) -> [Duration] {
    var longest = configuration.services.map { $0.timeouts.connect + $0.timeouts.response }
    for route in configuration.routes {
      let own = route.timeouts.connect + route.timeouts.response
      longest[route.service] = max(longest[route.service], own)
    }
    return longest
  }

  /// Where each of `count` numbers stands in the list; -1 = nowhere.
  static func positions(of numbers: [Int], among count: Int) -> [Int32] {
    var positions = [Int32](repeating: -1, count: count)
    for (position, number) in numbers.enumerated() { positions[number] = Int32(position) }
    return positions
  }

  private static func routeEntry(
    _ route: RouteConfiguration, number: Int, _ configuration: GatewayConfiguration, _ arena: Arena
  ) -> RouteEntry {
    let service = configuration.services[route.service]
    var plan = ExchangePlan()
    plan.connectTimeout = route.timeouts.connect
    plan.responseTimeout = route.timeouts.response
    plan.backendIdle = route.timeouts.idle
    plan.requestTimeout = route.timeouts.request
    plan.queueTimeout = service.connections.queueTimeout
    plan.bodyIdle = configuration.timeouts.bodyIdle
    plan.writeIdle = configuration.timeouts.writeIdle
    plan.tunnelIdle = configuration.timeouts.tunnelIdle
    plan.minRate = configuration.limits.minRate ?? 0
    plan.bodyLimit = route.bodySize ?? .max
    plan.retryAttempts = UInt8(service.retries.attempts)
    plan.retryKinds = service.retries.when.reduce(into: []) { $0.insert(retryKind($1)) }
    return RouteEntry(
      name: arena.copy(route.name), number: Int32(number), service: Int32(route.service),
      plan: plan, upgrades: arena.copy(route.upgrades.map { arena.copy($0) }))
  }

  private static func routeTable(
    _ routes: [RouteConfiguration], hashKey: UInt64
  ) -> RouteTable {
    var rows: [RoutePath] = []
    for (index, route) in routes.enumerated() {
      guard case .success(let pattern) = PathPattern.parse(route.path) else {
        preconditionFailure("a path pattern that was not checked: \(route.path)")
      }
      rows.append(
        RoutePath(path: pattern.path, isPrefix: pattern.isPrefix, route: UInt32(index)))
    }
    return RouteTable.build(rows, key: hashKey)
  }

  private static func retryKind(_ condition: RetryCondition) -> RetryKinds {
    switch condition {
    case .connect: .connect
    case .reusedReset: .reusedReset
    case .reset: .reset
    case .timeout: .timeout
    case .status502: .status502
    case .status503: .status503
    case .status504: .status504
    }
  }
}
