// Why this file exists: over a change of the configuration what stays must go on, what is new must
// begin at nothing, and a number's next owner must not inherit its last one's counts.
import HTTPSemantics
import Primitives
import ScrapeReading
import Telemetry
import Testing

private func sample(route: Int, service: Int, status: UInt16 = 200) -> RequestSample {
  RequestSample(
    route: route, service: service, method: .get, status: status, reason: .none,
    duration: .milliseconds(4), overhead: .microseconds(40), upstream: .milliseconds(3),
    bytesIn: 100, bytesOut: 1_000)
}

private func set(_ members: [Int]) -> Bitset {
  let set = Bitset.create(capacity: (members.max() ?? -1) + 1)
  for member in members { set.insert(member) }
  return set
}

private func forgotten(routes: [Int] = [], services: [Int] = [], backends: [Int] = []) -> Forgotten
{
  Forgotten(routes: set(routes), services: set(services), backends: set(backends))
}

@Suite struct `Metrics over a change` {
  @Test func `go on in a larger shard`() {
    let old = MetricsShard.create(MetricsRoom(routes: 3, services: 2, backends: 2))
    for _ in 0..<7 { old.record(sample(route: 2, service: 1)) }
    old.record(sample(route: 0, service: 0, status: 404))
    old.retries(service: 1, kind: .reset).add(3)
    old.localResponses(.noRoute).add(4)
    old.clientConnections.add(5)
    old.poolOpened(backend: 1).add(6)
    old.poolReused(backend: 1).add(8)
    let new = MetricsShard.create(MetricsRoom(routes: 9, services: 7, backends: 20))
    new.take(over: old, without: forgotten())
    old.destroy()
    defer { new.destroy() }
    #expect(new.requestBytes(route: 2).value == 700)
    #expect(new.requestDuration(route: 2).sum == 28_000_000)
    #expect(new.overhead(route: 2).sum == 280_000)
    #expect(new.upstreamDuration(service: 1).sum == 21_000_000)
    #expect(new.retries(service: 1, kind: .reset).value == 3)
    #expect(new.localResponses(.noRoute).value == 4)
    #expect(new.clientConnections.value == 5)
    #expect(new.poolOpened(backend: 1).value == 6 && new.poolReused(backend: 1).value == 8)
    #expect(new.requestBytes(route: 8).value == 0 && new.poolOpened(backend: 19).value == 0)
    new.record(sample(route: 2, service: 1))
    #expect(counts(new) == ["2/1/200": 8, "0/0/404": 1])
  }

  @Test func `end for what is forgotten, and for that alone`() {
    let room = MetricsRoom(routes: 4, services: 4, backends: 3)
    let old = MetricsShard.create(room)
    for number in 1...3 {
      old.record(sample(route: number, service: number))
      old.record(sample(route: number, service: 4 - number))
      old.poolOpened(backend: number - 1).add(9)
    }
    let new = MetricsShard.create(room)
    new.take(over: old, without: forgotten(routes: [2], services: [3], backends: [0]))
    old.destroy()
    defer { new.destroy() }
    #expect((1...3).map { new.requestBytes(route: $0).value } == [200, 0, 200])
    #expect((1...3).map { new.upstreamDuration(service: $0).sum / 1_000_000 } == [6, 6, 0])
    #expect((0...2).map { new.poolOpened(backend: $0).value } == [0, 9, 9])
    #expect(counts(new) == ["1/1/200": 1, "3/1/200": 1])
  }

  @Test func `end for a backend in place`() {
    let shard = MetricsShard.create(MetricsRoom(routes: 1, services: 1, backends: 3))
    defer { shard.destroy() }
    for backend in 0..<3 {
      shard.poolOpened(backend: backend).add(2)
      shard.poolReused(backend: backend).add(3)
    }
    shard.forget(backends: set([1]))
    #expect((0..<3).map { shard.poolOpened(backend: $0).value } == [2, 0, 2])
    #expect((0..<3).map { shard.poolReused(backend: $0).value } == [3, 0, 3])
  }

  @Test func `lose no request when the new table has less room than is needed`() {
    let new = MetricsShard.create(MetricsRoom(routes: 2, services: 2, backends: 0, series: 16))
    let source = MetricsShard.create(MetricsRoom(routes: 2, services: 2, backends: 0, series: 256))
    for status in 200..<300 as Range<UInt16> {
      source.record(sample(route: 1, service: 1, status: status))
    }
    new.take(over: source, without: forgotten())
    defer { for shard in [source, new] { shard.destroy() } }
    let told = counts(new).values.reduce(0, +)
    #expect(told == 12 && new.requests.overflow == 88)
  }

