// Why this file exists: whether an expectation is met is what a scenario is for; figures and bounds
// are compared here on runs of a few requests that are counted by hand.

import HTTPSemantics
import Primitives
import Testing

@testable import Configuration
@testable import Rehearsal

/// The records of a run with two flows and two backends.
func records(_ expectations: [String], seconds: Int64 = 10) throws -> RunRecords {
  let result = run(expectations, seconds: seconds)
  return try #require(result)
}

private func run(_ expectations: [String], seconds: Int64) -> RunRecords? {
  let scenario = played(expectations, seconds: seconds)
  return scenario.map { scenario in
    RunRecords(
      scenario,
      backends: [
        BackendRecord(service: "s", address: "10.0.0.1:80"),
        BackendRecord(service: "s", address: "10.0.0.2:80"),
      ])
  }
}

func played(_ expectations: [String], seconds: Int64 = 10) -> ScenarioConfiguration? {
  let files = [
    "x.yaml": """
    config: g.yaml
    duration: \(seconds)s
    traffic: {a: {rate: 1/s, requests: /}, b: {rate: 1/s, requests: /}}
    expect: [\(expectations.joined(separator: ", "))]

    """,
    "g.yaml": """
    listeners: [{address: 127.0.0.1:8080}]
    services: {s: {backends: [10.0.0.1:80, 10.0.0.2:80]}}
    rate_limits: {few: {rate: 1/s, key: client_ip}}
    routes:
      - {name: one, match: {path: /one}, service: s, rate_limits: [few]}
      - {name: other, match: {path: /*}, service: s}
      - {name: "<i>&", match: {path: /i}, service: s}

    """,
  ]
  let environment = ConfigurationEnvironment(
    variable: { _ in nil }, file: { _ in .failure(.system(2)) })
  return ScenarioLoader.load(path: "x.yaml", environment: environment) { path in
    files[path].map { .success(Array($0.utf8)) } ?? .failure(.system(2))
  }.scenario
}

extension RunRecords {
  func request(
    _ flow: Int, at seconds: Int64, _ kind: EndKind = .success, status: UInt16 = 200,
    takes milliseconds: Int64 = 10, route: Int? = 0, limit: Int? = nil
  ) {
    sent(flow: flow, at: .seconds(seconds), isRepeat: false)
    ended(
      Ending(
        flow: flow, passage: Passage(route: route, limit: limit), sentAt: .seconds(seconds),
        latency: .milliseconds(milliseconds), kind: kind, status: status))
  }
}

@Suite struct Judgements {
  @Test func `a share is of the requests that ended`() throws {
    let records = try records(["success >= 75%", "success > 75%", "flow b success >= 100%"])
    for second in 0..<3 { records.request(0, at: Int64(second)) }
    records.request(0, at: 3, .reason(.rateLimited), status: 429)
    records.request(1, at: 4)
    records.request(0, at: 5, .backendError, status: 500)
    records.request(0, at: 6)
    records.request(0, at: 7)
    #expect(records.judgements.map(\.isMet) == [true, false, true])
    #expect(records.judgements[0].measured == "75.00% (6 of 8)")
    #expect(!records.isMet)
  }

  @Test func `a window takes in its beginning and not its end`() throws {
    let records = try records(["{that: requests <= 2, from: 2s, until: 4s}"])
    for second in 0..<8 { records.request(0, at: Int64(second)) }
    #expect(records.judgements[0].isMet)
    #expect(records.judgements[0].measured == "2")
    #expect(records.judgements[0].window == "from 2 s until 4 s")
  }

  @Test func `percentiles leave failures out`() throws {
    let records = try records(["p50 <= 10ms", "max < 1s"])
    for _ in 0..<3 { records.request(0, at: 1, takes: 10) }
    records.request(0, at: 1, .cut, takes: 5_000)
    #expect(records.judgements.map(\.isMet) == [true, true])
  }

  @Test func `what could not be measured is not met`() throws {
    let records = try records(["p99 <= 1h", "success >= 0%", "reason cut <= 100%", "requests <= 0"])
    #expect(records.judgements.map(\.isMet) == [false, false, false, true])
    #expect(records.judgements[0].measured == "nothing to measure")
  }

