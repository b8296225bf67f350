// Why this file exists: from the configuration an operator wrote to the tables a request reads.
// Control loop only; here Strings end and bytes begin.
import Balancing
package import Configuration
import HTTPSemantics
package import Primitives
import Routing

/// Compiles one configuration. What could be wrong with it has been reported before.
package struct SnapshotBuilder {
  private let registry: SharedRegistry
  private let arena = Arena()
  private let names: [String: [IPAddress]]
  private let hashKey: UInt64

  /// - Parameter names: the addresses of every host name that the configuration's backends have.
  /// - Parameter hashKey: unknown to clients, so that nobody can make paths that collide.
  package init(registry: SharedRegistry, names: [String: [IPAddress]], hashKey: UInt64) {
    self.registry = registry
    self.names = names
    self.hashKey = hashKey
  }

  /// Makes the tables. Once for each builder.
  package func build(
    _ configuration: GatewayConfiguration, generation: UInt64
  ) -> OwnedSnapshot {
    let places = configuration.services.map { service in
      service.backends.flatMap { resolve($0.address) }
    }
    let services = arena.allocate(ServiceEntry.self, count: places.count)
    let backendCount = places.reduce(0) { $0 + $1.count }
    let backends = arena.allocate(BackendEntry.self, count: backendCount)
    var next = 0
    for (index, service) in configuration.services.enumerated() {
      let entries = places[index].map { backendEntry($0, of: service.name) }
      (services + index).initialize(to: serviceEntry(service, first: next, backends: entries))
      for entry in entries {
        (backends + next).initialize(to: entry)
        next += 1
      }
    }
    let routes = arena.allocate(RouteEntry.self, count: configuration.routes.count)
    for (index, route) in configuration.routes.enumerated() {
      (routes + index).initialize(to: routeEntry(route, configuration))
    }
    let snapshot = arena.allocate(Snapshot.self, count: 1)
    snapshot.initialize(
      to: Snapshot(
        routes: routes, routeCount: configuration.routes.count, services: services,
        serviceCount: places.count, backends: backends, backendCount: backendCount,
        routing: routeTable(configuration.routes), requestRules: requestRules(configuration.http),
        encodedSlash: encodedSlash(configuration.http), headSize: configuration.limits.headSize,
        headFields: configuration.limits.headFields,
        clientTimeouts: ClientTimes(
          head: configuration.timeouts.head, keepAlive: configuration.timeouts.keepAlive),
        trustedProxies: arena.copy(configuration.trustedProxies),
        traceTrust: traceTrust(configuration.tracing.trust), generation: generation))
    return OwnedSnapshot(UnsafePointer(snapshot), arena)
  }

  // MARK: Backends

  /// One address of one backend.
  private struct Place {
    var label: String
    var authority: String
    var endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
    var unixPath: String?
  }

  private func resolve(_ address: NetworkAddress) -> [Place] {
    switch address.form {
    case .endpoint(let endpoint):
      return [Place(label: address.text, authority: address.text, endpoint: endpoint)]
    case .unix(let path):
      return [Place(label: address.text, authority: "localhost", unixPath: path)]
    case .name(let name, let port):
      return (names[name] ?? []).map { resolved in
        let endpoint = Endpoint(address: resolved, port: port)
        return Place(label: endpoint.description, authority: address.text, endpoint: endpoint)
      }
    }
  }

  private func backendEntry(_ place: Place, of service: String) -> BackendEntry {
    BackendEntry(
      label: arena.copy(place.label), authority: arena.copy(place.authority),
      endpoint: place.endpoint, unixPath: place.unixPath.map(path),
      shared: registry.backend(service: service, address: place.label))
  }

  private func path(_ text: String) -> UnsafePointer<CChar> {
    UnsafeRawPointer(arena.copy(text).base).assumingMemoryBound(to: CChar.self)
  }

  // MARK: Services and routes

  private func serviceEntry(
    _ service: ServiceConfiguration, first: Int, backends: [BackendEntry]
  ) -> ServiceEntry {
    var hostRule = HostRule.preserve
    var literal = ""
    switch service.host {
    case .preserve: hostRule = .preserve
    case .backend: hostRule = .backend
    case .literal(let text):
      hostRule = .literal
      literal = text
    }
    let active = arena.allocate(SharedWord.self, count: backends.count)
    for (index, backend) in backends.enumerated() {
      (active + index).initialize(to: backend.shared.active)
    }
    let usable = arena.words(count: (backends.count + 63) / 64 + 1)
    for index in backends.indices { usable[index >> 6].add(1 << UInt64(index & 63)) }
    let view = BackendView(
      count: backends.count, usable: usable, active: active,
      maximum: service.connections.max.map { UInt64($0) } ?? .max)
    return ServiceEntry(
      name: arena.copy(service.name), first: Int32(first), view: view,
      policy: policy(service.balancer.policy),
      shared: registry.service(service.name), hostRule: hostRule, hostLiteral: arena.copy(literal),
      connectionsMax: UInt32(service.connections.max ?? 0),
      idleMax: UInt32(service.connections.idle),
      idleTimeout: service.connections.idleTimeout, queueBound: UInt32(service.connections.queue),
      budgetRule: RetryBudgetRule(
        partsPerMillion: service.retries.budget.partsPerMillion,
        floor: service.retries.budgetFloor.count(in: RetryBudget.span)))
  }

  private func routeEntry(
    _ route: RouteConfiguration, _ configuration: GatewayConfiguration
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
      name: arena.copy(route.name), service: Int32(route.service), plan: plan,
      upgrades: arena.copy(route.upgrades.map { arena.copy($0) }))
  }

  private func routeTable(_ routes: [RouteConfiguration]) -> RouteTable {
    var rows: [RoutePath] = []
    for (index, route) in routes.enumerated() {
      guard case .success(let pattern) = PathPattern.parse(route.path) else {
        preconditionFailure("a path pattern that was not checked: \(route.path)")
      }
      rows.append(
        RoutePath(path: pattern.path, isPrefix: pattern.isPrefix, route: UInt32(index)))
    }
    let table = RouteTable.build(rows, key: hashKey)
    arena.atEnd { table.destroy() }
    return table
  }

  private func policy(_ policy: BalancerConfiguration.Policy) -> BalancerPolicy {
    switch policy {
    case .roundRobin, .weightedRoundRobin, .leastConnections, .powerOfTwo, .peakEWMA,
      .consistentHash, .maglev:
      .roundRobin
    }
  }

  private func retryKind(_ condition: RetryCondition) -> RetryKinds {
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

  // MARK: Settings

  private func requestRules(_ http: HTTPConfiguration) -> RequestRuleSettings {
    switch http.underscoreFields {
    case .drop: RequestRuleSettings(underscoreFields: .drop)
    case .reject: RequestRuleSettings(underscoreFields: .reject)
    case .keep: RequestRuleSettings(underscoreFields: .keep)
    }
  }

  private func encodedSlash(_ http: HTTPConfiguration) -> EncodedSlash {
    switch http.encodedSlash {
    case .reject: .reject
    case .keep: .keep
    }
  }

  private func traceTrust(_ trust: TracingConfiguration.Trust) -> TraceTrust {
    switch trust {
    case .always: .always
    case .trustedProxies: .trustedProxies
    case .never: .never
    }
  }
}
