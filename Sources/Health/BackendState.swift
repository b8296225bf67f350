// Why this file exists: in which state a backend is, and why, in the words that metrics, logs and
// /status share.

/// What a backend is to the balancer. The first that holds, from the last case to the first:
/// draining, down, ejected, warming, up.
package enum BackendState: UInt8, Sendable, CaseIterable {
  /// It gets its whole share.
  case up
  /// It gets a growing part of its share.
  case warming
  /// Traffic has shown that it fails; it gets nothing for a time.
  case ejected
  /// Its health check fails; it gets nothing.
  case down
  /// It was told to take no new requests.
  case draining

  package var word: String {
    switch self {
    case .up: "up"
    case .warming: "warming"
    case .ejected: "ejected"
    case .down: "down"
    case .draining: "draining"
    }
  }

  /// Requests are sent to it, as far as health goes.
  package var isUsable: Bool {
    switch self {
    case .up, .warming: true
    case .ejected, .down, .draining: false
    }
  }
}

/// Why a backend is ejected.
@frozen @usableFromInline
package enum EjectionCause: UInt8, Sendable, CaseIterable {
  case consecutiveFailures
  case failureRate
  /// The first result after its last ejection was a failure.
  case failedOnReturn

  /// The label `reason` of `gateway_ejections_total`.
  package var word: String {
    switch self {
    case .consecutiveFailures: "consecutive_failures"
    case .failureRate: "failure_rate"
    case .failedOnReturn: "failed_on_return"
    }
  }
}

/// Why a backend is in its state.
package enum StateCause: Equatable, Sendable {
  /// Nothing has happened to it yet.
  case initial
  /// It came with a new configuration.
  case added
  case drainedByConfiguration
  case drainedByAdmin
  case readied
  case probeFailed(ProbeFailure)
  case probePassed
  case ejection(EjectionCause)
  case ejectionOver
  case breakerClosed
  case warmedUp

  package var word: String {
    switch self {
    case .initial: "initial"
    case .added: "added"
    case .drainedByConfiguration: "drained_by_configuration"
    case .drainedByAdmin: "drained_by_admin"
    case .readied: "readied"
    case .probeFailed(let failure): "probe_failed: \(failure)"
    case .probePassed: "probe_passed"
    case .ejection(let cause): cause.word
    case .ejectionOver: "ejection_over"
    case .breakerClosed: "breaker_closed"
    case .warmedUp: "warmed_up"
    }
  }
}

/// A cause with its instant, in one word: 40 bits of milliseconds, 16 of a status, 8 of the kind.
/// 0 = nothing.
struct Stamp: Equatable {
  var word: UInt64

  init(word: UInt64) { self.word = word }

  init(_ cause: StateCause, milliseconds: UInt64) {
    let (kind, status) = Stamp.code(cause)
    word = milliseconds << 24 | UInt64(status) << 8 | UInt64(kind)
  }

  var milliseconds: UInt64 { word >> 24 }

  var cause: StateCause {
    let status = UInt16(truncatingIfNeeded: word >> 8)
    switch UInt8(truncatingIfNeeded: word) {
    case 1: return .added
    case 2: return .drainedByConfiguration
    case 3: return .drainedByAdmin
    case 4: return .readied
    case 5: return .probePassed
    case 6: return .ejection(.consecutiveFailures)
    case 7: return .ejection(.failureRate)
    case 8: return .ejection(.failedOnReturn)
    case 9: return .ejectionOver
    case 10: return .breakerClosed
    case 11: return .warmedUp
    case 16: return .probeFailed(.connectRefused)
    case 17: return .probeFailed(.connectFailed)
    case 18: return .probeFailed(.connectTimeout)
    case 19: return .probeFailed(.timeout)
    case 20: return .probeFailed(.reset)
    case 21: return .probeFailed(.brokeProtocol)
    case 22: return .probeFailed(.status(status))
    default: return .initial
    }
  }

  private static func code(_ cause: StateCause) -> (kind: UInt8, status: UInt16) {
    switch cause {
    case .initial: (0, 0)
    case .added: (1, 0)
    case .drainedByConfiguration: (2, 0)
    case .drainedByAdmin: (3, 0)
    case .readied: (4, 0)
    case .probePassed: (5, 0)
    case .ejection(.consecutiveFailures): (6, 0)
    case .ejection(.failureRate): (7, 0)
    case .ejection(.failedOnReturn): (8, 0)
    case .ejectionOver: (9, 0)
    case .breakerClosed: (10, 0)
    case .warmedUp: (11, 0)
    case .probeFailed(.connectRefused): (16, 0)
    case .probeFailed(.connectFailed): (17, 0)
    case .probeFailed(.connectTimeout): (18, 0)
    case .probeFailed(.timeout): (19, 0)
    case .probeFailed(.reset): (20, 0)
    case .probeFailed(.brokeProtocol): (21, 0)
    case .probeFailed(.status(let status)): (22, status)
    }
  }
}
