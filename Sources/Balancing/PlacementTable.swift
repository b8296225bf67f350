// Why this file exists: a ring and a Maglev table answer the same questions, so walking past a
// backend that cannot be used, and leaving one that has enough, are written once for both.
import Primitives

/// Where keys belong. Places are numbers; keys and backends have been put on them by `StableHash`.
protocol PlacementTable {
  /// The place of a key.
  func place(of hash: UInt64) -> Int
  /// Whose place it is.
  func owner(_ place: Int) -> Int
  /// The place behind it, going round. Its owner takes over when this one's is not there.
  func next(_ place: Int) -> Int
}

/// Picks by key.
enum KeyedChoice {
  /// Places looked at before the choice is made by going through the backends instead. With nine of
  /// ten backends gone, one key in 10^11 comes so far.
  static let looks = 256

  /// The backend of the key: the owner of its place; when that one is not eligible, the owner of
  /// the next place whose owner is. When the owner is at its bound, the search goes on at a place
  /// that the hash leads to, not the next one: what one backend has too much must not all fall on
  /// one neighbour.
  ///
  /// A warming backend has the part of its keys that its share says. Which they are follows from
  /// the key, so that each moves once while the share grows.
  @inline(__always)
  static func choose(_ eligible: Eligibility, _ table: some PlacementTable, key: UInt64) -> Int? {
    let portion = SplitMix64.mix(key) >> 32
    var hash = key
    var place = table.place(of: hash)
    for _ in 0..<looks {
      let backend = table.owner(place)
      if !eligible.isOpen(backend) {
        place = table.next(place)
      } else if !eligible.hasRoom(backend) || eligible.isAtBound(backend) {
        hash = SplitMix64.mix(hash &+ 0x9E37_79B9_7F4A_7C15)  // any jump will do
        place = table.place(of: hash)
      } else if eligible.takesTurn(backend, portion: portion) {
        return backend
      } else {
        place = table.next(place)
      }
    }
    return searchAll(eligible, from: hash)
  }

  /// Goes through the backends, from one that the hash says: a bound is kept if that is possible.
  private static func searchAll(_ eligible: Eligibility, from hash: UInt64) -> Int? {
    let count = eligible.count
    let start = Int(hash.multipliedFullWidth(by: UInt64(count)).high)
    guard let first = eligible.first(from: start) else { return nil }
    var candidate = first
    while eligible.isAtBound(candidate) {
      candidate = eligible.first(from: (candidate + 1) % count) ?? first
      if candidate == first { return first }
    }
    return candidate
  }
}
