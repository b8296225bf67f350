// Why this file exists: route, service, method and status together have more combinations than
// anybody uses; a bounded table of those that occur counts them without allocating.
public import HTTPSemantics
public import Primitives

/// Counts per (route, service, method, status). One writing thread, any number of readers. Open
/// addressing; at most three quarters full, and with no combination that the roll of all workers
/// has no place for: requests of any other go to `overflow`.
@frozen @usableFromInline
package struct RequestTable: @unchecked Sendable {
  /// Indices of routes and services have 20 bits.
  @inlinable package static var maximumIndex: Int { 1 << 20 }

  /// Pairs of words: key (0 for an empty place), count.
  @usableFromInline package let words: SharedWords
  @usableFromInline package let mask: Int
  /// Two words: places in use, requests that found no place.
  @usableFromInline package let state: SharedWords
  @usableFromInline let roll: SeriesRoll

  /// The tables of so many workers. Start-up only. `capacity` is rounded up to a power of two.
  package static func create(capacity: Int, workers: Int = 1) -> [RequestTable] {
    precondition(capacity > 0 && capacity <= 1 << 24)
    var places = 16
    while places < capacity { places *= 2 }
    let roll = SeriesRoll.create(places: places, tables: workers)
    return (0..<workers).map { _ in
      RequestTable(
        words: SharedWords.allocate(count: places * 2), mask: places - 1,
        state: SharedWords.allocate(count: 2), roll: roll)
    }
  }
  package func destroy() {
    words.deallocate()
    state.deallocate()
    roll.release()
  }

  /// The most combinations in a table with so many places, and in those of all workers together.
  package static func bound(of places: Int) -> Int { places / 4 * 3 }

  /// Never 0: the highest bit is set.
  @inlinable package static func key(
    route: Int, service: Int, method: Method, status: UInt16
  ) -> UInt64 {
    precondition(route >= 0 && route < maximumIndex && service >= 0 && service < maximumIndex)
    return 1 << 63 | UInt64(route) << 34 | UInt64(service) << 14 | UInt64(method.rawValue) << 10
      | UInt64(min(status, 1_023))
  }

  /// Where a key's place is looked for first. Multiplied by the golden ratio, the upper bits depend
  /// on all of the key.
  @inlinable @inline(__always) package static func place(of key: UInt64, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 40) & mask
  }

  @inlinable @inline(__always) package func count(_ key: UInt64) {
    var place = RequestTable.place(of: key, mask)
    while true {
      let found = words.counter(place &* 2).value
      if found == key { return words.counter(place &* 2 &+ 1).increment() }
      if found == 0 { return insert(key, place: place) }
      place = (place &+ 1) & mask
    }
  }

  @usableFromInline package func insert(_ key: UInt64, place: Int, count: UInt64 = 1) {
    guard Int(usedPlaces) < RequestTable.bound(of: places), roll.admits(key) else {
      return state.counter(1).add(count)
    }
    state.counter(0).increment()
    // A reader that sees the key sees the count as well.
    words.counter(place * 2 + 1).set(count)
    words[place * 2].storeReleasing(key)
  }

  /// Counts everything that `old` has counted, but what belongs to a route or a service that is to
  /// be forgotten. This table is new.
  func take(over old: RequestTable, without forgotten: Forgotten) {
    for index in 0..<old.places {
      guard let entry = old.entry(at: index) else { continue }
      if forgotten.routes.has(RequestTable.route(of: entry.key)) { continue }
      if forgotten.services.has(RequestTable.service(of: entry.key)) { continue }
      var place = RequestTable.place(of: entry.key, mask)
      while words.counter(place * 2).value != 0 { place = (place + 1) & mask }
      insert(entry.key, place: place, count: entry.count)
    }
    state.counter(1).add(old.overflow)
  }

  package var usedPlaces: UInt64 { state.counter(0).value }
  package var overflow: UInt64 { state.counter(1).value }
  package var places: Int { mask + 1 }

  /// A place that is in use.
  package struct Entry {
    package var place: Int
    package var key: UInt64
    package var count: UInt64
  }

  /// Nil for an empty place. Any thread.
  package func entry(at place: Int) -> Entry? {
    let key = words[place * 2].loadAcquiring()
    return key == 0 ? nil : Entry(place: place, key: key, count: count(at: place))
  }
  /// The count of a place that is in use.
  func count(at place: Int) -> UInt64 { words.counter(place * 2 + 1).value }

  package static func route(of key: UInt64) -> Int { Int(key >> 34 & 0xf_ffff) }
  package static func service(of key: UInt64) -> Int { Int(key >> 14 & 0xf_ffff) }
  package static func method(of key: UInt64) -> Method {
    Method(rawValue: UInt8(key >> 10 & 15)) ?? .other
  }
  package static func status(of key: UInt64) -> Int { Int(key & 1_023) }
}
