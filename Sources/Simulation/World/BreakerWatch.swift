// Why this file exists: a breaker opens for what its backend has done, and only for that. What it
// has done the world knows better than anybody.

import CircuitBreaking
import EventLoop
import Forwarding
import Primitives

/// What a backend has done lately, and where its breaker stood at the last look.
struct BackendWatch {
  /// When its last bad attempts ended, in a ring.
  private var bad: [UInt64] = []
  private var next = 0
  /// Connects that found nobody, or whose door was not open for all of the time.
  var doorChangedAt = Instant(nanoseconds: 0)
  var phase = BreakerPhase.closed
  var since = Instant(nanoseconds: 0)
  /// When whole and good answers to attempts of the present phase were given: picked since then.
  private(set) var goodSince = 0

  private static let kept = 512

  mutating func sawBad(at now: Instant) {
    if bad.count < BackendWatch.kept {
      bad.append(now.nanoseconds)
    } else {
      bad[next] = now.nanoseconds
      next = (next + 1) % BackendWatch.kept
    }
  }

  mutating func sawGood(pickedAt: Instant) { if pickedAt >= since { goodSince += 1 } }

  mutating func enter(_ phase: BreakerPhase, since: Instant) {
    self.phase = phase
    self.since = since
    goodSince = 0
  }

  func badOnes(since instant: Instant) -> Int {
    if bad.count == BackendWatch.kept { return .max }
    return bad.count { $0 >= instant.nanoseconds }
  }
}

extension WorldRef {
  /// Holds a breaker's change of phase against what its backend has done.
  func checkBreaker(
    _ backend: BackendRef, _ breaker: Breaker, _ settings: BreakerSettings, window: Duration,
    least: Int
  ) {
    let now = pointee.network.clock
    let report = breaker.observe(now: now, settings)
    let watch = backend.pointee.watch
    if report.phase == watch.phase && report.since == watch.since { return }
    defer { backend.pointee.watch.enter(report.phase, since: report.since) }
    let index = backend.pointee.index
    if report.cause == .trialsSucceeded, watch.phase == .halfOpen,
      watch.goodSince < Int(settings.halfOpenRequests)
    {
      return fail(
        .breaker, "that of backend \(index) closed after \(watch.goodSince) good trials")
    }
    if report.cause == .failureRate, report.phase == .open {
      // A tenth of a window, and what a worker may lag behind.
      let slack = Duration.milliseconds(window.nanoseconds / 10_000_000 + 500)
      let start = now + Duration(nanoseconds: 0 - window.nanoseconds - slack.nanoseconds)
      guard backend.pointee.watch.doorChangedAt < start else { return }
      let known = backend.pointee.watch.badOnes(since: start) + backend.pointee.underWay
      if known < least {
        fail(
          .breaker,
          "that of backend \(index) opened by its rate after \(known) failures in its window")
      }
    }
  }
}
