// Why this file exists: the breaker once more, as plainly as it can be said: lists, no words, one
// thread. What it says is what the real one is compared with.
import CircuitBreaking
import Primitives

/// What the model hands out.
struct ModelPermit: Equatable {
  var generation: Int
  var isTrial: Bool
}

struct BreakerModel {
  struct Result {
    var second: UInt64
    var failed: Bool
    var slow: Bool
  }

  var settings: BreakerSettings
  var phase = BreakerPhase.closed
  var generation = 0
  var since = Instant(nanoseconds: 0)
  var until = Instant(nanoseconds: 0)
  var lastWait = Duration.zero
  var tripsInRow = 0
  var failuresInRow = 0
  var results: [Result] = []
  var taken = 0
  var succeeded = 0
  var slowTrials = 0

  init(_ settings: BreakerSettings) { self.settings = settings }

  // MARK: Asking

  mutating func acquire(_ now: Instant) -> (admitted: Bool, ModelPermit?, BreakerTransition?) {
    var change: BreakerTransition?
    switch phase {
    case .closed: return (true, ModelPermit(generation: generation, isTrial: false), nil)
    case .open:
      if now < until { return (settings.mode == .shadow, nil, nil) }
      beginTrials(now)
      change = BreakerTransition(.open, .halfOpen, .waitOver)
    case .halfOpen:
      if taken >= Int(settings.halfOpenRequests) {
        if now < since + settings.trialPatience { return (settings.mode == .shadow, nil, nil) }
        beginTrials(now)
      }
    }
    taken += 1
    return (true, ModelPermit(generation: generation, isTrial: true), change)
  }

  private mutating func beginTrials(_ now: Instant) {
    phase = .halfOpen
    generation += 1
    since = now
    (taken, succeeded, slowTrials) = (0, 0, 0)
  }

  // MARK: Telling

  /// The model does not throw dice: how long the wait is, the real breaker says through `waits`.
  mutating func release(
    _ permit: ModelPermit, _ outcome: BreakerOutcome, isSlow: Bool, _ now: Instant,
    waits: (_ least: Duration, _ most: Duration) -> Duration
  ) -> BreakerTransition? {
    if permit.generation != generation { return nil }
    if permit.isTrial {
      switch outcome {
      case .ignored: taken -= 1
      case .failure: return open(.trialFailed, now, inRow: true, waits)
      case .success:
        succeeded += 1
        if isSlow { slowTrials += 1 }
        if succeeded < Int(settings.halfOpenRequests) { return nil }
        if slowTrials > 0 && slowTrials * 1_000_000 >= succeeded * Int(settings.slowMillionths) {
          return open(.trialsSlow, now, inRow: true, waits)
        }
        return close(now)
      }
      return nil
    }
    if outcome == .ignored { return nil }
    let failed = outcome == .failure
    results.append(
      Result(second: now.nanoseconds / settings.tenth, failed: failed, slow: isSlow))
    failuresInRow = failed ? failuresInRow + 1 : 0
    return judge(now, waits)
  }

  var sums: (Instant) -> OutcomeSums {
    { now in
      var sums = OutcomeSums()
      for result in results where now.nanoseconds / settings.tenth - result.second < 10 {
        sums.total += 1
        if result.failed { sums.failed += 1 }
        if result.slow { sums.slow += 1 }
      }
      return sums
    }
  }

  private mutating func judge(
    _ now: Instant, _ waits: (_ least: Duration, _ most: Duration) -> Duration
  ) -> BreakerTransition? {
    let inRow = now - since < lastWait
    if failuresInRow >= Int(settings.consecutiveFailures) {
      return open(.consecutiveFailures, now, inRow: inRow, waits)
    }
    let sums = sums(now)
    if sums.total < UInt64(settings.minRequests) { return nil }
    let failedShare = Double(sums.failed) / Double(sums.total)
    if failedShare >= Double(settings.failureMillionths) / 1_000_000 {
      return open(.failureRate, now, inRow: inRow, waits)
    }
    let slowShare = Double(sums.slow) / Double(sums.total)
    if slowShare >= Double(settings.slowMillionths) / 1_000_000 {
      return open(.slowCallRate, now, inRow: inRow, waits)
    }
    return nil
  }

  private mutating func open(
    _ cause: BreakerCause, _ now: Instant, inRow: Bool,
    _ waits: (_ least: Duration, _ most: Duration) -> Duration
  ) -> BreakerTransition? {
    if !inRow { tripsInRow = 0 }
    var seconds = Double(settings.open.nanoseconds) / 1e9
    for _ in 0..<tripsInRow { seconds *= 1.5 }
    let cap = Double(settings.maxOpen.nanoseconds) / 1e9
    seconds = min(seconds, cap)
    let least = Duration(nanoseconds: Int64(seconds * 0.9 * 1e9) - 2)
    let most = Duration(nanoseconds: Int64(min(seconds * 1.1, cap) * 1e9) + 1_000_002)
    lastWait = waits(least, most)
    let before = phase
    phase = .open
    generation += 1
    since = now
    until = now + lastWait
    tripsInRow += 1
    return BreakerTransition(before, .open, cause)
  }

  private mutating func close(_ now: Instant) -> BreakerTransition? {
    phase = .closed
    generation += 1
    since = now
    failuresInRow = 0
    results = []
    return BreakerTransition(.halfOpen, .closed, .trialsSucceeded)
  }
}
