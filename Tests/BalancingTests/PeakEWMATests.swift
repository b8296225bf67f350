// Why this file exists: slow and failing backends must lose requests, and new ones must neither be
// flooded nor starve.
import Primitives
import Testing

@testable import Balancing

@Suite struct PeakEWMATests {
  private func record(
    _ backends: Backends, _ backend: Int, _ milliseconds: Int64, isFailure: Bool = false
  ) {
    PeakLatency.record(
      .milliseconds(milliseconds), isFailure: isFailure, now: backends.now,
      in: backends.latency(backend))
  }

  /// Requests one after the other, each as slow as its backend.
  private func run(
    _ backends: Backends, _ milliseconds: [Int64], picks: Int, every: Duration = .milliseconds(20)
  ) -> [Int] {
    var counts = [Int](repeating: 0, count: backends.count)
    for _ in 0..<picks {
      let backend = backends.picked()
      counts[backend] += 1
      record(backends, backend, milliseconds[backend])
      backends.pass(every)
    }
    return counts
  }

  @Test func `the faster of two is picked`() {
    let backends = Backends(2, .peakEWMA)
    record(backends, 0, 20)
    record(backends, 1, 10)
    for _ in 0..<50 { #expect(backends.picked() == 1) }
  }

  @Test func `requests in flight multiply what they cost`() {
    let backends = Backends(2, .peakEWMA)
    record(backends, 0, 25)
    record(backends, 1, 10)
    backends.setActive(1, 1)
    for _ in 0..<50 { #expect(backends.picked() == 1) }
    backends.setActive(1, 2)
    for _ in 0..<50 { #expect(backends.picked() == 0) }
  }

  @Test func `a slow backend gets little`() {
    let backends = Backends(3, .peakEWMA)
    let counts = run(backends, [10, 200, 10], picks: 6_000)
    #expect(counts[1] < 120)
    #expect(counts[0] > 2_000 && counts[2] > 2_000)
  }

  @Test func `what was slow is tried again after a while`() {
    let backends = Backends(2, .peakEWMA)
    record(backends, 0, 5)
    record(backends, 1, 500)
    #expect(run(backends, [5, 5], picks: 1_000)[1] == 0)
    #expect(run(backends, [5, 5], picks: 5_000)[1] > 300)
    #expect(run(backends, [5, 5], picks: 5_000)[1] > 2_000)
  }

  @Test func `one that fails fast does not look fast`() {
    let backends = Backends(3, .peakEWMA)
    var counts = [0, 0, 0]
    for _ in 0..<3_000 {
      let backend = backends.picked()
      counts[backend] += 1
      record(backends, backend, backend == 0 ? 0 : 10, isFailure: backend == 0)
      backends.pass(.milliseconds(10))
    }
    // Half a minute: one to begin with, and one each time the doubled penalty has worn off.
    #expect(counts[0] <= 8)
  }

  @Test func `an unknown backend gets its part, no more and no less`() {
    let backends = Backends(4, .peakEWMA)
    for backend in 0..<3 { record(backends, backend, 10) }
    #expect(ChiSquare.fits(backends.counts(8_000), [1, 1, 1, 1]))
  }

  @Test func `an unknown backend is not flooded while its first answers are awaited`() {
    let backends = Backends(4, .peakEWMA)
    for backend in 0..<3 { record(backends, backend, 10) }
    for _ in 0..<40 { backends.begin(backends.picked()) }
    #expect((6...14).contains(backends.active(3)))
  }

  @Test func `one that has not been heard of for long is not flooded either`() {
    let backends = Backends(2, .peakEWMA)
    record(backends, 1, 800)
    backends.pass(.seconds(120))
    record(backends, 0, 10)
    // It would cost 5 µs by now.
    for _ in 0..<40 { backends.begin(backends.picked()) }
    #expect((17...23).contains(backends.active(1)))
  }

  @Test func `when nothing is known at all requests in flight decide`() {
    let backends = Backends(3, .peakEWMA)
    #expect(ChiSquare.fits(backends.counts(6_000), [1, 1, 1]))
    backends.setActive(0, 3)
    backends.setActive(1, 1)
    #expect(backends.counts(500)[0] == 0)
  }

  @Test func `weights are honoured`() {
    let weights: [UInt32] = [6, 2, 1, 1]
    let idle = Backends(4, .peakEWMA, weights: weights)
    for backend in 0..<4 { record(idle, backend, 10) }
    #expect(ChiSquare.fits(idle.counts(20_000), weights: weights))
    let busy = Backends(4, .peakEWMA, weights: weights)
    for backend in 0..<4 { record(busy, backend, 10) }
    let counts = busy.counts(20_000, inFlight: 100)
    for (count, weight) in zip(counts, weights) {
      #expect(abs(Double(count) / 20_000 - Double(weight) / 10) < 0.05)
    }
  }

  /// Every pair with its probability and its scores, written down plainly.
  @Test func `random states agree with the naive reading`() {
    var random = SplitMix64(seed: 6)
    for _ in 0..<40 {
      let backends = Backends.random(2...7, .peakEWMA, active: 0...5, &random)
      let (count, weights) = (backends.count, backends.weights)
      var costs: [Double?] = []
      for index in 0..<count {
        let isKnown = UInt8.random(in: 0...3, using: &random) > 0
        let milliseconds = Int64.random(in: 1...50, using: &random)
        if isKnown { record(backends, index, milliseconds) }
        costs.append(isKnown ? Double(milliseconds) : nil)
      }
      let mean = Double(weights.reduce(0, +)) / Double(count)
      func score(_ backend: Int, beside other: Int) -> Double {
        let load = Double(backends.active(backend)) * mean / Double(weights[backend])
        return (costs[backend] ?? costs[other] ?? 1) * (1 + load)
      }
      let parts = naive(Array(0..<count)) { first, second in
        score(second, beside: first) < score(first, beside: second) * (1 - 1e-6)
      } weight: {
        Double(weights[$0])
      }
      expectFit(backends, parts)
    }
  }
}
