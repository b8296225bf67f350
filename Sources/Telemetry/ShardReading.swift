// Why this file exists: the numbers that belong together are read so that they agree, from a
// worker that goes on counting and is not asked to wait.
import Primitives

/// What one worker has counted, at one moment. Nothing of it changes afterwards.
///
/// The worker stores its numbers one after the other, without a lock, while they are read. What is
/// promised of them:
/// - each number is whole, and none is lower than in an earlier reading;
/// - of a route, the requests by status, the requests by duration and those by overhead are as
///   many: a route that was caught between two stores is read again, some 50 times if need be. They
///   differ, by one, only when the system has stopped the worker in these few nanoseconds of a
///   request of that route and lets it wait. Requests beyond the bound on series are told as
///   `other`, and then a route may have more durations than requests;
/// - the sum of a histogram may lack the last request that its buckets have, or the reverse.
struct ShardReading {
  private(set) var requests: [RequestTable.Entry] = []
  private(set) var overflow: UInt64 = 0
  private(set) var routes: [UInt64] = []
  private let shard: MetricsShard

  private static let readings = 3
  private static let triesPerRoute = 16

  init(_ shard: MetricsShard) {
    self.shard = shard
    // A combination that is new since the table was read is found by reading it all again.
    for _ in 0..<ShardReading.readings {
      readAll()
      if settle() { return }
    }
  }

  private mutating func readAll() {
    overflow = shard.requests.overflow
    requests = (0..<shard.requests.places).compactMap { shard.requests.entry(at: $0) }
    // The route is the highest part of a key.
    requests.sort { $0.key < $1.key }
    let count = shard.routeCount * shard.routeStride
    routes = (0..<count).map { shard.routes.next($0).value }
  }

  /// Reads again what does not agree. False when there is something that still does not.
  private mutating func settle() -> Bool {
    if overflow > 0 { return true }
    var isSettled = true
    var first = 0
    for route in 0..<shard.routeCount {
      var end = first
      while end < requests.count, RequestTable.route(of: requests[end].key) == route { end += 1 }
      if !settle(route, first..<end) { isSettled = false }
      first = end
    }
    return isSettled
  }

  private mutating func settle(_ route: Int, _ entries: Range<Int>) -> Bool {
    for _ in 0..<ShardReading.triesPerRoute {
      if agrees(route, entries) { return true }
      for index in entries {
        requests[index].count = shard.requests.count(at: requests[index].place)
      }
      let first = route * shard.routeStride
      for word in first..<(first + shard.routeStride) {
        routes[word] = shard.routes.next(word).value
      }
    }
    return agrees(route, entries)
  }

  private func agrees(_ route: Int, _ entries: Range<Int>) -> Bool {
    func sum(_ first: Int, _ count: Int) -> UInt64 {
      var sum: UInt64 = 0
      for word in first..<(first + count) { sum &+= routes[word] }
      return sum
    }
    let duration = route * shard.routeStride
    let overhead = duration + shard.requestBounds.wordCount
    let finished = sum(duration, shard.requestBounds.bucketCount)
    return finished == sum(overhead, shard.overheadBounds.bucketCount)
      && finished == entries.reduce(0) { $0 &+ requests[$1].count }
  }
}
