// Why this file exists: who is taken out, for how long, and who is not (contract:
// health.passive), at instants that are written down.
import Glibc
import Primitives
import Testing

@testable import Health

@Suite struct EjectionTests {
  // MARK: How long

  @Test func `it lasts as long as set, give or take a tenth, and ends by time`() {
    let pool = Pool(3)
    let length = seconds(pool.fail(0, times: 5), from: pool.now)!
    #expect(length >= 27 && length <= 33.001)
    pool.wait(length - 0.002)
    #expect(pool.out == [0])
    #expect(pool.report(0).until != nil)
    pool.wait(0.003)
    #expect(pool.out == [])
  }

  @Test func `it grows with every time in a row, up to its cap`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    var lengths: [Double] = []
    for _ in 0..<14 {
      let until = pool.report(0).until!
      lengths.append(Double((until - pool.now).nanoseconds) / 1e9)
      pool.now = until
      pool.fail(0)
    }
    for (index, length) in lengths.enumerated() {
      let expected = min(30 * Double(index + 1), 300)
      #expect(length >= expected * 0.9 - 0.001 && length <= min(expected * 1.1, 300) + 0.002)
    }
  }

  @Test func `clean time forgives: one ejection less for each time the first one lasts`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    for _ in 0..<3 {
      pool.now = pool.report(0).until!
      pool.fail(0)
    }
    #expect(pool.evidence(0).ejectionsInRow == 4)
    pool.now = pool.report(0).until!
    pool.succeed(0)
    pool.wait(29)
    #expect(pool.evidence(0).ejectionsInRow == 4)
    pool.wait(32)
    #expect(pool.evidence(0).ejectionsInRow == 2)
    guard case .ejected(_, let inRow) = pool.fail(0, times: 5) else {
      Issue.record("not ejected")
      return
    }
    #expect(inRow == 3)
    pool.now = pool.report(0).until!
    pool.wait(10_000)
    #expect(pool.evidence(0).ejectionsInRow == 0)
  }

  @Test func `two that were ejected together come back at different times`() {
    let ends = (0..<50 as Range<UInt64>).map { seed in
      let pool = Pool(3)
      pool.random = Xoroshiro(seed: seed)
      pool.fail(0, times: 5)
      return pool.report(0).until!
    }
    #expect(Set(ends).count > 40)
  }

  // MARK: Coming back

  @Test func `its first result decides: it does not recover by starvation (regression 24)`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    pool.now = pool.report(0).until!
    // Long after, when nothing of before is in the window any more.
    pool.wait(60)
    #expect(pool.out == [])
    guard case .ejected = pool.fail(0) else {
      Issue.record("not ejected by its first failure")
      return
    }
    #expect(pool.report(0).cause == .ejection(.failedOnReturn))
    #expect(pool.out == [0])
  }

  @Test func `what was sent before its return does not decide about it (regression 20)`() {
    let pool = Pool(3)
    let before = pool.now
    pool.fail(0, times: 5)
    let until = pool.report(0).until!
    pool.now = until
    pool.wait(1)
    for begun in [before, until + .nanoseconds(-1)] {
      for _ in 0..<10 { #expect(pool.result(0, failed: true, begun: begun) == nil) }
      #expect(pool.result(0, failed: false, begun: begun) == nil)
    }
    #expect(pool.out == [])
    // It is still on probation.
    pool.result(0, failed: true, begun: until)
    #expect(pool.out == [0])
    #expect(pool.report(0).cause == .ejection(.failedOnReturn))
  }

  @Test func `after a success on return it takes the usual evidence again`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    pool.now = pool.report(0).until!
    pool.succeed(0)
    pool.fail(0, times: 4)
    #expect(pool.out == [])
    pool.fail(0)
    #expect(pool.out == [0])
  }

  @Test func `it comes back with a growing share (regression 25)`() {
    let pool = Pool(3)
    pool.warmUp = .seconds(30)
    pool.fail(0, times: 5)
    let until = pool.report(0).until!
    #expect(pool[0].warmSince.load() == until.nanoseconds)
    #expect(pool[1].warmSince.load() == 0)
    pool.now = until
    #expect(pool.report(0).state == .warming)
    pool.wait(30)
    #expect(pool.report(0).state == .up)
    #expect(pool.report(0).cause == .warmedUp)
  }

  // MARK: How many

  @Test func `the bound is rounded down, but one of two or more may go`() {
    var settings = PassiveSettings()
    #expect((0...7).map { BackendHealth.mostEjected(of: $0, settings) } == [0, 0, 1, 1, 2, 2, 3, 3])
    settings.maxEjectedMillionths = 100_000
    #expect([2, 19, 20, 999].map { BackendHealth.mostEjected(of: $0, settings) } == [1, 1, 2, 99])
    settings.maxEjectedMillionths = 1_000_000
    #expect([1, 2, 5].map { BackendHealth.mostEjected(of: $0, settings) } == [0, 2, 5])
    settings.maxEjectedMillionths = 0
    #expect([1, 2, 1_000].map { BackendHealth.mostEjected(of: $0, settings) } == [0, 0, 0])
  }

  @Test func `no more than the bound are out at once, and the next goes when one is back`() {
    let pool = Pool(4)
    for index in 0..<2 { pool.fail(index, times: 5) }
    #expect(pool.out == [0, 1])
    #expect(pool.fail(2, times: 5) == .tooMany)
    #expect(pool.out == [0, 1])
    pool.now = pool.report(0).until!
    pool.succeed(0)
    // The evidence of then is too old; it fails still.
    pool.fail(2)
    #expect(pool.out.contains(2))
    #expect(pool.out.count <= 2)
  }

  @Test func `a single backend is never ejected`() {
    let pool = Pool(1) { $0.maxEjectedMillionths = 1_000_000 }
    #expect(pool.fail(0, times: 5) == .lastEligible)
    #expect(pool.admits(0))
  }

  @Test func `the last eligible one is never ejected, whatever keeps the others out`() {
    for reason in 0..<4 {
      let pool = Pool(2) { $0.maxEjectedMillionths = 1_000_000 }
      switch reason {
      case 0: pool[1].probeFailed(.timeout, now: pool.now)
      case 1: pool[1].drain(.drainedByAdmin, now: pool.now)
      case 2: pool.refusing = [1]
      default: pool.fail(1, times: 5)
      }
      #expect(pool.fail(0, times: 5) == .lastEligible)
      #expect(pool.admits(0))
    }
  }

  @Test func `a bound of none ejects nobody`() {
    let pool = Pool(3) { $0.maxEjectedMillionths = 0 }
    #expect(pool.fail(0, times: 5) == .tooMany)
    #expect(pool.out == [])
  }

  @Test func `one that is out is not ejected again`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    #expect(pool.eject(0) == .alreadyOut)
    #expect(pool[0].ejections(.consecutiveFailures).load() == 1)
  }

  @Test func `a check that failed and an operator who drains are not forgotten over it`() {
    let pool = Pool(3)
    pool[0].probeFailed(.timeout, now: pool.now)
    pool[0].drain(.drainedByAdmin, now: pool.now)
    guard case .ejected(let until, _) = pool.fail(0, times: 5) else {
      Issue.record("not ejected")
      return
    }
    pool.now = until
    #expect(pool[0].gate.isDown && pool[0].gate.isDraining)
    #expect(pool[0].settle(now: pool.now))
    #expect(pool[0].gate.isDown && pool[0].gate.isDraining)
  }

  @Test func `while somebody is ejecting, nobody waits for him`() {
    let pool = Pool(3)
    pool.turn.store(1 << 63)
    #expect(pool.fail(0, times: 5) == .later)
    pool.turn.store(0)
    #expect(pool.fail(0) != .later)
    #expect(pool.out == [0])
  }

  @Test func `ejections are counted by cause`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    pool.now = pool.report(0).until!
    pool.fail(0)
    #expect(EjectionCause.allCases.map { pool[0].ejections($0).load() } == [1, 0, 1])
  }

  // MARK: All workers at once

  @Test func `threads that eject everybody at once never take out more than the bound`() {
    let threads = 4
    let pool = Pool(threads) { $0.maxEjectedMillionths = 250_000 }
    let arrived = SharedWord.allocate()
    let wrong = SharedWord.allocate()
    let settings = pool.settings
    defer {
      arrived.deallocate()
      wrong.deallocate()
    }
    onThreads(threads) { thread in
      var random = Xoroshiro(seed: UInt64(thread))
      var meetings: UInt64 = 0
      func meet() {
        meetings += 1
        arrived.add(1)
        while arrived.load() < meetings * UInt64(threads) { sched_yield() }
      }
      for round in 0..<1_000 {
        // An hour apart, so that everybody is back in.
        let now = Pool.second(Double(round) * 3_600)
        meet()
        for attempt in 0..<6 {
          let index = (thread + attempt) % threads
          _ = pool[index].eject(
            EjectionPlace(turn: pool.turn, index: index, of: threads), .failureRate, now: now,
            settings, &random
          ) {
            // So that another one comes in between.
            sched_yield()
            return EjectionPeer(gate: pool[$0].gate, breakerAdmits: true)
          }
        }
        meet()
        let out = (0..<threads).count { !pool[$0].admits(now: now) }
        if out != 1 { wrong.add(1) }
      }
    }
    #expect(wrong.load() == 0)
    #expect(pool.turn.load() & 1 << 63 == 0)
  }
}
