// Why this file exists: an operator may want room for more keys, or for fewer, while the counters
// go on. Keys go over to a table of another size one by one, each with what it has used, and no
// request goes uncounted meanwhile.
//
// From the moment that the new table is known, whoever comes to the old one goes on to the new. A
// key that the new one does not know yet is fetched from the old one when it is placed; the control
// loop has the others placed. A charge at the old table that a move overtakes is not held any more
// (`KeyTable.holds`), and is made again at the new one: then a key may have paid twice, never not.
public import Primitives

extension KeyTable {
  /// The table that keys are charged in now.
  @inlinable var newest: KeyTable {
    var table = self
    while let next = table.successor { table = next.pointee }
    return table
  }

  @inlinable var successor: UnsafePointer<KeyTable>? {
    UnsafePointer(bitPattern: UInt(links[0].loadAcquiring()))
  }
  private var predecessor: UnsafePointer<KeyTable>? {
    UnsafePointer(bitPattern: UInt(links[1].loadAcquiring()))
  }

  /// Moves all keys to another table, which has none yet. Afterwards nobody needs this one but
  /// those who came to it before: it may be destroyed when they have gone. Control loop only, once.
  func move(to next: KeyTable, _ rule: LimitRule, now: Instant) {
    let pair = UnsafeMutablePointer<KeyTable>.allocate(capacity: 2)
    pair.initialize(to: next)
    (pair + 1).initialize(to: self)
    next.links[1].storeReleasing(UInt64(UInt(bitPattern: pair + 1)))
    links[0].storeReleasing(UInt64(UInt(bitPattern: pair)))
    next.totals[1].add(evictions)
    for place in 0..<places {
      guard Control(word: control(place).loadAcquiring()).phase == Control.live else { continue }
      // Its words may be another key's a moment later; then that one is placed too early.
      let key = LimitKey(
        high: word(place, Place.high).load(), low: word(place, Place.low).load(),
        shown: (word(place, Place.shown).load(), word(place, Place.shown + 1).load()))
      _ = next.findOrPlace(key, rule, now: now)
    }
    next.links[1].storeReleasing(0)
  }

  /// Both links of a move lie with the older table.
  func freeLinks() {
    if let pair = successor { UnsafeMutablePointer(mutating: pair).deallocate() }
  }

  /// What a key has used up, on its way.
  struct Luggage {
    var state: UInt64
    var first: UInt64
    var seen: UInt64
  }

  /// What the table before had of the key, which forgets it.
  func fetch(_ key: LimitKey) -> Luggage? {
    guard let before = predecessor?.pointee else { return nil }
    while let found = before.find(key) {
      let control = before.control(found.place)
      let building = found.control.with(phase: Control.building)
      let seen = control.compareExchange(expected: found.control.word, desired: building.word)
      if seen != found.control.word { continue }
      let luggage = Luggage(
        state: before.word(found.place, Place.state).load(),
        first: before.word(found.place, Place.first).load(),
        seen: before.word(found.place, Place.seen).load())
      before.totals[0].subtract(1)
      control.storeReleasing(building.next(tag: 0, phase: Control.empty).word)
      return luggage
    }
    return nil
  }
}
