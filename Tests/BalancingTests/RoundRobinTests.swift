// Why this file exists: every backend has its turn, whoever is missing.
import Balancing
import Primitives
import Testing

@Suite struct RoundRobinTests {
  private func picks(_ backends: Backends, _ count: Int) -> [Int] {
    (0..<count).map { _ in backends.picked() }
  }

  @Test func `each backend has its turn, whatever its weight`() {
    let backends = Backends(3, weights: [9, 1, 1])
    #expect(picks(backends, 7) == [0, 1, 2, 0, 1, 2, 0])
    #expect(backends.sequence.load() == 7)
  }

  @Test func `the turns of one that is down are used up, not given to its neighbour`() {
    let backends = Backends(4)
    backends.setEligible(1, false)
    backends.setEligible(2, false)
    #expect(picks(backends, 8) == [0, 3, 0, 3, 0, 3, 0, 3])
    backends.setEligible(1, true)
    #expect(picks(backends, 6) == [0, 1, 3, 0, 1, 3])
  }

  @Test func `the last one's turn passes to the first`() {
    let backends = Backends(3)
    backends.setEligible(2, false)
    #expect(picks(backends, 4) == [0, 1, 0, 1])
  }

  @Test func `a backend at its maximum is passed by`() {
    let backends = Backends(3, maximum: 2)
    backends.setActive(0, 2)
    backends.setActive(1, 1)
    #expect(picks(backends, 4) == [1, 2, 1, 2])
  }

  @Test func `a repeat takes no turn of its own`() {
    let backends = Backends(3)
    #expect(backends.pick() == .backend(0))
    #expect(backends.pick(tried: [0]) == .backend(1))
    #expect(backends.pick(tried: [0, 1]) == .backend(2))
    #expect(backends.pick(tried: [0, 1, 2]) == .backend(1))
    #expect(backends.pick() == .backend(1))
    #expect(backends.sequence.load() == 2)
  }

  @Test func `the sequence may wrap`() {
    let backends = Backends(3)
    backends.sequence.store(.max - 1)
    for _ in 0..<5 { #expect((0..<3).contains(backends.picked())) }
  }

  @Test func `a thousand backends share alike`() {
    let backends = Backends(1_000)
    #expect(backends.counts(5_000).allSatisfy { $0 == 5 })
    backends.setEligible((0..<1_000).map { $0 % 10 != 3 })
    let counts = backends.counts(4_500)
    #expect((0..<1_000).allSatisfy { counts[$0] == ($0 % 10 == 3 ? 0 : 5) })
  }

  /// Against the rule written down plainly: walk on until somebody can, and stand behind him.
  @Test func `random states agree with the naive reading`() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<300 {
      let count = Int.random(in: 1...150, using: &random)
      let maximum: UInt64 = Bool.random(using: &random) ? .max : 2
      let backends = Backends(count, maximum: maximum)
      var place = Int.random(in: 0..<1_000, using: &random)
      backends.sequence.store(UInt64(place))
      let share = Int.random(in: 1...100, using: &random)
      for _ in 0..<10 {
        backends.setEligible(
          (0..<count).map { _ in Int.random(in: 0..<100, using: &random) < share })
        for index in 0..<count {
          backends.setActive(index, UInt64.random(in: 0...3, using: &random))
        }
        func canTake(_ backend: Int) -> Bool {
          backends.eligible[backend] && backends.active(backend) < maximum
        }
        let expected = (0..<count).map { place + $0 }.first { canTake($0 % count) }
        if let expected {
          #expect(backends.pick() == .backend(expected % count))
          place = expected + 1
        } else {
          #expect(backends.pick() == (backends.eligible.contains(true) ? .allFull : .allUnusable))
          // Turns that nobody took are nobody's loss.
          place = Int(backends.sequence.load())
        }
      }
    }
  }
}
