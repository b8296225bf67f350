// Why this file exists: percentiles of millions of requests out of a few KiB, the same on every
// machine.

package import Primitives

/// Durations in buckets of equal ratio: 32 for each doubling, so that a percentile is at most 3 %
/// above the true one, from 1 µs to hours.
package struct LatencyHistogram: Sendable {
  private static let perOctave = 32
  private static let octaves = 34
  private var counts: [UInt32] = []
  package private(set) var count = 0
  private var longest: Int64 = 0

  package init() {}

  package mutating func record(_ duration: Duration) {
    if counts.isEmpty {
      counts = [UInt32](
        repeating: 0, count: LatencyHistogram.octaves * LatencyHistogram.perOctave)
    }
    counts[LatencyHistogram.place(of: duration.nanoseconds)] &+= 1
    count += 1
    longest = max(longest, duration.nanoseconds)
  }

  package var longestOne: Duration { Duration(nanoseconds: longest) }

  /// The least that so many thousandths of the durations are not above; nil when there are none.
  package func quantile(_ thousandths: Int) -> Duration? {
    if count == 0 { return nil }
    if thousandths >= 1_000 { return longestOne }
    let rank = max(1, (count * thousandths + 999) / 1_000)
    var seen = 0
    for (place, number) in counts.enumerated() where number > 0 {
      seen += Int(number)
      if seen >= rank {
        return Duration(nanoseconds: min(LatencyHistogram.upperEnd(of: place), longest))
      }
    }
    return longestOne
  }

  /// Up to 32 µs in steps of 1 µs, then 32 steps for each doubling.
  private static func place(of nanoseconds: Int64) -> Int {
    let micros = UInt64(max(0, nanoseconds)) / 1_000
    if micros < UInt64(perOctave) { return Int(micros) }
    let shift = 63 - micros.leadingZeroBitCount - 5
    let place = (shift + 1) * perOctave + Int(micros >> UInt64(shift)) - perOctave
    return min(place, octaves * perOctave - 1)
  }

  private static func upperEnd(of place: Int) -> Int64 {
    if place < perOctave { return Int64(place + 1) * 1_000 }
    let shift = place / perOctave - 1
    return (Int64(place % perOctave + perOctave + 1) << Int64(shift)) * 1_000
  }
}
