// Why this file exists: the charts of a page that was opened just now begin with what is kept here.

import HTTPSemantics
import Primitives
import Telemetry
import Testing

@testable import gateway

@Suite struct TrafficHistoryTests {
  private let layout = MetricsLayout(
    routes: [.init(index: 1, name: "all", service: 1)],
    services: [.init(index: 1, name: "main")], backends: [])

  @Test func `Samples are kept for five minutes, the oldest first`() {
    let history = TrafficHistory { TrafficSums(self.layout, []) }
    for number in 0..<400 {
      history.take(now: Instant(nanoseconds: UInt64(number) * 5_000_000_000))
    }
    #expect(history.samples.count == 61)
    #expect(history.samples.first?.at == Instant(nanoseconds: 339 * 5_000_000_000))
    #expect(history.samples.last?.at == Instant(nanoseconds: 399 * 5_000_000_000))
  }

  @Test func `A sample holds the counters as they stood`() {
    let shard = MetricsShard.create(MetricsRoom(routes: 2, services: 2, backends: 0))
    let history = TrafficHistory { TrafficSums(self.layout, [shard]) }
    func answer(_ status: UInt16) {
      shard.record(
        RequestSample(
          route: 1, service: 1, method: .get, status: status, reason: .none,
          duration: .milliseconds(1), overhead: .microseconds(20), upstream: nil, bytesIn: 0,
          bytesOut: 0))
    }
    answer(200)
    history.take(now: Instant(nanoseconds: 1_500_000))
    answer(503)
    shard.retries(service: 1, kind: .connect).add(2)
    history.take(now: Instant(nanoseconds: 2_000_000))
    #expect(history.samples.map(\.sum.answers) == [1, 2])
    #expect(history.samples.map(\.retries) == [0, 2])
    let text = String(decoding: history.json, as: UTF8.self)
    #expect(text.hasPrefix("{\"samples\":[{\"clock_ms\":1.5,\"answers\":{\"1xx\":0,\"2xx\":1,"))
    #expect(text.contains("\"5xx\":1,\"aborted\":0},\"durations\":[0,2,0,"))
    #expect(text.hasSuffix("\"retries\":2}]}\n"))
  }
}
