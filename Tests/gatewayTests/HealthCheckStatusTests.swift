// Why this file exists: what /status says of a health check, member by member.

import Admin
import Health
import Primitives
import Probing
import Testing

@testable import gateway

@Suite struct `The status of a health check` {
  /// 2024-05-06T07:08:09Z, five seconds after the monotonic clock's origin.
  private let clocks = ClockReading(
    monotonic: Instant(nanoseconds: 5_000_000_000), wall: 1_714_979_289_000_000_000)

  private func text(_ report: ProbeReport?) -> String {
    var json = JSONWriter()
    json.healthCheck(report, clocks)
    return String(decoding: json.finished, as: UTF8.self)
  }

  @Test func `a backend without checks has none`() {
    #expect(text(nil) == "null\n")
  }

  @Test func `before the first result only the next turn is known`() {
    let report = ProbeReport(
      isUp: true, resultsAgainst: 0, last: nil, next: Instant(nanoseconds: 5_250_000_000))
    #expect(
      text(report) == """
        {"result":null,"detail":null,"at":null,"took_ms":null,"against_state":0,\
        "next":"2024-05-06T07:08:09.250000Z"}

        """)
  }

  @Test func `a result is told with its time, its length and what it counts`() {
    let report = ProbeReport(
      isUp: true, resultsAgainst: 2,
      last: ProbeReport.Last(
        verdict: .fail(.status(503)), at: Instant(nanoseconds: 4_000_000_000),
        took: .microseconds(1_250)),
      next: nil)
    #expect(
      text(report) == """
        {"result":"fail","detail":"status 503","at":"2024-05-06T07:08:08.000000Z",\
        "took_ms":1.25,"against_state":2,"next":null}

        """)
  }
}
