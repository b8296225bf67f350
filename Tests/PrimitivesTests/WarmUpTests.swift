// Why this file exists: "gradual warm-up" has to be a number that grows, not a word in a
// configuration.
import Primitives
import Testing

@Suite struct WarmUpTests {
  private func share(at seconds: UInt64, of duration: UInt64 = 30) -> UInt64 {
    let began: UInt64 = 5_000_000_000
    return WarmUp.share(
      began: began, now: began + seconds * 1_000_000_000, duration: duration * 1_000_000_000)
  }

  @Test func `a share grows in a straight line from a tenth to the whole (regression 25)`() {
    #expect(share(at: 0) == 102)
    #expect(share(at: 10) == 102 + 922 / 3)
    #expect(share(at: 15) == 102 + 922 / 2)
    #expect(share(at: 20) == 102 + 922 * 2 / 3)
    #expect(share(at: 30) == 1_024)
    #expect(share(at: 1_000) == 1_024)
  }

  @Test func `it never shrinks`() {
    var last: UInt64 = 0
    for second in 0...3_600 {
      let now = share(at: UInt64(second), of: 3_600)
      #expect(now >= last)
      last = now
    }
    #expect(last == 1_024)
  }

  @Test func `who is not warming up has the whole share`() {
    #expect(WarmUp.share(began: 0, now: 7, duration: 30_000_000_000) == 1_024)
    #expect(WarmUp.share(began: 5, now: 7, duration: 0) == 1_024)
  }

  @Test func `an instant before the beginning is the beginning`() {
    #expect(WarmUp.share(began: 5_000, now: 4_000, duration: 30_000_000_000) == 102)
  }

  @Test func `the shortest and the longest duration hold`() {
    #expect(WarmUp.share(began: 5, now: 6, duration: 2) == 102)
    #expect(WarmUp.share(began: 5, now: 7, duration: 2) == 1_024)
    let year: UInt64 = 31_536_000_000_000_000
    #expect(WarmUp.share(began: 5, now: 5 + year / 2, duration: year) == 102 + 461)
  }
}
