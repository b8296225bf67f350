// Why this file exists: from the limits that an operator wrote to what a request meets, with the
// counters that were there before. Control loop only.
import Configuration
import Limiting
import Primitives

/// Compiles the limits of one configuration.
struct LimitCompiler {
  private let registry: SharedRegistry
  private let arena: Arena
  private let hash: LimitKeyHash
  /// In the order of the file.
  private(set) var entries: UnsafeMutablePointer<LimitEntry>
  /// What the snapshot refers to.
  private(set) var numbers: [Int] = []
  private(set) var uses: [Int] = []

  /// - Parameter hashKey: unknown to clients, and the same as long as the process lives.
  init(
    _ limits: [RateLimitConfiguration], _ registry: SharedRegistry, _ arena: Arena,
    hashKey: UInt64, now: Instant
  ) {
    self.registry = registry
    self.arena = arena
    hash = LimitKeyHash(
      secrets: (SplitMix64.mix(hashKey ^ 0x6C69_6D69_7473), SplitMix64.mix(~hashKey)))
    entries = arena.allocate(LimitEntry.self, count: limits.count)
    for (index, limit) in limits.enumerated() {
      let number = registry.limit(
        limit.identity, keys: limit.maxKeys, LimitCompiler.rule(limit), now: now)
      numbers.append(number)
      (entries + index).initialize(to: entry(limit, registry.counters(ofLimit: number)))
    }
  }

  /// The limits of a route.
  mutating func limits(
    of route: RouteConfiguration, _ configuration: GatewayConfiguration
  ) -> UnsafeBufferPointer<RouteLimit> {
    precondition(route.rateLimits.count <= LimitLedger.capacity)
    let limits = route.rateLimits.map { position in
      let use = registry.limitUse(configuration.rateLimits[position].name, route: route.name)
      uses.append(use.number)
      return RouteLimit(entry: UnsafePointer(entries + position), use: use.value)
    }
    return arena.copy(limits)
  }

  private func entry(_ limit: RateLimitConfiguration, _ counters: Limit) -> LimitEntry {
    let rule = LimitCompiler.rule(limit)
    let quota = rule.quota
    // Of the rate as it is written: intervals are rounded up, which would make two seconds of the
    // one in which 60/s fill a burst of 60.
    let policy = ";q=\(quota);w=\(limit.rate.seconds(for: UInt32(clamping: quota)))"
    let range = CIDR(IPAddress(high: .max, low: .max), prefix: UInt8(limit.ipv6Prefix))
    return LimitEntry(
      name: arena.copy(limit.name), counters: counters, rule: rule,
      parts: arena.copy(limit.canonicalKey.map(part)), hash: hash,
      v6Mask: (range.highMask, range.lowMask), mode: LimitCompiler.mode(limit.mode),
      sharesMissing: limit.missingKey == .share,
      isClients: limit.key.contains { $0.isClients }, announces: limit.headers,
      quoted: arena.copy("\"\(limit.name)\""), told: arena.copy("\"\(limit.name)\"\(policy)"))
  }

  static func rule(_ limit: RateLimitConfiguration) -> LimitRule {
    switch limit.algorithm {
    case .tokenBucket:
      .tokenBucket(
        TokenBucket(count: limit.rate.count, period: limit.rate.period, burst: limit.burst))
    case .slidingWindow:
      .slidingWindow(SlidingWindow(limit: limit.rate.count, length: limit.rate.period))
    }
  }

  private static func mode(_ mode: RateLimitConfiguration.Mode) -> LimitMode {
    switch mode {
    case .off: .off
    case .shadow: .shadow
    case .enforce: .enforce
    }
  }

  private func part(_ part: RateLimitKeyPart) -> LimitKeyPart {
    switch part {
    case .clientIP: .clientIP
    case .header("host"): .host
    case .header(let name): .field(arena.copy(name))
    case .cookie(let name): .cookie(arena.copy(name))
    case .query(let name): .query(arena.copy(name))
    case .route: .route
    case .global: .global
    }
  }
}
