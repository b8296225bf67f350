// Why this file exists: what is shed, and when it is let in again, is a matter of one number and
// the time; both are literals here.
import Primitives
import Testing

@testable import Forwarding

/// Where the macros of the tests may call what changes it.
private final class Judge {
  private var it: OverloadGuard
  init(limit: UInt64) { it = OverloadGuard(limit: limit) }
  var level: OverloadLevel { it.level }
  func judge(_ value: UInt64, now: Instant) -> Bool { it.judge(value, now: now) }
}

@Suite struct OverloadTests {
  private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: UInt64(milliseconds) * 1_000_000)
  }

  @Test func `at its limit nothing is refused, above it new connections are`() {
    let guardian = Judge(limit: 1_000)
    #expect(!guardian.judge(1_000, now: at(0)))
    #expect(guardian.level == .nothing)
    #expect(guardian.judge(1_001, now: at(1)))
    #expect(guardian.level == .connections)
    #expect(!guardian.judge(1_001, now: at(2)))
  }

  @Test func `requests are refused when refusing connections has not helped for a second`() {
    let guardian = Judge(limit: 1_000)
    _ = guardian.judge(1_100, now: at(0))
    #expect(!guardian.judge(1_100, now: at(999)))
    #expect(guardian.judge(1_100, now: at(1_000)))
    #expect(guardian.level == .requests)
  }

  @Test func `a quarter above the limit requests are refused at once`() {
    let sudden = Judge(limit: 1_000)
    _ = sudden.judge(1_251, now: at(0))
    #expect(sudden.level == .requests)
    let growing = Judge(limit: 1_000)
    _ = growing.judge(1_250, now: at(0))
    #expect(growing.level == .connections)
    _ = growing.judge(1_251, now: at(1))
    #expect(growing.level == .requests)
  }

  @Test func `requests are let in as soon as the limit holds, connections a second later`() {
    let guardian = Judge(limit: 1_000)
    _ = guardian.judge(2_000, now: at(0))
    #expect(guardian.judge(1_000, now: at(10)))
    #expect(guardian.level == .connections)
    #expect(!guardian.judge(899, now: at(1_009)))
    #expect(guardian.judge(899, now: at(1_010)))
    #expect(guardian.level == .nothing)
  }

  @Test func `near the limit the level stays`() {
    let guardian = Judge(limit: 1_000)
    _ = guardian.judge(1_100, now: at(0))
    for time in stride(from: Int64(100), through: 5_000, by: 100) {
      #expect(!guardian.judge(950, now: at(time)))
    }
    // Patience and calm both begin anew.
    #expect(!guardian.judge(1_100, now: at(5_900)))
    #expect(!guardian.judge(899, now: at(5_950)))
    #expect(guardian.judge(899, now: at(6_000)))
    #expect(guardian.level == .nothing)
  }

  @Test func `one stall is forgiven, the same one again and again is not`() {
    let (beat, stall): (UInt64, UInt64) = (25_000_000, 120_000_000)
    var lag = LagAverage()
    lag.add(late: stall, span: beat + stall, isIdle: false)
    #expect(lag.value < 50_000_000)
    for _ in 0..<6 { lag.add(late: stall, span: beat + stall, isIdle: false) }
    #expect(lag.value > 100_000_000)
    #expect(lag.value < stall)
  }

  @Test func `a long stall counts at once and is forgotten within two seconds`() {
    var lag = LagAverage()
    lag.add(late: 2_000_000_000, span: 2_025_000_000, isIdle: false)
    #expect(lag.value > 1_700_000_000)
    for _ in 0..<80 { lag.add(late: 0, span: 25_000_000, isIdle: false) }
    #expect(lag.value < 1_000_000)
  }

  @Test func `a loop with nothing to do comes to rest after work`() {
    var lag = LagAverage()
    for _ in 0..<40 { lag.add(late: 5_000_000, span: 55_000_000, isIdle: false) }
    #expect(!lag.isQuiet)
    // A whole millisecond is its wait's, the rest its waking up.
    for _ in 0..<20 { lag.add(late: 1_150_000, span: 51_150_000, isIdle: true) }
    #expect(lag.isQuiet)
    // A stall of an idle loop is one.
    lag.add(late: 101_000_000, span: 151_000_000, isIdle: true)
    #expect(lag.value > 30_000_000)
  }

  @Test func `a loop that works is as late as it comes`() {
    var lag = LagAverage()
    for _ in 0..<40 { lag.add(late: 1_150_000, span: 51_150_000, isIdle: false) }
    #expect(lag.value > 1_100_000)
    #expect(!lag.isQuiet)
  }

  @Test func `no lateness is too great to be taken`() {
    var lag = LagAverage()
    lag.add(late: 1 << 61, span: 1 << 61, isIdle: false)
    #expect(lag.value > 59_000_000_000)
    #expect(lag.value <= 60_000_000_000)
  }
}
