// Why this file exists: the count that this policy reads is everybody's, and a tie is nobody's.
import Balancing
import Primitives
import Testing

@Suite struct LeastConnectionsTests {
  @Test func `the one with the fewest requests is picked`() {
    let backends = Backends(4, .leastConnections)
    for (backend, requests) in [5, 2, 3, 9].enumerated() {
      backends.setActive(backend, UInt64(requests))
    }
    for _ in 0..<50 { #expect(backends.picked() == 1) }
    backends.setActive(1, 4)
    for _ in 0..<50 { #expect(backends.picked() == 2) }
  }

  @Test func `requests count for the weight`() {
    let backends = Backends(2, .leastConnections, weights: [3, 1])
    backends.setActive(0, 5)
    backends.setActive(1, 2)
    for _ in 0..<50 { #expect(backends.picked() == 0) }
    backends.setActive(0, 7)
    for _ in 0..<50 { #expect(backends.picked() == 1) }
  }

  @Test func `ties go to all alike, not to the first (regression 12)`() {
    let backends = Backends(6, .leastConnections)
    backends.setActive(2, 1)
    let counts = backends.counts(6_000)
    #expect(counts[2] == 0)
    #expect(ChiSquare.fits([0, 1, 3, 4, 5].map { counts[$0] }, [1, 1, 1, 1, 1]))
  }

  @Test func `ties at any load, also of different weights, are fair`() {
    let backends = Backends(4, .leastConnections, weights: [3, 1, 2, 3])
    for (backend, requests) in [3, 1, 2, 4].enumerated() {
      backends.setActive(backend, UInt64(requests))
    }
    let counts = backends.counts(6_000)
    #expect(counts[3] == 0)
    #expect(ChiSquare.fits(Array(counts[..<3]), [3, 1, 2]))
  }

  @Test func `what is given back counts down, once (regression 12)`() {
    let backends = Backends(2, .leastConnections)
    _ = backends.counts(1_000, inFlight: 40)
    #expect(backends.active(0) == 0 && backends.active(1) == 0)
    #expect(backends.total.load() == 0)
  }

  @Test func `idle backends are used as their weights say`() {
    let weights: [UInt32] = [5, 3, 1, 1]
    let counts = Backends(4, .leastConnections, weights: weights).counts(10_000)
    #expect(ChiSquare.fits(counts, weights: weights))
  }

  @Test(arguments: [10, 40, 200])
  func `busy backends are used as their weights say`(inFlight: Int) {
    let weights: [UInt32] = [5, 3, 1, 1]
    let counts = Backends(4, .leastConnections, weights: weights).counts(20_000, inFlight: inFlight)
    let parts = weights.map { Double($0) / 10 }
    for (count, part) in zip(counts, parts) { #expect(abs(Double(count) / 20_000 - part) < 0.03) }
  }

  @Test func `requests in flight never differ by more than one for equal weights`() {
    let backends = Backends(7, .leastConnections)
    for _ in 0..<500 {
      backends.begin(backends.picked())
      let active = (0..<7).map { backends.active($0) }
      #expect((active.max() ?? 0) - (active.min() ?? 0) <= 1)
    }
  }

  @Test func `up to 64 eligible ones the least is always found`() {
    let backends = Backends(1_000, .leastConnections)
    var random = SplitMix64(seed: 4)
    backends.setEligible((0..<1_000).map { $0 % 16 == 5 })
    for round in 0..<200 {
      var least = 0
      for backend in stride(from: 5, to: 1_000, by: 16) {
        backends.setActive(backend, UInt64.random(in: 10...90, using: &random))
      }
      least = 5 + 16 * (round % 62)
      backends.setActive(least, 9)
      #expect(backends.picked() == least)
    }
  }

  @Test func `of more, the best of eight random ones is taken`() {
    let backends = Backends(1_000, .leastConnections)
    for backend in 0..<1_000 { backends.setActive(backend, UInt64(backend)) }
    // The rank of the least of eight: below a given rank r with 1 - (1 - r)^8.
    var counts = [Int](repeating: 0, count: 5)
    let bounds = [0.0, 0.05, 0.1, 0.2, 0.4, 1.0]
    for _ in 0..<20_000 {
      let rank = (Double(backends.picked()) + 0.5) / 1_000
      counts[(bounds.firstIndex { rank < $0 } ?? 1) - 1] += 1
    }
    func below(_ rank: Double) -> Double {
      1 - (0..<8).reduce(1.0) { part, _ in part * (1 - rank) }
    }
    let parts = (0..<5).map { below(bounds[$0 + 1]) - below(bounds[$0]) }
    #expect(ChiSquare.fits(counts, parts))
  }

  @Test func `a thousand idle backends are used as their weights say`() {
    let weights = (0..<1_000).map { UInt32(1 + $0 % 4) }
    let counts = Backends(1_000, .leastConnections, weights: weights).counts(200_000)
    #expect(ChiSquare.fits(counts, weights: weights))
  }

  /// Against the rule written down plainly.
  @Test func `random states agree with the naive reading`() {
    var random = SplitMix64(seed: 8)
    for _ in 0..<2_000 {
      let backends = Backends.random(
        1...64, .leastConnections, active: 0...6, refusing: 3, &random)
      let (able, weights) = (backends.able, backends.weights)
      // Fractions compared by cross multiplication.
      func isLess(_ left: Int, _ right: Int) -> Bool {
        let (one, other) = (backends.active(left), backends.active(right))
        return one * UInt64(weights[right]) < other * UInt64(weights[left])
      }
      let least = able.filter { candidate in !able.contains { isLess($0, candidate) } }
      if case .backend(let backend) = backends.pick() {
        #expect(least.contains(backend))
      } else {
        #expect(able.isEmpty)
      }
    }
  }
}
