// Why this file exists: from the configuration an operator wrote to the tables a request reads.
// Control loop only; here Strings end and bytes begin.
import Balancing
package import Configuration
import HTTPSemantics
import Health
package import Primitives
import Routing

/// Compiles one configuration. What could be wrong with it has been reported before.
package struct SnapshotBuilder {
  private let registry: SharedRegistry
  private let arena = Arena()
  private var identities = SnapshotIdentities()
  private let names: [String: [IPAddress]]
  private let hashKey: UInt64
  private let now: Instant

  /// - Parameter names: the addresses of every host name that the configuration's backends have.
  /// - Parameter hashKey: unknown to clients, so that nobody can make paths that collide.
  /// - Parameter now: since when backends are there that were not there before.
  package init(
    registry: SharedRegistry, names: [String: [IPAddress]], hashKey: UInt64, now: Instant
  ) {
    self.now = now
    self.registry = registry
    self.names = names
    self.hashKey = hashKey
  }

  /// Makes the tables. Once for each builder.
  /// - Parameter previous: another snapshot of the same configuration, to share what does not
  ///   depend on names.
  package mutating func build(
    _ configuration: GatewayConfiguration, sharing previous: OwnedSnapshot? = nil
  ) -> OwnedSnapshot {
    let rules =
      previous?.rules
      ?? SnapshotRules.build(configuration, registry: registry, hashKey: hashKey, now: now)
    let places = configuration.services.map { service in addresses(of: service) }
    let services = arena.allocate(ServiceEntry.self, count: places.count)
    let backendCount = places.reduce(0) { $0 + $1.count }
    let backends = arena.allocate(BackendEntry.self, count: backendCount)
    var next = 0
    for (index, service) in configuration.services.enumerated() {
      let entries = backendEntries(places[index], of: service)
      (services + index).initialize(
        to: serviceEntry(
          service, first: next, backends: entries, longestAnswer: rules.longestAnswers[index]))
      for entry in entries {
        (backends + next).initialize(to: entry)
        next += 1
      }
    }
    let snapshot = arena.allocate(Snapshot.self, count: 1)
    snapshot.initialize(
      to: Snapshot(
        routes: rules.routes, routeCount: configuration.routes.count, services: services,
        serviceCount: places.count, backends: backends, backendCount: backendCount,
        routing: rules.routing, requestRules: requestRules(configuration.http),
        encodedSlash: encodedSlash(configuration.http), headSize: configuration.limits.headSize,
        headFields: configuration.limits.headFields,
        clientTimeouts: ClientTimes(
          head: configuration.timeouts.head, keepAlive: configuration.timeouts.keepAlive,
          writeIdle: configuration.timeouts.writeIdle, minRate: configuration.limits.minRate ?? 0),
        trustedProxies: rules.trustedProxies, limits: rules.limits,
        traceTrust: traceTrust(configuration.tracing.trust),
        journal: registry.journal,
        users: arena.words(count: 8 * registry.workers).counter(0),
        routePositions: rules.routePositions,
        servicePositions: arena.copy(
          SnapshotRules.positions(
            of: identities.services.enumerated().map { ($1, $0) },
            among: registry.serviceNumbers))))
    return OwnedSnapshot(UnsafePointer(snapshot), registry, identities, arena, rules)
  }

  // MARK: Backends

  /// One address of one backend.
  private struct Place {
    var label: String
    var authority: String
    var weight: UInt32
    var endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
    var unixPath: String?
  }

  /// Every address of every backend of a service, each once: two names may lead to one address, or
  /// a name to one that is listed by itself. The first that is written stands for all.
  private func addresses(of service: ServiceConfiguration) -> [Place] {
    var seen: Set<String> = []
    return service.backends.flatMap(resolve).filter { seen.insert($0.label).inserted }
  }

  private func resolve(_ backend: BackendConfiguration) -> [Place] {
    let text = backend.address.text
    let weight = UInt32(backend.weight)
    switch backend.address.form {
    case .endpoint(let endpoint):
      return [Place(label: text, authority: text, weight: weight, endpoint: endpoint)]
    case .unix(let path):
      return [Place(label: text, authority: "localhost", weight: weight, unixPath: path)]
    case .name(let name, let port):
      return (names[name] ?? []).map { resolved in
        let endpoint = Endpoint(address: resolved, port: port)
        return Place(
          label: endpoint.description, authority: text, weight: weight, endpoint: endpoint)
      }
    }
  }

  /// Who joins others warms up; where all are new, nobody could carry the load meanwhile.
  private mutating func backendEntries(
    _ places: [Place], of service: ServiceConfiguration
  ) -> [BackendEntry] {
    let joinsOthers = places.contains {
      registry.knowsBackend(service: service.name, address: $0.label)
    }
    let isUp = service.health.initial == .up || service.health.active == nil
    return places.map { place in
      backendEntry(place, of: service.name) { [now] health in
        health.begin(joinsOthers ? .added : .initial, isUp: isUp, now: now)
      }
    }
  }

  private mutating func backendEntry(
    _ place: Place, of service: String, begin: (BackendHealth) -> Void
  ) -> BackendEntry {
    let shared = registry.backend(service: service, address: place.label, begin: begin)
    identities.backends.append(shared.poolIndex)
    let label = arena.copy(place.label)
    return BackendEntry(
      label: label, labelIsPlain: ASCII.isPlain(label), authority: arena.copy(place.authority),
      endpoint: place.endpoint, unixPath: place.unixPath.map(path), weight: place.weight,
      shared: shared)
  }

  private func path(_ text: String) -> UnsafePointer<CChar> {
    UnsafeRawPointer(arena.copy(text).base).assumingMemoryBound(to: CChar.self)
  }

  // MARK: Services

  private mutating func serviceEntry(
    _ service: ServiceConfiguration, first: Int, backends: [BackendEntry],
    longestAnswer: Duration
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
    let shared = registry.service(service.name)
    identities.services.append(shared.queueIndex)
    let settings = balancerSettings(service)
    let members = backends.map { backend in
      BackendMember(
        label: Array(backend.label.buffer), weight: backend.weight, active: backend.shared.active,
        latency: backend.shared.latency, warmSince: backend.shared.health.warmSince)
    }
    let view = BackendView(
      members, settings, sequence: shared.sequence, total: shared.total, in: arena)
    let name = arena.copy(service.name)
    return ServiceEntry(
      name: name, nameIsPlain: ASCII.isPlain(name), first: Int32(first), view: view,
      policy: settings.policy,
      key: key(service.balancer), shared: shared, hostRule: hostRule,
      hostLiteral: arena.copy(literal),
      connectionsMax: UInt32(service.connections.max ?? 0),
      idleMax: UInt32(service.connections.idle),
      idleTimeout: service.connections.idleTimeout, queueBound: UInt32(service.connections.queue),
      budgetRule: RetryBudgetRule(
        partsPerMillion: service.retries.budget.partsPerMillion,
        floor: service.retries.budgetFloor.count(in: RetryBudget.span)),
      rules: BackendRules(service, longestAnswer: longestAnswer))
  }

  private func balancerSettings(_ service: ServiceConfiguration) -> BalancerSettings {
    var settings = BalancerSettings(policy: policy(service.balancer.policy))
    settings.maximum = service.connections.max.map { UInt64($0) } ?? .max
    settings.maxLoad = service.balancer.maxLoad.map { UInt64($0.partsPerMillion) }
    settings.warmUp = service.warmUp ?? .zero
    return settings
  }

  private func policy(_ policy: BalancerConfiguration.Policy) -> BalancerPolicy {
    switch policy {
    case .roundRobin: .roundRobin
    case .weightedRoundRobin: .weightedRoundRobin
    case .leastConnections: .leastConnections
    case .powerOfTwo: .powerOfTwo
    case .peakEWMA: .peakEWMA
    case .consistentHash: .consistentHash
    case .maglev: .maglev
    }
  }

  private func key(_ balancer: BalancerConfiguration) -> HashKey {
    if !balancer.policy.isKeyed { return .none }
    switch balancer.key {
    case .clientIP: return .clientIP
    case .path: return .path
    case .header("host"): return .host
    case .header(let name): return .field(arena.copy(name))
    case .cookie(let name): return .cookie(arena.copy(name))
    case .query(let name): return .query(arena.copy(name))
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
