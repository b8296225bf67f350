// Why this file exists: what a balancer that goes by latency is told of an attempt is not what the
// breaker is told: a fast refusal is no failure, and a wait in vain is an answer of a kind.
import Balancing
import CircuitBreaking
import Primitives
import Testing

@testable import Forwarding

@Suite struct LatencyEvidenceTests {
  /// Milliseconds that are known after an attempt that took so long, with 10 known before.
  private func known(
    after outcome: AttemptOutcome, took milliseconds: Int64, answer: UInt16,
    balancer: String = "peak_ewma"
  ) throws -> Float {
    let bench = try PoolBench(1, "balancer: \(balancer)")
    let word = bench.backend(0).latency
    PeakLatency.record(.milliseconds(10), isFailure: false, now: bench.now, in: word)
    let attempt = try #require(bench.begin())
    bench.end(attempt, outcome, took: .milliseconds(milliseconds), answer: answer)
    return PeakLatency(word: word.load()).recorded / 1_000_000
  }

  @Test func `an answer counts as long as it took`() throws {
    #expect(try known(after: .success, took: 80, answer: 200) == 80)
    #expect(try known(after: .success, took: 2, answer: 200) == 10)
  }

  @Test func `a failure counts as twice what was known, with an answer or without`() throws {
    #expect(try known(after: .failure, took: 1, answer: 500) == 20)
    #expect(try known(after: .failure, took: 1, answer: 0) == 20)
    #expect(try known(after: .failure, took: 900, answer: 0) == 900)
  }

  @Test func `a refusal must not attract requests by its speed`() throws {
    #expect(try known(after: .ignored, took: 1, answer: 429) == 20)
    #expect(try known(after: .ignored, took: 1, answer: 404) == 10)
    #expect(try known(after: .ignored, took: 50, answer: 404) == 10)
  }

  @Test func `a client that waits in vain tells that it would have taken longer`() throws {
    #expect(try known(after: .ignored, took: 700, answer: 0) == 700)
    #expect(try known(after: .ignored, took: 3, answer: 0) == 10)
  }

  @Test func `nothing is recorded where nobody asks`() throws {
    #expect(try known(after: .success, took: 80, answer: 200, balancer: "round_robin") == 10)
  }
}
