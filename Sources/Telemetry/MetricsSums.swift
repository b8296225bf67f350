// Why this file exists: a scrape is written in parts while workers go on and configurations change,
// so all that it tells is read at its beginning, and the workers are added up.
import HTTPSemantics
import Primitives

/// A histogram over all workers.
package struct SummedHistogram: Equatable, Sendable {
  /// Of each bucket alone; the last is the one without a bound.
  package var counts: [UInt64]
  /// Nanoseconds.
  package var sum: UInt64
  /// By bucket; empty when there are none.
  package var exemplars: [Exemplar?]

  package init(counts: [UInt64], sum: UInt64, exemplars: [Exemplar?] = []) {
    self.counts = counts
    self.sum = sum
    self.exemplars = exemplars
  }
}

/// What all workers have counted, as it was at one moment: what `ShardReading` promises of each
/// worker, added up. A worker that took over new numbers a moment later has none for them: nothing
/// was counted there.
struct MetricsSums {
  /// In the order of the keys.
  private(set) var requests: [(key: UInt64, count: UInt64)] = []
  /// Requests that found no place in the table of a worker.
  private(set) var overflow: UInt64 = 0
  private let shape: MetricsShard
  private var routes: [UInt64] = []
  private var services: [UInt64] = []
  private var backends: [UInt64] = []
  private var singles: [UInt64] = []
  /// Of each worker.
  private(set) var lags: [UInt64] = []
  private(set) var shedding: [UInt64] = []
  private var durationExemplars: LatestExemplars
  private var overheadExemplars: LatestExemplars
  private var upstreamExemplars: LatestExemplars

