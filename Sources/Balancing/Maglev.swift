// Why this file exists: one division and one load find a key's backend, and all backends get equal
// parts of the keys; the price is that a few keys more move when one comes or goes.
import Primitives

/// The backend that owns the key's place in the table.
enum Maglev {
  @inline(__always)
  static func choose(_ eligible: Eligibility, key: UInt64) -> Int? {
    guard let table = eligible.view.tables.pointee.maglev else { return nil }
    return KeyedChoice.choose(eligible, table, key: key)
  }
}

/// The look-up table of Maglev (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
/// Balancer", NSDI 2016, section 3.4). Every backend has a permutation of the places, by two hashes
/// of its label: offset = XXH64 with seed 0 mod M, skip = XXH64 with seed 1 mod (M - 1) + 1. In
/// turn each claims the next free place of its permutation; one with weight w has w turns where the
/// heaviest has as many as its weight. Immutable.
struct MaglevTable: PlacementTable {
  /// M: a prime, the paper's own. Parts of keys are equal to within one place of M; with 655
  /// backends or fewer that is one percent.
  static let size = 65_537

  private let owners: UnsafeMutablePointer<UInt32>

  /// - Parameter labels: one or more. In what order they stand does not matter.
  init(labels: [[UInt8]], weights: [UInt32], in arena: Arena) {
    owners = arena.allocate(UInt32.self, count: MaglevTable.size)
    owners.initialize(repeating: .max, count: MaglevTable.size)
    fill(labels, weights)
  }

  private func fill(_ labels: [[UInt8]], _ weights: [UInt32]) {
    precondition(labels.count == weights.count && !labels.isEmpty)
    let ranks = HashRing.alphabetical(labels)
    let order = labels.indices.sorted { ranks[$0] < ranks[$1] }
    let heaviest = UInt64(weights.max() ?? 1)
    var places = labels.map { Int(HashRing.pointHash($0, 0) % UInt64(MaglevTable.size)) }
    let skips = labels.map { Int(HashRing.pointHash($0, 1) % UInt64(MaglevTable.size - 1)) + 1 }
    var turns = [UInt64](repeating: 0, count: labels.count)
    var left = MaglevTable.size
    while true {
      for index in order {
        turns[index] += UInt64(weights[index])
        if turns[index] < heaviest { continue }
        turns[index] -= heaviest
        while owners[places[index]] != .max {
          places[index] = (places[index] + skips[index]) % MaglevTable.size
        }
        owners[places[index]] = UInt32(index)
        left -= 1
        if left == 0 { return }
      }
    }
  }

  // MARK: Looking up

  @inline(__always)
  func place(of hash: UInt64) -> Int { Int(hash % UInt64(MaglevTable.size)) }

  @inline(__always)
  func owner(_ place: Int) -> Int { Int(owners[place]) }

  @inline(__always)
  func next(_ place: Int) -> Int { place + 1 < MaglevTable.size ? place + 1 : 0 }
}
