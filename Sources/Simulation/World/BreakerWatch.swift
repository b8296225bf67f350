// Why this file exists: a breaker opens, and a backend is ejected, for what the backend has done
// lately, and only for that. What it has done the world knows better than anybody.

import CircuitBreaking
import Configuration
import EventLoop
import Forwarding
import Health
import Primitives

/// An attempt that the gateway may take for a failure.
struct BadAttempt {
  /// Of its request; 0 = none that is known.
  var id: UInt64
  var ended: Instant
  /// The gateway chose the backend no later.
  var pickedBy: Instant
}

/// What a backend has done lately, and where its breaker stood at the last look.
struct BackendWatch {
  /// The last bad attempts, in a ring.
  private var bad: [BadAttempt] = []
  private var next = 0
  /// Whole answers whose requests are not over: the gateway may still take them for failures.
  var onTheWay = 0
  var phase = BreakerPhase.closed
  var since = Instant(nanoseconds: 0)
  /// Whole and good answers to attempts of the present phase: picked since it began.
  private(set) var goodSince = 0
  /// Of its last ejection.
  var ejectedSince = Instant(nanoseconds: 0)
  var ejectedUntil = Instant(nanoseconds: 0)

  private static let kept = 512

  mutating func sawBad(_ attempt: BadAttempt) {
    if bad.count < BackendWatch.kept {
      bad.append(attempt)
    } else {
      bad[next] = attempt
      next = (next + 1) % BackendWatch.kept
    }
  }

  mutating func sawGood(pickedBy: Instant) { if pickedBy >= since { goodSince += 1 } }

  mutating func enter(_ phase: BreakerPhase, since: Instant) {
    self.phase = phase
    self.since = since
    goodSince = 0
  }

  /// Bad attempts that the gateway may have learned of since `start`: it does so some time between
  /// the end that the backend has seen and the end of the request.
  /// - Parameter picked: the others were begun earlier.
  func badOnes(
    since start: Instant, picked: Instant, _ ledger: RequestLedger
  ) -> Int {
    // Some of that time may have been forgotten.
    if bad.count == BackendWatch.kept, bad[next].ended >= start { return .max / 2 }
    return bad.count { attempt in
      if attempt.pickedBy < picked { return false }
      if attempt.ended >= start { return true }
      guard let record = ledger.record(attempt.id) else { return false }
      return !record.pointee.isOver || record.pointee.ended >= start
    }
  }
}

extension BackendRef {
  /// A connect has found nobody.
  func missed(isProbe: Bool) {
    if isProbe { return }
    // The gateway hears of it at once, or when its patience is over.
    let world = pointee.world
    let patience = world.pointee.rules.longestConnect
    pointee.watch.sawBad(
      BadAttempt(
        id: 0, ended: world.pointee.network.clock + patience, pickedBy: .distantFuture))
  }

  /// Failures that the gateway can know of.
  fileprivate func known(since start: Instant, picked: Instant) -> Int {
    var count = pointee.watch.badOnes(since: start, picked: picked, pointee.world.pointee.ledger)
    count += pointee.watch.onTheWay
    // Of those under way, what has been answered in part, and what may have been given up.
    var next = pointee.first
    while let link = next {
      next = link.pointee.next
      if link.pointee.isUnderWay && (link.pointee.hasAnswered || isLate(link)) { count += 1 }
    }
    return count
  }

  private func isLate(_ link: BackendLinkRef) -> Bool {
    let world = pointee.world
    guard let record = world.pointee.ledger.record(link.pointee.id) else { return true }
    let took = world.pointee.network.clock - Instant(nanoseconds: record.pointee.begun)
    return took + world.pointee.rules.lag >= world.pointee.rules.shortest.patience
  }
}

extension WorldRef {
  /// So long a window may reach back: it slides by a tenth, and workers lag.
  private func start(ofWindow window: Duration) -> Instant {
    let back = window.nanoseconds + window.nanoseconds / 10 + pointee.rules.lag.nanoseconds
    let now = pointee.network.clock.nanoseconds
    return Instant(nanoseconds: now - min(now, UInt64(back)))
  }

  /// Holds a breaker's change of phase against what its backend has done.
  /// - Parameter isAllSeen: there is no failure of the backend's that the world would not know of.
  func checkBreaker(
    _ backend: BackendRef, _ breaker: Breaker, _ settings: BreakerSettings,
    _ configured: CircuitBreakerConfiguration, isAllSeen: Bool
  ) {
    let report = breaker.observe(now: pointee.network.clock, settings)
    let watch = backend.pointee.watch
    if report.phase == watch.phase && report.since == watch.since { return }
    defer { backend.pointee.watch.enter(report.phase, since: report.since) }
    let index = backend.pointee.index
    func demand(_ least: Int, since start: Instant, _ what: String) {
      // Only results of the phase that ends here count.
      let known = backend.known(since: start, picked: watch.since)
      if known >= least { return }
      fail(.breaker, "that of backend \(index) opened \(what) after \(known) of \(least) failures")
    }
    switch (watch.phase, report.cause) {
    case (.halfOpen, .trialsSucceeded):
      if watch.goodSince < Int(settings.halfOpenRequests) {
        fail(.breaker, "that of backend \(index) closed after \(watch.goodSince) good trials")
      }
    case (.halfOpen, .trialFailed) where isAllSeen: demand(1, since: watch.since, "again")
    case (.closed, .consecutiveFailures) where isAllSeen:
      demand(configured.consecutiveFailures ?? 1, since: Instant(nanoseconds: 0), "at once")
    case (.closed, .failureRate) where isAllSeen:
      demand(
        part(configured.failureRate, of: configured.minRequests),
        since: start(ofWindow: configured.window), "by its rate")
    default: break
    }
  }

  private func part(_ share: Share?, of least: Int) -> Int {
    let rate = Double(share?.partsPerMillion ?? 0) / 1_000_000
    return max(1, Int((rate * Double(least)).rounded(.up)))
  }

  /// Holds an ejection against what the backend has done.
  func checkEjection(
    _ backend: BackendRef, _ health: BackendHealth, _ configured: PassiveHealthConfiguration
  ) {
    let now = pointee.network.clock
    let until = health.gate.ejectedUntil
    let before = backend.pointee.watch
    if until <= now || until == before.ejectedUntil { return }
    backend.pointee.watch.ejectedUntil = until
    backend.pointee.watch.ejectedSince = now
    guard case .ejection(let cause) = health.observe(now: now, warmUp: .zero).cause else { return }
    let (least, start): (Int, Instant)
    switch cause {
    case .consecutiveFailures:
      (least, start) = (configured.consecutiveFailures ?? 1, before.ejectedSince)
    case .failureRate:
      least = part(configured.failureRate, of: configured.minRequests)
      start = self.start(ofWindow: configured.window)
    case .failedOnReturn: (least, start) = (1, before.ejectedSince)
    }
    let known = backend.known(since: start, picked: Instant(nanoseconds: 0))
    if known >= least { return }
    fail(
      .ejection, "backend \(backend.pointee.index) for \(cause.word) after \(known) of \(least)")
  }
}
