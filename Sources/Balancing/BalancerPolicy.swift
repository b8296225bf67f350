// Why this file exists: every policy answers the same question, so adding one is one case here and
// one file beside it.
public import Primitives

/// How a service spreads its requests (`balancer`).
@frozen @usableFromInline
package enum BalancerPolicy: UInt8, CaseIterable, Sendable {
  case roundRobin
  case weightedRoundRobin
  case leastConnections
  case powerOfTwo
  case peakEWMA
  case consistentHash
  case maglev

  /// A request's backend follows from its key.
  @inlinable package var isKeyed: Bool {
    switch self {
    case .consistentHash, .maglev: true
    case .roundRobin, .weightedRoundRobin, .leastConnections, .powerOfTwo, .peakEWMA: false
    }
  }

  /// Somebody has to record how long answers took.
  @inlinable package var wantsLatency: Bool {
    switch self {
    case .peakEWMA: true
    case .roundRobin, .weightedRoundRobin, .leastConnections, .powerOfTwo: false
    case .consistentHash, .maglev: false
    }
  }

  /// Picks the backend for a request: the first attempt, or a repeat when some have been tried. A
  /// backend that was tried is picked again only while no other is eligible.
  package func pick(
    _ view: BackendView, _ request: PickRequest, random: inout Xoroshiro
  ) -> Pick {
    if view.count == 0 { return .noBackend }
    if case .roundRobin = self, let backend = Turn.takeAtOnce(view, request) {
      return .backend(backend)
    }
    return search(view, request, &random)
  }

  @inline(never)
  private func search(
    _ view: BackendView, _ request: PickRequest, _ random: inout Xoroshiro
  ) -> Pick {
    let fresh = Eligibility(view, tried: request.tried, now: request.now)
    if let backend = choose(fresh, request, &random) { return .backend(backend) }
    if !request.tried.isEmpty {
      let all = Eligibility(view, tried: TriedBackends(), now: request.now)
      if let backend = choose(all, request, &random) { return .backend(backend) }
    }
    return view.whyNone()
  }

  @inline(__always)
  private func choose(
    _ eligible: Eligibility, _ request: PickRequest, _ random: inout Xoroshiro
  ) -> Int? {
    let isRepeat = !request.tried.isEmpty
    switch self {
    case .roundRobin:
      return RoundRobin.choose(eligible, &random, isRepeat: isRepeat)
    case .weightedRoundRobin:
      return WeightedRoundRobin.choose(eligible, &random, isRepeat: isRepeat)
    case .leastConnections: return LeastConnections.choose(eligible, &random)
    case .powerOfTwo: return PowerOfTwo.choose(eligible, &random)
    case .peakEWMA: return PeakEWMA.choose(eligible, &random)
    case .consistentHash:
      return ConsistentHash.choose(eligible, key: request.key ?? random.next())
    case .maglev: return Maglev.choose(eligible, key: request.key ?? random.next())
    }
  }
}

/// What a pick has to know of the request.
@frozen @usableFromInline
package struct PickRequest {
  /// Where attempts of it went to before.
  @usableFromInline package var tried: TriedBackends
  /// What keyed policies place it by; nil = it has no key and goes anywhere. Never a constant: all
  /// requests without a key would meet at one backend.
  @usableFromInline package var key: UInt64?
  @usableFromInline package var now: Instant

  @inlinable package init(tried: TriedBackends, key: UInt64?, now: Instant) {
    self.tried = tried
    self.key = key
    self.now = now
  }
}

/// Which backend was picked, or why none could be: the first of the reasons that holds.
@frozen @usableFromInline
package enum Pick: Equatable, Sendable {
  case backend(Int)
  /// The service has no backend: 503 `no_backend`.
  case noBackend
  /// All are down, ejected or draining: 503 `all_unhealthy`.
  case allUnusable
  /// The breakers of all others refuse: 503 `circuit_open`.
  case allRefused
  /// All that are left are at their maximum: the request waits.
  case allFull
}
