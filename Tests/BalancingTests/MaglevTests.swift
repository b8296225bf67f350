// Why this file exists: the table must be as even as its paper says, and move as little.
import Primitives
import Testing

@testable import Balancing

@Suite struct MaglevTests {
  private func table(_ labels: [String], weights: [UInt32] = []) -> [Int] {
    let arena = Arena()
    let table = MaglevTable(
      labels: labels.map { Array($0.utf8) },
      weights: weights.isEmpty ? [UInt32](repeating: 1, count: labels.count) : weights, in: arena)
    return withExtendedLifetime(arena) { (0..<MaglevTable.size).map { table.owner($0) } }
  }

  private func counts(_ table: [Int], _ count: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    for owner in table { counts[owner] += 1 }
    return counts
  }

  @Test(arguments: [1, 2, 3, 10, 333])
  func `parts differ by one place at most`(count: Int) {
    let parts = counts(table(Backends.labels(count)), count)
    #expect((parts.max() ?? 0) - (parts.min() ?? 0) <= 1)
  }

  @Test func `parts follow the weights`() {
    let weights: [UInt32] = [1, 2, 3, 4, 10]
    let parts = counts(table(Backends.labels(5), weights: weights), 5)
    for (part, weight) in zip(parts, weights) {
      #expect(abs(Double(part) - Double(weight) / 20 * 65_537) <= Double(weight) + 1)
    }
    let uneven = counts(table(Backends.labels(2), weights: [1_000, 1]), 2)
    #expect((64...67).contains(uneven[1]))
  }

  /// Section 3.4 of the paper, its pseudocode written down plainly.
  @Test func `the table is the published one`() {
    let labels = Backends.labels(7).sorted()
    let size = MaglevTable.size
    let hashes = labels.map { label in
      (0...1).map { HashRing.pointHash(Array(label.utf8), $0) }
    }
    func permutation(_ index: Int, _ number: Int) -> Int {
      let offset = Int(hashes[index][0] % UInt64(size))
      let skip = Int(hashes[index][1] % UInt64(size - 1)) + 1
      return (offset + number * skip) % size
    }
    var next = [Int](repeating: 0, count: 7)
    var entry = [Int](repeating: -1, count: size)
    var filled = 0
    while filled < size {
      for index in 0..<7 where filled < size {
        var candidate = permutation(index, next[index])
        while entry[candidate] >= 0 {
          next[index] += 1
          candidate = permutation(index, next[index])
        }
        entry[candidate] = index
        next[index] += 1
        filled += 1
      }
    }
    #expect(table(labels) == entry)
  }

  /// The paper's figure for the same size: beyond the keys of the one that goes, very few move.
  @Test(arguments: [4, 10, 100])
  func `taking one of N away moves little more than its own keys`(count: Int) {
    let labels = Backends.labels(count)
    let before = table(labels)
    let gone = count / 2
    let after = table(labels.filter { $0 != labels[gone] }).map { $0 < gone ? $0 : $0 + 1 }
    var moved = 0
    var own = 0
    for (old, new) in zip(before, after) {
      if old == gone { own += 1 } else if old != new { moved += 1 }
    }
    let others = Double(moved) / Double(MaglevTable.size)
    #expect(abs(Double(own) / Double(MaglevTable.size) - 1 / Double(count)) < 0.001)
    #expect(others < 0.05, "\(others)")
  }

  @Test func `the order of the configuration is of no account`() {
    let labels = Backends.labels(9)
    let turned = table(labels.reversed()).map { 8 - $0 }
    #expect(table(labels) == turned)
  }

  @Test func `keys reach all backends; requests without one are spread (regression 13)`() {
    let backends = Backends(8, .maglev)
    #expect(ChiSquare.fits(backends.counts(16_000), [Double](repeating: 1, count: 8)))
    let keyed = backends.counts(16_000) { SplitMix64.mix(UInt64($0)) }
    #expect(ChiSquare.fits(keyed, [Double](repeating: 1, count: 8)))
    let weighted = Backends(4, .maglev, weights: [4, 3, 2, 1])
    let counts = weighted.counts(16_000) { SplitMix64.mix(UInt64($0)) }
    #expect(ChiSquare.fits(counts, weights: weighted.weights))
  }

  @Test func `a backend that is down gives its keys to all others, and gets the same ones back`() {
    let backends = Backends(6, .maglev)
    func owners() -> [Int] {
      (0..<20_000).map { backends.picked(key: SplitMix64.mix(UInt64($0))) }
    }
    let before = owners()
    backends.setEligible(2, false)
    var heirs = [Int](repeating: 0, count: 6)
    for (old, new) in zip(before, owners()) {
      if old == 2 { heirs[new] += 1 } else { #expect(old == new) }
    }
    for heir in [0, 1, 3, 4, 5] { #expect(heirs[heir] > heirs.reduce(0, +) / 8) }
    backends.setEligible(2, true)
    #expect(owners() == before)
  }
}
