// Why this file exists: how the parts of a backend's health come together to one state, with its
// cause and since when.
import Primitives
import Testing

@testable import Health

@Suite struct BackendHealthTests {
  @Test func `a backend of which nothing is known is up, since it was made`() {
    let pool = Pool(1)
    pool[0].begin(.initial, isUp: true, now: pool.now)
    #expect(pool.admits(0))
    #expect(pool[0].gate.word == 0)
    pool.wait(5)
    #expect(
      pool.report(0)
        == BackendHealthReport(state: .up, cause: .initial, since: Pool.second(0), until: nil))
  }

  @Test func `presumed down, it gets nothing until it has passed its check`() {
    let pool = Pool(1)
    pool[0].begin(.initial, isUp: false, now: pool.now)
    #expect(!pool.admits(0))
    #expect(pool.report(0).state == .down)
    #expect(pool.report(0).cause == .initial)
    pool.wait(1)
    pool[0].probePassed(now: pool.now)
    #expect(pool.admits(0))
    #expect(pool.report(0).cause == .probePassed)
  }

  @Test func `a failed check takes it out and a passed one brings it back with a growing share`() {
    let pool = Pool(1)
    pool.warmUp = .seconds(10)
    pool[0].probeFailed(.status(503), now: pool.now)
    #expect(!pool.admits(0))
    #expect(pool.report(0).state == .down)
    #expect(pool.report(0).cause.word == "probe_failed: status 503")
    #expect(pool.report(0).since == Pool.second(0))
    pool.wait(7)
    pool[0].probePassed(now: pool.now)
    #expect(pool.admits(0))
    #expect(
      pool.report(0)
        == BackendHealthReport(
          state: .warming, cause: .probePassed, since: Pool.second(7), until: Pool.second(17)))
    pool.wait(10)
    #expect(
      pool.report(0)
        == BackendHealthReport(state: .up, cause: .warmedUp, since: Pool.second(17), until: nil))
  }

  @Test func `without warming up it is up at once`() {
    let pool = Pool(1)
    pool[0].probeFailed(.timeout, now: pool.now)
    pool.wait(1)
    pool[0].probePassed(now: pool.now)
    #expect(pool.report(0).state == .up)
    #expect(pool.report(0).since == Pool.second(1))
  }

  @Test func `one that came with a new configuration warms up`() {
    let pool = Pool(1)
    pool.warmUp = .seconds(10)
    pool[0].begin(.added, isUp: true, now: pool.now)
    #expect(pool.report(0).state == .warming)
    #expect(pool.report(0).cause == .added)
  }

  @Test func `draining comes before down, down before ejected`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    #expect(pool.report(0).state == .ejected)
    pool[0].probeFailed(.reset, now: pool.now)
    #expect(pool.report(0).state == .down)
    pool[0].drain(.drainedByAdmin, now: pool.now)
    #expect(pool.report(0).state == .draining)
    #expect(pool.report(0).cause == .drainedByAdmin)
    pool[0].ready(now: pool.now)
    #expect(pool.report(0).state == .down)
    pool[0].probePassed(now: pool.now)
    // A passed check does not end an ejection.
    #expect(pool.report(0).state == .ejected)
    #expect(!pool.admits(0))
  }

  @Test func `who comes back while ejected begins to warm up when that is over`() {
    let pool = Pool(3)
    pool.warmUp = .seconds(10)
    pool.fail(0, times: 5)
    let until = pool.report(0).until!
    pool[0].probeFailed(.reset, now: pool.now)
    pool.wait(1)
    pool[0].probePassed(now: pool.now)
    #expect(pool[0].warmSince.load() == until.nanoseconds)
    pool.now = until
    #expect(pool.report(0).state == .warming)
  }

  @Test func `readied, it warms up; readied without need, it does not`() {
    let pool = Pool(1)
    pool.warmUp = .seconds(10)
    pool[0].ready(now: pool.now)
    #expect(pool[0].warmSince.load() == 0)
    pool[0].drain(.drainedByConfiguration, now: pool.now)
    #expect(!pool.admits(0))
    #expect(pool.report(0).cause.word == "drained_by_configuration")
    pool.wait(2)
    pool[0].drain(.drainedByAdmin, now: pool.now)
    #expect(pool.report(0).since == Pool.second(0))
    pool[0].ready(now: pool.now)
    #expect(pool.report(0).state == .warming)
    #expect(pool.report(0).cause == .readied)
  }

  @Test func `an order to drain what the file drains is the cause from then on`() {
    let pool = Pool(1)
    pool[0].drain(.drainedByConfiguration, now: pool.now)
    pool.wait(2)
    pool[0].drain(.drainedByAdmin, now: pool.now)
    #expect(pool.report(0).cause == .drainedByAdmin)
    #expect(pool.report(0).since == Pool.second(0))
    pool[0].drain(.drainedByConfiguration, now: pool.now)
    #expect(pool.report(0).cause == .drainedByAdmin)
  }

  @Test func `a check that is switched off takes its verdict along`() {
    let pool = Pool(1)
    pool[0].probeFailed(.reset, now: pool.now)
    pool[0].probeStopped(now: pool.now)
    #expect(pool.admits(0))
    let warm = pool[0].warmSince.load()
    pool.wait(1)
    pool[0].probeStopped(now: pool.now)
    #expect(pool[0].warmSince.load() == warm)
  }

  @Test func `where nobody listens is told apart, for panic`() {
    let pool = Pool(1)
    pool[0].probeFailed(.connectRefused, now: pool.now)
    #expect(pool[0].gate.refusesConnections)
    pool[0].probeFailed(.timeout, now: pool.now)
    #expect(!pool[0].gate.refusesConnections && pool[0].gate.isDown)
    pool[0].probeFailed(.connectRefused, now: pool.now)
    pool[0].probePassed(now: pool.now)
    #expect(pool[0].gate.word == 0)
  }

  @Test func `while it is down, whether anybody listens there is kept up with, and no more`() {
    let pool = Pool(1)
    #expect(!pool[0].probeFailedAgain(.connectRefused))
    #expect(!pool[0].gate.refusesConnections && pool.admits(0))
    pool[0].probeFailed(.status(503), now: pool.now)
    let before = pool.report(0)
    pool.wait(5)
    #expect(pool[0].probeFailedAgain(.connectRefused))
    #expect(!pool[0].probeFailedAgain(.connectRefused))
    #expect(pool[0].gate.refusesConnections && pool.report(0) == before)
    #expect(pool[0].probeFailedAgain(.timeout))
    #expect(!pool[0].gate.refusesConnections && pool[0].gate.isDown)
  }

  @Test func `an ejection that time has ended is settled once, with its instant`() {
    let pool = Pool(3)
    pool.fail(0, times: 5)
    let until = pool.report(0).until!
    #expect(!pool[0].settle(now: pool.now))
    pool.now = until + .seconds(3)
    let before = pool.report(0)
    #expect(before.cause == .ejectionOver)
    #expect(before.since == until)
    #expect(pool.admits(0))
    #expect(pool[0].settle(now: pool.now))
    #expect(pool[0].gate.word == 0)
    #expect(pool.report(0) == before)
    #expect(!pool[0].settle(now: pool.now))
  }

  @Test func `when time alone changes the verdict is known`() {
    let pool = Pool(3)
    #expect(pool[0].gate.changesAt(now: pool.now) == .distantFuture)
    pool.fail(0, times: 5)
    let until = pool.report(0).until!
    #expect(pool[0].gate.changesAt(now: pool.now) == until)
    #expect(pool[0].gate.changesAt(now: until) == .distantFuture)
    pool[0].drain(.drainedByAdmin, now: pool.now)
    #expect(pool[0].gate.changesAt(now: pool.now) == .distantFuture)
  }

  @Test func `every cause survives its word`() {
    let causes: [StateCause] =
      [
        .initial, .added, .drainedByConfiguration, .drainedByAdmin, .readied, .probePassed,
        .ejectionOver, .breakerClosed, .warmedUp,
      ] + EjectionCause.allCases.map { .ejection($0) }
      + [
        ProbeFailure.connectRefused, .connectFailed, .connectTimeout, .timeout, .reset,
        .brokeProtocol, .status(599),
      ].map { .probeFailed($0) }
    for cause in causes {
      let stamp = Stamp(cause, milliseconds: 34 * 365 * 86_400_000)
      #expect(stamp.cause == cause)
      #expect(stamp.milliseconds == 34 * 365 * 86_400_000)
    }
    #expect(Set(causes.map(\.word)).count == causes.count)
  }

  @Test func `states have the contract's names`() {
    #expect(
      BackendState.allCases.map(\.word) == ["up", "warming", "ejected", "down", "draining"])
    #expect(BackendState.allCases.filter(\.isUsable) == [.up, .warming])
  }
}
