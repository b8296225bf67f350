// Why this file exists: an answer of the gateway's own says why there is no other. There must be
// something in the world that can be meant.

import Configuration
import EventLoop
import HTTPSemantics
import Primitives

/// Which reasons there can be, in any of the configurations that there were.
struct Grounds {
  private var hasBreaker = false
  private var hasHealth = false
  private var hasMaximum = false
  private var hasLimit = false
  private var hasRequestLimit = false
  private var canBeOverloaded = false

  mutating func know(_ configuration: GatewayConfiguration, _ conditions: NetworkConditions) {
    for service in configuration.services {
      if service.circuitBreaker?.mode == .enforce { hasBreaker = true }
      if service.connections.max != nil { hasMaximum = true }
      if service.timeouts.request != nil { hasRequestLimit = true }
      let health = service.health
      if health.active != nil || health.passive != nil { hasHealth = true }
      if service.backends.contains(where: \.drain) { hasHealth = true }
    }
    if configuration.rateLimits.contains(where: { $0.mode == .enforce }) { hasLimit = true }
    let limits = configuration.limits
    if limits.loopLag != nil || limits.connections < 1024 || conditions.descriptors < .max {
      canBeOverloaded = true
    }
  }

  func has(for reason: Reason) -> Bool {
    switch reason {
    case .circuitOpen: hasBreaker
    case .allUnhealthy: hasHealth
    case .queueFull, .queueTimeout: hasMaximum
    case .rateLimited: hasLimit
    case .requestTimeout: hasRequestLimit
    case .overloaded: canBeOverloaded
    // For these there are grounds in every world, or rules of their own.
    case .none, .badRequest, .methodNotAllowed, .noRoute, .headTimeout, .bodyTimeout, .bodyTooLarge,
      .targetTooLong, .headTooLarge, .connectRefused, .connectFailed, .upstreamReset,
      .upstreamProtocol, .noBackend, .draining, .connectTimeout, .upstreamTimeout, .clientAbort:
      true
    }
  }
}
