// Why this file exists: from the configuration an operator wrote to the tables a request reads.
// Control loop only; here Strings end and bytes begin.
import Balancing
package import Configuration
import HTTPSemantics
package import Primitives
import Routing

/// Compiles configurations. What could be wrong with them has been reported before.
package struct SnapshotBuilder {
  private let registry: SharedRegistry
  private let names: [String: [IPAddress]]
  private let hashKey: UInt64

  /// - Parameter names: the addresses of every host name that the configuration's backends have.
  /// - Parameter hashKey: unknown to clients, so that nobody can make paths that collide.
  package init(registry: SharedRegistry, names: [String: [IPAddress]], hashKey: UInt64) {
    self.registry = registry
    self.names = names
    self.hashKey = hashKey
  }

  /// Makes the tables. The memory is never freed while a worker may hold the snapshot.
  package func build(
    _ configuration: GatewayConfiguration, generation: UInt64
  ) -> UnsafePointer<Snapshot> {
    let places = configuration.services.map { service in
      service.backends.flatMap { resolve($0.address) }
    }
    let services = UnsafeMutablePointer<ServiceEntry>.allocate(capacity: places.count + 1)
    let backendCount = places.reduce(0) { $0 + $1.count }
    let backends = UnsafeMutablePointer<BackendEntry>.allocate(capacity: backendCount + 1)
    var next = 0
    for (index, service) in configuration.services.enumerated() {
      let entries = places[index].map { backendEntry($0, of: service.name) }
      (services + index).initialize(to: serviceEntry(service, first: next, backends: entries))
      for entry in entries {
        (backends + next).initialize(to: entry)
        next += 1
      }
    }
    let routes = UnsafeMutablePointer<RouteEntry>.allocate(capacity: configuration.routes.count + 1)
    for (index, route) in configuration.routes.enumerated() {
      (routes + index).initialize(to: routeEntry(route, configuration))
    }
    let snapshot = UnsafeMutablePointer<Snapshot>.allocate(capacity: 1)
    snapshot.initialize(
      to: Snapshot(
        routes: routes, routeCount: configuration.routes.count, services: services,
        serviceCount: places.count, backends: backends, backendCount: backendCount,
        routing: routeTable(configuration.routes), requestRules: requestRules(configuration.http),
        encodedSlash: encodedSlash(configuration.http), headSize: configuration.limits.headSize,
        headFields: configuration.limits.headFields,
        clientTimeouts: ClientTimes(
          head: configuration.timeouts.head, keepAlive: configuration.timeouts.keepAlive),
        trustedProxies: permanent(configuration.trustedProxies),
        traceTrust: traceTrust(configuration.tracing.trust), generation: generation))
    return UnsafePointer(snapshot)
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
      label: permanent(place.label), authority: permanent(place.authority),
      endpoint: place.endpoint, unixPath: place.unixPath.map(permanentPath),
      shared: registry.backend(service: service, address: place.label))
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
    let active = UnsafeMutablePointer<SharedWord>.allocate(capacity: max(backends.count, 1))
    for (index, backend) in backends.enumerated() {
      (active + index).initialize(to: backend.shared.active)
    }
    let usable = SharedWords.allocate(count: (backends.count + 63) / 64 + 1)
    for index in backends.indices { usable[index >> 6].add(1 << UInt64(index & 63)) }
    let view = BackendView(
      count: backends.count, usable: usable, active: active,
      maximum: service.connections.max.map { UInt64($0) } ?? .max)
    return ServiceEntry(
      name: permanent(service.name), first: Int32(first), view: view,
      policy: policy(service.balancer.policy),
      shared: registry.service(service.name), hostRule: hostRule, hostLiteral: permanent(literal),
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
    let upgrades = UnsafeMutableBufferPointer<ByteSlice>.allocate(capacity: route.upgrades.count)
    _ = upgrades.initialize(from: route.upgrades.map(permanent))
    return RouteEntry(
      name: permanent(route.name), service: Int32(route.service), plan: plan,
      upgrades: UnsafeBufferPointer(upgrades))
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
    return RouteTable.build(rows, key: hashKey)
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

// MARK: Memory that stays

private func permanent(_ text: String) -> ByteSlice {
  let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: text.utf8.count + 1)
  var count = 0
  for byte in text.utf8 {
    (bytes + count).initialize(to: byte)
    count += 1
  }
  (bytes + count).initialize(to: 0)
  return ByteSlice(bytes, count)
}

private func permanentPath(_ path: String) -> UnsafePointer<CChar> {
  UnsafeRawPointer(permanent(path).base).assumingMemoryBound(to: CChar.self)
}

private func permanent<Element: BitwiseCopyable>(
  _ elements: [Element]
) -> UnsafeBufferPointer<Element> {
  let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
  _ = buffer.initialize(from: elements)
  return UnsafeBufferPointer(buffer)
}
