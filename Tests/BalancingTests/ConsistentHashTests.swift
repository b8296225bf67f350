// Why this file exists: a key's backend must be found again, by every replica, also after a backend
// has come or gone.
import Primitives
import Testing

@testable import Balancing

@Suite struct ConsistentHashTests {
  private func bytes(_ labels: [String]) -> [[UInt8]] { labels.map { Array($0.utf8) } }

  private func points(
    _ labels: [String], weights: [UInt32], hash: ([UInt8], UInt64) -> UInt64
  ) -> [HashRing.Point] {
    HashRing.points(labels: bytes(labels), weights: weights, hash: hash)
  }

  /// Keys as they come: hashes of anything.
  private func owners(_ backends: Backends, keys: Int = 20_000) -> [Int] {
    (0..<keys).map { backends.picked(key: SplitMix64.mix(UInt64($0) + 1)) }
  }

  // MARK: Keys

  @Test func `a key always finds the same backend`() {
    let backends = Backends(5, .consistentHash)
    let again = Backends(5, .consistentHash, seed: 99)
    for key in 0..<2_000 {
      let hash = SplitMix64.mix(UInt64(key))
      #expect(backends.picked(key: hash) == again.picked(key: hash))
    }
  }

  @Test func `the order of the configuration is of no account`() {
    let labels = Backends.labels(6)
    let weights: [UInt32] = [1, 2, 3, 1, 2, 3]
    let backends = Backends(6, .consistentHash, weights: weights, labels: labels)
    let turned = Backends(
      6, .consistentHash, weights: weights.reversed(), labels: labels.reversed())
    for key in 0..<2_000 {
      let hash = SplitMix64.mix(UInt64(key))
      #expect(backends.picked(key: hash) == 5 - turned.picked(key: hash))
    }
  }

  @Test func `keys reach all backends; requests without one are spread (regression 13)`() {
    let backends = Backends(8, .consistentHash)
    #expect(Set(owners(backends, keys: 500)).count == 8)
    let counts = backends.counts(20_000)
    #expect(counts.allSatisfy { abs($0 - 2_500) < 600 })
  }

  /// Each backend's part of the circle is what its points cut out of it.
  @Test func `keys fall as the naive reading of the circle says`() {
    let weights: [UInt32] = [3, 1, 2, 1]
    let backends = Backends(4, .consistentHash, weights: weights)
    let circle = points(Backends.labels(4), weights: weights, hash: HashRing.pointHash)
    var parts = [Double](repeating: 0, count: 4)
    for (index, point) in circle.enumerated() {
      let before = index == 0 ? circle[circle.count - 1].hash : circle[index - 1].hash
      parts[Int(point.owner)] += Double(point.hash &- before)
    }
    var counts = [Int](repeating: 0, count: 4)
    for owner in owners(backends) { counts[owner] += 1 }
    #expect(ChiSquare.fits(counts, parts))
    for (part, weight) in zip(parts, weights) {
      #expect(abs(part / Double(UInt64.max) * 7 / Double(weight) - 1) < 0.25)
    }
    for key in 0..<5_000 {
      let hash = SplitMix64.mix(UInt64(key) &* 31)
      let owner = (circle.first { $0.hash >= hash } ?? circle[0]).owner
      #expect(backends.picked(key: hash) == Int(owner))
    }
  }

  @Test func `keys at the ends of the circle have an owner`() {
    let backends = Backends(3, .consistentHash)
    let circle = points(Backends.labels(3), weights: [1, 1, 1], hash: HashRing.pointHash)
    #expect(backends.picked(key: 0) == Int(circle[0].owner))
    #expect(backends.picked(key: .max) == Int(circle[0].owner))
    #expect(backends.picked(key: circle[7].hash) == Int(circle[7].owner))
    #expect(backends.picked(key: circle[7].hash + 1) == Int(circle[8].owner))
  }

  // MARK: Coming and going

  @Test(arguments: [3, 10, 40])
  func `adding one of N moves about 1/N of the keys, all of them to it`(count: Int) {
    let before = owners(Backends(count - 1, .consistentHash))
    let after = owners(Backends(count, .consistentHash))
    var moved = 0
    for (old, new) in zip(before, after) where old != new {
      moved += 1
      #expect(new == count - 1)
    }
    let part = Double(moved) / 20_000 * Double(count)
    #expect(part > 0.75 && part < 1.25)
  }

