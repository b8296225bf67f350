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
  let limits: UnsafeBufferPointer<LimitEntry>
  /// For each service, how long its requests wait at most for a connection and an answer's head.
  let longestAnswers: [Duration]
  private let registry: SharedRegistry
  private let identities: SnapshotIdentities
  private let arena: Arena

  init(
    _ routes: UnsafeMutablePointer<RouteEntry>, _ routePositions: UnsafeBufferPointer<Int32>,
    _ routing: RouteTable, _ trustedProxies: UnsafeBufferPointer<CIDR>,
    _ limits: UnsafeBufferPointer<LimitEntry>,
    _ longestAnswers: [Duration],
    _ registry: SharedRegistry, _ identities: SnapshotIdentities, _ arena: Arena
  ) {
    self.routes = routes
    self.routePositions = routePositions
    self.routing = routing
    self.trustedProxies = trustedProxies
    self.limits = limits
    self.longestAnswers = longestAnswers
    self.registry = registry
    self.identities = identities
    self.arena = arena
  }

  deinit { registry.release(identities) }
}

extension SnapshotRules {
  static func build(
    _ configuration: GatewayConfiguration, registry: SharedRegistry, hashKey: UInt64, now: Instant
  ) -> SnapshotRules {
    let arena = Arena()
    let limits = LimitCompiler(
      configuration.rateLimits, registry, arena, hashKey: hashKey, now: now)
    var compiler = RouteCompiler(configuration, registry, arena, limits)
    let routes = arena.allocate(RouteEntry.self, count: configuration.routes.count)
    for (index, route) in configuration.routes.enumerated() {
      (routes + index).initialize(to: compiler.entry(route, position: index))
    }
    let rules = configuration.routes.enumerated().map { index, route in
      RouteCompiler.rule(route, number: UInt32(index))
    }
    let table = RouteTable.build(rules, key: hashKey)
    arena.atEnd { table.destroy() }
    var identities = SnapshotIdentities()
    identities.routes = compiler.numbers.map(\.number)
    identities.limits = compiler.limits.numbers
    identities.limitUses = compiler.limits.uses
    let positions = positions(of: compiler.numbers, among: registry.routeNumbers)
    return SnapshotRules(
      routes, arena.copy(positions), table, arena.copy(configuration.trustedProxies),
      UnsafeBufferPointer(start: limits.entries, count: configuration.rateLimits.count),
      longestAnswers(configuration), registry, identities, arena)
  }

  private static func longestAnswers(_ configuration: GatewayConfiguration) -> [Duration] {
    var longest = configuration.services.map { $0.timeouts.connect + $0.timeouts.response }
    for share in configuration.routes.flatMap(\.services) {
      let own = share.timeouts.connect + share.timeouts.response
      longest[share.service] = max(longest[share.service], own)
    }
    return longest
  }

  /// Where each of `count` numbers stands; -1 = nowhere.
  static func positions(
    of numbers: [(number: Int, position: Int)], among count: Int
  ) -> [Int32] {
    var positions = [Int32](repeating: -1, count: count)
    for (number, position) in numbers { positions[number] = Int32(position) }
    return positions
  }
}
