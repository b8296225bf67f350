// Why this file exists: a configuration as few numbers, so that one can be drawn from a seed, made
// simpler, and read as the program reads a file.

import Primitives

/// A service of a drawn configuration. Times in milliseconds.
struct ServiceSketch: Equatable, Sendable {
  struct Backend: Equatable, Sendable {
    var address: String
    var weight = 1
    var drain = false
  }

  var name: String
  var balancer = "round_robin"
  var backends: [Backend] = []
  var host = "preserve"
  /// 0 = none.
  var connectionsMax = 0
  var idle = 64
  var idleTimeout = 50_000
  var queue = 1024
  var queueTimeout = 1000
  var connect = 1000
  var response = 30_000
  var idleBody = 60_000
  /// 0 = none.
  var request = 0
  var attempts = 2
  var when = ["connect", "reused_reset", "reset"]
  var budget = 20
  var budgetFloor = 10
  var panic = 0
  var passive: PassiveSketch? = PassiveSketch()
  var active: ActiveSketch?
  var breaker: BreakerSketch?
  /// 0 = none.
  var warmUp = 0
  var isInitiallyDown = false
}

struct PassiveSketch: Equatable, Sendable {
  var failures = 5
  var rate = 50
  var least = 20
  var window = 10_000
  var ejection = 30_000
}

struct ActiveSketch: Equatable, Sendable {
  var interval = 5000
  var timeout = 1000
  var healthyAfter = 2
  var unhealthyAfter = 3
}

struct BreakerSketch: Equatable, Sendable {
  var mode = "enforce"
  var failures = 5
  var rate = 50
  var least = 20
  var window = 10_000
  var open = 10_000
  var trials = 1
  /// 0 = none.
  var slowCall = 0
}

struct LimitSketch: Equatable, Sendable {
  var algorithm = "token_bucket"
  var count = 20
  /// Milliseconds.
  var period = 1000
  var burst = 20
  var key = "global"
}

struct ConfigurationSketch: Equatable, Sendable {
  var workers = 1
  var services: [ServiceSketch] = []
  /// Of the routes below /limited.
  var limit: LimitSketch?
  var connections = 1024
  var head = 10_000
  var bodyIdle = 30_000
  var writeIdle = 30_000
  var keepAlive = 75_000
  var tunnelIdle = 300_000
  var bodySize = 10 << 20
  var drain = 8000
  var lagLimit = 0
  /// What the access log keeps; 0 = there is none.
  var logged = 0
}

// MARK: - As text

extension ConfigurationSketch {
  var text: String {
    var lines = [
      "listeners: [{address: 127.0.0.1:8080}]",
      "admin: none",
      "workers: \(workers)",
      "limits: {connections: \(connections), body_size: \(bodySize)B"
        + (lagLimit > 0 ? ", loop_lag: \(lagLimit)ms}" : "}"),
      "timeouts: {head: \(head)ms, body_idle: \(bodyIdle)ms, write_idle: \(writeIdle)ms, "
        + "keep_alive: \(keepAlive)ms, tunnel_idle: \(tunnelIdle)ms}",
      "logging: {access: {output: \(logged > 0 ? "/log" : "none"), sample: \(max(1, logged))%}}",
      "shutdown: {drain: \(drain)ms}",
    ]
    if let limit {
      let burst = limit.algorithm == "token_bucket" ? ", burst: \(limit.burst)" : ""
      lines += [
        "rate_limits:",
        "  some: {algorithm: \(limit.algorithm), rate: \(limit.count)/\(limit.period)ms\(burst), "
          + "key: \(limit.key)}",
      ]
    }
    lines.append("services:")
    for service in services { lines += service.lines }
    lines.append("routes:")
    for service in services {
      lines.append("  - {match: {path: /\(service.name)/*}, service: \(service.name)}")
    }
    if limit != nil, let first = services.first {
      lines.append(
        "  - {match: {path: /limited/*}, service: \(first.name), rate_limits: [some]}")
    }
    lines.append("  - {match: {path: /ping}, respond: {status: 200, body: pong}}")
    return lines.joined(separator: "\n") + "\n"
  }
}

extension ServiceSketch {
  fileprivate var lines: [String] {
    var lines = [
      "  \(name):",
      "    balancer: \(balancer)",
      "    backends:" + (backends.isEmpty ? " []" : ""),
    ]
    for backend in backends {
      lines.append(
        "      - {address: \(backend.address), weight: \(backend.weight), drain: \(backend.drain)}")
    }
    let most = connectionsMax > 0 ? "\(connectionsMax)" : "none"
    lines += [
      "    host: \(host)",
      "    connections: {max: \(most), idle: \(idle), idle_timeout: \(idleTimeout)ms, "
        + "queue: \(queue), queue_timeout: \(queueTimeout)ms}",
      "    timeouts: {connect: \(connect)ms, response: \(response)ms, idle: \(idleBody)ms, "
        + "request: \(request > 0 ? "\(request)ms" : "none")}",
      "    retries: {attempts: \(attempts), when: [\(when.joined(separator: ", "))], "
        + "budget: \(budget)%, budget_floor: \(budgetFloor)/s}",
      "    warm_up: \(warmUp > 0 ? "\(warmUp)ms" : "none")",
      "    health:",
      "      panic_threshold: \(panic)%",
      "      initial: \(isInitiallyDown ? "down" : "up")",
    ]
    if let passive {
      lines.append(
        "      passive: {consecutive_failures: \(passive.failures), "
          + "failure_rate: \(passive.rate)%, min_requests: \(passive.least), "
          + "window: \(passive.window)ms, "
          + "ejection: \(passive.ejection)ms}")
    } else {
      lines.append("      passive: none")
    }
    if let active {
      lines.append(
        "      active: {path: /health, interval: \(active.interval)ms, "
          + "timeout: \(active.timeout)ms, healthy_after: \(active.healthyAfter), "
          + "unhealthy_after: \(active.unhealthyAfter)}")
    }
    if let breaker {
      let slow = breaker.slowCall > 0 ? "\(breaker.slowCall)ms" : "none"
      lines.append(
        "    circuit_breaker: {mode: \(breaker.mode), consecutive_failures: \(breaker.failures), "
          + "failure_rate: \(breaker.rate)%, min_requests: \(breaker.least), "
          + "window: \(breaker.window)ms, open: \(breaker.open)ms, slow_call: \(slow), "
          + "half_open_requests: \(breaker.trials)}")
    }
    return lines
  }
}
