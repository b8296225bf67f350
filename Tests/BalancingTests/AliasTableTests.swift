// Why this file exists: a table that is a little wrong gives a distribution that is a little wrong,
// which nobody would notice.
import Primitives
import Testing

@testable import Balancing

@Suite struct AliasTableTests {
  /// Draws from a raster of all random words instead of random ones: what remains is the table.
  private func parts(_ weights: [UInt32], steps: UInt64 = 1 << 16) -> [Int] {
    let arena = Arena()
    let table = AliasTable(weights, in: arena)
    var counts = [Int](repeating: 0, count: weights.count)
    let width = UInt64.max / steps
    for step in 0..<steps { counts[table.choose(step * width + width / 2)] += 1 }
    withExtendedLifetime(arena) {}
    return counts
  }

  @Test(arguments: [[1], [7], [1, 1], [3, 1], [5, 1, 1], [1, 1_000], [9, 2, 4, 1, 8]] as [[UInt32]])
  func `every backend has the part that its weight says`(weights: [UInt32]) {
    let counts = parts(weights)
    let sum = weights.reduce(0, +)
    for (count, weight) in zip(counts, weights) {
      let expected = Double(weight) / Double(sum) * 65_536
      // Each border of a part may fall one step off.
      #expect(abs(Double(count) - expected) <= Double(weights.count) + 1)
    }
  }

  @Test func `random weights keep their parts`() {
    var random = SplitMix64(seed: 2)
    for _ in 0..<50 {
      let count = Int.random(in: 1...200, using: &random)
      let weights = (0..<count).map { _ in UInt32.random(in: 1...65_536, using: &random) }
      let counts = parts(weights)
      let sum = weights.reduce(0.0) { $0 + Double($1) }
      for (taken, weight) in zip(counts, weights) {
        #expect(abs(Double(taken) - Double(weight) / sum * 65_536) <= Double(count) + 1)
      }
    }
  }

  @Test func `the last random word is nobody's fault`() {
    let arena = Arena()
    let table = AliasTable([1, 2, 3], in: arena)
    #expect((0..<3).contains(table.choose(.max)))
    #expect((0..<3).contains(table.choose(0)))
    withExtendedLifetime(arena) {}
  }
}
