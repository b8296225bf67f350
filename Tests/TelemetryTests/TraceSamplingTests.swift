// Why this file exists: which traces are recorded is a public promise: the same trace is decided in
// the same way by everybody who uses its 56 random bits.
import Primitives
import Telemetry
import Testing

@Suite struct TraceSamplingTests {
  @Test func `all and nothing are exact`() {
    for low: UInt64 in [1, 1 << 55, (1 << 56) - 1, .max, 1 << 56] {
      #expect(TraceSampling(partsPerMillion: 1_000_000).takes(low))
      #expect(!TraceSampling(partsPerMillion: 0).takes(low))
    }
  }

  @Test func `half is the upper half of the lowest 56 bits, whatever stands above them`() {
    let half = TraceSampling(partsPerMillion: 500_000)
    #expect(half.takes(0x0080_0000_0000_0000) && half.takes(0xab80_0000_0000_0000))
    #expect(!half.takes(0x007f_ffff_ffff_ffff) && !half.takes(0xff7f_ffff_ffff_ffff))
  }

  @Test func `a share holds over many ids, and a larger one takes all that a smaller one takes`() {
    var random = Xoroshiro(seed: 3)
    let small = TraceSampling(partsPerMillion: 10_000)
    let large = TraceSampling(partsPerMillion: 250_000)
    var counts = (small: 0, large: 0)
    for _ in 0..<100_000 {
      let low = random.next()
      if small.takes(low) { counts.small += 1 }
      if large.takes(low) { counts.large += 1 }
      if small.takes(low) && !large.takes(low) { Issue.record("\(low)") }
    }
    #expect((900...1_100).contains(counts.small))
    #expect((24_500...25_500).contains(counts.large))
  }
}
