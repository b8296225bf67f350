// Why this file exists: who gets requests is decided by many numbers; the model has those of the
// contract where the file is silent, and those of the file where it is not.
import Primitives
import Testing

@testable import Configuration

@Suite struct HealthModelTests {
  private func service(_ keys: String, backends: String = "[]") throws -> ServiceConfiguration {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: \(backends), \(keys)}}
      routes: [{match: {path: /*}, service: a}]
      """
    return try configuration(text).services[0]
  }

  private let plain = "resolve_every: 10s"

  @Test func `the defaults of health are those of the contract`() throws {
    let health = try service(plain).health
    #expect(health.active == nil)
    #expect(health.panicThreshold == .percent(0))
    #expect(health.initial == .up)
    #expect(health.failureStatuses == [500...500, 502...502, 503...503, 504...504])
    #expect(
      health.passive
        == PassiveHealthConfiguration(
          consecutiveFailures: 5, failureRate: .percent(50), minRequests: 20, window: .seconds(10),
          ejection: .seconds(30), maxEjection: .seconds(300), maxEjected: .percent(50)))
  }

  @Test func `an active check that names its path alone has the defaults of the contract`() throws {
    let active = try service("health: {active: {path: /healthz}}").health.active
    #expect(
      active
        == ActiveHealthConfiguration(
          path: "/healthz", interval: .seconds(5), timeout: .seconds(1), healthyAfter: 2,
          unhealthyAfter: 3, status: [200...399], host: nil))
  }

  @Test func `an active check says what the file says`() throws {
    let service = try service(
      """
      health: {active: {path: "/up?deep=1", interval: 2s, timeout: 250ms, healthy_after: 1,
        unhealthy_after: 4, status: [204, 300-308], host: health.internal}, initial: down}
      """)
    #expect(service.health.initial == .down)
    #expect(
      service.health.active
        == ActiveHealthConfiguration(
          path: "/up?deep=1", interval: .seconds(2), timeout: .milliseconds(250), healthyAfter: 1,
          unhealthyAfter: 4, status: [204...204, 300...308], host: "health.internal"))
  }

  @Test func `there is no circuit breaker and no warming up unless the file says so`() throws {
    #expect(try service(plain).circuitBreaker == nil)
    #expect(try service("circuit_breaker: none").circuitBreaker == nil)
    #expect(try service(plain).warmUp == nil)
    #expect(try service("warm_up: 30s").warmUp == .seconds(30))
  }

  @Test func `a circuit breaker without keys has the defaults of the contract`() throws {
    #expect(
      try service("circuit_breaker: {}").circuitBreaker
        == CircuitBreakerConfiguration(
          mode: .enforce, consecutiveFailures: 5, failureRate: .percent(50), slowCall: nil,
          slowCallRate: .percent(100), minRequests: 20, window: .seconds(10), open: .seconds(10),
          maxOpen: .seconds(120), halfOpenRequests: 1))
  }

  @Test func `a detector is switched off by none`() throws {
    let keys = """
      health: {passive: {consecutive_failures: none}}, circuit_breaker: {mode: off, failure_rate: \
      none, slow_call: 2s}
      """
    let service = try service(keys)
    #expect(service.health.passive?.consecutiveFailures == nil)
    #expect(service.health.passive?.failureRate == .percent(50))
    #expect(service.circuitBreaker?.mode == .off)
    #expect(service.circuitBreaker?.failureRate == nil)
    #expect(service.circuitBreaker?.slowCall == .seconds(2))
  }

  @Test func `passive health is switched off by none`() throws {
    #expect(try service("health: {passive: none}").health.passive == nil)
    #expect(try service("health: {active: none}").health.active == nil)
  }

  @Test(arguments: BalancerConfiguration.Policy.allCases)
  func `a policy is its word, alone or with settings`(
    policy: BalancerConfiguration.Policy
  ) throws {
    let word = policy.rawValue
    let alone = try service("balancer: \(word)").balancer
    #expect(alone == BalancerConfiguration(policy: policy, key: .clientIP, maxLoad: nil))
    #expect(try service("balancer: {policy: \(word)}").balancer == alone)
  }

  @Test(arguments: [
    ("client_ip", RequestKey.clientIP), ("path", .path), ("header:X-User", .header("x-user")),
    ("cookie:SID", .cookie("SID")), ("query:user[id]", .query("user[id]")),
  ])
  func `a key is a word, or a name behind its kind`(written: String, key: RequestKey) throws {
    let balancer = try service(
      "balancer: {policy: maglev, key: \"\(written)\", max_load: 125%}"
    ).balancer
    #expect(balancer == BalancerConfiguration(policy: .maglev, key: key, maxLoad: .percent(125)))
  }

  @Test func `a backend has its weight and its drain in the long form`() throws {
    let backends = try service(
      "balancer: maglev",
      backends: "[10.0.0.1:80, {address: 10.0.0.2:80, weight: 3}, {address: unix:/b, drain: true}]"
    ).backends
    #expect(backends.map(\.weight) == [1, 3, 1])
    #expect(backends.map(\.drain) == [false, false, true])
  }
}
