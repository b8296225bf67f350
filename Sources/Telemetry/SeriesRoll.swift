// Why this file exists: each worker counts combinations of labels in a table of its own; together
// they must not tell of more than the bound says, and what one was given a place for stays told.
import Primitives

/// The combinations that all workers of a gateway may count apart, as a set that only grows. Shared
/// by their tables; a worker asks it once for each combination that is new to it, and waits for
/// nobody.
@usableFromInline
struct SeriesRoll: Sendable {
  /// Tables that use it, combinations in it, then the places; 0 is an empty one.
  private let words: SharedWords
  private let mask: Int
  /// The most combinations.
  let bound: Int

  /// For so many tables, each of `places`, a power of two. Start-up and reload only.
  static func create(places: Int, tables: Int) -> SeriesRoll {
    let roll = SeriesRoll(
      words: .reserve(count: 2 + places), mask: places - 1, bound: RequestTable.bound(of: places))
    roll.words[0].store(UInt64(tables))
    return roll
  }
  /// Of one table; the last frees it.
  func release() {
    if words[0].subtract(1) == 0 { words.release() }
  }

  /// True when the combination is one of them, or becomes one. Any thread.
  func admits(_ key: UInt64) -> Bool {
    var place = RequestTable.place(of: key, mask)
    while true {
      var found = words[2 + place].load()
      if found == 0 {
        // Counted before it has its place: of two at a time only one gets the last.
        if words[1].load() >= bound { return false }
        if words[1].add(1) > bound {
          words[1].subtract(1)
          return false
        }
        found = words[2 + place].compareExchange(expected: 0, desired: key)
        if found == 0 { return true }
        words[1].subtract(1)
      }
      if found == key { return true }
      place = (place + 1) & mask
    }
  }
}
