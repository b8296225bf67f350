// Why this file exists: what happens from the first signal to the end, as a value that is told the
// time: readiness first, then the grace, then the drain, and at once when asked twice.

import Primitives

/// The order of a shutdown.
///
///     running ──signal──▶ graceful ──grace over──▶ draining ──drained or deadline──▶ ended
///        any of the last but `ended` ──signal──▶ ended
struct ShutdownSequence {
  enum Phase: Equatable {
    case running
    /// Not ready any more, but still accepting, until the instant: a load balancer needs time to
    /// see it.
    case graceful(until: Instant)
    /// Finishing what is in flight.
    case draining(until: Instant)
    case ended
  }

  /// What is to be done now, in this order.
  enum Action: Equatable {
    /// Readiness answers 503 from now on.
    case announce
    case beginDrain(deadline: Instant)
    case stop
  }

  private(set) var phase = Phase.running
  /// When the drain would have had to end; nil before it, and when the end was hurried.
  private var deadline: Instant?
  private var acceptGrace: Duration
  private var drain: Duration

  /// `shutdown.accept_grace` and `shutdown.drain`.
  init(acceptGrace: Duration, drain: Duration) {
    self.acceptGrace = acceptGrace
    self.drain = drain
  }

  /// Other times hold from now on; a grace or a drain that has begun keeps its end.
  mutating func follow(acceptGrace: Duration, drain: Duration) {
    self.acceptGrace = acceptGrace
    self.drain = drain
  }

  /// SIGTERM or SIGINT came.
  mutating func signal(now: Instant) -> [Action] {
    switch phase {
    case .running:
      phase = .graceful(until: now + acceptGrace)
      return [.announce] + tick(now: now, isDrained: false)
    case .graceful, .draining:
      phase = .ended
      deadline = nil
      return [.stop]
    case .ended: return []
    }
  }

  /// Time has passed. `isDrained` is asked only while draining.
  mutating func tick(now: Instant, isDrained: @autoclosure () -> Bool) -> [Action] {
    switch phase {
    case .running, .ended: return []
    case .graceful(let until):
      guard until <= now else { return [] }
      let deadline = now + drain
      phase = .draining(until: deadline)
      self.deadline = deadline
      return [.beginDrain(deadline: deadline)]
    case .draining(let until):
      guard isDrained() || until <= now else { return [] }
      phase = .ended
      return [.stop]
    }
  }

  /// What is left of the drain for spans that are on their way: a moment at least, a collector that
  /// hangs may not hold everybody up, and none for those who asked twice.
  func timeForSpans(now: Instant) -> Duration {
    guard let deadline else { return .zero }
    return min(max(deadline - now, .milliseconds(500)), .seconds(2))
  }

  /// How often the supervisor asks whether all is drained: seldom enough to cost nothing, often
  /// enough that nobody waits.
  static let pollInterval = Duration.milliseconds(20)

  /// When to call `tick` next.
  func nextTick(after now: Instant) -> Instant {
    switch phase {
    case .running, .ended: .distantFuture
    case .graceful(let until): until
    case .draining(let until): min(until, now + Self.pollInterval)
    }
  }
}
