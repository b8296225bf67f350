// Why this file exists: a backend that comes back ramps up under every policy, or warming up is a
// checkbox.
import Balancing
import Primitives
import Testing

@Suite struct WarmingTests {
  /// Three backends, the second of which has been warming up for so many of 30 seconds.
  private func backends(_ policy: BalancerPolicy, _ seconds: Int64) -> Backends {
    let backends = Backends(3, policy, warmUp: .seconds(30))
    backends.warm(1)
    backends.pass(.seconds(seconds))
    return backends
  }

  private func part(_ counts: [Int]) -> Double {
    Double(counts[1]) / Double(counts.reduce(0, +))
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `its part of requests one after the other grows with its share (regression 25)`(
    policy: BalancerPolicy
  ) {
    let keys = { (pick: Int) in SplitMix64.mix(UInt64(pick)) }
    let whole = part(Backends(3, policy).counts(12_000, key: keys))
    for (seconds, share) in [(0, 0.1), (10, 0.4), (20, 0.7), (30, 1.0), (300, 1.0)] {
      let now = part(backends(policy, Int64(seconds)).counts(12_000, key: keys))
      #expect(abs(now - expected(policy, share, whole)) < 0.012, "\(policy) \(seconds): \(now)")
    }
  }

  /// Where a turn that is passed on is another turn's chance, parts are as the shares; where it
  /// falls to those who would have been second, the part is the share of what it is when warm.
  private func expected(_ policy: BalancerPolicy, _ share: Double, _ whole: Double) -> Double {
    switch policy {
    case .roundRobin, .weightedRoundRobin, .powerOfTwo, .peakEWMA: share / (2 + share)
    case .leastConnections, .consistentHash, .maglev: share * whole
    }
  }

  @Test(arguments: [BalancerPolicy.leastConnections, .powerOfTwo, .peakEWMA])
  func `its part of requests in flight grows with its share`(policy: BalancerPolicy) {
    for (seconds, share) in [(0, 0.1), (10, 0.4), (20, 0.7), (30, 1.0)] {
      let backends = backends(policy, Int64(seconds))
      let now = part(backends.counts(12_000, inFlight: 60))
      #expect(abs(now - share / (2 + share)) < 0.045, "\(policy) \(seconds): \(now)")
    }
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `when all are warming up alike they share as if they were warm`(policy: BalancerPolicy) {
    let backends = Backends(4, policy, warmUp: .seconds(30))
    let warm = Backends(4, policy)
    for backend in 0..<4 { backends.warm(backend) }
    backends.pass(.seconds(3))
    let counts = backends.counts(8_000) { SplitMix64.mix(UInt64($0)) }
    let expected = warm.counts(8_000) { SplitMix64.mix(UInt64($0)) }
    #expect(zip(counts, expected).allSatisfy { abs($0 - $1) < 200 })
    if policy.isKeyed {
      for key in 0..<500 {
        let hash = SplitMix64.mix(UInt64(key))
        #expect(backends.picked(key: hash) == warm.picked(key: hash))
      }
    }
  }

  @Test func `when all are warming up alike each has its turn`() {
    let backends = Backends(3, warmUp: .seconds(30))
    for backend in 0..<3 { backends.warm(backend) }
    #expect((0..<6).map { _ in backends.picked() } == [0, 1, 2, 0, 1, 2])
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `one that is left alone takes every request`(policy: BalancerPolicy) {
    let backends = backends(policy, 0)
    backends.setEligible(0, false)
    backends.setEligible(2, false)
    for key in 0..<50 { #expect(backends.picked(key: UInt64(key) << 58) == 1) }
    backends.setEligible(0, true)
    for key in 0..<50 { #expect(backends.picked(tried: [0], key: UInt64(key) << 58) == 1) }
  }

  @Test(arguments: [BalancerPolicy.consistentHash, .maglev])
  func `a key moves once while the share grows`(policy: BalancerPolicy) {
    let backends = Backends(3, policy, warmUp: .seconds(30))
    let settled = (0..<1_000).map { backends.picked(key: SplitMix64.mix(UInt64($0))) }
    backends.setEligible(1, false)
    let without = (0..<1_000).map { backends.picked(key: SplitMix64.mix(UInt64($0))) }
    backends.setEligible(1, true)
    backends.warm(1)
    var hasMoved = [Bool](repeating: false, count: 1_000)
    for _ in 0...31 {
      for key in 0..<1_000 {
        let now = backends.picked(key: SplitMix64.mix(UInt64(key)))
        if hasMoved[key] || settled[key] != 1 {
          #expect(now == settled[key])
        } else {
          #expect(now == 1 || now == without[key])
          hasMoved[key] = now == 1
        }
      }
      backends.pass(.seconds(1))
    }
    #expect((0..<1_000).allSatisfy { settled[$0] != 1 || hasMoved[$0] })
  }

  @Test func `turns that a warming backend passes on are not its neighbour's alone`() {
    let backends = Backends(4, warmUp: .seconds(30))
    backends.warm(1)
    let counts = backends.counts(30_000)
    #expect(ChiSquare.fits(counts, [1, 0.0996, 1, 1]))
  }
}