  @Test func `reasons and statuses are counted by share and by number`() throws {
    let records = try records([
      "reason rate_limited <= 1 request", "reason rate_limited <= 10%", "status 4xx >= 2 requests",
    ])
    records.request(0, at: 1, .reason(.rateLimited), status: 429)
    records.request(0, at: 1, status: 404)
    #expect(records.judgements.map(\.isMet) == [true, false, true])
  }

  @Test func `a route's requests are those that it took`() throws {
    let records = try records([
      "route other success >= 50%", "route one p99 <= 10ms", "route one requests <= 2 requests",
      "flow b route other requests <= 0", "route other requests >= 2",
    ])
    records.request(0, at: 1)
    records.request(1, at: 1, takes: 8)
    records.request(0, at: 2, takes: 500, route: 1)
    records.request(0, at: 2, .reason(.connectTimeout), status: 504, route: 1)
    records.request(0, at: 3, .notConnected, status: 0, route: nil)
    #expect(records.judgements.map(\.isMet) == [true, true, true, true, true])
    #expect(records.judgements[0].measured == "50.00% (1 of 2)")
    #expect(records.judgements[2].measured == "2")
    #expect(records.routes.map(\.ended.count) == [2, 2, 0])
    #expect(records.withoutRoute.count == 1)
  }

  @Test func `a limit's requests are those that it refused, or would have`() throws {
    let records = try records([
      "flow a limit few >= 100%", "limit few <= 1 request", "flow b limit few <= 0%",
    ])
    records.request(0, at: 1, .reason(.rateLimited), status: 429, limit: 0)
    records.request(0, at: 1, limit: 0)
    records.request(1, at: 1)
    #expect(records.judgements.map(\.isMet) == [true, false, true])
    #expect(records.judgements[0].measured == "100% (2 of 2)")
    #expect(records.limits[0].refused == 1)
    #expect(records.limits[0].wouldRefuse == 1)
  }

  @Test func `what stood in the way of success is told, most first, while it is not met`() throws {
    let records = try records(["success >= 50%", "success >= 1%", "p99 <= 1ms"])
    records.request(0, at: 1)
    for _ in 0..<2 { records.request(0, at: 1, .reason(.rateLimited), status: 429) }
    records.request(0, at: 1, .cut)
    #expect(records.judgements.map(\.failures) == ["2 rate_limited, 1 cut", "", ""])
  }

  @Test func `a backend's attempts are counted while the scenario has it down`() throws {
    let records = try records([
      "backend s/10.0.0.2:80 <= 1 request while down", "backend s/10.0.0.2:80 <= 50%",
      "attempts <= 150%",
    ])
    records.request(0, at: 1)
    records.request(0, at: 2)
    for down in [false, true, true] {
      records.attempt(backend: 1, at: .seconds(2), whileDown: down, isMissed: down)
    }
    #expect(records.judgements.map(\.isMet) == [false, false, true])
    #expect(records.judgements[0].measured == "2")
    #expect(records.backends[1].missed == 2)
  }
}

@Suite struct `Latency histograms` {
  @Test(arguments: [1, 31, 32, 33, 1_000, 65_535, 1_000_000, 3_600_000_000] as [Int64])
  func `a quantile is at most 3 percent above`(micros: Int64) throws {
    var histogram = LatencyHistogram()
    histogram.record(.microseconds(micros))
    histogram.record(.microseconds(micros * 100))
    let measured = try #require(histogram.quantile(500)).nanoseconds
    #expect(measured >= micros * 1_000)
    #expect(measured <= micros * 1_000 + max(micros * 1_000 / 31, 1_000))
    #expect(histogram.quantile(1_000) == .microseconds(micros * 100))
  }

  @Test func `ranks are rounded up`() {
    var histogram = LatencyHistogram()
    for milliseconds in 1...100 { histogram.record(.milliseconds(Int64(milliseconds))) }
    #expect(
      histogram.quantile(990).map { $0 >= .milliseconds(99) && $0 < .milliseconds(103) } == true)
    #expect(LatencyHistogram().quantile(990) == nil)
  }
}
