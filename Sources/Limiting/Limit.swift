// Why this file exists: one limit, as requests meet it: a key is charged, or given back what it was
// charged. The same for all workers: there is one table, and no worker has a share of its own.
public import Primitives

/// The counters of one limit. A pointer; who made it frees it.
@frozen @usableFromInline
package struct Limit: Sendable {
  @usableFromInline package let table: KeyTable

  package static func create(keys: Int) -> Limit { Limit(table: .create(capacity: keys)) }
  private init(table: KeyTable) { self.table = table }
  package func destroy() { table.destroy() }

  /// Another limit with room for so many keys that goes on where this one is; what comes to this
  /// one goes there. Control loop only, once.
  package func resized(keys: Int, _ rule: LimitRule, now: Instant) -> Limit {
    let next = Limit.create(keys: keys)
    table.move(to: next.table, rule, now: now)
    return next
  }

  /// It was made with room for so many keys.
  package func hasRoom(for keys: Int) -> Bool { table.capacity == keys }

  /// Charges the key one request, or refuses it.
  @inlinable
  package func take(_ key: LimitKey, _ rule: LimitRule, now: Instant) -> LimitVerdict {
    while true {
      let table = table.newest
      let found = table.find(key) ?? table.findOrPlace(key, rule, now: now)
      let first = Instant(nanoseconds: table.word(found.place, KeyTable.Place.first).load())
      let state = table.word(found.place, KeyTable.Place.state)
      let verdict = rule.take(state, first: first, now: now)
      // Else somebody else's key has the place by now, or the keys are moving to another table, and
      // ours is charged there: no request goes uncounted.
      if table.holds(found) && table.successor == nil {
        table.note(found, isAllowed: verdict.isAllowed)
        return verdict
      }
    }
  }

  /// What `take` would say; nothing is charged, and a new key gets no place.
  package func look(_ key: LimitKey, _ rule: LimitRule, now: Instant) -> LimitVerdict {
    let table = table.newest
    guard let found = table.find(key) else { return rule.look(0, first: now, now: now) }
    return rule.look(
      table.word(found.place, KeyTable.Place.state).load(),
      first: Instant(nanoseconds: table.word(found.place, KeyTable.Place.first).load()), now: now)
  }

  /// Takes back a charge that was allowed, because the request did not go on.
  @inlinable
  package func giveBack(_ key: LimitKey, _ rule: LimitRule) {
    let table = table.newest
    guard let found = table.find(key) else { return }
    rule.giveBack(table.word(found.place, KeyTable.Place.state))
  }
}

/// A key as /status shows it.
package struct BusyKey: Equatable, Sendable {
  /// What the caller gave to be shown, and the first bits of the hash.
  package var shown: (UInt64, UInt64)
  package var hash: UInt32
  /// Requests that count now.
  package var used: UInt64
  /// Since the key came into the table.
  package var allowed: UInt32
  package var refused: UInt32

  package static func == (left: BusyKey, right: BusyKey) -> Bool {
    left.shown == right.shown && left.hash == right.hash && left.used == right.used
      && left.allowed == right.allowed && left.refused == right.refused
  }
}

extension Limit {
  /// The keys that have used most, most first; at most `count`. Reads the whole table: for people,
  /// on the control loop.
  package func busiest(_ count: Int, _ rule: LimitRule, now: Instant) -> [BusyKey] {
    var best: [BusyKey] = []
    for place in 0..<table.places {
      let control = KeyTable.Control(word: table.control(place).loadAcquiring())
      guard control.phase == KeyTable.Control.live else { continue }
      let key = busyKey(place, rule, now: now)
      guard key.used > 0, best.count < count || key.isBusier(than: best[best.count - 1]) else {
        continue
      }
      let position = best.firstIndex { key.isBusier(than: $0) } ?? best.count
      best.insert(key, at: position)
      if best.count > count { best.removeLast() }
    }
    return best
  }

  private func busyKey(_ place: Int, _ rule: LimitRule, now: Instant) -> BusyKey {
    let first = Instant(nanoseconds: table.word(place, KeyTable.Place.first).load())
    let seen = table.word(place, KeyTable.Place.seen).load()
    return BusyKey(
      shown: (
        table.word(place, KeyTable.Place.shown).load(),
        table.word(place, KeyTable.Place.shown + 1).load()
      ),
      hash: UInt32(truncatingIfNeeded: table.word(place, KeyTable.Place.high).load() >> 32),
      used: rule.used(
        table.word(place, KeyTable.Place.state).load(), first: first, now: now),
      allowed: UInt32(truncatingIfNeeded: seen), refused: UInt32(truncatingIfNeeded: seen >> 32))
  }
}

extension BusyKey {
  /// Of two that have used the same, the one that was refused more often.
  fileprivate func isBusier(than other: BusyKey) -> Bool {
    used != other.used ? used > other.used : refused > other.refused
  }
}