  @Test func `a backend that is down gives its keys to all others, and gets the same ones back`() {
    let backends = Backends(6, .consistentHash)
    let before = owners(backends)
    backends.setEligible(2, false)
    let during = owners(backends)
    var heirs = [Int](repeating: 0, count: 6)
    for (old, new) in zip(before, during) {
      if old == 2 { heirs[new] += 1 } else { #expect(old == new) }
    }
    #expect(heirs[2] == 0)
    for heir in [0, 1, 3, 4, 5] { #expect(heirs[heir] > heirs.reduce(0, +) / 12) }
    // It is as if it were not in the configuration.
    let labels = Backends.labels(6)
    let without = Backends(5, .consistentHash, labels: labels.filter { $0 != labels[2] })
    #expect(owners(without).map { $0 < 2 ? $0 : $0 + 1 } == during)
    backends.setEligible(2, true)
    #expect(owners(backends) == before)
  }

  @Test func `a repeat goes to the key's next backend, the same one each time`() {
    let backends = Backends(5, .consistentHash)
    for key in 0..<500 {
      let hash = SplitMix64.mix(UInt64(key))
      let first = backends.picked(key: hash)
      let second = backends.picked(tried: [first], key: hash)
      #expect(second != first)
      #expect(backends.picked(tried: [first], key: hash) == second)
    }
  }

  @Test func `a heavier weight takes keys and leaves all others where they are`() {
    let before = owners(Backends(4, .consistentHash, weights: [1, 1, 1, 1]))
    let after = owners(Backends(4, .consistentHash, weights: [1, 1, 1, 2]))
    for (old, new) in zip(before, after) where old != new { #expect(new == 3) }
    let part = Double(after.count { $0 == 3 }) / 20_000
    #expect(abs(part - 0.4) < 0.05)
  }

  // MARK: Points

  @Test func `points are 256 for a weight of one, fewer only where they would be too many`() {
    #expect(HashRing.pointCounts([1, 3]) == [256, 768])
    #expect(HashRing.pointCounts([UInt32](repeating: 1, count: 4_096)).allSatisfy { $0 == 256 })
    #expect(HashRing.pointCounts([UInt32](repeating: 1, count: 4_097)).allSatisfy { $0 == 128 })
    let extreme = HashRing.pointCounts([1_000_000, 1])
    #expect(extreme[1] == 1 && extreme[0] <= HashRing.mostPoints)
  }

  /// Hashes with three bits: almost every point meets another.
  @Test func `points that collide are all kept, whatever their order (regression 13)`() {
    func coarse(_ label: [UInt8], _ number: UInt64) -> UInt64 {
      let whole = HashRing.pointHash(label, number)
      // A point that is hashed again may land anywhere.
      return number < 1 << 32 ? whole & 7 : whole
    }
    let labels = ["c", "a", "b"]
    let circle = points(labels, weights: [1, 1, 1], hash: coarse)
    #expect(circle.count == 768)
    #expect(Set(circle.map(\.hash)).count == 768)
    #expect(zip(circle, circle.dropFirst()).allSatisfy { $0.hash < $1.hash })
    for owner in 0..<3 { #expect(circle.count { $0.owner == UInt32(owner) } == 256) }
    // Who has the numbers 0 to 7: the first in the alphabet.
    for number in 0..<8 { #expect(circle[number].hash == UInt64(number)) }
    let sorted = points(["a", "b", "c"], weights: [1, 1, 1], hash: coarse)
    #expect(sorted.map(\.hash) == circle.map(\.hash))
    #expect(sorted.map { ["a", "b", "c"][Int($0.owner)] } == circle.map { labels[Int($0.owner)] })
    #expect((0..<8).allSatisfy { sorted[$0].owner == 0 })
  }

  @Test func `two backends of one address share its keys`() {
    let backends = Backends(3, .consistentHash, labels: ["a:1", "b:1", "a:1"])
    #expect(Set(owners(backends, keys: 2_000)) == [0, 1, 2])
  }

  @Test func `looking up agrees with searching`() {
    var random = SplitMix64(seed: 9)
    for count in [1, 2, 3, 17] {
      let labels = bytes(Backends.labels(count))
      let weights = (0..<count).map { UInt32(1 + $0 % 3) }
      let arena = Arena()
      let ring = HashRing(labels: labels, weights: weights, in: arena)
      let circle = HashRing.points(labels: labels, weights: weights, hash: HashRing.pointHash)
      for _ in 0..<2_000 {
        let hash = random.next()
        #expect(ring.place(of: hash) == circle.firstIndex { $0.hash >= hash } ?? 0)
      }
      #expect(ring.next(circle.count - 1) == 0)
      withExtendedLifetime(arena) {}
    }
  }
}
