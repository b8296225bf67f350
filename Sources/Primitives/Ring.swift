// Why this file exists: bounded queues (waiting requests, pipelined bytes, mail) need one first-in
// first-out ring that never grows and never allocates after its making.

/// A queue of at most `capacity` plain values in raw memory. One thread.
@frozen @usableFromInline
package struct Ring<Element: BitwiseCopyable> {
  @usableFromInline package let base: UnsafeMutablePointer<Element>
  @usableFromInline package let capacity: Int
  @usableFromInline package let mask: Int
  @usableFromInline package var head: Int
  @usableFromInline package var count: Int

  /// Start-up only. `capacity` from 1 to 2^31.
  @inlinable package static func create(capacity: Int) -> Ring {
    precondition(capacity > 0 && capacity <= 1 << 31)
    var slots = 1
    while slots < capacity { slots *= 2 }
    return Ring(base: .allocate(capacity: slots), capacity: capacity, mask: slots - 1)
  }
  @inlinable package init(base: UnsafeMutablePointer<Element>, capacity: Int, mask: Int) {
    self.base = base
    self.capacity = capacity
    self.mask = mask
    head = 0
    count = 0
  }
  @inlinable package mutating func destroy() {
    base.deallocate()
    count = 0
  }

  @inlinable package var isEmpty: Bool { count == 0 }
  @inlinable package var isFull: Bool { count == capacity }

  /// False when full; the value is then not taken.
  @inlinable package mutating func push(_ element: Element) -> Bool {
    guard count < capacity else { return false }
    base[(head &+ count) & mask] = element  // both below 2^32
    count &+= 1
    return true
  }
  /// The oldest, taken out.
  @inlinable package mutating func pop() -> Element? {
    guard count > 0 else { return nil }
    let element = base[head]
    head = (head &+ 1) & mask
    count &-= 1
    return element
  }
  /// The oldest, left in.
  @inlinable package var first: Element? { count > 0 ? base[head] : nil }
  /// The element `position` places behind the oldest.
  @inlinable package subscript(position: Int) -> Element {
    get {
      precondition(position >= 0 && position < count)
      return base[(head &+ position) & mask]
    }
    nonmutating set {
      precondition(position >= 0 && position < count)
      base[(head &+ position) & mask] = newValue
    }
  }
  @inlinable package mutating func removeAll() {
    head = 0
    count = 0
  }
}
