// Why this file exists: passive health and the breaker must mean the same by a failure, so what an
// attempt says of its backend is decided once, here.
public import CircuitBreaking
import HTTPSemantics

/// What an attempt says of its backend: one signal, however it ended.
///
/// A failure is a connect error, a reset, a timeout, a broken protocol, a truncated body, or a
/// status in `failure_statuses`. Any other answer below 400, or from 500 on, that came whole is a
/// success. Everything else is no evidence: 429 and all other 4xx, a client that went away, an
/// answer of our own, a request that was never sent.
@usableFromInline package typealias AttemptOutcome = BreakerOutcome

/// `health.failure_statuses`: a bit for each status from 500 to 599.
@frozen @usableFromInline
package struct FailureStatuses: Equatable, Sendable {
  @usableFromInline let low: UInt64
  @usableFromInline let high: UInt64

  /// Within 500...599, in any order; they may overlap.
  package init(_ ranges: [ClosedRange<UInt16>]) {
    var words: [UInt64] = [0, 0]
    for status in ranges.joined() {
      precondition(status >= 500 && status <= 599)
      words[Int(status - 500) / 64] |= 1 << UInt64((status - 500) % 64)
    }
    low = words[0]
    high = words[1]
  }

  @inlinable package func contains(_ status: UInt16) -> Bool {
    if status < 500 || status > 599 { return false }
    let place = UInt64(status &- 500)  // not negative, see above
    return (place < 64 ? low >> place : high >> (place &- 64)) & 1 != 0
  }

  /// What a whole answer with this status says of its backend.
  @inlinable @inline(__always)
  package func outcome(of status: UInt16) -> AttemptOutcome {
    if status < 400 { return .success }
    if status < 500 { return .ignored }
    return contains(status) ? .failure : .success
  }
}

extension Exchange {
  /// What a fault in the present phase says of the backend.
  ///
  /// A pooled connection that turns out to be dead is no evidence: any server may close one that
  /// idles, and the request that met it there says nothing of the others. If the backend has died,
  /// the next connection to it is refused, and that is evidence.
  ///
  /// The limit on the whole exchange is the gateway's own, but when it ends the wait for the
  /// backend and for nobody else, it is a timeout like any other: with a limit below
  /// `timeouts.response` a backend that hangs would never be noticed.
  func judgement(of fault: Fault, _ kind: RetryKind) -> AttemptOutcome {
    switch fault.side {
    case .client: return .ignored
    case .backend: return kind == .reusedReset ? .ignored : .failure
    case .gateway: break
    }
    guard fault.reason == .requestTimeout else { return .ignored }
    switch phase {
    case .connecting: return .failure
    case .open: return requestIsComplete ? .failure : .ignored
    case .choosing, .queued, .responding, .tunnel, .over: return .ignored
    }
  }

  /// The attempt ends before its answer did, for reasons of ours or of the client's. A status that
  /// is a failure has said enough already.
  mutating func leaveUnjudged() {
    if outcome == .success && phase != .over { outcome = .ignored }
  }
}
