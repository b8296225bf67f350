// Why this file exists: the words of verdicts are read by machines, and the statuses that count as
// healthy decide about traffic.

import Health
import Testing

@Suite struct `Probe verdicts` {
  @Test func `every failure has its word`() {
    let words: [(ProbeFailure, String)] = [
      (.connectRefused, "connect_refused"), (.connectFailed, "connect_failed"),
      (.connectTimeout, "connect_timeout"), (.timeout, "timeout"), (.reset, "reset"),
      (.brokeProtocol, "protocol"), (.status(503), "status 503"),
    ]
    for (failure, word) in words { #expect(failure.description == word) }
  }

  @Test func `a verdict is pass, fail or skipped, with its detail`() {
    #expect(ProbeVerdict.pass(status: 204).result == "pass")
    #expect(ProbeVerdict.pass(status: 204).detail == "status 204")
    #expect(ProbeVerdict.fail(.timeout).result == "fail")
    #expect(ProbeVerdict.fail(.timeout).detail == "timeout")
    #expect(ProbeVerdict.skipped.result == "skipped")
    #expect(ProbeVerdict.skipped.detail == "no free descriptor")
  }

  @Test func `only the timeouts took all the time`() {
    #expect(ProbeFailure.timeout.tookAllTime)
    #expect(ProbeFailure.connectTimeout.tookAllTime)
    for quick in [
      ProbeFailure.connectRefused, .connectFailed, .reset, .brokeProtocol, .status(500),
    ] {
      #expect(!quick.tookAllTime)
    }
  }

  @Test func `ranges hold both their ends, and what lies between`() {
    let usual = StatusRanges([200...399])
    let held = (100...999 as ClosedRange<UInt16>).filter(usual.contains)
    #expect(held == Array(200...399))
  }

  @Test func `several ranges may overlap, touch and stand in any order`() {
    let ranges = StatusRanges([404...404, 200...204, 203...210])
    let held = (100...999 as ClosedRange<UInt16>).filter(ranges.contains)
    #expect(held == Array(200...210) + [404])
  }

  @Test func `no range holds nothing`() {
    #expect(!StatusRanges([]).contains(200))
  }
}
