// Why this file exists: weights are to be kept exactly, over every stretch of requests and not just
// in the long run.
import Primitives
import Testing

@testable import Balancing

@Suite struct WeightedRoundRobinTests {
  private func picks(_ backends: Backends, _ count: Int) -> [Int] {
    (0..<count).map { _ in backends.picked() }
  }

  @Test func `the order is the smooth one`() {
    #expect(SmoothOrder.make([5, 1, 1]) == [0, 0, 1, 0, 2, 0, 0])
    #expect(SmoothOrder.make([1, 1, 1]) == [0, 1, 2])
    #expect(SmoothOrder.make([2, 1]) == [0, 1, 0])
    #expect(SmoothOrder.make([300, 100]) == [0, 0, 1, 0])
    #expect(SmoothOrder.make([7]) == [0])
    #expect(SmoothOrder.make([]) == [])
  }

  @Test func `picks follow the order, in rounds`() {
    let backends = Backends(3, .weightedRoundRobin, weights: [5, 1, 1])
    #expect(picks(backends, 14) == [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0])
    #expect(backends.sequence.load() == 14)
  }

  @Test func `every round keeps the weights exactly`() {
    let weights: [UInt32] = [1, 7, 3, 12, 2, 30]
    let backends = Backends(6, .weightedRoundRobin, weights: weights)
    for _ in 0..<3 { #expect(backends.counts(55) == weights.map { Int($0) }) }
  }

  /// Smooth: at no point of a round is anybody a whole turn and more ahead of or behind his part.
  @Test func `no stretch is a burst`() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<60 {
      let count = Int.random(in: 1...20, using: &random)
      let weights = (0..<count).map { _ in UInt32.random(in: 1...40, using: &random) }
      let order = SmoothOrder.make(weights)
      let sum = Double(weights.reduce(0, +))
      var turns = [Int](repeating: 0, count: count)
      for (place, backend) in order.enumerated() {
        turns[Int(backend)] += 1
        for index in 0..<count {
          let due = Double(place + 1) * Double(weights[index]) / sum
          let bound = count == 1 ? 1 : Double(count - 1)
          #expect(abs(Double(turns[index]) - due) <= max(1, bound / 2))
        }
      }
    }
  }

  /// Not more than the others' turns allow stand side by side.
  @Test func `the heaviest is broken up by all the others`() {
    for weights: [UInt32] in [[5, 1, 1], [10, 3, 3, 3], [4, 4, 1], [50, 10, 5, 5]] {
      let order = SmoothOrder.make(weights)
      let heaviest = order.count { $0 == 0 }
      let others = order.count - heaviest
      let longest = (heaviest + others - 1) / others
      let runs = order.split { $0 != 0 }.map(\.count)
      #expect((runs.max() ?? 0) <= longest, "\(weights)")
    }
  }

  @Test func `a long round is scaled down, and everybody keeps a turn`() {
    let weights: [UInt32] = [1_000_000, 999_999, 1]
    let order = SmoothOrder.make(weights)
    #expect(order.count <= SmoothOrder.usualLength + weights.count)
    let turns = (0..<3).map { index in order.count { Int($0) == index } }
    #expect(turns[2] == 1)
    #expect(abs(turns[0] - turns[1]) <= 1)
  }

  @Test func `for thousands of backends those of equal weight take turns in a group`() {
    let weights = (0..<3_000).map { UInt32($0 % 3 == 0 ? 4 : 1) }
    let order = SmoothOrder.make(weights)
    #expect(order.count == 1_000 * 4 + 2_000)
    var turns = [UInt32](repeating: 0, count: 3_000)
    for backend in order { turns[Int(backend)] += 1 }
    #expect(turns == weights)
    // Two of three turns are the heavy ones', all the way.
    for start in stride(from: 0, to: order.count - 300, by: 300) {
      let heavy = order[start..<start + 300].count { $0 % 3 == 0 }
      #expect((198...202).contains(heavy))
    }
  }

  @Test func `the turns of one that is down are used up`() {
    let backends = Backends(3, .weightedRoundRobin, weights: [5, 2, 2])
    backends.setEligible(0, false)
    let counts = backends.counts(100)
    #expect(counts == [0, 50, 50])
    backends.setEligible(0, true)
    backends.setEligible(1, false)
    #expect(backends.counts(700) == [500, 0, 200])
  }

  @Test func `a repeat takes no turn of its own`() {
    let backends = Backends(3, .weightedRoundRobin, weights: [5, 1, 1])
    #expect(backends.pick() == .backend(0))
    #expect(backends.pick(tried: [0]) == .backend(1))
    #expect(backends.pick(tried: [0, 1]) == .backend(2))
    #expect(backends.sequence.load() == 1)
    #expect(picks(backends, 6) == [0, 1, 0, 2, 0, 0])
  }

  /// Against NGINX's algorithm run pick by pick, nobody missing.
  @Test func `the table agrees with the algorithm it stands for`() {
    var random = SplitMix64(seed: 21)
    for _ in 0..<50 {
      let count = Int.random(in: 1...12, using: &random)
      let weights = (0..<count).map { _ in UInt32.random(in: 1...9, using: &random) }
      let backends = Backends(count, .weightedRoundRobin, weights: weights)
      var current = [Int](repeating: 0, count: count)
      for _ in 0..<200 {
        for index in 0..<count { current[index] += Int(weights[index]) }
        var best = 0
        for index in 0..<count where current[index] > current[best] { best = index }
        current[best] -= Int(weights.reduce(0, +))
        #expect(backends.pick() == .backend(best))
      }
    }
  }
}
