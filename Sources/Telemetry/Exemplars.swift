// Why this file exists: a bucket says that some requests were slow; an exemplar beside it names
// one of them, by the trace in which what happened to it can be looked up.
package import Primitives

/// One request that a bucket has counted.
package struct Exemplar: Equatable, Sendable {
  package var traceHigh: UInt64
  package var traceLow: UInt64
  /// Nanoseconds; what the histogram counted.
  package var value: UInt64
  /// When it was counted, by the monotonic clock.
  package var noted: Instant
}

/// The clocks at the moment of a scrape: exemplars are noted by one and told by the other.
package struct ScrapeClocks: Sendable {
  package var monotonic: Instant
  /// Nanoseconds since 1970.
  package var wall: Int64

  package init(monotonic: Instant, wall: Int64) {
    self.monotonic = monotonic
    self.wall = wall
  }

  /// Nanoseconds since 1970, whole milliseconds.
  func time(of instant: Instant) -> UInt64 {
    let time = wall + (instant - monotonic).nanoseconds
    return UInt64(max(0, time)) / 1_000_000 * 1_000_000
  }
}

/// The latest exemplar of each bucket of each histogram that one worker has. One writing thread,
/// any number of readers, nobody waits. Takes memory only where something was noted: 40 bytes a
/// bucket, in pages of their own.
@usableFromInline
package struct ExemplarTable: Sendable {
  private let words: SharedWords

  /// Start-up and reload only.
  static func create(slots: Int) -> ExemplarTable {
    ExemplarTable(words: .reserve(count: slots * SharedRecord.wordCount))
  }
  func destroy() { words.release() }

  private func record(_ slot: Int) -> SharedRecord {
    SharedRecord(words[slot * SharedRecord.wordCount])
  }

  func note(_ trace: TraceContext, _ value: UInt64, now: Instant, at slot: Int) {
    record(slot).write(
      (trace.traceHigh, trace.traceLow, value, now.nanoseconds))
  }

  func read(at slot: Int) -> Exemplar? {
    guard let (high, low, value, noted) = record(slot).read() else { return nil }
    return Exemplar(
      traceHigh: high, traceLow: low, value: value, noted: Instant(nanoseconds: noted))
  }
}

/// The exemplars of histograms of one kind, the latest of all workers. Takes memory once there is
/// one.
struct LatestExemplars {
  let bucketCount: Int
  private var slots: [Exemplar?] = []

  init(bucketCount: Int) { self.bucketCount = bucketCount }

  /// - Parameter histograms: how many there are.
  mutating func note(
    _ found: Exemplar, _ histogram: Int, bucket: Int, of histograms: Int
  ) {
    let room = histograms * bucketCount
    if slots.count < room {
      slots += [Exemplar?](repeating: nil, count: room - slots.count)
    }
    let slot = histogram * bucketCount + bucket
    if let known = slots[slot], known.noted >= found.noted { return }
    slots[slot] = found
  }

  /// Of several histograms together, by bucket; empty when there are none at all.
  func of(_ histograms: [Int]) -> [Exemplar?] {
    if slots.isEmpty { return [] }
    return (0..<bucketCount).map { bucket in
      var latest: Exemplar?
      for histogram in histograms where (histogram + 1) * bucketCount <= slots.count {
        guard let found = slots[histogram * bucketCount + bucket] else { continue }
        if latest.map({ $0.noted < found.noted }) ?? true { latest = found }
      }
      return latest
    }
  }
}

extension MetricsShard {
  /// Remembers a finished request, which `record` has counted, as the exemplar of its buckets. For
  /// those whose trace is recorded: no other can be looked up. The words of an exemplar are never
  /// seen half written.
  @inline(never)
  package func noteExemplars(_ sample: RequestSample, _ trace: TraceContext, now: Instant) {
    func note(_ duration: Duration, _ bounds: HistogramBounds, _ first: Int) {
      let value = MetricsShard.positive(duration)
      exemplars.note(trace, value, now: now, at: first + bounds.bucket(of: value))
    }
    note(sample.duration, requestBounds, requestSlot(route: sample.route))
    note(sample.overhead, overheadBounds, overheadSlot(route: sample.route))
    if let upstream = sample.upstream {
      note(upstream, requestBounds, upstreamSlot(service: sample.service))
    }
  }

  static func exemplarSlots(
    _ room: MetricsRoom, _ request: HistogramBounds, _ overhead: HistogramBounds
  ) -> Int {
    room.routes * (request.bucketCount + overhead.bucketCount)
      + room.services * request.bucketCount
  }

  // The slot of each histogram's first bucket.
  func requestSlot(route: Int) -> Int {
    route * (requestBounds.bucketCount + overheadBounds.bucketCount)
  }
  func overheadSlot(route: Int) -> Int { requestSlot(route: route) + requestBounds.bucketCount }
  func upstreamSlot(service: Int) -> Int {
    requestSlot(route: routeCount) + service * requestBounds.bucketCount
  }
}
