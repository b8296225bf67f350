// Why this file exists: /status, the metrics and the control loop look at a breaker at any time;
// looking must not change it.
package import Primitives

/// A breaker as it stands.
package struct BreakerReport: Equatable, Sendable {
  package var phase: BreakerPhase
  /// When the phase began (a half-open one: its present round of trials). The clock's origin when
  /// nothing has happened yet.
  package var since: Instant
  /// Why it began; nil when nothing has happened yet.
  package var cause: BreakerCause?
  /// Until when it refuses; nil when it is not open.
  package var until: Instant?
  /// Trips in a row, the present one included; 0 when it has been good for long enough since.
  package var tripsInRow: Int
  package var failuresInRow: Int
  /// Of a half-open breaker.
  package var trialsTaken: Int
  package var trialsSucceeded: Int
  /// What the window holds.
  package var window: OutcomeSums
}

extension Breaker {
  /// Its word of this moment.
  package var now: BreakerState { BreakerState(word: state.load()) }

  package func observe(now: Instant, _ settings: BreakerSettings) -> BreakerReport {
    let state = BreakerState(word: state.load())
    let began = Instant(nanoseconds: since.load())
    let hasChanged = state.word != 0
    let isHalfOpen = state.phase == .halfOpen
    return BreakerReport(
      phase: state.phase, since: began,
      cause: hasChanged ? BreakerCause(rawValue: UInt8(truncatingIfNeeded: cause.load())) : nil,
      until: state.phase == .open ? state.until : nil,
      tripsInRow: Int(tripsInRow(state, now: now)),
      failuresInRow: Int(trouble.load() & ~Breaker.troubleFlag),
      trialsTaken: isHalfOpen ? Int(state.taken) : 0,
      trialsSucceeded: isHalfOpen ? Int(state.succeeded) : 0,
      window: window.sums(tenth: settings.tenth, now: now))
  }

  /// Trips in a row that a trip now would come after; 0 when it was closed for long enough.
  func tripsInRow(_ state: BreakerState, now: Instant) -> UInt64 {
    let row = row.load()
    let goodFor = now - Instant(nanoseconds: since.load())
    let isOver = state.isClosed && goodFor >= .milliseconds(Int64(row >> 16))
    return isOver ? 0 : row & 0xFFFF
  }
}
