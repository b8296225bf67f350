// Why this file exists: what a backend's answers cost of late is one word that all workers read and
// write, so its estimate and the time it was made at go together.
package import Primitives

/// How long a backend takes to answer: a moving average that follows every peak at once and comes
/// down with time. In a word: its estimate in nanoseconds as a Float, below it the time in ticks;
/// 0 = nobody knows. A value: recording gives a new one.
///
/// The average is over time, not over requests, with a time constant of 10 s, as Finagle, Linkerd,
/// Envoy and APISIX have it.
package struct PeakLatency: Equatable, Sendable {
  package let word: UInt64

  package init(word: UInt64) { self.word = word }

  /// A tick is 2^22 ns, 4.2 ms; 32 bits of them are 208 days.
  private static let tickShift: UInt64 = 22
  /// Ticks in which an estimate halves: 10 s times ln 2.
  private static let halfLife = Float(10_000_000_000 * 0.693_147_18) / Float(1 << 22)
  /// Nothing costs more than a minute, so that everybody is worth a try again after two.
  private static let most: Float = 60 * 1e9
  /// What the first thing known of a backend costs when it is a failure: 30 ms, which Linkerd takes
  /// for the unknown.
  private static let firstFailure: Float = 30_000_000

  private init(cost: Float, tick: UInt32) {
    word = UInt64(cost.bitPattern) << 32 | UInt64(tick)
  }

  package var isKnown: Bool { word != 0 }

  /// As it was recorded, in nanoseconds.
  package var recorded: Float { Float(bitPattern: UInt32(truncatingIfNeeded: word >> 32)) }

  private var tick: UInt32 { UInt32(truncatingIfNeeded: word) }

  private static func tick(_ now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: now.nanoseconds >> tickShift)
  }

  /// The estimate at `now`, in nanoseconds. Without new answers it comes down towards nothing: what
  /// was slow once deserves another try. 0 when nothing is known.
  package func cost(now: Instant) -> Float { recorded * decay(until: PeakLatency.tick(now)) }

  /// The estimate after one more answer, or failure.
  ///
  /// A failure counts as no less than twice what was known: who fails fast must not look fast.
  /// Twice in a row is four times, and every 7 s without a failure take one of these back.
  package func recording(
    _ latency: Duration, isFailure: Bool, now: Instant
  ) -> PeakLatency {
    var sample = max(Float(latency.nanoseconds), 1)
    if isFailure { sample = max(sample, isKnown ? 2 * recorded : PeakLatency.firstFailure) }
    sample = min(sample, PeakLatency.most)
    let tick = PeakLatency.tick(now)
    if !isKnown { return PeakLatency(cost: sample, tick: tick) }
    // The clock of another worker may be a little behind; time does not go back for that.
    let later = age(at: tick) > 0 ? tick : self.tick
    if sample > recorded { return PeakLatency(cost: sample, tick: later) }
    let weight = decay(until: tick)
    return PeakLatency(cost: recorded * weight + sample * (1 - weight), tick: later)
  }

  /// What is left of an estimate: e^(-time / 10 s).
  private func decay(until now: UInt32) -> Float {
    let ticks = age(at: now)
    return ticks <= 0 ? 1 : PeakLatency.powerOfHalf(Float(ticks) / PeakLatency.halfLife)
  }

  /// Ticks since it was recorded; negative when that was by a clock that is ahead. Ticks wrap: what
  /// seems to be ahead by more than minutes is older than half of their range.
  private func age(at now: UInt32) -> Int32 {
    let ticks = Int32(bitPattern: now &- tick)
    return ticks < -65_536 ? .max : ticks
  }

  /// 2^(-exponent), to within a millionth part; 0 where a Float has nothing so small. `exponent` is
  /// not negative.
  static func powerOfHalf(_ exponent: Float) -> Float {
    if exponent >= 126 { return 0 }
    let whole = UInt32(exponent + 0.5)
    // e^y for y from -0.35 to 0.35: the first terms of its series.
    let y = (Float(whole) - exponent) * 0.693_147_18
    var sum: Float = 1 + y * (1 / 6)
    sum = 1 + y * (1 / 5) * sum
    sum = 1 + y * (1 / 4) * sum
    sum = 1 + y * (1 / 3) * sum
    sum = 1 + y * (1 / 2) * sum
    sum = 1 + y * sum
    return sum * Float(bitPattern: (127 - whole) << 23)
  }

  /// The estimate after waiting so long for an answer that nobody wanted any more: it would have
  /// taken at least that long. Tells something only above what was known.
  package func waiting(_ wait: Duration, now: Instant) -> PeakLatency {
    let least = isKnown ? recorded : PeakLatency.firstFailure
    if Float(wait.nanoseconds) <= least { return self }
    return recording(wait, isFailure: false, now: now)
  }

  /// Records into a word that others write too.
  package static func record(
    _ latency: Duration, isFailure: Bool, now: Instant, in shared: SharedWord
  ) {
    change(shared) { $0.recording(latency, isFailure: isFailure, now: now) }
  }

  /// The same for an answer that was waited for in vain.
  package static func recordWait(_ wait: Duration, now: Instant, in shared: SharedWord) {
    change(shared) { $0.waiting(wait, now: now) }
  }

  private static func change(_ shared: SharedWord, _ change: (PeakLatency) -> PeakLatency) {
    var known = shared.load()
    while true {
      let next = change(PeakLatency(word: known))
      if next.word == known { return }
      let found = shared.compareExchange(expected: known, desired: next.word)
      if found == known { return }
      known = found
    }
  }
}
