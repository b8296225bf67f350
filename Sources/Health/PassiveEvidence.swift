// Why this file exists: requests show sooner than any probe that a backend fails. What their
// results say is kept in constant memory, two atomic operations a result, whatever the traffic.
public import Primitives

/// The settings of `health.passive`. They may change at any time; the state stays.
@frozen @usableFromInline
package struct PassiveSettings: Equatable, Sendable {
  /// false = results are no evidence.
  @usableFromInline package var isOn: Bool
  /// Ejects at this many failures in a row; `.max` = not looked at.
  @usableFromInline package var consecutiveFailures: UInt32
  /// Ejects when this part of the window's results failed, in millionths; above 1,000,000 = not
  /// looked at, and not counted.
  @usableFromInline package var failureMillionths: UInt32
  /// The window holds at least this many results before its rate is looked at. At most
  /// `OutcomeWindow.certainTotal`.
  @usableFromInline package var minRequests: UInt32
  /// A tenth of the window, in nanoseconds; above 0.
  @usableFromInline package var tenth: UInt64
  /// The first ejection lasts so long, the n-th in a row n times that, at most `maxEjection`.
  @usableFromInline package var ejection: Duration
  @usableFromInline package var maxEjection: Duration
  /// Of the pool, in millionths; rounded down, but at least one of two or more; 0 = never.
  @usableFromInline package var maxEjectedMillionths: UInt32

  /// The contract's defaults.
  @inlinable package init() {
    isOn = true
    consecutiveFailures = 5
    failureMillionths = 500_000
    minRequests = 20
    tenth = 1_000_000_000
    ejection = .seconds(30)
    maxEjection = .seconds(300)
    maxEjectedMillionths = 500_000
  }
}

extension BackendHealth {
  @usableFromInline static let failuresFlag: UInt64 = 1 << 63
  @usableFromInline static let probationFlag: UInt64 = 1 << 62
  @usableFromInline static let rowMask: UInt64 = (1 << 62) - 1

  /// Takes the result of one attempt. Gives the cause when it says that the backend should be
  /// ejected, and again with every further failure for as long as it is not.
  /// - Parameter begun: when the attempt began. What was sent before an ejection, or in it, says
  ///   nothing of the backend after it.
  @inlinable @inline(__always)
  package func record(
    failed: Bool, begun: Instant, now: Instant, _ settings: PassiveSettings
  ) -> EjectionCause? {
    if !settings.isOn { return nil }
    // Nearly every result: a success of a backend that has no failure to its name.
    if !failed && gateWord.load() == 0 {
      if settings.failureMillionths <= 1_000_000 {
        window.add(OutcomeCounts(failed: false, slow: false), tenth: settings.tenth, now: now)
      }
      if trouble.load() == 0 { return nil }
      return isStraggler(begun) ? nil : succeededInTrouble(now, settings)
    }
    return recordSlowly(failed, begun, now, settings)
  }

  @usableFromInline @inline(never)
  func recordSlowly(
    _ failed: Bool, _ begun: Instant, _ now: Instant, _ settings: PassiveSettings
  ) -> EjectionCause? {
    // An ejection is served to its end, also when panic sends requests meanwhile.
    if gate.isEjected(now: now) || isStraggler(begun) { return nil }
    if settings.failureMillionths <= 1_000_000 {
      window.add(OutcomeCounts(failed: failed, slow: false), tenth: settings.tenth, now: now)
    }
    if !failed { return trouble.load() == 0 ? nil : succeededInTrouble(now, settings) }
    var old = trouble.load()
    while true {
      let row = min(old & BackendHealth.rowMask, UInt64(UInt32.max) - 2) + 1
      let flags = old & BackendHealth.probationFlag | BackendHealth.failuresFlag
      let found = trouble.compareExchange(expected: old, desired: flags | row)
      if found == old { break }
      old = found
    }
    if old & BackendHealth.probationFlag != 0 { return .failedOnReturn }
    if old & BackendHealth.rowMask + 1 >= UInt64(settings.consecutiveFailures) {
      return .consecutiveFailures
    }
    if settings.failureMillionths > 1_000_000 { return nil }
    return failureRate(window.sums(tenth: settings.tenth, now: now), settings)
  }

  /// It was sent before the end of the last ejection.
  @usableFromInline @inline(never)
  func isStraggler(_ begun: Instant) -> Bool { begun < lastEjectionEnd }

  /// A success while failures are remembered: it ends the row, passes the test of a backend that
  /// has come back, and may be the one that makes the window full enough to be judged.
  @usableFromInline @inline(never)
  func succeededInTrouble(_ now: Instant, _ settings: PassiveSettings) -> EjectionCause? {
    if trouble.load() != BackendHealth.failuresFlag { trouble.store(BackendHealth.failuresFlag) }
    let sums = window.sums(tenth: settings.tenth, now: now)
    if sums.failed == 0 {
      _ = trouble.compareExchange(expected: BackendHealth.failuresFlag, desired: 0)
      return nil
    }
    return failureRate(sums, settings)
  }

  /// Above 1,000,000 millionths no rate is.
  private func failureRate(_ sums: OutcomeSums, _ settings: PassiveSettings) -> EjectionCause? {
    if sums.total < UInt64(settings.minRequests) { return nil }
    return sums.reaches(sums.failed, millionths: settings.failureMillionths) ? .failureRate : nil
  }

  /// What the evidence is at present, for people.
  package func evidence(now: Instant, _ settings: PassiveSettings) -> PassiveReport {
    PassiveReport(
      failuresInRow: Int(trouble.load() & BackendHealth.rowMask),
      window: window.sums(tenth: settings.tenth, now: now),
      ejectionsInRow: ejectionsInRow(now, settings))
  }
}

/// What traffic has said of a backend.
package struct PassiveReport: Equatable, Sendable {
  package var failuresInRow: Int
  package var window: OutcomeSums
  /// The present or last one included; less one for every `ejection` of clean time since.
  package var ejectionsInRow: Int
}
