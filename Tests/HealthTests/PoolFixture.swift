// Why this file exists: a small pool of backends in memory of its own, at a clock that the test
// sets.
import Glibc
import Primitives

@testable import Health

final class Pool: @unchecked Sendable {
  let words: SharedWords
  let turn = SharedWord.allocate()
  let count: Int
  var settings: PassiveSettings
  var now = Pool.second(0)
  var random = Xoroshiro(seed: 5)
  /// Backends whose breaker refuses.
  var refusing: Set<Int> = []
  var warmUp = Duration.zero

  init(_ count: Int, _ adjust: (inout PassiveSettings) -> Void = { _ in }) {
    self.count = count
    words = .allocate(count: BackendHealth.wordCount * count)
    settings = PassiveSettings()
    adjust(&settings)
  }
  deinit {
    words.deallocate()
    turn.deallocate()
  }

  static func second(_ seconds: Double) -> Instant {
    Instant(nanoseconds: 9_000_000_000_000 + UInt64(seconds * 1e9))
  }
  func wait(_ seconds: Double) { now = now + Duration(nanoseconds: Int64(seconds * 1e9)) }

  subscript(index: Int) -> BackendHealth {
    BackendHealth(words: words[BackendHealth.wordCount * index])
  }

  /// One result, and what follows from it, as a caller would do it.
  @discardableResult
  func result(_ index: Int, failed: Bool, begun: Instant? = nil) -> EjectionVerdict? {
    let cause = self[index].record(failed: failed, begun: begun ?? now, now: now, settings)
    return cause.map { eject(index, $0) }
  }
  func eject(_ index: Int, _ cause: EjectionCause = .consecutiveFailures) -> EjectionVerdict {
    self[index].eject(
      EjectionPlace(turn: turn, index: index, of: count), cause, now: now, settings, &random
    ) { EjectionPeer(gate: self[$0].gate, breakerAdmits: !self.refusing.contains($0)) }
  }
  @discardableResult
  func fail(_ index: Int, times: Int = 1) -> EjectionVerdict? {
    var last: EjectionVerdict?
    for _ in 0..<times { last = result(index, failed: true) }
    return last
  }
  func succeed(_ index: Int, times: Int = 1) {
    for _ in 0..<times { result(index, failed: false) }
  }
  /// A pause after a refusal is over.
  func waitForTurn() { wait(0.1) }

  func admits(_ index: Int) -> Bool { self[index].admits(now: now) }
  var out: [Int] { (0..<count).filter { !admits($0) } }
  func report(_ index: Int) -> BackendHealthReport { self[index].observe(now: now, warmUp: warmUp) }
  func evidence(_ index: Int) -> PassiveReport { self[index].evidence(now: now, settings) }
}

/// How long the ejection is, in seconds; nil when it is none.
func seconds(_ verdict: EjectionVerdict?, from now: Instant) -> Double? {
  guard case .ejected(let until, _) = verdict else { return nil }
  return Double((until - now).nanoseconds) / 1e9
}

/// Runs `body` on `count` threads that start together; comes back when all have ended.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let ready = SharedWord.allocate()
  defer { ready.deallocate() }
  var threads: [pthread_t] = []
  for index in 0..<count {
    let start = ThreadStart {
      ready.add(1)
      while ready.load() < UInt64(count) { sched_yield() }
      body(index)
    }
    var thread = pthread_t()
    pthread_create(&thread, nil, threadMain, Unmanaged.passRetained(start).toOpaque())
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
}

private final class ThreadStart {
  let body: () -> Void
  init(body: @escaping () -> Void) { self.body = body }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue().body()
  return nil
}
