// Why this file exists: with a ring, a backend that comes or goes moves the keys of its own places
// and no others.
import Primitives

/// The backend that owns the key's place on the ring.
enum ConsistentHash {
  @inline(__always)
  static func choose(_ eligible: Eligibility, key: UInt64) -> Int? {
    guard let ring = eligible.view.tables.pointee.ring else { return nil }
    return KeyedChoice.choose(eligible, ring, key: key)
  }
}

/// Consistent hashing (Karger et al., 1997): backends have points on the circle of 64-bit numbers,
/// a key belongs to the first point at or after its hash. Immutable.
///
/// Point number i of a backend is XXH64 of its label with seed i. How many points a unit of weight
/// has depends on nothing but, in steps far apart, the sum of all weights, so that adding a backend
/// leaves all other points where they are. Two points that fall on one number: the one whose label
/// comes later in the alphabet is hashed again, whatever the order in the configuration is.
struct HashRing: PlacementTable {
  /// Points for a weight of 1: a backend's part of the keys is then off by a sixteenth of it.
  static let pointsPerWeight = 256
  /// Points of all backends, where that can be: 16 MiB.
  static let mostPoints = 1 << 20

  private let hashes: UnsafeBufferPointer<UInt64>
  private let owners: UnsafeBufferPointer<UInt32>
  /// For the first bits of a hash, the first point that is not before them.
  private let starts: UnsafeBufferPointer<UInt32>
  private let shift: UInt64

  struct Point: Equatable {
    var hash: UInt64
    var owner: UInt32
    /// The number of the point at its owner.
    var number: UInt64
  }

  /// - Parameter labels: one or more. In what order they stand does not matter.
  init(labels: [[UInt8]], weights: [UInt32], in arena: Arena) {
    let points = HashRing.points(labels: labels, weights: weights, hash: HashRing.pointHash)
    let bits = max(1, Int.bitWidth - (points.count - 1).leadingZeroBitCount)
    hashes = arena.copy(points.map(\.hash))
    owners = arena.copy(points.map(\.owner))
    shift = UInt64(64 - bits)
    var starts = [UInt32](repeating: UInt32(points.count), count: 1 << bits)
    for (index, point) in points.enumerated().reversed() {
      starts[Int(point.hash >> shift)] = UInt32(index)
    }
    // Where no point is, the next one.
    for bucket in starts.indices.dropLast().reversed() {
      starts[bucket] = min(starts[bucket], starts[bucket + 1])
    }
    self.starts = arena.copy(starts)
  }

  static func pointHash(_ label: [UInt8], _ number: UInt64) -> UInt64 {
    label.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return SplitMix64.mix(number) }
      return StableHash.of(ByteSlice(base, bytes.count), seed: number)
    }
  }

  /// How many points each backend has; one at least.
  static func pointCounts(_ weights: [UInt32]) -> [Int] {
    let sum = weights.reduce(0) { $0 + Int($1) }
    var halvings = 0
    while (sum * pointsPerWeight) >> halvings > mostPoints { halvings += 1 }
    return weights.map { max(1, (Int($0) * pointsPerWeight) >> halvings) }
  }

  /// All points, in the order of their hashes, no two alike.
  /// - Parameter hash: `pointHash`, but in tests that want collisions.
  static func points(
    labels: [[UInt8]], weights: [UInt32], hash: ([UInt8], UInt64) -> UInt64
  ) -> [Point] {
    precondition(labels.count == weights.count && !labels.isEmpty)
    var points: [Point] = []
    for (owner, count) in pointCounts(weights).enumerated() {
      for number in 0..<UInt64(count) {
        let at = hash(labels[owner], number)
        points.append(Point(hash: at, owner: UInt32(owner), number: number))
      }
    }
    let ranks = alphabetical(labels)
    func precedes(_ left: Point, _ right: Point) -> Bool {
      if left.hash != right.hash { return left.hash < right.hash }
      let (first, second) = (ranks[Int(left.owner)], ranks[Int(right.owner)])
      return first != second ? first < second : left.number < right.number
    }
    points.sort(by: precedes)
    // The new number may be taken as well; then once more.
    while zip(points, points.dropFirst()).contains(where: { $0.hash == $1.hash }) {
      for index in points.indices.dropFirst().reversed()
      where points[index].hash == points[index - 1].hash {
        points[index].number += nextTry
        points[index].hash = hash(labels[Int(points[index].owner)], points[index].number)
      }
      points.sort(by: precedes)
    }
    return points
  }

  /// Added to the number of a point that fell on another one; above all numbers.
  private static let nextTry: UInt64 = 1 << 32

  /// Where each label stands in the alphabet; of two that are alike the first comes first.
  static func alphabetical(_ labels: [[UInt8]]) -> [Int] {
    let order = labels.indices.sorted { left, right in
      if labels[left] == labels[right] { return left < right }
      return labels[left].lexicographicallyPrecedes(labels[right])
    }
    var ranks = [Int](repeating: 0, count: labels.count)
    for (rank, index) in order.enumerated() { ranks[index] = rank }
    return ranks
  }

  // MARK: Looking up

  @inline(__always)
  func place(of hash: UInt64) -> Int {
    var place = Int(starts[Int(hash >> shift)])
    while place < hashes.count, hashes[place] < hash { place &+= 1 }  // below the count
    return place < hashes.count ? place : 0
  }

  @inline(__always)
  func owner(_ place: Int) -> Int { Int(owners[place]) }

  @inline(__always)
  func next(_ place: Int) -> Int { place + 1 < hashes.count ? place + 1 : 0 }
}