  @Test func `have room for what there is, and grow by a quarter more than is needed`() {
    var room = MetricsRoom(routes: 10, services: 3, backends: 5)
    let same = room.grow(routes: 10, services: 3, backends: 5)
    #expect(same && room.backends == 5)
    let more = room.grow(routes: 10, services: 3, backends: 100)
    #expect(!more && room.backends == 133 && room.routes == 10 && room.services == 3)
    let fits = room.grow(routes: 10, services: 3, backends: 133)
    #expect(fits)
  }

  @Test func `have more places for requests where there are more routes`() {
    #expect(MetricsRoom(routes: 1, services: 1, backends: 1).series == 4_096)
    #expect(MetricsRoom(routes: 10_000, services: 1, backends: 1).series == 40_000)
  }

  /// Route, service and status with their count.
  private func counts(_ shard: MetricsShard) -> [String: UInt64] {
    var counts: [String: UInt64] = [:]
    for place in 0..<shard.requests.places {
      guard let entry = shard.requests.entry(at: place) else { continue }
      let name = "\(RequestTable.route(of: entry.key))/\(RequestTable.service(of: entry.key))"
      counts[name + "/\(RequestTable.status(of: entry.key))"] = entry.count
    }
    return counts
  }
}

@Suite struct `A report over a change` {
  private let layout = MetricsLayout(
    routes: [
      .init(index: 1, name: "users", service: 1), .init(index: 4, name: "users", service: 3),
    ],
    services: [.init(index: 1, name: "old"), .init(index: 3, name: "new")],
    backends: [.init(index: 7, service: 3, name: "10.0.0.1:80")])

  private func scrape(_ shards: [MetricsShard]) -> Scrape {
    let report = MetricsReport(
      layout: layout, shards: shards, gauges: [BackendGauges(active: 1, open: 2, idle: 1)],
      configuration: ConfigurationStatus(
        isLastReloadSuccessful: true, lastReload: 0, successes: 0, failures: 0, hash: "h",
        generation: 2),
      process: ProcessSample(
        cpuSeconds: nil, residentBytes: nil, virtualBytes: nil, openDescriptors: nil,
        maximumDescriptors: nil, startTimeSeconds: nil), version: "1", clocks: anyClocks)
    return read(report)
  }

  @Test func `adds up workers of which some have no words yet for the newest numbers`() {
    let early = MetricsShard.create(MetricsRoom(routes: 2, services: 2, backends: 1))
    let late = MetricsShard.create(MetricsRoom(routes: 9, services: 9, backends: 9))
    defer { for shard in [early, late] { shard.destroy() } }
    early.record(sample(route: 1, service: 1))
    late.record(sample(route: 1, service: 1))
    late.record(sample(route: 4, service: 3))
    late.poolOpened(backend: 7).add(5)
    let scrape = scrape([early, late])
    #expect(scrape.faults == [])
    let duration = "gateway_request_duration_seconds_count"
    #expect(scrape.value(duration, ["route": "users", "service": "old"]) == 2)
    #expect(scrape.value(duration, ["route": "users", "service": "new"]) == 1)
    let backend = ["service": "new", "backend": "10.0.0.1:80"]
    #expect(scrape.value("gateway_pool_opened_total", backend) == 5)
  }

  @Test func `tells a route that changed its service once where services are not told apart`() {
    let shard = MetricsShard.create(MetricsRoom(routes: 5, services: 4, backends: 8))
    defer { shard.destroy() }
    shard.record(sample(route: 1, service: 1))
    shard.record(sample(route: 4, service: 3))
    let scrape = scrape([shard])
    #expect(scrape.faults == [])
    #expect(scrape.value("gateway_request_bytes_total", ["route": "users"]) == 200)
    #expect(scrape.value("gateway_overhead_seconds_count", ["route": "users"]) == 2)
  }

  @Test func `leaves out what was counted under a number without an owner`() {
    let shard = MetricsShard.create(MetricsRoom(routes: 5, services: 4, backends: 8))
    defer { shard.destroy() }
    shard.record(sample(route: 2, service: 1))
    let scrape = scrape([shard])
    #expect(scrape.faults == [])
    #expect(scrape.samples.allSatisfy { $0.name != "gateway_requests_total" })
  }
}
