// Why this file exists: of the document's parts the services are the largest; what the builder does
// for them stands here.
import Primitives

extension ConfigurationBuilder {
  func services() throws(Incomplete) -> [ServiceConfiguration] {
    var services: [ServiceConfiguration] = []
    for named in try root.value("services").named {
      let service = named.value
      services.append(
        ServiceConfiguration(
          name: named.name, balancer: try balancer(service), backends: try backends(service),
          resolveEvery: try service.duration("resolve_every"), host: try host(service),
          connections: try pool(service), timeouts: try timeouts(service),
          retries: try retries(service), health: try health(service),
          circuitBreaker: try service.optionalMapping("circuit_breaker").map(circuitBreaker),
          warmUp: try service.optionalDuration("warm_up"),
          line: named.nameRange.start.line))
    }
    return services
  }

  private func backends(
    _ service: ConfigurationValue
  ) throws(Incomplete) -> [BackendConfiguration] {
    var backends: [BackendConfiguration] = []
    for backend in try service.value("backends").elements {
      let address = try backend.address("address")
      backends.append(
        BackendConfiguration(
          address: address, weight: try backend.integer("weight"),
          drain: try backend.boolean("drain"), line: backend.line))
    }
    return backends
  }

  private func host(_ service: ConfigurationValue) throws(Incomplete) -> HostMode {
    switch try service.value("host").scalar {
    case .word("preserve"): return .preserve
    case .word("backend"): return .backend
    case .text(let literal): return .literal(literal)
    default: throw Incomplete()
    }
  }

  private func pool(_ service: ConfigurationValue) throws(Incomplete) -> PoolConfiguration {
    let pool = try service.mapping("connections")
    return PoolConfiguration(
      max: try pool.optionalInteger("max"), idle: try pool.integer("idle"),
      idleTimeout: try pool.duration("idle_timeout"), queue: try pool.integer("queue"),
      queueTimeout: try pool.duration("queue_timeout"))
  }

  private func timeouts(_ service: ConfigurationValue) throws(Incomplete) -> ServiceTimeouts {
    let timeouts = try service.mapping("timeouts")
    return ServiceTimeouts(
      connect: try timeouts.duration("connect"), response: try timeouts.duration("response"),
      idle: try timeouts.duration("idle"), request: try timeouts.optionalDuration("request"))
  }

  private func retries(_ service: ConfigurationValue) throws(Incomplete) -> RetryConfiguration {
    let retries = try service.mapping("retries")
    var conditions: Set<RetryCondition> = []
    for element in try retries.value("when").elements {
      guard case .word(let word)? = element.scalar, let condition = RetryCondition(rawValue: word)
      else { throw Incomplete() }
      conditions.insert(condition)
    }
    return RetryConfiguration(
      attempts: try retries.integer("attempts"), when: conditions,
      budget: try retries.share("budget"), budgetFloor: try retries.rate("budget_floor"))
  }

  // MARK: Who gets requests

  private func balancer(
    _ service: ConfigurationValue
  ) throws(Incomplete) -> BalancerConfiguration {
    let balancer = try service.mapping("balancer")
    let key: RequestKey
    switch try balancer.value("key").scalar {
    case .word("client_ip"): key = .clientIP
    case .word("path"): key = .path
    case .requestKey(let named): key = named
    default: throw Incomplete()
    }
    return BalancerConfiguration(
      policy: try balancer.word("policy"), key: key,
      maxLoad: try balancer.optionalShare("max_load"))
  }

  private func health(_ service: ConfigurationValue) throws(Incomplete) -> HealthConfiguration {
    let health = try service.mapping("health")
    return HealthConfiguration(
      active: try health.optionalMapping("active").map(active),
      passive: try health.optionalMapping("passive").map(passive),
      panicThreshold: try health.share("panic_threshold"), initial: try health.word("initial"),
      failureStatuses: try health.statuses("failure_statuses"))
  }

  private func active(
    _ active: ConfigurationValue
  ) throws(Incomplete) -> ActiveHealthConfiguration {
    ActiveHealthConfiguration(
      path: try active.text("path"), interval: try active.duration("interval"),
      timeout: try active.duration("timeout"), healthyAfter: try active.integer("healthy_after"),
      unhealthyAfter: try active.integer("unhealthy_after"),
      status: try active.statuses("status"), host: try active.optionalText("host"))
  }

  private func passive(
    _ passive: ConfigurationValue
  ) throws(Incomplete) -> PassiveHealthConfiguration {
    PassiveHealthConfiguration(
      consecutiveFailures: try passive.optionalInteger("consecutive_failures"),
      failureRate: try passive.optionalShare("failure_rate"),
      minRequests: try passive.integer("min_requests"), window: try passive.duration("window"),
      ejection: try passive.duration("ejection"),
      maxEjection: try passive.duration("max_ejection"),
      maxEjected: try passive.share("max_ejected"))
  }

  private func circuitBreaker(
    _ breaker: ConfigurationValue
  ) throws(Incomplete) -> CircuitBreakerConfiguration {
    CircuitBreakerConfiguration(
      mode: try breaker.word("mode"),
      consecutiveFailures: try breaker.optionalInteger("consecutive_failures"),
      failureRate: try breaker.optionalShare("failure_rate"),
      slowCall: try breaker.optionalDuration("slow_call"),
      slowCallRate: try breaker.share("slow_call_rate"),
      minRequests: try breaker.integer("min_requests"), window: try breaker.duration("window"),
      open: try breaker.duration("open"), maxOpen: try breaker.duration("max_open"),
      halfOpenRequests: try breaker.integer("half_open_requests"))
  }
}
