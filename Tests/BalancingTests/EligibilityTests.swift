// Why this file exists: a condition that one policy forgets sends requests where none should go;
// here every policy is asked about every one of them.
import Balancing
import Primitives
import Testing

@Suite struct EligibilityTests {
  @Test(arguments: BalancerPolicy.allCases)
  func `an empty list gives no pick and divides by nothing (regression 11)`(
    policy: BalancerPolicy
  ) {
    let backends = Backends(0, policy)
    #expect(backends.pick() == .noBackend)
    #expect(backends.pick(tried: [1], key: 7) == .noBackend)
    #expect(backends.sequence.load() == 0)
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `one backend gets everything, tried or not`(policy: BalancerPolicy) {
    let backends = Backends(1, policy)
    for key in 0..<20 {
      #expect(backends.pick(key: UInt64(key)) == .backend(0))
      #expect(backends.pick() == .backend(0))
      #expect(backends.pick(tried: [0]) == .backend(0))
    }
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `the first reason that holds is told`(policy: BalancerPolicy) {
    let backends = Backends(3, policy, maximum: 1)
    for backend in 0..<3 { backends.setActive(backend, 1) }
    #expect(backends.pick() == .allFull)
    backends.setEligible(0, false)
    backends.refuse(1)
    #expect(backends.pick() == .allFull)
    backends.setEligible(2, false)
    #expect(backends.pick() == .allRefused)
    backends.setEligible(1, false)
    #expect(backends.pick() == .allUnusable)
    #expect(backends.pick(tried: [0, 1, 2]) == .allUnusable)
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `nobody is picked who is down, refused by its breaker, or full`(policy: BalancerPolicy) {
    let backends = Backends(5, policy, weights: [3, 1, 2, 1, 1], maximum: 3)
    backends.setEligible(1, false)
    backends.setActive(2, 3)
    backends.refuse(3)
    backends.setActive(4, 2)
    for key in 0..<300 {
      #expect([0, 4].contains(backends.picked()))
      #expect([0, 4].contains(backends.picked(key: UInt64(key) << 55)))
      #expect(backends.picked(tried: [0]) == 4)
      #expect(backends.picked(tried: [4]) == 0)
    }
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `a repeat goes to none that was tried while another is eligible`(policy: BalancerPolicy) {
    // A ring of many takes its time to build.
    for count in policy.isKeyed ? [2, 3, 9] : [2, 3, 9, 100, 200] {
      let backends = Backends(count, policy, weights: (0..<count).map { UInt32(1 + $0 % 3) })
      for key in 0..<60 {
        var tried: [Int] = []
        for _ in 0..<min(count, TriedBackends.capacity) {
          let next = backends.picked(tried: tried, key: UInt64(key) << 58)
          #expect(!tried.contains(next))
          tried.append(next)
        }
        if tried.count == count {
          #expect(tried.contains(backends.picked(tried: tried, key: UInt64(key))))
        }
      }
    }
  }

  @Test(arguments: BalancerPolicy.allCases)
  func `a tried one is better than none`(policy: BalancerPolicy) {
    let backends = Backends(3, policy)
    backends.setEligible(1, false)
    backends.setEligible(2, false)
    #expect(backends.pick(tried: [0]) == .backend(0))
    #expect(backends.pick(tried: [0, 1, 2]) == .backend(0))
    backends.setEligible(0, false)
    #expect(backends.pick(tried: [0]) == .allUnusable)
  }

  /// The last backend that is left must be found, wherever it stands and whatever the policy draws.
  @Test(arguments: BalancerPolicy.allCases)
  func `one of very many is found`(policy: BalancerPolicy) {
    let count = policy.isKeyed ? 200 : 1_000
    let backends = Backends(count, policy)
    for survivor in [0, 63, 64, 127, 128, count - 1] {
      backends.setEligible((0..<count).map { $0 == survivor })
      for key in 0..<5 {
        #expect(backends.pick(key: UInt64(key) << 61) == .backend(survivor))
        #expect(backends.pick() == .backend(survivor))
      }
    }
  }

  /// Random states, the conditions written down plainly beside them.
  @Test(arguments: BalancerPolicy.allCases)
  func `whoever is picked may be, and somebody is if anybody may be`(policy: BalancerPolicy) {
    var random = SplitMix64(seed: 12)
    for _ in 0..<(policy.isKeyed ? 20 : 200) {
      let count = Int.random(in: 1...(policy.isKeyed ? 8 : 150), using: &random)
      let weights = (0..<count).map { _ in UInt32.random(in: 1...4, using: &random) }
      let backends = Backends(
        count, policy, weights: weights, maximum: 2,
        maxLoad: Bool.random(using: &random) ? 1_250_000 : nil, seed: random.next())
      let share = Int.random(in: 0...100, using: &random)
      backends.setEligible((0..<count).map { _ in Int.random(in: 0..<100, using: &random) < share })
      for backend in 0..<count where Bool.random(using: &random) {
        for _ in 0..<Int.random(in: 0...3, using: &random) { backends.begin(backend) }
      }
      let eligible = backends.eligible
      func canTake(_ backend: Int) -> Bool { eligible[backend] && backends.active(backend) < 2 }
      for _ in 0..<4 {
        let tried = (0..<Int.random(in: 0...3, using: &random)).map { _ in
          Int.random(in: 0..<count, using: &random)
        }
        let able = (0..<count).filter(canTake)
        let fresh = able.filter { !tried.contains($0) }
        let picked = backends.pick(tried: tried, key: random.next())
        if case .backend(let backend) = picked {
          #expect((fresh.isEmpty ? able : fresh).contains(backend))
        } else {
          #expect(able.isEmpty)
          #expect(picked == (eligible.contains(true) ? .allFull : .allUnusable))
        }
      }
    }
  }

  @Test func `a set of tried backends remembers the last eight`() {
    var set = TriedBackends()
    #expect(set.isEmpty && !set.contains(0))
    for backend in 0..<8 { set.insert(backend) }
    #expect((0..<8).allSatisfy { set.contains($0) })
    #expect(!set.contains(8))
    set.insert(8)
    #expect(!set.contains(0))
    #expect((1...8).allSatisfy { set.contains($0) })
  }
}
