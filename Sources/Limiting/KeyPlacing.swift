// Why this file exists: where a new key goes, and who has to go for it. Rare beside the finding,
// and the only part in which workers wait for each other.
public import Primitives

extension KeyTable {
  /// The key's place, which it is given if it has none.
  @usableFromInline @inline(never)
  func findOrPlace(_ key: LimitKey, _ rule: LimitRule, now: Instant) -> Found {
    let stripe = stripe(of: key.low)
    take(stripe)
    defer { stripe.storeReleasing(0) }
    // Two first requests of one key: the other one has placed it.
    if let found = find(key) { return found }
    while true {
      if let found = place(key, at: victim(for: key, rule, now: now), rule, now: now) {
        return found
      }
    }
  }

  private func stripe(of low: UInt64) -> SharedWord {
    stripes[Int(low & UInt64(KeyTable.stripeCount - 1)) * KeyTable.stripeStride]
  }

  /// Waits for the few dozen instructions that another worker holds it.
  private func take(_ stripe: SharedWord) {
    while stripe.compareExchange(expected: 0, desired: 1) != 0 {}
  }

  /// Who goes: an empty place, else one whose key counts for nothing any more, else the one that
  /// will soonest. Of two groups with room the emptier one.
  private func victim(for key: LimitKey, _ rule: LimitRule, now: Instant) -> Found {
    let first = firstGroup(key)
    var best = Candidate()
    for choice in 0..<2 {
      let group = choice == 0 ? first : secondGroup(key, not: first)
      let candidate = candidate(in: group, rule, now: now)
      if candidate.isBetter(than: best) { best = candidate }
    }
    return best.found
  }

  /// The place of a group that would be missed least.
  private struct Candidate {
    /// One that is never in this state, so that taking it fails, when all places are being written:
    /// one of them is live in a moment.
    var found = Found(place: 0, control: Control(word: .max))
    var idleIn = UInt64.max
    /// Places of the group that would not be missed.
    var room = -1

    func isBetter(than other: Candidate) -> Bool {
      room != other.room ? room > other.room : idleIn < other.idleIn
    }
  }

  private func candidate(in group: Int, _ rule: LimitRule, now: Instant) -> Candidate {
    var best = Candidate()
    best.room = 0
    let start = group * KeyTable.groupSize
    let first = SharedWord(controls.base + start)
    for offset in 0..<KeyTable.groupSize {
      let place = start &+ offset  // below the number of places, as the group is below their number
      let control = Control(word: first.next(offset).loadAcquiring())
      if control.phase == Control.building || control.phase == Control.closed { continue }
      let isEmpty = control.phase == Control.empty
      let idle = isEmpty ? 0 : idleIn(place, rule, now: now)
      if idle == 0 { best.room += 1 }
      // An empty place before one whose key would be forgotten.
      let isFirstEmpty = isEmpty && best.found.control.phase != Control.empty
      if idle < best.idleIn || isFirstEmpty {
        best.found = Found(place: place, control: control)
        best.idleIn = idle
      }
    }
    return best
  }

  /// nil: somebody else was there first.
  private func place(
    _ key: LimitKey, at victim: Found, _ rule: LimitRule, now: Instant
  ) -> Found? {
    let place = victim.place
    let building = victim.control.next(tag: Control.tag(key), phase: Control.building)
    let found = control(place).compareExchange(
      expected: victim.control.word, desired: building.word)
    if found != victim.control.word { return nil }
    if victim.control.phase == Control.live {
      if idleIn(place, rule, now: now) > 0 { totals[1].add(1) }
    } else {
      totals[0].add(1)
    }
    word(place, Place.high).store(key.high)
    word(place, Place.low).store(key.low)
    let luggage = fetch(key) ?? Luggage(state: 0, first: now.nanoseconds, seen: 0)
    word(place, Place.state).store(luggage.state)
    word(place, Place.first).store(luggage.first)
    word(place, Place.seen).store(luggage.seen)
    word(place, Place.shown).store(key.shown.0)
    word(place, Place.shown + 1).store(key.shown.1)
    let live = building.with(phase: Control.live)
    control(place).storeReleasing(live.word)
    return Found(place: place, control: live)
  }

  /// How long until the key is as good as new; 0 = it may go without a loss.
  private func idleIn(_ place: Int, _ rule: LimitRule, now: Instant) -> UInt64 {
    rule.idleIn(
      word(place, Place.state).load(),
      first: Instant(nanoseconds: word(place, Place.first).load()), now: now)
  }

  /// Forgets keys that are as good as new, so that `count` says how many count. Looks at `places`
  /// places from `start` on, for the control loop; gives where to go on, 0 at the end. A table that
  /// does not go so far is begun at its beginning.
  package func sweep(from start: Int, places: Int, _ rule: LimitRule, now: Instant) -> Int {
    let first = start < self.places ? start : 0
    let end = min(first + places, self.places)
    for place in first..<end {
      let control = Control(word: control(place).loadAcquiring())
      guard control.phase == Control.live, idleIn(place, rule, now: now) == 0 else { continue }
      // So that nobody places the key a second time meanwhile.
      let stripe = stripe(of: word(place, Place.low).load())
      take(stripe)
      forget(place, control, rule, now: now)
      stripe.storeReleasing(0)
    }
    return end == self.places ? 0 : end
  }

  private func forget(_ place: Int, _ seen: Control, _ rule: LimitRule, now: Instant) {
    let building = seen.with(phase: Control.building)
    let control = control(place)
    let found = control.compareExchange(expected: seen.word, desired: building.word)
    if found != seen.word { return }
    // Who charges it from now on looks whether it went, and then comes again.
    if idleIn(place, rule, now: now) > 0 {
      control.storeReleasing(seen.word)
    } else {
      totals[0].subtract(1)
      control.storeReleasing(building.next(tag: 0, phase: Control.empty).word)
    }
  }
}
