// Why this file exists: the keys of a limit come from clients, so there may be any number of them,
// and someone may make new ones all day. The table is as large as it was made; a new key takes the
// place of the one that is nearest to being forgotten anyway.
//
// All workers share it. A key has 16 possible places in two groups of eight (two choices keep the
// groups even: the table is three quarters full before anybody has to go who still counts). Finding
// one is a look at one or two cache lines; charging it one compare-and-swap on its word. Only the
// first request of a new key waits for anybody: for another first request with the same stripe, for
// the few dozen instructions that one takes.
public import Primitives

/// Places for the keys of one limit. A pointer; who made it frees it.
@frozen @usableFromInline
package struct KeyTable: @unchecked Sendable {
  /// One for each place: 32 bits of the hash, 30 of the life it is in, 2 of its phase.
  @usableFromInline let controls: SharedWords
  /// `Place.words` for each place.
  @usableFromInline let data: SharedWords
  /// Whose turn it is to take places for new keys, by hash.
  let stripes: SharedWords
  /// Keys that have a place; keys whose place was taken while they still counted; places that stay
  /// closed.
  let totals: SharedWords
  /// Addresses of the table that takes this one's place, and of that whose place this one takes;
  /// 0 = none. See `TableMove.swift`.
  @usableFromInline let links: SharedWords
  @usableFromInline let groups: UInt64

  @inlinable static var groupSize: Int { 8 }
  static let stripeCount = 64
  /// One to a cache line: two workers with different new keys do not disturb each other.
  static let stripeStride = 8

  /// The words of a place. With its control word: 64 bytes a key.
  @frozen @usableFromInline
  enum Place {
    @inlinable static var words: Int { 7 }
    @inlinable static var high: Int { 0 }
    @inlinable static var low: Int { 1 }
    /// The algorithm's.
    @inlinable static var state: Int { 2 }
    /// When the key was first used, in nanoseconds.
    @inlinable static var first: Int { 3 }
    /// Requests allowed (low half) and refused (high half) since then, for people: two workers may
    /// lose one, and each half stops at its largest value.
    @inlinable static var seen: Int { 4 }
    @inlinable static var shown: Int { 5 }
  }

  @frozen @usableFromInline
  struct Control: Equatable {
    @usableFromInline let word: UInt64
    @inlinable init(word: UInt64) { self.word = word }

    @inlinable static var empty: UInt64 { 0 }
    /// Its words are being written.
    @inlinable static var building: UInt64 { 1 }
    @inlinable static var live: UInt64 { 2 }
    /// Never any key's: groups are whole, and the number of keys that was asked for is not.
    static var closed: UInt64 { 3 }

    @inlinable var phase: UInt64 { word & 3 }
    @inlinable static func tag(_ key: LimitKey) -> UInt64 { key.high >> 32 }

    /// The same place in its next life.
    @inlinable func next(tag: UInt64, phase: UInt64) -> Control {
      let life = (word >> 2 & 0x3FFF_FFFF) + 1 & 0x3FFF_FFFF
      return Control(word: tag << 32 | life << 2 | phase)
    }
    @inlinable func with(phase: UInt64) -> Control { Control(word: word & ~3 | phase) }
    /// All bits but those of the life.
    @inlinable static var withoutLife: UInt64 { ~(0x3FFF_FFFF << 2) }
  }

  /// Room for exactly `capacity` keys, 1 to 2^30, in whole groups, at least two. Memory is given by
  /// the system as places are used.
  package static func create(capacity: Int) -> KeyTable {
    precondition(capacity > 0 && capacity <= 1 << 30)
    let table = KeyTable(groups: max(2, (capacity + groupSize - 1) / groupSize))
    table.close(table.places - capacity)
    return table
  }

  /// Takes so many places out, from the ends of the last groups, evenly.
  private func close(_ count: Int) {
    for number in 0..<count {
      let group = Int(groups) - 1 - number % Int(groups)
      let offset = KeyTable.groupSize - 1 - number / Int(groups)
      control(group * KeyTable.groupSize + offset).store(Control.closed)
    }
    totals[2].store(UInt64(count))
  }

  private init(groups: Int) {
    self.groups = UInt64(groups)
    controls = .reserve(count: groups * KeyTable.groupSize)
    data = .reserve(count: groups * KeyTable.groupSize * Place.words)
    stripes = .allocate(count: KeyTable.stripeCount * KeyTable.stripeStride)
    totals = .allocate(count: 3)
    links = .allocate(count: 2)
  }

  /// Nobody may use it any more.
  package func destroy() {
    controls.release()
    data.release()
    stripes.deallocate()
    totals.deallocate()
    freeLinks()
    links.deallocate()
  }

  /// Those that are closed too: what a walk over all of them goes by.
  var places: Int { controls.count }
  /// Keys that it has room for.
  package var capacity: Int { places - Int(totals[2].load()) }
  /// Keys that have a place.
  package var count: UInt64 { totals[0].load() }
  /// Keys that lost their place while they still counted.
  package var evictions: UInt64 { totals[1].load() }

  // MARK: Places

  @inlinable func control(_ place: Int) -> SharedWord { controls[place] }
  @inlinable func word(_ place: Int, _ index: Int) -> SharedWord {
    data[place * Place.words + index]
  }

  @inlinable func firstGroup(_ key: LimitKey) -> Int {
    Int(key.high.multipliedFullWidth(by: groups).high)
  }
  /// Never the first one.
  @inlinable func secondGroup(_ key: LimitKey, not first: Int) -> Int {
    let step = 1 + Int(key.low.multipliedFullWidth(by: groups - 1).high)
    let group = first + step
    return group < Int(groups) ? group : group - Int(groups)
  }

  /// The place of a key and the control word it was seen with.
  @frozen @usableFromInline
  struct Found {
    @usableFromInline let place: Int
    @usableFromInline let control: Control
    @inlinable init(place: Int, control: Control) {
      self.place = place
      self.control = control
    }
  }

  @inlinable
  func find(_ key: LimitKey) -> Found? {
    let first = firstGroup(key)
    if let found = find(key, in: first) { return found }
    return find(key, in: secondGroup(key, not: first))
  }

  @inlinable @inline(__always)
  func find(_ key: LimitKey, in group: Int) -> Found? {
    let wanted = Control.tag(key) << 32 | Control.live
    let start = group * KeyTable.groupSize
    // A group number is below the number of groups, so all eight places are there.
    let first = SharedWord(controls.base + start)
    for offset in 0..<KeyTable.groupSize {
      let control = Control(word: first.next(offset).loadAcquiring())
      if control.word & Control.withoutLife != wanted { continue }
      let place = start &+ offset
      if word(place, Place.high).load() == key.high && word(place, Place.low).load() == key.low {
        return Found(place: place, control: control)
      }
    }
    return nil
  }

  /// The place is still the key's: what was done to its words was done to the key.
  @inlinable func holds(_ found: Found) -> Bool {
    let word = control(found.place)
    var control = word.loadAcquiring()
    // A sweep is looking at it, and lets it stay or go within a few instructions.
    while control == found.control.with(phase: Control.building).word {
      control = word.loadAcquiring()
    }
    return control == found.control.word
  }

  /// Counts for people.
  @inlinable func note(_ found: Found, isAllowed: Bool) {
    let word = word(found.place, Place.seen)
    let old = word.load()
    let half = isAllowed ? old & 0xFFFF_FFFF : old >> 32
    if half == 0xFFFF_FFFF { return }
    word.store(old &+ (isAllowed ? 1 : 1 << 32))
  }
}
