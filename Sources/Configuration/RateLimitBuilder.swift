// Why this file exists: what the builder does for rate limits.
import Primitives

extension ConfigurationBuilder {
  func rateLimits() throws(Incomplete) -> [RateLimitConfiguration] {
    var limits: [RateLimitConfiguration] = []
    for named in root.field("rate_limits")?.named ?? [] {
      let limit = named.value
      let rate = try limit.rate("rate")
      limits.append(
        RateLimitConfiguration(
          name: named.name, algorithm: try limit.word("algorithm"), rate: rate,
          burst: limit.field("burst") == nil ? rate.count : UInt32(try limit.integer("burst")),
          key: try key(limit.value("key").elements),
          ipv6Prefix: try limit.integer("ipv6_prefix"),
          missingKey: try limit.word("missing_key"), mode: try limit.word("mode"),
          maxKeys: try limit.integer("max_keys"), headers: try limit.boolean("headers"),
          line: named.nameRange.start.line))
    }
    return limits
  }

  private func key(_ elements: [ConfigurationValue]) throws(Incomplete) -> [RateLimitKeyPart] {
    var parts: [RateLimitKeyPart] = []
    for element in elements {
      let part = try part(element)
      if !parts.contains(part) { parts.append(part) }
    }
    return parts
  }

  private func part(_ element: ConfigurationValue) throws(Incomplete) -> RateLimitKeyPart {
    switch element.scalar {
    case .word("client_ip"): return .clientIP
    case .word("route"): return .route
    case .word("global"): return .global
    case .requestKey(.header(let name)): return .header(name)
    case .requestKey(.cookie(let name)): return .cookie(name)
    case .requestKey(.query(let name)): return .query(name)
    default: throw Incomplete()
    }
  }

  /// The positions of the limits that a route names, each once, in its order.
  func rateLimits(
    of route: ConfigurationValue, _ positions: [String: Int]
  ) throws(Incomplete) -> [Int] {
    var own: [Int] = []
    for element in try route.value("rate_limits").elements {
      guard let name = element.writtenText, let position = positions[name] else {
        throw Incomplete()
      }
      if !own.contains(position) { own.append(position) }
    }
    return own
  }
}
