// Why this file exists: the numbers of a scrape are compared with each other; those of a request
// that was finished in the middle of it must be in all of them or in none.
import Glibc
import HTTPSemantics
import Primitives
import Synchronization
import Testing

@testable import Telemetry

/// A worker that finishes requests until it is told to stop.
private final class BusyWorker: Sendable {
  static let routes = 64
  let shard = MetricsShard.create(MetricsRoom(routes: routes, services: 1, backends: 0))
  let isOver = Atomic(false)

  func work() {
    var number: UInt64 = 0
    while !isOver.load(ordering: .relaxed) {
      number += 1
      shard.record(
        RequestSample(
          route: Int(number) % BusyWorker.routes, service: 0, method: .get,
          status: number % 7 == 0 ? 500 : 200, reason: .none,
          duration: .microseconds(Int64(number % 1_000)), overhead: .microseconds(40),
          upstream: nil, bytesIn: 1, bytesOut: 1))
    }
  }
}

@Suite struct `What a worker has counted` {
  @Test func `agrees with itself while the worker goes on`() {
    let worker = BusyWorker()
    defer { worker.shard.destroy() }
    var thread = pthread_t()
    let started = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<BusyWorker>.fromOpaque(argument.unsafelyUnwrapped).takeUnretainedValue().work()
        return nil
      }, Unmanaged.passUnretained(worker).toOpaque())
    #expect(started == 0)
    let shard = worker.shard
    var wrong = 0
    var last: UInt64 = 0
    for _ in 0..<200 {
      let reading = ShardReading(shard)
      for route in 0..<BusyWorker.routes {
        let first = route * shard.routeStride
        let durations = reading.routes[first..<(first + shard.requestBounds.bucketCount)]
        let requests = reading.requests.filter { RequestTable.route(of: $0.key) == route }
        let finished = requests.reduce(0) { $0 + $1.count }
        // By one where the system has stopped the worker between its two stores.
        let difference = Int64(durations.reduce(0, +)) - Int64(finished)
        if abs(difference) > 1 { wrong += 1 }
      }
      let all = reading.requests.reduce(0) { $0 + $1.count }
      if all < last { wrong += 1 }
      last = all
    }
    worker.isOver.store(true, ordering: .relaxed)
    pthread_join(thread, nil)
    #expect(wrong == 0)
  }

  @Test func `is told all the same where requests found no place in the table`() {
    let shard = MetricsShard.create(MetricsRoom(routes: 1, services: 1, backends: 0, series: 16))
    defer { shard.destroy() }
    for status in 200..<300 as Range<UInt16> {
      shard.record(
        RequestSample(
          route: 0, service: 0, method: .get, status: status, reason: .none, duration: .zero,
          overhead: .zero, upstream: nil, bytesIn: 0, bytesOut: 0))
    }
    let reading = ShardReading(shard)
    #expect(reading.requests.count == 12 && reading.overflow == 88)
    #expect(reading.routes[0] == 100)
  }
}
