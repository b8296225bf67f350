// Why this file exists: a log is replayed against a configuration as a gateway compiles it, and
// beside it stands what of it no log line can decide.
package import Configuration
import Forwarding
import HTTPSemantics
import Primitives

/// The parts of a line that a rule asks for, and that a line may not have.
struct LineParts: OptionSet {
  let rawValue: UInt8
  static var client: LineParts { LineParts(rawValue: 1) }
  static var host: LineParts { LineParts(rawValue: 2) }
  static var agent: LineParts { LineParts(rawValue: 4) }
}

/// A configuration that a log is replayed against.
package struct ReplayedConfiguration {
  /// What the log has to do with it.
  package enum Role {
    /// Nobody knows what it was written under.
    case new
    /// It was written under this one.
    case old
    /// It was written under that one.
    case newAgainst(GatewayConfiguration)
  }

  /// What is known of a limit's verdict.
  enum LimitBasis {
    /// All that it counts by stands in the log.
    case charged
    /// What the log says of it holds.
    case recorded
    case untold
  }

  let configuration: GatewayConfiguration
  let snapshot: OwnedSnapshot
  let routes: [ReplayedRoute]
  /// Some route asks for what a log line does not have.
  let asksForUnknown: Bool
  let asksForHost: Bool
  /// Some limit is charged: the order of requests matters.
  package let hasLimits: Bool

  init(
    _ configuration: GatewayConfiguration, _ role: Role, _ conditions: inout ConditionTable,
    _ words: inout WordTable
  ) {
    self.configuration = configuration
    let bases = configuration.rateLimits.map {
      ReplayedConfiguration.basis($0, configuration, role)
    }
    var compiled = configuration
    for (position, basis) in bases.enumerated() {
      // The limits that are charged ask each other, those that cannot be do not disturb them.
      switch basis {
      case .charged: break
      case .recorded, .untold: compiled.rateLimits[position].mode = .off
      }
    }
    // Nobody sends anything: the hash's key matters to nobody, and keys are new with the log.
    var builder = SnapshotBuilder(
      registry: SharedRegistry(workers: 1), names: [:], hashKey: 0, now: Instant(nanoseconds: 0))
    snapshot = builder.build(compiled)
    routes = configuration.routes.map { route in
      ReplayedRoute(route, configuration, bases, &conditions, &words)
    }
    asksForUnknown = routes.contains { !$0.conditions.isEmpty || !$0.agents.isEmpty }
    asksForHost = configuration.routes.contains { $0.match.host != nil }
    hasLimits = routes.contains { route in
      route.configuration.rateLimits.contains { compiled.rateLimits[$0].mode != .off }
    }
  }

  private static func basis(
    _ limit: RateLimitConfiguration, _ configuration: GatewayConfiguration, _ role: Role
  ) -> LimitBasis {
    if limit.mode == .off { return .charged }
    let isInLog = limit.key.allSatisfy { part in
      switch part {
      case .clientIP, .route, .global: true
      case .header(let name): name == "host" || name == "user-agent"
      case .cookie, .query: false
      }
    }
    switch role {
    case .new: return isInLog ? .charged : .untold
    case .old: return isInLog ? .charged : .recorded
    case .newAgainst(let old):
      // Whom proxies speak for is another client under other trusted proxies.
      if limit.key.contains(.clientIP), old.trustedProxies != configuration.trustedProxies {
        return .untold
      }
      if isInLog { return .charged }
      return isSame(limit, configuration, old) ? .recorded : .untold
    }
  }

  /// The old configuration has the same limit on the same routes.
  private static func isSame(
    _ limit: RateLimitConfiguration, _ new: GatewayConfiguration, _ old: GatewayConfiguration
  ) -> Bool {
    guard var other = old.rateLimits.first(where: { $0.name == limit.name }) else { return false }
    other.line = limit.line
    return other == limit && users(of: limit, new) == users(of: limit, old)
  }

  private static func users(
    of limit: RateLimitConfiguration, _ configuration: GatewayConfiguration
  ) -> Set<String> {
    let users = configuration.routes.filter { route in
      route.rateLimits.contains { configuration.rateLimits[$0].name == limit.name }
    }
    return Set(users.map(\.name))
  }
}

/// What a replay asks of a route.
struct ReplayedRoute {
  let configuration: RouteConfiguration
  let name: Int32
  let pattern: Int32
  /// On fields and parameters that no log line has.
  let conditions: [Int]
  /// On User-Agent, which a log line has.
  let agents: [MatchCondition]
  /// Positions in the configuration's limits.
  let recordedLimits: [Int]
  let untoldLimits: [Int]
  /// What the limits that are charged count by.
  let needs: LineParts
  /// With their shares in millionths.
  let services: [(name: Int32, share: UInt32)]
  /// The service, or the services with their shares; no word when the route answers by itself.
  let service: Int32

  init(
    _ route: RouteConfiguration, _ whole: GatewayConfiguration,
    _ bases: [ReplayedConfiguration.LimitBasis], _ table: inout ConditionTable,
    _ words: inout WordTable
  ) {
    configuration = route
    name = words.number(of: route.name)
    pattern = words.number(of: route.match.path)
    let isAgent = { (condition: MatchCondition) in condition.name.lowercased() == "user-agent" }
    agents = route.match.headers.filter(isAgent)
    conditions =
      route.match.headers.filter { !isAgent($0) }.map {
        table.number(.init(isField: true, name: $0.name.lowercased(), value: $0.value))
      }
      + route.match.query.map {
        table.number(.init(isField: false, name: $0.name, value: $0.value))
      }
    var recorded: [Int] = []
    var untold: [Int] = []
    var needs: LineParts = []
    for position in route.rateLimits {
      switch bases[position] {
      case .recorded: recorded.append(position)
      case .untold: untold.append(position)
      case .charged where whole.rateLimits[position].mode != .off:
        needs.formUnion(ReplayedRoute.needs(whole.rateLimits[position]))
      case .charged: break
      }
    }
    recordedLimits = recorded
    untoldLimits = untold
    self.needs = needs
    services = route.services.map { share in
      (words.number(of: whole.services[share.service].name), share.share.partsPerMillion)
    }
    let texts = route.services.map { share in
      let name = whole.services[share.service].name
      return route.services.count == 1 ? name : "\(name) \(ReplayedRoute.percent(share.share))"
    }
    service = words.number(of: texts.joined(separator: ", "))
  }

  private static func needs(_ limit: RateLimitConfiguration) -> LineParts {
    limit.key.reduce(into: []) { needs, part in
      switch part {
      case .clientIP: needs.insert(.client)
      case .header("host"): needs.insert(.host)
      case .header: needs.insert(.agent)
      case .cookie, .query, .route, .global: break
      }
    }
  }

  private static func percent(_ share: Share) -> String {
    let percent = Double(share.partsPerMillion) / 10_000
    return percent == percent.rounded() ? "\(Int(percent)) %" : "\(percent) %"
  }

  /// The share of a service in millionths; 0 when it is none of the route's.
  func share(of service: Int32) -> UInt32 {
    services.first { $0.name == service }?.share ?? 0
  }

  /// Both send the same parts of their requests to services of the same names.
  func splits(like other: ReplayedRoute) -> Bool {
    services.count == other.services.count
      && services.allSatisfy { other.share(of: $0.name) == $0.share }
  }
}
