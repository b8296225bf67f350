// Why this file exists: one hot key must not fill one backend where an operator has set a bound.
import Primitives
import Testing

@testable import Balancing

@Suite struct BoundedLoadTests {
  static let keyed: [BalancerPolicy] = [.consistentHash, .maglev]

  /// c * (all + 1) * w / sum, rounded up.
  private func bound(_ backends: Backends, _ backend: Int, millionths: UInt64) -> UInt64 {
    let eligible = backends.eligible
    let sum = (0..<backends.count).filter { eligible[$0] }.reduce(UInt64(0)) {
      $0 + UInt64(backends.weights[$1])
    }
    let above = millionths * (backends.total.load() + 1) * UInt64(backends.weights[backend])
    return (above + sum * 1_000_000 - 1) / (sum * 1_000_000)
  }

  @Test(arguments: keyed, [1_000_000, 1_250_000, 2_000_000] as [UInt64])
  func `nobody ever has more than the bound`(policy: BalancerPolicy, millionths: UInt64) {
    var random = SplitMix64(seed: millionths)
    let backends = Backends(7, policy, weights: [1, 2, 1, 3, 1, 1, 2], maxLoad: millionths)
    var running: [Int] = []
    for step in 0..<2_000 {
      if step == 1_000 { backends.setEligible(3, false) }
      if !running.isEmpty, running.count > 60 || UInt8.random(in: 0...2, using: &random) == 0 {
        backends.end(running.remove(at: Int.random(in: 0..<running.count, using: &random)))
        continue
      }
      // Two keys of five are the same one.
      let key = UInt64.random(in: 0...4, using: &random) < 2 ? 42 : random.next()
      let backend = backends.picked(key: SplitMix64.mix(key))
      #expect(backends.active(backend) + 1 <= bound(backends, backend, millionths: millionths))
      backends.begin(backend)
      running.append(backend)
    }
  }

  @Test(arguments: keyed)
  func `below the bound a key keeps its backend`(policy: BalancerPolicy) {
    let bounded = Backends(5, policy, maxLoad: 1_250_000)
    let free = Backends(5, policy)
    for key in 0..<1_000 {
      let hash = SplitMix64.mix(UInt64(key))
      #expect(bounded.picked(key: hash) == free.picked(key: hash))
    }
  }

  @Test(arguments: keyed)
  func `without a bound a hot key stays where it is`(policy: BalancerPolicy) {
    let backends = Backends(5, policy)
    let home = backends.picked(key: 42)
    for _ in 0..<100 {
      #expect(backends.picked(key: 42) == home)
      backends.begin(home)
    }
  }

  /// The keys of a full backend jump to places of their own; neighbours on the ring would make one
  /// of them full next.
  @Test(arguments: keyed)
  func `what is too much is spread over all others`(policy: BalancerPolicy) {
    let backends = Backends(6, policy, maxLoad: 1_500_000)
    for _ in 0..<20 { backends.begin(0) }
    var heirs = [Int](repeating: 0, count: 6)
    for key in 0..<20_000 { heirs[backends.picked(key: SplitMix64.mix(UInt64(key)))] += 1 }
    #expect(heirs[0] == 0)
    for heir in 1..<6 { #expect(abs(heirs[heir] - 4_000) < 900) }
  }

  @Test func `neighbours on the ring do not go to the same heir`() {
    let backends = Backends(8, .consistentHash, maxLoad: 1_250_000)
    for _ in 0..<40 { backends.begin(0) }
    // All keys of the longest stretch that belongs to the full one.
    let circle = HashRing.points(
      labels: Backends.labels(8).map { Array($0.utf8) },
      weights: [UInt32](repeating: 1, count: 8), hash: HashRing.pointHash)
    let stretch = zip(circle, circle.dropFirst()).filter { $1.owner == 0 }
      .max { $0.1.hash - $0.0.hash < $1.1.hash - $1.0.hash }
    guard let (before, point) = stretch else {
      Issue.record("the full one has no point")
      return
    }
    let step = (point.hash - before.hash) / 100
    let heirs = Set((0..<100).map { backends.picked(key: point.hash - step * $0) })
    #expect(heirs == [1, 2, 3, 4, 5, 6, 7])
  }

  @Test(arguments: keyed)
  func `a hot key uses the whole pool`(policy: BalancerPolicy) {
    let backends = Backends(10, policy, maxLoad: 1_250_000)
    for _ in 0..<100 { backends.begin(backends.picked(key: 42)) }
    #expect((0..<10).allSatisfy { backends.active($0) <= 13 })
  }

  @Test(arguments: keyed)
  func `when a repeat has nobody else the bound gives way`(policy: BalancerPolicy) {
    let backends = Backends(2, policy, maxLoad: 1_000_000)
    for _ in 0..<5 { backends.begin(0) }
    backends.begin(1)
    #expect(backends.pick(tried: [1], key: 3) == .backend(0))
  }

  @Test func `extreme loads and weights do not overflow`() {
    let backends = Backends(
      2, .consistentHash, weights: [65_536, 65_536], maxLoad: .max)
    backends.total.store(.max / 2)
    backends.setActive(0, 1 << 40)
    backends.setActive(1, 1 << 40)
    #expect(backends.pick(key: 1) != .allFull)
  }
}