  /// - Parameter shards: one at least.
  init(_ shards: [MetricsShard], readsExemplars: Bool) {
    shape = shards[0]
    durationExemplars = LatestExemplars(bucketCount: shape.requestBounds.bucketCount)
    overheadExemplars = LatestExemplars(bucketCount: shape.overheadBounds.bucketCount)
    upstreamExemplars = LatestExemplars(bucketCount: shape.requestBounds.bucketCount)
    var table: [UInt64: UInt64] = [:]
    for shard in shards {
      let reading = ShardReading(shard)
      for entry in reading.requests { table[entry.key, default: 0] &+= entry.count }
      overflow &+= reading.overflow
      MetricsSums.add(reading.routes, to: &routes)
      MetricsSums.add(shard.services, shard.serviceCount * shard.serviceStride, to: &services)
      MetricsSums.add(
        shard.backends, shard.backendCount * MetricsShard.backendStride, to: &backends)
      MetricsSums.add(shard.words.counter(0), MetricsShard.singleWords, to: &singles)
      lags.append(shard.eventLoopLag.value)
      shedding.append(shard.shedding.value)
      if readsExemplars { noteExemplars(shard, reading.routes) }
    }
    requests = table.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func add(_ words: [UInt64], to sums: inout [UInt64]) {
    if sums.count < words.count {
      sums += [UInt64](repeating: 0, count: words.count - sums.count)
    }
    for (index, word) in words.enumerated() { sums[index] &+= word }
  }
  private static func add(_ first: SharedCounter, _ count: Int, to sums: inout [UInt64]) {
    add((0..<count).map { first.next($0).value }, to: &sums)
  }

  // MARK: Exemplars

  private mutating func noteExemplars(_ shard: MetricsShard, _ words: [UInt64]) {
    let routes = shard.routeCount
    for route in 0..<routes {
      let first = route * shard.routeStride
      MetricsSums.note(
        shard, words[first...], at: shard.requestSlot(route: route), route, of: routes,
        in: &durationExemplars)
      MetricsSums.note(
        shard, words[(first + shard.requestBounds.wordCount)...],
        at: shard.overheadSlot(route: route), route, of: routes, in: &overheadExemplars)
    }
    for service in 0..<shard.serviceCount {
      let histogram = shard.upstreamDuration(service: service)
      let counts = (0..<shard.requestBounds.bucketCount).map { histogram.count(inBucket: $0) }
      MetricsSums.note(
        shard, counts[...], at: shard.upstreamSlot(service: service), service,
        of: shard.serviceCount, in: &upstreamExemplars)
    }
  }

  /// Looks at the buckets that have counted something: only they can have one.
  private static func note(
    _ shard: MetricsShard, _ counts: ArraySlice<UInt64>, at slot: Int, _ histogram: Int,
    of histograms: Int, in exemplars: inout LatestExemplars
  ) {
    for bucket in 0..<exemplars.bucketCount where counts[counts.startIndex + bucket] > 0 {
      guard let found = shard.exemplars.read(at: slot + bucket) else { continue }
      exemplars.note(found, histogram, bucket: bucket, of: histograms)
    }
  }

  // MARK: What was counted

  /// Nil when nothing was recorded in it yet.
  func requestDuration(route: Int) -> SummedHistogram? {
    let first = route * shape.routeStride
    return histogram(in: routes, at: [first], shape.requestBounds) { durationExemplars.of([route]) }
  }
  /// Of several routes together.
  func overhead(routes numbers: [Int]) -> SummedHistogram? {
    let firsts = numbers.map { $0 * shape.routeStride + shape.requestBounds.wordCount }
    return histogram(in: routes, at: firsts, shape.overheadBounds) { overheadExemplars.of(numbers) }
  }
  func upstreamDuration(service: Int) -> SummedHistogram? {
    let first = service * shape.serviceStride
    return histogram(in: services, at: [first], shape.requestBounds) {
      upstreamExemplars.of([service])
    }
  }

  private func histogram(
    in words: [UInt64], at firsts: [Int], _ bounds: HistogramBounds, _ exemplars: () -> [Exemplar?]
  ) -> SummedHistogram? {
    var counts = [UInt64](repeating: 0, count: bounds.bucketCount)
    var sum: UInt64 = 0
    for first in firsts where first < words.count {
      for bucket in counts.indices { counts[bucket] &+= words[first + bucket] }
      sum &+= words[first + bounds.bucketCount]
    }
    if counts.allSatisfy({ $0 == 0 }) { return nil }
    return SummedHistogram(counts: counts, sum: sum, exemplars: exemplars())
  }

  func requestBytes(routes numbers: [Int]) -> UInt64 { bytes(numbers, 0) }
  func responseBytes(routes numbers: [Int]) -> UInt64 { bytes(numbers, 1) }

  private func bytes(_ numbers: [Int], _ word: Int) -> UInt64 {
    let offset = shape.requestBounds.wordCount + shape.overheadBounds.wordCount + word
    return numbers.reduce(0) { $0 &+ MetricsSums.word(routes, $1 * shape.routeStride + offset) }
  }
  func retries(service: Int, kind: RetryKind) -> UInt64 {
    MetricsSums.word(
      services, service * shape.serviceStride + shape.requestBounds.wordCount + Int(kind.rawValue))
  }
  func poolOpened(backend: Int) -> UInt64 {
    MetricsSums.word(backends, backend * MetricsShard.backendStride)
  }
  func poolReused(backend: Int) -> UInt64 {
    MetricsSums.word(backends, backend * MetricsShard.backendStride + 1)
  }
  func localResponses(_ reason: Reason) -> UInt64 {
    singles[MetricsShard.reasonsWord + Int(reason.rawValue)]
  }
  /// A gauge: signed.
  var clientConnections: UInt64 { singles[MetricsShard.connectionsWord] }
  var underscoreFieldsDropped: UInt64 { singles[MetricsShard.fieldsDroppedWord] }
  var accessLogDropped: UInt64 { singles[MetricsShard.logDroppedWord] }

  private static func word(_ words: [UInt64], _ index: Int) -> UInt64 {
    index < words.count ? words[index] : 0
  }
}
