// Why this file exists: the page draws what is summed here; a route that is counted twice, or a
// worker that is left out, would be believed.

import HTTPSemantics
import Primitives
import Testing

@testable import Telemetry

@Suite struct TrafficSumsTests {
  private let layout = MetricsLayout(
    routes: [
      .init(index: 1, name: "api", service: 1), .init(index: 2, name: "web", service: 2),
      .init(index: 3, name: "quiet", service: 1),
    ], services: [.init(index: 1, name: "users"), .init(index: 2, name: "pages")], backends: [])

  private func shard(_ samples: [RequestSample]) -> MetricsShard {
    let shard = MetricsShard.create(MetricsRoom(routes: 4, services: 3, backends: 1))
    for sample in samples { shard.record(sample) }
    return shard
  }

  private func sample(
    _ route: Int, _ service: Int, _ status: UInt16, _ reason: Reason = .none,
    milliseconds: Int64 = 1, upstream: Int64? = nil, method: Method = .get
  ) -> RequestSample {
    RequestSample(
      route: route, service: service, method: method, status: status, reason: reason,
      duration: .milliseconds(milliseconds), overhead: .microseconds(20),
      upstream: upstream.map { .milliseconds($0) }, bytesIn: 10, bytesOut: 100)
  }

  @Test func `All workers' answers are added up, by class, route and service`() {
    let sums = TrafficSums(
      layout,
      [
        shard([
          sample(1, 1, 200, upstream: 1), sample(1, 1, 204, method: .post),
          sample(2, 2, 302), sample(0, 0, 404, .noRoute),
        ]),
        shard([sample(1, 1, 503, .circuitOpen), sample(1, 1, 499, .clientAbort), sample(2, 2, 101)]
        ),
      ])
    #expect(sums.overall.classes == [1, 2, 1, 1, 1] && sums.overall.aborted == 1)
    #expect(sums.overall.answers == 7)
    #expect(sums.routes.map(\.name) == ["api", "web", "-"])
    #expect(sums.routes[0].sum.classes == [0, 2, 0, 0, 1] && sums.routes[0].sum.aborted == 1)
    #expect(sums.routes[1].service == "pages")
    #expect(sums.services.map(\.name) == ["users", "pages"])
    #expect(sums.services[0].sum.answers == 4 && sums.services[1].sum.answers == 2)
    #expect(
      sums.reasons.map { "\($0.word) \($0.count)" }.sorted()
        == ["circuit_open 1", "client_abort 1", "no_route 1"])
    #expect(sums.bytesIn == 70 && sums.bytesOut == 700)
  }

  @Test func `Durations are whole requests' for routes, backends' for services`() {
    let sums = TrafficSums(
      layout, [shard([sample(1, 1, 200, milliseconds: 40, upstream: 15), sample(2, 2, 200)])])
    let bounds = HistogramBoundaries.request.nanoseconds
    let fifty = bounds.firstIndex(of: 50_000_000)!
    let twenty = bounds.firstIndex(of: 20_000_000)!
    let one = bounds.firstIndex(of: 1_000_000)!
    #expect(sums.routes[0].sum.durations[fifty] == 1)
    #expect(sums.services[0].sum.durations[twenty] == 1)
    #expect(sums.services[1].sum.durations.allSatisfy { $0 == 0 })
    #expect(sums.overall.durations[fifty] == 1 && sums.overall.durations[one] == 1)
    #expect(sums.overhead.reduce(0, +) == 2)
  }

  @Test func `Retries are told by kind, and only those that occurred`() {
    let first = shard([])
    first.retries(service: 1, kind: .connect).add(3)
    let second = shard([])
    second.retries(service: 1, kind: .connect).add(2)
    second.retries(service: 1, kind: .status503).add(1)
    let sums = TrafficSums(layout, [first, second])
    #expect(sums.services[0].retries.map { "\($0.kind) \($0.count)" } == ["connect 5", "503 1"])
    #expect(sums.services[1].retries.isEmpty)
    #expect(sums.routes.isEmpty && sums.reasons.isEmpty)
  }

  @Test func `A shard from before a service or a route came counts for the others`() {
    let old = MetricsShard.create(MetricsRoom(routes: 2, services: 2, backends: 0))
    old.record(sample(1, 1, 200))
    let sums = TrafficSums(layout, [old, shard([sample(2, 2, 200)])])
    #expect(sums.overall.answers == 2)
  }
}
