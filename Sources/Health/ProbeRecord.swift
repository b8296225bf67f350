// Why this file exists: one answer is no verdict. A backend goes down and comes back only after
// several probes in a row have agreed, so that a single lost packet moves no traffic.

/// How many probes in a row change a backend's state; both at least 1.
package struct ProbeThresholds: Equatable, Sendable {
  /// Passes that bring a backend back (`healthy_after`; HAProxy's rise).
  package var healthyAfter: Int
  /// Failures that take a backend out (`unhealthy_after`; HAProxy's fall).
  package var unhealthyAfter: Int

  package init(healthyAfter: Int, unhealthyAfter: Int) {
    precondition(healthyAfter > 0 && unhealthyAfter > 0)
    self.healthyAfter = healthyAfter
    self.unhealthyAfter = unhealthyAfter
  }
}

/// What the probes of one backend have come to. Control loop only; constant memory.
///
///     up   ──`unhealthyAfter` failures in a row──▶ down
///     down ──`healthyAfter` passes in a row──────▶ up
///     down from the start ──the first pass ever──▶ up
///
/// The last because `initial: down` only means that nothing is known yet: there is no failure that
/// several passes would have to outweigh.
package struct ProbeRecord: Equatable, Sendable {
  package private(set) var isUp: Bool
  /// Results in a row that speak against `isUp`; below the threshold that would change it.
  package private(set) var resultsAgainst = 0
  /// Nothing but `initial` speaks for the state: down from the start, and no probe has passed.
  package private(set) var isPresumedDown: Bool
  /// No more than one result has come yet.
  private var isNew = true
  private var hasResult = false
  /// No result has yet confirmed the last change.
  private var hasJustChanged = false

  /// `isUp`: the state before the first probe has answered (`health.initial`).
  package init(isUp: Bool) {
    self.isUp = isUp
    isPresumedDown = !isUp
  }

  /// Takes one result. True when it has changed the state.
  package mutating func record(passed: Bool, _ thresholds: ProbeThresholds) -> Bool {
    isNew = !hasResult
    hasResult = true
    hasJustChanged = false
    if passed == isUp {
      resultsAgainst = 0
      return false
    }
    resultsAgainst += 1
    let needed =
      isPresumedDown ? 1 : isUp ? thresholds.unhealthyAfter : thresholds.healthyAfter
    // Thresholds may have become smaller since the last result.
    guard resultsAgainst >= needed else { return false }
    isUp.toggle()
    isPresumedDown = false
    resultsAgainst = 0
    hasJustChanged = true
    return true
  }

  /// Another question is asked from now on (another path, other statuses): the state stays until
  /// its answers change it, but results to the old question are not added to them.
  package mutating func questionChanged() { resultsAgainst = 0 }

  /// How soon to ask again.
  package var pace: ProbeSchedule.Pace {
    if resultsAgainst > 0 || hasJustChanged { return .hurried }
    return isNew ? .spreading : .steady
  }
}
