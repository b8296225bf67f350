// Why this file exists: two random backends are compared, and that is told from its distribution.
import Balancing
import Primitives
import Testing

@Suite struct PowerOfTwoTests {
  @Test func `of two backends the one with fewer requests is picked`() {
    let backends = Backends(2, .powerOfTwo)
    backends.setActive(0, 1)
    for _ in 0..<100 { #expect(backends.picked() == 1) }
    backends.setActive(1, 2)
    for _ in 0..<100 { #expect(backends.picked() == 0) }
  }

  @Test func `the busiest of all is never picked, the others by their rank`() {
    let backends = Backends(10, .powerOfTwo)
    for backend in 0..<10 { backends.setActive(backend, UInt64(backend)) }
    let counts = backends.counts(20_000)
    #expect(counts[9] == 0)
    // Of 45 pairs, the i-th is the lesser one in 9 - i.
    #expect(ChiSquare.fits(Array(counts[..<9]), (0..<9).map { Double(9 - $0) }))
  }

  @Test func `idle backends are used as their weights say`() {
    let weights: [UInt32] = [6, 2, 1, 1]
    let four = Backends(4, .powerOfTwo, weights: weights)
    #expect(ChiSquare.fits(four.counts(20_000), weights: weights))
    let pair: [UInt32] = [3, 1]
    let two = Backends(2, .powerOfTwo, weights: pair)
    #expect(ChiSquare.fits(two.counts(20_000), weights: pair))
  }

  @Test func `a thousand idle backends are used as their weights say`() {
    let weights = (0..<1_000).map { UInt32(1 + $0 % 4) }
    let counts = Backends(1_000, .powerOfTwo, weights: weights).counts(200_000)
    #expect(ChiSquare.fits(counts, weights: weights))
  }

  @Test(arguments: [20, 200])
  func `busy backends are used as their weights say`(inFlight: Int) {
    let weights: [UInt32] = [6, 2, 1, 1]
    let counts = Backends(4, .powerOfTwo, weights: weights).counts(20_000, inFlight: inFlight)
    for (count, weight) in zip(counts, weights) {
      #expect(abs(Double(count) / 20_000 - Double(weight) / 10) < 0.05)
    }
  }

  /// Every pair with its probability, written down plainly.
  @Test func `random states agree with the naive reading`() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<40 {
      let backends = Backends.random(2...8, .powerOfTwo, active: 0...5, refusing: 4, &random)
      let (able, weights) = (backends.able, backends.weights)
      if able.count < 2 { continue }
      let parts = naive(able) { first, second in
        let (one, other) = (backends.active(first), backends.active(second))
        return other * UInt64(weights[first]) < one * UInt64(weights[second])
      } weight: {
        Double(weights[$0])
      }
      expectFit(backends, parts)
    }
  }
}
