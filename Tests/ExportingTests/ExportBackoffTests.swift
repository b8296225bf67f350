// Why this file exists: a collector that is down must be asked again soon enough to lose little,
// and seldom enough to be let up.
import Primitives
import Testing

@testable import Exporting

@Suite struct ExportBackoffTests {
  private var random = Xoroshiro(seed: 7)

  private func at(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test mutating func `each wait is twice the one before, a tenth more or less, up to a bound`() {
    var backoff = ExportBackoff()
    for expected: Int64 in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
      let wait = backoff.failed(now: at(1), asked: nil, random: &random).wait
      let milliseconds = wait.nanoseconds / 1_000_000
      #expect(abs(milliseconds - expected) <= expected / 10, "\(milliseconds) for \(expected)")
      #expect(wait <= ExportBackoff.longest)
    }
  }

  @Test mutating func `a success begins anew`() {
    var backoff = ExportBackoff()
    for _ in 0..<5 { _ = backoff.failed(now: at(1), asked: nil, random: &random) }
    backoff.succeeded()
    #expect(backoff.failed(now: at(1), asked: nil, random: &random).wait <= .milliseconds(550))
  }

  @Test mutating func `the time that the collector names is kept, within reason`() {
    var backoff = ExportBackoff()
    #expect(backoff.failed(now: at(1), asked: .seconds(7), random: &random).wait == .seconds(7))
    #expect(
      backoff.failed(now: at(1), asked: .seconds(86_400), random: &random).wait
        == ExportBackoff.longestAsked)
  }

  @Test mutating func `a batch is given up after a minute, and the next has a minute of its own`() {
    var backoff = ExportBackoff()
    #expect(!backoff.failed(now: at(1_000), asked: nil, random: &random).givesUp)
    #expect(!backoff.failed(now: at(60_999), asked: nil, random: &random).givesUp)
    #expect(backoff.failed(now: at(61_000), asked: nil, random: &random).givesUp)
    #expect(!backoff.failed(now: at(91_000), asked: nil, random: &random).givesUp)
    #expect(backoff.failed(now: at(151_000), asked: nil, random: &random).givesUp)
  }

  @Test(
    arguments: [
      (200, ExportVerdict.accepted), (202, .accepted), (429, .later(.seconds(3))),
      (502, .later(.seconds(3))), (503, .later(.seconds(3))), (504, .later(.seconds(3))),
      (400, .refused), (404, .refused), (413, .refused), (500, .refused), (301, .refused),
    ] as [(UInt16, ExportVerdict)])
  func `answers mean what the protocol says`(status: UInt16, verdict: ExportVerdict) {
    #expect(ExportVerdict(status: status, retryAfter: .seconds(3)) == verdict)
  }
}
