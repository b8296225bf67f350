// Why this file exists: one backend under watch: when it is probed next, what its probes have come
// to, and where its present one stands.

import EventLoop
import Health
import Primitives

/// A backend's place in the prober. It has a timer of its own, so no other backend can make its
/// probe wait for anything but a free place.
///
///     resting ──due──▶ inLine ──place──▶ probing ──verdict──▶ resting
///     any ──stop──▶ stopped
final class WatchedBackend {
  enum Phase {
    /// Until the timer fires.
    case resting
    /// Due, waiting for a place.
    case inLine
    case probing(ProbeConnection)
    case stopped
  }

  private(set) var target: ProbeTarget
  private(set) var request: ProbeRequest
  private(set) var record: ProbeRecord
  private(set) var phase = Phase.resting
  /// When the next probe is due, or the present one was.
  private(set) var due: Instant
  private(set) var last: ProbeReport.Last?
  private let prober: Prober
  private var timer: Timer?

  init(_ target: ProbeTarget, prober: Prober, due: Instant) {
    self.target = target
    self.prober = prober
    self.due = due
    request = ProbeRequest(target.check.question, userAgent: prober.userAgent)
    record = ProbeRecord(isUp: target.isInitiallyUp)
    timer = Timer.create(prober.loop, owner: Unmanaged.passUnretained(self).toOpaque()) { owner in
      Unmanaged<WatchedBackend>.fromOpaque(owner).takeUnretainedValue().timerFired()
    }
    timer?.start(at: due)
  }

  var isInLine: Bool { if case .inLine = phase { true } else { false } }

  /// Its last probe held a place for as long as a probe can.
  var takesAllTime: Bool {
    if case .fail(let failure) = last?.verdict { failure.tookAllTime } else { false }
  }

  var report: ProbeReport {
    let isProbing = if case .probing = phase { true } else { false }
    return ProbeReport(
      isUp: record.isUp, resultsAgainst: record.resultsAgainst, last: last,
      next: isProbing ? nil : due)
  }

  private func timerFired() {
    phase = .inLine
    prober.isDue(self)
  }

  func begin(_ connection: ProbeConnection) { phase = .probing(connection) }

  /// The present probe is over. True when it has changed the state.
  func ended(_ verdict: ProbeVerdict, begun: Instant, now: Instant) -> Bool {
    last = ProbeReport.Last(verdict: verdict, at: now, took: now - begun)
    let flipped =
      switch verdict {
      case .pass: record.record(passed: true, target.check.thresholds)
      case .fail: record.record(passed: false, target.check.thresholds)
      case .skipped: false
      }
    rest(
      until: target.check.schedule.next(
        begun: begun, now: now, pace: record.pace, random: &prober.random))
    return flipped
  }

  /// Takes over changed settings. A probe under way that asks the old question is given up without
  /// a result; the new one is asked at `soon` at the latest.
  func update(_ new: ProbeTarget, soon: Instant) {
    let old = target
    target = new
    let isOtherQuestion = old.check.question != new.check.question
    if isOtherQuestion {
      request = ProbeRequest(new.check.question, userAgent: prober.userAgent)
      record.questionChanged()
      if case .probing(let connection) = phase {
        connection.cancel()
        rest(until: soon)
      }
    }
    guard isOtherQuestion || old.check.schedule != new.check.schedule else { return }
    if case .resting = phase, soon < due { rest(until: soon) }
  }

  /// Probed no more. No failure: what was under way has no result.
  func stop() {
    if case .probing(let connection) = phase { connection.cancel() }
    phase = .stopped
    timer?.close()
    timer = nil
  }

  private func rest(until instant: Instant) {
    phase = .resting
    due = instant
    timer?.start(at: instant)
  }
}
