// Why this file exists: a backend that answers slowly should get less before its requests pile up;
// its latency says so first.
import Primitives

/// The cheaper of two different backends drawn at random by weight: latency * (requests in flight +
/// 1), where requests in flight count for the weight.
enum PeakEWMA {
  @inline(__always)
  static func choose(_ eligible: Eligibility, _ random: inout Xoroshiro) -> Int? {
    guard let (first, second) = PowerOfTwo.drawTwo(eligible, &random) else { return nil }
    guard let second else { return first }
    let one = Estimate(eligible, first)
    let other = Estimate(eligible, second)
    let oneScore = one.latency(beside: other) * (1 + one.load)
    return other.latency(beside: one) * (1 + other.load) < oneScore ? second : first
  }

  /// What is known of a backend now.
  struct Estimate {
    /// As it was recorded; infinite when nothing is known.
    let recorded: Float
    /// What of it is left by now; 0 when nothing is known.
    let cost: Float
    let load: Float

    @inline(__always)
    init(_ eligible: Eligibility, _ backend: Int) {
      let view = eligible.view
      let latency = PeakLatency(word: view.tables.pointee.latency[backend].load())
      self.init(
        latency, now: Instant(nanoseconds: eligible.now),
        load: Load(eligible, backend).relative(toMean: view.tables.pointee.meanWeight))
    }

    @inline(__always)
    init(_ latency: PeakLatency, now: Instant, load: Float) {
      recorded = latency.isKnown ? latency.recorded : .infinity
      cost = latency.cost(now: now)
      self.load = load
    }

    /// What its latency is taken to be in a comparison with another backend, in nanoseconds.
    ///
    /// An estimate that has only come down by waiting never falls below the other's: the backend is
    /// then as good as the other, and its requests in flight decide. So one that nobody has heard
    /// of lately, or ever, is tried again in its turn, and is not flooded for looking fast.
    @inline(__always)
    func latency(beside other: Estimate) -> Float { max(cost, min(recorded, other.cost), 1) }
  }
}
