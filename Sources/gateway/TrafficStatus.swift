// Why this file exists: the page at `/` of the admin listener draws rates, percentiles and shares
// from two looks at these counters; a person with curl reads the same.

import Admin
import EventLoop
import Primitives
import Telemetry

extension JSONWriter {
  /// Routes that are told of one by one: a page holds no more, and an answer should stay small.
  private static let routesShown = 100

  /// The member `traffic` of /status. Everything counts up from the start of the process.
  mutating func traffic(_ sums: TrafficSums, now: Instant) {
    beginObject()
    // Rates are differences over differences of this, which no clock of day can move.
    member("clock_ms", Double(now.nanoseconds / 1_000) / 1_000)
    counts(sums.overall)
    bounds("duration_bounds_ms", .request)
    member("bytes_in", sums.bytesIn)
    member("bytes_out", sums.bytesOut)
    numbers("overhead", sums.overhead)
    bounds("overhead_bounds_ms", .overhead)
    words("local_answers", sums.reasons.map { ($0.word, $0.count) })
    key("routes")
    beginArray()
    for route in sums.routes.prefix(Self.routesShown) {
      beginObject()
      member("name", route.name)
      member("service", route.service)
      counts(route.sum)
      endObject()
    }
    endArray()
    member("routes_not_shown", max(sums.routes.count - Self.routesShown, 0))
    endObject()
  }

  /// `answers` by class, and `durations`: how many fell into each bucket alone, the last one above
  /// every bound.
  mutating func counts(_ sum: TrafficSum) {
    key("answers")
    beginObject()
    for (index, count) in sum.classes.enumerated() { member("\(index + 1)xx", count) }
    member("aborted", sum.aborted)
    endObject()
    numbers("durations", sum.durations)
  }

  mutating func words(_ name: String, _ counts: [(String, UInt64)]) {
    key(name)
    beginObject()
    for (word, count) in counts { member(word, count) }
    endObject()
  }

  private mutating func bounds(_ name: String, _ boundaries: HistogramBoundaries) {
    key(name)
    beginArray()
    for bound in boundaries.nanoseconds { number(Double(bound) / 1_000_000) }
    endArray()
  }

  private mutating func numbers(_ name: String, _ values: [UInt64]) {
    key(name)
    beginArray()
    for value in values { integer(value) }
    endArray()
  }
}
