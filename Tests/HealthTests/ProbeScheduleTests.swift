// Why this file exists: the instants of probes, with literal times where they can be said, and for
// a whole fleet where only the crowd shows whether they are spread.

import Health
import Primitives
import Testing

private func at(_ milliseconds: UInt64) -> Instant {
  Instant(nanoseconds: milliseconds * 1_000_000)
}

private let start = at(1_000_000)

@Suite struct `Probe schedule` {
  private let schedule = ProbeSchedule(interval: .seconds(5))

  @Test func `the first probe comes within a second, or within a shorter interval`() {
    for place in 0..<1_000 as Range<UInt64> {
      let first = schedule.first(now: start, place: place, offset: 7)
      #expect(first >= start && first < start + .seconds(1))
      let short = ProbeSchedule(interval: .milliseconds(50))
      let soon = short.first(now: start, place: place, offset: 7)
      #expect(soon >= start && soon < start + .milliseconds(50))
    }
  }

  @Test func `without an offset the first three places lie at 0, 618 and 236 ms`() {
    let firsts = (0..<3 as Range<UInt64>).map {
      (schedule.first(now: start, place: $0, offset: 0) - start).nanoseconds / 1_000_000
    }
    #expect(firsts == [0, 618, 236])
  }

  @Test(arguments: [2, 10, 64, 1_000, 10_000])
  func `first probes keep apart however many there are`(count: Int) {
    for offset in [0, 1, UInt64.max / 3, .max] {
      let firsts = (0..<UInt64(count)).map {
        schedule.first(now: start, place: $0, offset: offset)
      }.sorted()
      let gaps = zip(firsts.dropFirst(), firsts).map { ($0 - $1).nanoseconds }
      #expect(gaps.min()! >= 1_000_000_000 / Int64(count) * 10 / 24)
    }
  }

  @Test func `a steady probe comes 90 to 110 percent of the interval after the last began`() {
    var random = Xoroshiro(seed: 1)
    var sum: Int64 = 0
    var least = Int64.max
    var most = Int64.min
    for _ in 0..<10_000 {
      let next = schedule.next(
        begun: start, now: start + .milliseconds(30), pace: .steady, random: &random)
      let wait = (next - start).nanoseconds / 1_000_000
      sum += wait
      least = min(least, wait)
      most = max(most, wait)
    }
    #expect(least >= 4_500 && least < 4_510)
    #expect(most > 5_490 && most <= 5_500)
    #expect(abs(sum / 10_000 - 5_000) < 20)
  }

  @Test func `a hurried probe comes after a quarter of the interval`() {
    var random = Xoroshiro(seed: 2)
    for _ in 0..<1_000 {
      let next = schedule.next(begun: start, now: start, pace: .hurried, random: &random)
      #expect(next >= start + .milliseconds(1_125) && next <= start + .milliseconds(1_375))
    }
  }

  @Test func `hurry knows a bound, and is never slower than the interval`() {
    var random = Xoroshiro(seed: 3)
    for _ in 0..<1_000 {
      let short = ProbeSchedule(interval: .milliseconds(200))
      let next = short.next(begun: start, now: start, pace: .hurried, random: &random)
      #expect(next >= start + .milliseconds(90) && next <= start + .milliseconds(110))
      let shorter = ProbeSchedule(interval: .milliseconds(10))
      let soon = shorter.next(begun: start, now: start, pace: .hurried, random: &random)
      #expect(soon >= start + .milliseconds(9) && soon <= start + .milliseconds(11))
    }
  }

  @Test func `the second probe comes within the second half of the interval`() {
    var random = Xoroshiro(seed: 4)
    for _ in 0..<1_000 {
      let next = schedule.next(begun: start, now: start, pace: .spreading, random: &random)
      #expect(next >= start + .milliseconds(2_500) && next <= start + .seconds(5))
    }
  }

  @Test func `a probe that took longer than the interval is followed at once, not before`() {
    var random = Xoroshiro(seed: 5)
    let now = start + .seconds(9)
    #expect(schedule.next(begun: start, now: now, pace: .steady, random: &random) == now)
  }

  @Test func `the shortest interval there can be has no jitter and does not trap`() {
    var random = Xoroshiro(seed: 6)
    let least = ProbeSchedule(interval: .nanoseconds(1))
    #expect(
      least.next(begun: start, now: start, pace: .steady, random: &random)
        == start + .nanoseconds(1))
    #expect(least.first(now: start, place: 3, offset: 9) == start)
  }

  /// A thousand backends for two minutes at 5 s: 2 in 10 ms on average.
  @Test func `regression 23: the probes of all backends never fire in the same instant`() {
    var random = Xoroshiro(seed: 7)
    var perSlot = [Int](repeating: 0, count: 12_000)
    var instants: [Instant] = []
    for place in 0..<1_000 as Range<UInt64> {
      var record = ProbeRecord(isUp: true)
      var due = schedule.first(now: start, place: place, offset: 11)
      while due < start + .seconds(120) {
        instants.append(due)
        perSlot[Int((due - start).nanoseconds / 10_000_000)] += 1
        _ = record.record(
          passed: true, ProbeThresholds(healthyAfter: 2, unhealthyAfter: 3))
        due = schedule.next(
          begun: due, now: due + .milliseconds(2), pace: record.pace, random: &random)
      }
    }
    // The first second has all thousand, 10 in 10 ms. After that there is no crowd.
    #expect(perSlot[..<100].max()! <= 11)
    #expect(perSlot[250...].max()! <= 16)
    #expect(instants.count > 23_000 && instants.count < 26_000)
    #expect(Set(instants).count >= instants.count - 2)
  }

  @Test func `processes started in the same instant probe at other instants`() {
    let one = schedule.first(now: start, place: 0, offset: 12_345_678_901_234_567)
    let other = schedule.first(now: start, place: 0, offset: 9_876_543_210_987_654_321)
    #expect(one != other)
  }
}
