// Why this file exists: what becomes of a service's backends when they fail, from the operator's
// words to the numbers that every result is judged by.
package import CircuitBreaking
package import Configuration
package import Health
package import Primitives

/// A service's rules for backends that fail.
@frozen
package struct BackendRules: Sendable {
  package var failures: FailureStatuses
  package var passive: PassiveSettings
  /// Off where there is none.
  package var breaker: BreakerSettings
  /// How long the share of a backend that has come back grows; zero = it does not.
  package var warmUp: Duration
  /// Below this share of usable backends, in millionths, health is ignored; 0 = never.
  package var panicMillionths: UInt32

  /// - Parameter longestAnswer: how long any request of the service waits for a connection and for
  ///   the head of its answer.
  package init(_ service: ServiceConfiguration, longestAnswer: Duration) {
    failures = FailureStatuses(service.health.failureStatuses)
    passive = BackendRules.passive(service.health.passive)
    breaker = BackendRules.breaker(service.circuitBreaker)
    // Who waits that long and a little more streams.
    breaker.trialPatience = longestAnswer + .seconds(5)
    warmUp = service.warmUp ?? .zero
    panicMillionths = service.health.panicThreshold.partsPerMillion
  }

  /// Rates can be at most 1,000,000: this one is never reached.
  private static let never: UInt32 = 1_000_001

  private static func passive(_ configured: PassiveHealthConfiguration?) -> PassiveSettings {
    var settings = PassiveSettings()
    guard let configured else {
      settings.isOn = false
      return settings
    }
    settings.consecutiveFailures = configured.consecutiveFailures.map { UInt32($0) } ?? .max
    settings.failureMillionths = configured.failureRate?.partsPerMillion ?? never
    settings.minRequests = UInt32(configured.minRequests)
    settings.tenth = tenth(of: configured.window)
    settings.ejection = configured.ejection
    settings.maxEjection = configured.maxEjection
    settings.maxEjectedMillionths = configured.maxEjected.partsPerMillion
    return settings
  }

  private static func breaker(_ configured: CircuitBreakerConfiguration?) -> BreakerSettings {
    var settings = BreakerSettings()
    guard let configured else {
      settings.mode = .off
      return settings
    }
    settings.mode =
      switch configured.mode {
      case .off: .off
      case .shadow: .shadow
      case .enforce: .enforce
      }
    settings.consecutiveFailures = configured.consecutiveFailures.map { UInt32($0) } ?? .max
    settings.failureMillionths = configured.failureRate?.partsPerMillion ?? never
    settings.slowNanoseconds = configured.slowCall.map { UInt64($0.nanoseconds) } ?? .max
    settings.slowMillionths = configured.slowCallRate.partsPerMillion
    settings.minRequests = UInt32(configured.minRequests)
    settings.tenth = tenth(of: configured.window)
    settings.open = configured.open
    settings.maxOpen = configured.maxOpen
    settings.halfOpenRequests = UInt32(configured.halfOpenRequests)
    return settings
  }

  private static func tenth(of window: Duration) -> UInt64 {
    max(1, UInt64(window.nanoseconds) / UInt64(OutcomeWindow.buckets))
  }
}
