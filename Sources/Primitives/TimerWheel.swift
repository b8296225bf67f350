// Why this file exists: every deadline of a worker hangs in one structure whose cost does not
// depend on how many there are.
//
// Twenty levels of 256 slots. A slot of level n is 2^n ticks wide, and a timer goes into the finest
// level that still reaches it, into the slot at whose end it is due. So it never fires early, and
// its slot ends less than one width too late: below one tick (4.2 ms) on level 0, below 1/127 of
// the way to the deadline above. Nothing cascades; a deadline that was moved to later is found when
// its old slot ends and then hung up anew, so that moving it costs one store.

/// The timer wheel of one worker. One thread; the struct must live in one place.
@frozen @usableFromInline
package struct TimerWheel {
  @usableFromInline package static var tickShift: UInt64 { @inlinable get { 22 } }
  package static var levels: Int { @inlinable get { 20 } }
  package static var slotsPerLevel: Int { @inlinable get { 256 } }
  @usableFromInline package static var dueList: UInt16 { @inlinable get { 5_120 } }
  @usableFromInline package static var never: UInt64 { @inlinable get { .max } }

  @usableFromInline package let heads: UnsafeMutablePointer<UnsafeMutablePointer<TimerNode>?>
  /// Four words a level: which slots have a timer.
  @usableFromInline package let occupied: UnsafeMutablePointer<UInt64>
  /// One bit a level: whether any slot has a timer.
  @usableFromInline package var occupiedLevels: UInt32
  /// Every slot that ends at this tick or before has been emptied.
  @usableFromInline package var currentTick: UInt64
  /// No slot ends before this tick; the true next one unless `nextIsStale`.
  @usableFromInline package var nextTick: UInt64
  @usableFromInline package var nextIsStale: Bool
  /// The instant of the last `advance`.
  @usableFromInline package var now: Instant
  @usableFromInline package var armedCount: Int

  /// Start-up only. About 41 KiB.
  package static func create(now: Instant) -> TimerWheel {
    let heads = UnsafeMutablePointer<UnsafeMutablePointer<TimerNode>?>
      .allocate(capacity: Int(dueList) + 1)
    heads.initialize(repeating: nil, count: Int(dueList) + 1)
    let words = levels * slotsPerLevel / 64
    let occupied = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
    occupied.initialize(repeating: 0, count: words)
    return TimerWheel(heads: heads, occupied: occupied, now: now)
  }

  package init(
    heads: UnsafeMutablePointer<UnsafeMutablePointer<TimerNode>?>,
    occupied: UnsafeMutablePointer<UInt64>, now: Instant
  ) {
    self.heads = heads
    self.occupied = occupied
    self.now = now
    occupiedLevels = 0
    currentTick = now.nanoseconds >> TimerWheel.tickShift
    nextTick = TimerWheel.never
    nextIsStale = false
    armedCount = 0
  }

  package mutating func destroy() {
    heads.deallocate()
    occupied.deallocate()
  }

  /// Sets a deadline, whether the node is armed or not. `now` decides how fine the slot is. When
  /// the slot it hangs in will do, as it does for every later instant, this costs a store. A
  /// deadline that has passed fires within two ticks, never inside this call. `distantFuture` on an
  /// armed node is the cheap way of cancelling one that will soon be armed again.
  @inlinable package mutating func arm(
    _ node: UnsafeMutablePointer<TimerNode>, at deadline: Instant, now: Instant
  ) {
    node.pointee.deadline = deadline
    if node.pointee.isArmed {
      let wake = node.pointee.wakeTick << TimerWheel.tickShift
      if deadline.nanoseconds >= wake { return }
      // Its slot may end a little after the deadline, no later than a new one would have to.
      let allowed = (1 << 24) &+ (deadline - now).nanoseconds.magnitude >> 7
      if deadline > now, wake &- deadline.nanoseconds <= allowed { return }
      unlink(node)
    }
    hang(node, now: now)
  }

  /// `arm` where that costs a store: the node hangs in a slot that ends no later. False when it has
  /// to be hung up, and nothing was done.
  @inlinable @inline(__always) package static func move(
    _ node: UnsafeMutablePointer<TimerNode>, to deadline: Instant
  ) -> Bool {
    let hangsBefore =
      node.pointee.isArmed
      && deadline.nanoseconds >= node.pointee.wakeTick << TimerWheel.tickShift
    if hangsBefore { node.pointee.deadline = deadline }
    return hangsBefore
  }

  /// Takes the deadline away; nothing happens when it is not armed. Must be called before the
  /// node's memory goes.
  @inlinable package mutating func cancel(_ node: UnsafeMutablePointer<TimerNode>) {
    guard node.pointee.isArmed else { return }
    unlink(node)
  }

  /// Moves the wheel to `now` and makes ready what is due. Call it, then `popExpired` until that
  /// gives nil.
  package mutating func advance(to now: Instant) {
    if now > self.now { self.now = now }
    let tick = self.now.nanoseconds >> TimerWheel.tickShift
    if tick >= nextTick {
      var left = occupiedLevels
      while left != 0 {
        let level = left.trailingZeroBitCount
        left &= left &- 1
        while let end = firstEnd(level: level), end <= tick >> UInt64(level) {
          makeDue(slot: level &* TimerWheel.slotsPerLevel &+ Int(end & 255))
        }
      }
      nextIsStale = true
    }
    if tick > currentTick { currentTick = tick }
  }

  /// The next timer whose deadline has come by the last `advance`, unlinked; the caller may arm it
  /// again, cancel others, or free its memory. Order within one advance is not promised.
  @inlinable package mutating func popExpired() -> UnsafeMutablePointer<TimerNode>? {
    while let node = heads[Int(TimerWheel.dueList)] {
      unlink(node)
      if node.pointee.deadline <= now { return node }
      hang(node, now: now)  // it was moved to later since it was hung up
    }
    return nil
  }

  /// When `advance` has to be called next; nil when nothing is armed. Exact, but a timer moved to
  /// later still wakes once at its old slot.
  @inlinable package mutating func nextWake() -> Instant? {
    if heads[Int(TimerWheel.dueList)] != nil { return now }
    if nextIsStale { findNext() }
    guard nextTick != TimerWheel.never else { return nil }
    return Instant(nanoseconds: nextTick << TimerWheel.tickShift)
  }

  // MARK: - Slots

  /// Links an unarmed node into the slot at whose end its deadline is due.
  @usableFromInline package mutating func hang(
    _ node: UnsafeMutablePointer<TimerNode>, now: Instant
  ) {
    catchUp(with: now.nanoseconds >> TimerWheel.tickShift)
    // Rounded up, and after the current tick, so that its slot has yet to end. The shift leaves
    // room for the + 1.
    var tick = node.pointee.deadline.nanoseconds >> TimerWheel.tickShift
    if node.pointee.deadline.nanoseconds & ((1 << TimerWheel.tickShift) &- 1) != 0 { tick &+= 1 }
    if tick <= currentTick { tick = currentTick &+ 1 }
    // The finest level whose 255 whole slots reach the deadline; beyond the last one it waits there
    // and is hung up anew.
    let reach = UInt64(TimerWheel.slotsPerLevel &- 1)
    var level: UInt64 = 0
    let distance = tick &- currentTick
    if distance >= reach {
      // floor(log2(distance / 255)) + 1 is the level: distance < 255 << level.
      level = UInt64(64 &- (distance / reach).leadingZeroBitCount)
      if level >= UInt64(TimerWheel.levels) {
        level = UInt64(TimerWheel.levels &- 1)
        tick = currentTick &+ ((reach << level) &- 1)
      }
    }
    let end = (tick &+ ((1 << level) &- 1)) >> level
    let slot = Int(level) &* TimerWheel.slotsPerLevel &+ Int(end & 255)
    link(node, slot: slot, level: Int(level))
    node.pointee.wakeTick = end << level
    if node.pointee.wakeTick < nextTick { nextTick = node.pointee.wakeTick }
  }

  /// Lets the current tick follow the clock while no slot ends, so that distances are measured from
  /// now.
  @inlinable package mutating func catchUp(with tick: UInt64) {
    guard tick > currentTick else { return }
    if tick >= nextTick, nextIsStale { findNext() }
    if tick < nextTick { currentTick = tick }
  }

  @inlinable package mutating func link(
    _ node: UnsafeMutablePointer<TimerNode>, slot: Int, level: Int
  ) {
    let head = heads[slot]
    node.pointee.next = head
    node.pointee.previous = nil
    node.pointee.slot = UInt16(truncatingIfNeeded: slot)  // below 5,120
    head?.pointee.previous = node
    heads[slot] = node
    if head == nil {
      occupied[slot >> 6] |= 1 << UInt64(slot & 63)
      occupiedLevels |= 1 << UInt32(truncatingIfNeeded: level)
    }
    armedCount &+= 1
  }

  @inlinable package mutating func unlink(_ node: UnsafeMutablePointer<TimerNode>) {
    let slot = Int(node.pointee.slot)
    let next = node.pointee.next
    next?.pointee.previous = node.pointee.previous
    if let previous = node.pointee.previous {
      previous.pointee.next = next
    } else {
      heads[slot] = next
      if next == nil, slot != Int(TimerWheel.dueList) { slotBecameEmpty(slot) }
    }
    node.pointee.slot = TimerNode.unarmed
    node.pointee.next = nil
    node.pointee.previous = nil
    armedCount &-= 1
  }

  @inlinable package mutating func slotBecameEmpty(_ slot: Int) {
    occupied[slot >> 6] &= ~(1 << UInt64(slot & 63))
    let level = slot >> 8
    let words = occupied + level &* 4
    if words[0] | words[1] | words[2] | words[3] == 0 {
      occupiedLevels &= ~(1 << UInt32(truncatingIfNeeded: level))
    }
    nextIsStale = true
  }

  /// Moves a whole slot into the list of the expired.
  package mutating func makeDue(slot: Int) {
    while let node = heads[slot] {
      unlink(node)
      let head = heads[Int(TimerWheel.dueList)]
      node.pointee.next = head
      node.pointee.slot = TimerWheel.dueList
      node.pointee.wakeTick = 0
      head?.pointee.previous = node
      heads[Int(TimerWheel.dueList)] = node
      armedCount &+= 1
    }
  }

  /// The first slot of a level that has a timer, as the number of slot widths since the origin at
  /// its end. Occupied slots end within the 256 widths after the current tick, so the position in
  /// the ring says which turn is meant.
  @usableFromInline package func firstEnd(level: Int) -> UInt64? {
    let words = occupied + level &* 4
    let position = (currentTick >> UInt64(level)) &+ 1
    let start = Int(position & 255)
    var word = start >> 6
    var bits = words[word] & (.max << UInt64(start & 63))
    var step = 0
    while bits == 0 {
      step += 1
      guard step <= 4 else { return nil }
      word = (word &+ 1) & 3
      bits = words[word]
    }
    let found = word << 6 | bits.trailingZeroBitCount
    return position &+ UInt64((found &- start) & 255)
  }

  @usableFromInline package mutating func findNext() {
    var next = TimerWheel.never
    var left = occupiedLevels
    while left != 0 {
      let level = left.trailingZeroBitCount
      left &= left &- 1
      if let end = firstEnd(level: level) { next = min(next, end << UInt64(level)) }
    }
    nextTick = next
    nextIsStale = false
  }
}
