// Why this file exists: the estimate is a formula; it is compared with the formula, at instants
// that are written down.
import Glibc
import Primitives
import Testing

@testable import Balancing

@Suite struct PeakLatencyTests {
  private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: UInt64(1_000_000_000_000 + seconds * 1e9))
  }

  private func first(_ milliseconds: Int64) -> PeakLatency {
    PeakLatency.unknown.recording(.milliseconds(milliseconds), isFailure: false, now: at(0))
  }

  /// Within a tick and the width of a Float.
  private func isNear(_ value: Float, milliseconds: Double) -> Bool {
    abs(Double(value) / 1e6 - milliseconds) <= milliseconds * 0.001
  }

  @Test func `nothing is known at first`() {
    #expect(!PeakLatency.unknown.isKnown)
    #expect(PeakLatency.unknown.cost(now: at(5)) == 0)
  }

  @Test func `the first answer is the estimate, and it comes down with time`() {
    let known = first(30)
    #expect(known.isKnown)
    #expect(known.recorded == 30_000_000)
    #expect(known.cost(now: at(0)) == 30_000_000)
    #expect(isNear(known.cost(now: at(5)), milliseconds: 30 * exp(-0.5)))
    #expect(isNear(known.cost(now: at(10)), milliseconds: 30 * exp(-1)))
    #expect(isNear(known.cost(now: at(60)), milliseconds: 30 * exp(-6)))
    #expect(known.cost(now: at(100_000)) == 0)
  }

  @Test func `a slower answer counts at once and whole`() {
    let peak = first(10).recording(.milliseconds(500), isFailure: false, now: at(0.1))
    #expect(peak.cost(now: at(0.1)) == 500_000_000)
  }

  @Test func `faster answers bring it down as time passes, not as they are many`() {
    var latency = first(100)
    for _ in 0..<1_000 {
      latency = latency.recording(.milliseconds(10), isFailure: false, now: at(0))
    }
    #expect(isNear(latency.recorded, milliseconds: 100))
    latency = latency.recording(.milliseconds(10), isFailure: false, now: at(10))
    #expect(isNear(latency.recorded, milliseconds: 100 * exp(-1) + 10 * (1 - exp(-1))))
  }

  @Test func `a failure counts as twice what was known, however fast it was`() {
    var latency = first(10)
    for expected: Float in [20, 40, 80] {
      latency = latency.recording(.microseconds(50), isFailure: true, now: at(1))
      #expect(latency.recorded == expected * 1_000_000)
    }
    latency = latency.recording(.seconds(2), isFailure: true, now: at(1))
    #expect(latency.recorded == 2_000_000_000)
  }

  @Test func `the first thing known may be a failure`() {
    let failed = PeakLatency.unknown.recording(.microseconds(50), isFailure: true, now: at(0))
    #expect(failed.recorded == 30_000_000)
  }

  @Test func `nothing costs more than a minute`() {
    var latency = first(10)
    for _ in 0..<60 { latency = latency.recording(.zero, isFailure: true, now: at(0)) }
    #expect(latency.recorded == 60 * 1e9)
    latency = latency.recording(.seconds(3_600), isFailure: false, now: at(0))
    #expect(latency.recorded == 60 * 1e9)
  }

  @Test func `no answer is so fast that it looks unknown`() {
    let fast = PeakLatency.unknown.recording(.zero, isFailure: false, now: Instant(nanoseconds: 0))
    #expect(fast.isKnown && fast.recorded == 1)
    let negative = PeakLatency.unknown.recording(.seconds(-1), isFailure: false, now: at(0))
    #expect(negative.recorded == 1)
  }

  @Test func `a wait in vain tells only that it would have taken longer`() {
    let known = first(100)
    #expect(known.waiting(.milliseconds(90), now: at(1)) == known)
    #expect(known.waiting(.milliseconds(400), now: at(1)).recorded == 400_000_000)
    #expect(PeakLatency.unknown.waiting(.milliseconds(30), now: at(1)) == .unknown)
    #expect(PeakLatency.unknown.waiting(.seconds(2), now: at(1)).recorded == 2_000_000_000)
  }

  @Test func `a clock that is behind changes no time`() {
    let known = first(100)
    #expect(known.cost(now: at(-3)) == 100_000_000)
    let later = known.recording(.milliseconds(10), isFailure: false, now: at(-3))
    #expect(later.cost(now: at(0)) == 100_000_000)
    let peak = known.recording(.milliseconds(200), isFailure: false, now: at(-3))
    #expect(isNear(peak.cost(now: at(10)), milliseconds: 200 * exp(-1)))
  }

  @Test func `time goes on where its 32 bits begin anew`() {
    let end = (1 << 54) - 1_000_000_000  // 2^32 ticks, a second before
    let known = PeakLatency.unknown.recording(
      .milliseconds(100), isFailure: false, now: Instant(nanoseconds: UInt64(end)))
    let later = Instant(nanoseconds: UInt64(end + 10_000_000_000))
    #expect(isNear(known.cost(now: later), milliseconds: 100 * exp(-1)))
  }

  @Test func `powers of one half are exact to a millionth`() {
    for step in 0..<12_500 {
      let exponent = Float(step) / 100
      let exact = exp2(-Double(exponent))
      #expect(abs(Double(PeakLatency.powerOfHalf(exponent)) / exact - 1) < 1e-6)
    }
    #expect(PeakLatency.powerOfHalf(126) == 0)
    #expect(PeakLatency.powerOfHalf(.infinity) == 0)
  }

  /// Against the formula in double precision, and in exact time.
  @Test func `random answers agree with the naive reading`() {
    var random = SplitMix64(seed: 77)
    for _ in 0..<50 {
      var latency = PeakLatency.unknown
      var cost = 0.0
      var last = 0.0
      var seconds = 0.0
      for step in 0..<200 {
        seconds += Double.random(in: 0...3, using: &random)
        let sample = Double.random(in: 0.0002...2, using: &random)
        latency = latency.recording(
          Duration(nanoseconds: Int64(sample * 1e9)), isFailure: false, now: at(seconds))
        let weight = exp(-(seconds - last) / 10)
        cost = step == 0 || sample > cost ? sample : cost * weight + sample * (1 - weight)
        last = seconds
        #expect(abs(Double(latency.recorded) / 1e9 / cost - 1) < 0.01)
      }
    }
  }

  @Test func `many who write at once lose no peak`() async {
    let word = SharedWord.allocate()
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask {
          for step in 1...2_000 {
            let latency = Duration.microseconds(Int64(writer * 2_000 + step))
            PeakLatency.record(
              latency, isFailure: false, now: Instant(nanoseconds: 7_000_000_000), in: word)
          }
        }
      }
    }
    #expect(PeakLatency(word: word.load()).recorded == 16_000_000)
    word.deallocate()
  }
}

extension PeakLatency {
  fileprivate static var unknown: PeakLatency { PeakLatency(word: 0) }
}
