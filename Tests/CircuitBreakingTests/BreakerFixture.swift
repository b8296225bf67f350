// Why this file exists: a breaker in memory of its own, at a clock that the test sets; and threads
// that begin in the same moment.
import Glibc
import Primitives
import Synchronization

@testable import CircuitBreaking

/// A breaker that frees its words. Instants are seconds after an origin of which nothing depends.
final class Bench: @unchecked Sendable {
  let words = SharedWords.allocate(count: Breaker.wordCount)
  var settings: BreakerSettings
  var now = Bench.second(0)
  var random = Xoroshiro(seed: 7)

  init(_ adjust: (inout BreakerSettings) -> Void = { _ in }) {
    settings = BreakerSettings()
    adjust(&settings)
  }
  deinit { words.deallocate() }

  var breaker: Breaker { Breaker(words: words[0]) }
  var report: BreakerReport { breaker.observe(now: now, settings) }
  var phase: BreakerPhase { report.phase }

  static func second(_ seconds: Double) -> Instant {
    Instant(nanoseconds: 7_000_000_000_000 + UInt64(seconds * 1e9))
  }

  func wait(_ seconds: Double) { now = now + Duration(nanoseconds: Int64(seconds * 1e9)) }

  func acquire() -> BreakerAdmission { breaker.acquire(now: now, settings) }
  func permit() -> BreakerPermit { acquire().permit }

  @discardableResult
  func release(
    _ permit: BreakerPermit, _ outcome: BreakerOutcome, isSlow: Bool = false
  ) -> BreakerTransition? {
    var permit = permit
    return breaker.release(&permit, outcome, isSlow: isSlow, now: now, settings, &random)
  }
  @discardableResult
  func attempt(_ outcome: BreakerOutcome, isSlow: Bool = false) -> BreakerTransition? {
    release(permit(), outcome, isSlow: isSlow)
  }
  func attempts(_ count: Int, _ outcome: BreakerOutcome) {
    for _ in 0..<count { attempt(outcome) }
  }
  /// Trips it, and lets the wait pass.
  func tripAndWait() {
    attempts(Int(settings.consecutiveFailures), .failure)
    now = report.until!
  }
}

/// Runs `body` on `count` threads that start together; comes back when all have ended.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let ready = Atomic<Int>(0)
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: ready) { ready in
      var threads: [pthread_t] = []
      for index in 0..<count {
        let start = ThreadStart(index: index, count: count, ready: ready, body: body)
        var thread = pthread_t()
        pthread_create(&thread, nil, threadMain, Unmanaged.passRetained(start).toOpaque())
        threads.append(thread)
      }
      for thread in threads { pthread_join(thread, nil) }
    }
  }
}

private final class ThreadStart {
  let index: Int
  let count: Int
  let ready: UnsafePointer<Atomic<Int>>
  let body: @Sendable (Int) -> Void

  init(
    index: Int, count: Int, ready: UnsafePointer<Atomic<Int>>,
    body: @escaping @Sendable (Int) -> Void
  ) {
    self.index = index
    self.count = count
    self.ready = ready
    self.body = body
  }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let start = Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
  _ = start.ready.pointee.add(1, ordering: .acquiringAndReleasing)
  while start.ready.pointee.load(ordering: .acquiring) < start.count { sched_yield() }
  start.body(start.index)
  return nil
}
