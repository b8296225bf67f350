// Why this file exists: what a snapshot has worked out in advance for a service's balancer, so that
// a pick reads and never computes.
public import Primitives

/// A backend of a service, for making a view.
package struct BackendMember {
  /// What places its keys: the same in every replica that has the same configuration.
  package var label: [UInt8]
  /// 1 to `BackendView.mostWeight`.
  package var weight: UInt32
  /// Requests in flight.
  package var active: SharedWord
  /// A `PeakLatency`.
  package var latency: SharedWord
  /// When it began to warm up, in nanoseconds; 0 = it is warm.
  package var warmSince: SharedWord

  package init(
    label: [UInt8], weight: UInt32, active: SharedWord, latency: SharedWord, warmSince: SharedWord
  ) {
    self.label = label
    self.weight = weight
    self.active = active
    self.latency = latency
    self.warmSince = warmSince
  }
}

/// What a balancer goes by, besides the backends.
package struct BalancerSettings {
  package var policy: BalancerPolicy
  /// How many requests a backend takes at once; `.max` = any number.
  package var maximum: UInt64 = .max
  /// A backend's most requests in flight, in millionths of its fair part, from the whole part on;
  /// nil = no bound. Looked at by keyed policies.
  package var maxLoad: UInt64?
  package var warmUp = Duration.zero

  package init(policy: BalancerPolicy) { self.policy = policy }
}

/// A service's backends with all that its policy has use for. Immutable but for the cache's words.
@usableFromInline
struct BackendTables {
  @usableFromInline let count: Int
  /// Which backends may be picked; see `BackendView`.
  @usableFromInline let cache: SharedWords
  /// Words of bits: one bit for each backend, 64 in a word, lowest first.
  @usableFromInline let bitWords: Int
  @usableFromInline let maximum: UInt64
  @usableFromInline let maxLoad: UInt64
  let warmUp: UInt64
  // One element for each backend. The words belong to the backends, which outlive the snapshot that
  // lists them here.
  @usableFromInline let active: UnsafeBufferPointer<SharedWord>
  let latency: UnsafeBufferPointer<SharedWord>
  let warmSince: UnsafeBufferPointer<SharedWord>
  let weights: UnsafeBufferPointer<UInt32>
  let meanWeight: Float
  let sequence: SharedWord
  let total: SharedWord
  // What the policy has use for.
  private(set) var order: UnsafeBufferPointer<UInt32>?
  private(set) var alias: AliasTable?
  private(set) var ring: HashRing?
  private(set) var maglev: MaglevTable?

  /// Sixteen times the fair part is a bound for nobody; products with it fit.
  private static var mostLoad: UInt64 { 1 << 24 }

  init(
    _ members: [BackendMember], _ settings: BalancerSettings, sequence: SharedWord,
    total: SharedWord, in arena: Arena
  ) {
    precondition(members.allSatisfy { $0.weight >= 1 && $0.weight <= BackendView.mostWeight })
    count = members.count
    bitWords = (members.count + 63) / 64
    cache = arena.words(count: BackendView.firstBits + 2 * bitWords)
    maximum = settings.maximum
    maxLoad = settings.policy.isKeyed ? min(settings.maxLoad ?? 0, BackendTables.mostLoad) : 0
    warmUp = UInt64(max(0, settings.warmUp.nanoseconds))
    active = arena.copy(members.map(\.active))
    latency = arena.copy(members.map(\.latency))
    warmSince = arena.copy(members.map(\.warmSince))
    weights = arena.copy(members.map(\.weight))
    let sum = members.reduce(0) { $0 + Float($1.weight) }
    meanWeight = members.isEmpty ? 1 : sum / Float(members.count)
    self.sequence = sequence
    self.total = total
    makeTables(settings.policy, members, arena)
  }

  private mutating func makeTables(
    _ policy: BalancerPolicy, _ members: [BackendMember], _ arena: Arena
  ) {
    let weights = members.map(\.weight)
    guard let first = weights.first else { return }
    switch policy {
    case .roundRobin: break
    case .weightedRoundRobin: order = arena.copy(SmoothOrder.make(weights))
    case .leastConnections, .powerOfTwo, .peakEWMA:
      let areEqual = weights.allSatisfy { $0 == first }
      alias = areEqual ? nil : AliasTable(weights, in: arena)
    case .consistentHash:
      ring = HashRing(labels: members.map(\.label), weights: weights, in: arena)
    case .maglev:
      maglev = MaglevTable(labels: members.map(\.label), weights: weights, in: arena)
    }
  }
}
