// Why this file exists: all workers pick from one pool and report to it at once; the thread
// sanitizer watches, and what must hold in every order is counted.
import Balancing
import CircuitBreaking
import Glibc
import Health
import Primitives
import Testing

@testable import Forwarding

@Suite struct BackendPoolThreadsTests {
  @Test(arguments: [1, 2])
  func `no breaker gets more than its trials, no permit is lost, and the bits come right`(
    allowed: Int
  ) throws {
    let bench = try PoolBench(
      4,
      """
      circuit_breaker: {mode: enforce, open: 20ms, max_open: 40ms, half_open_requests: \(allowed)}
      health: {passive: {ejection: 30ms, max_ejection: 60ms}}
      """)
    let clock = SharedWord.allocate()
    let wrong = SharedWord.allocate()
    let trials = SharedWords.allocate(count: 4)
    defer {
      clock.deallocate()
      wrong.deallocate()
      trials.deallocate()
    }
    let start = bench.now
    onThreads(4) { index in
      var random = Xoroshiro(seed: UInt64(index))
      for _ in 0..<5_000 {
        let now = start + .microseconds(Int64(clock.add(50)))
        var permit = BreakerPermit.none
        let request = PickRequest(tried: TriedBackends(), key: nil, now: now)
        let pick = bench.pool.pick(request, &permit, &random)
        guard case .backend(let backend) = pick else { continue }
        let isTrial = permit.isTrial
        // Of several, some of earlier rounds may still be under way; of one, its result ends it.
        if isTrial && trials[backend].add(1) > 1 && allowed == 1 { wrong.add(1) }
        // Time for somebody else to take one that is not there.
        if isTrial { sched_yield() }
        let outcome: AttemptOutcome =
          switch random.below(10) {
          case 0..<(backend < 2 ? 6 : 1): .failure
          case 9: .ignored
          default: .success
          }
        // Before it is given back: from then on somebody else may have it.
        if isTrial { trials[backend].subtract(1) }
        bench.pool.conclude(
          backend, &permit, outcome, begun: now, took: .zero, answer: 200, now: now, &random)
        if permit.isHeld { wrong.add(1) }
      }
    }
    #expect(wrong.load() == 0)
    #expect(shared(bench).load() == 0)
    // Long after, everybody is good: all of them come back, so no trial was lost.
    bench.now = start + .seconds(3_600)
    bench.requests(200, every: 0.5)
    #expect(bench.requests(40) == [0: 10, 1: 10, 2: 10, 3: 10])
  }

  private func shared(_ bench: PoolBench) -> SharedWord { bench.shared.sweeping }
}

/// Runs `body` on `count` threads that start together; comes back when all have ended.
private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
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
