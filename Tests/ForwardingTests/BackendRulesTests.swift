// Why this file exists: every key that says what becomes of failing backends must arrive where it
// is acted on, in the unit that is used there.
import CircuitBreaking
import Configuration
import Health
import Primitives
import Testing

@testable import Forwarding

@Suite struct BackendRulesTests {
  /// The rules of the service `main` in this text, waiting 31 s at most.
  private func rules(_ settings: String) throws -> BackendRules {
    let configuration = try mainService(settings, backends: "127.0.0.1:9001, 127.0.0.1:9002")
    return BackendRules(configuration.services[0], longestAnswer: .seconds(31))
  }

  @Test func `without a word the contract's defaults hold, and there is no breaker`() throws {
    let rules = try rules("")
    #expect(rules.passive == PassiveSettings())
    #expect(rules.breaker.mode == .off)
    #expect(rules.warmUp == .zero)
    #expect(rules.panicMillionths == 0)
    #expect(rules.failures == FailureStatuses([500...500, 502...504]))
  }

  @Test func `a breaker without a word has the contract's defaults`() throws {
    var expected = BreakerSettings()
    expected.trialPatience = .seconds(36)
    #expect(try rules("circuit_breaker: {mode: enforce}").breaker == expected)
  }

  @Test func `every key of a breaker arrives`() throws {
    let breaker = try rules(
      """
      circuit_breaker:
        mode: shadow
        consecutive_failures: 7
        failure_rate: 12.5%
        slow_call: 1500ms
        slow_call_rate: 40%
        min_requests: 33
        window: 20s
        open: 3s
        max_open: 45s
        half_open_requests: 4
      """
    ).breaker
    #expect(breaker.mode == .shadow)
    #expect(breaker.consecutiveFailures == 7)
    #expect(breaker.failureMillionths == 125_000)
    #expect(breaker.slowNanoseconds == 1_500_000_000)
    #expect(breaker.slowMillionths == 400_000)
    #expect(breaker.minRequests == 33)
    #expect(breaker.tenth == 2_000_000_000)
    #expect(breaker.open == .seconds(3))
    #expect(breaker.maxOpen == .seconds(45))
    #expect(breaker.halfOpenRequests == 4)
  }

  @Test func `every key of passive health arrives`() throws {
    let rules = try rules(
      """
      warm_up: 25s
      health:
        panic_threshold: 30%
        failure_statuses: [503, 520-529]
        passive:
          consecutive_failures: 9
          failure_rate: 75%
          min_requests: 44
          window: 5s
          ejection: 10s
          max_ejection: 100s
          max_ejected: 20%
      """)
    #expect(rules.passive.isOn)
    #expect(rules.passive.consecutiveFailures == 9)
    #expect(rules.passive.failureMillionths == 750_000)
    #expect(rules.passive.minRequests == 44)
    #expect(rules.passive.tenth == 500_000_000)
    #expect(rules.passive.ejection == .seconds(10))
    #expect(rules.passive.maxEjection == .seconds(100))
    #expect(rules.passive.maxEjectedMillionths == 200_000)
    #expect(rules.warmUp == .seconds(25))
    #expect(rules.panicMillionths == 300_000)
    #expect(rules.failures == FailureStatuses([503...503, 520...529]))
  }

  @Test func `what is switched off is not looked at`() throws {
    #expect(try !rules("health: {passive: none}").passive.isOn)
    #expect(try rules("circuit_breaker: {mode: off}").breaker.mode == .off)
    let passive = try rules(
      "health: {passive: {consecutive_failures: none, failure_rate: 50%}}"
    ).passive
    #expect(passive.consecutiveFailures == .max)
  }
}
