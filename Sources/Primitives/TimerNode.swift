// Why this file exists: a deadline is part of the thing that has it; the wheel only links these
// nodes, so arming allocates nothing.

/// One deadline inside its owner's memory. Must not move while armed.
@frozen @usableFromInline
package struct TimerNode {
  @usableFromInline package var next: UnsafeMutablePointer<TimerNode>?
  @usableFromInline package var previous: UnsafeMutablePointer<TimerNode>?
  /// Whose deadline this is; handed back untouched.
  @usableFromInline package var owner: UnsafeMutableRawPointer
  /// When it is to fire. Read it freely, change it by `TimerWheel.arm`.
  @usableFromInline package var deadline: Instant
  /// The tick of the slot it hangs in; 0 in the list of the expired, so that re-arming there is
  /// always lazy.
  @usableFromInline package var wakeTick: UInt64
  /// The list it hangs in; `unarmed` for none.
  @usableFromInline package var slot: UInt16
  /// What kind of deadline this is, for the owner to tell several apart.
  @usableFromInline package var kind: UInt8

  @inlinable package static var unarmed: UInt16 { .max }

  @inlinable package init(owner: UnsafeMutableRawPointer, kind: UInt8) {
    self.owner = owner
    self.kind = kind
    next = nil
    previous = nil
    deadline = .distantFuture
    wakeTick = 0
    slot = TimerNode.unarmed
  }
  @inlinable package var isArmed: Bool { slot != TimerNode.unarmed }
}
