// Why this file exists: a replay needs the same row from the same seed, and identifiers need a
// spread one.
import Primitives
import Testing

extension Box where Value == SplitMix64 {
  fileprivate func next() -> UInt64 { it.next() }
}
extension Box where Value == Xoroshiro {
  fileprivate func next() -> UInt64 { it.next() }
  fileprivate func below(_ bound: UInt64) -> UInt64 { it.below(bound) }
}

@Suite struct RandomTests {
  @Test func `SplitMix64 gives the published row for seed 1234567`() {
    let random = Box(SplitMix64(seed: 1_234_567))
    #expect(random.next() == 6_457_827_717_110_365_317)
    #expect(random.next() == 3_203_168_211_198_807_973)
    #expect(random.next() == 9_817_491_932_198_370_423)
  }

  @Test func `the same seed gives the same row, another seed another`() {
    var a = Xoroshiro(seed: 5)
    var b = Xoroshiro(seed: 5)
    var c = Xoroshiro(seed: 6)
    let rowA = (0..<100).map { _ in a.next() }
    let rowB = (0..<100).map { _ in b.next() }
    let rowC = (0..<100).map { _ in c.next() }
    #expect(rowA == rowB)
    #expect(rowA != rowC)
    #expect(Set(rowA).count == 100)
  }

  @Test func `xoroshiro128++ follows its definition`() {
    let random = Box(Xoroshiro(seed: 0))
    random.it.low = 1
    random.it.high = 2
    // rotl(1 + 2, 17) + 1 = 3 << 17 | 1
    #expect(random.next() == 393_217)
    // low = rotl(1, 49) ^ 3 ^ 3 << 21, high = rotl(3, 28)
    #expect(random.it.low == (1 << 49) ^ 3 ^ (3 << 21))
    #expect(random.it.high == 3 << 28)
  }

  @Test func `a bounded number stays below its bound and reaches every value`() {
    let random = Box(Xoroshiro(seed: 9))
    var seen: Set<UInt64> = []
    for _ in 0..<1_000 {
      let value = random.below(7)
      #expect(value < 7)
      seen.insert(value)
    }
    #expect(seen.count == 7)
    #expect(random.below(1) == 0)
  }
  @Test func `a length is spread by a tenth both ways, and never above its cap`() {
    var random = Xoroshiro(seed: 4)
    let lengths = (0..<1_000).map { _ in
      random.spread(.milliseconds(100), atMost: .milliseconds(105)).nanoseconds / 1_000_000
    }
    #expect(lengths.allSatisfy { (90...105).contains($0) })
    #expect(lengths.contains(90) && lengths.contains(105))
    #expect(random.spread(.zero, atMost: .seconds(1)) == .zero)
  }
}
