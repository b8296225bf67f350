// Why this file exists: the few numbers that several threads see live in raw memory, so that state
// structs may stay plain and copyable; these are the ways to touch them. Synchronization.Atomic
// does the work, at the price of an ordinary load or store.
public import Synchronization

/// One 64-bit word that any thread may read and write. A pointer; who made the memory frees it.
@frozen @usableFromInline
package struct SharedWord: @unchecked Sendable {
  @usableFromInline package let cell: UnsafeMutablePointer<Atomic<UInt64>>

  @inlinable package init(_ cell: UnsafeMutablePointer<Atomic<UInt64>>) { self.cell = cell }

  /// Makes one word of its own cache line. Start-up only.
  package static func allocate(_ value: UInt64 = 0) -> SharedWord {
    let word = SharedWords.allocate(count: 1)[0]
    word.store(value)
    return word
  }
  /// Frees a word made by `allocate`; nobody may hold it any more.
  package func deallocate() { SharedWords(base: cell, count: 1).deallocate() }

  @inlinable package func load() -> UInt64 { cell.pointee.load(ordering: .relaxed) }
  /// Sees everything its writer wrote before `storeReleasing`.
  @inlinable package func loadAcquiring() -> UInt64 { cell.pointee.load(ordering: .acquiring) }
  @inlinable package func store(_ value: UInt64) { cell.pointee.store(value, ordering: .relaxed) }
  @inlinable package func storeReleasing(_ value: UInt64) {
    cell.pointee.store(value, ordering: .releasing)
  }
  /// Stores and gives back what was there.
  @inlinable package func exchange(_ value: UInt64) -> UInt64 {
    cell.pointee.exchange(value, ordering: .acquiringAndReleasing)
  }
  /// Adds, wrapping, and gives the new value. Relaxed: the number is right, nothing else is
  /// published with it.
  @inlinable @discardableResult package func add(_ amount: UInt64) -> UInt64 {
    cell.pointee.wrappingAdd(amount, ordering: .relaxed).newValue
  }
  /// Adds, wrapping. Who reads it by `loadAcquiring` sees all that was written before.
  @inlinable package func addReleasing(_ amount: UInt64) {
    cell.pointee.wrappingAdd(amount, ordering: .releasing)
  }
  /// Takes away, wrapping, and gives the new value. Relaxed.
  @inlinable @discardableResult package func subtract(_ amount: UInt64) -> UInt64 {
    cell.pointee.wrappingSubtract(amount, ordering: .relaxed).newValue
  }
  /// The word `distance` places further on in the same block.
  @inlinable package func next(_ distance: Int) -> SharedWord { SharedWord(cell + distance) }
  /// Sets these bits.
  @inlinable package func set(_ bits: UInt64) {
    cell.pointee.bitwiseOr(bits, ordering: .acquiringAndReleasing)
  }
  /// Clears these bits and gives what was there.
  @inlinable package func clear(_ bits: UInt64) -> UInt64 {
    cell.pointee.bitwiseAnd(~bits, ordering: .acquiringAndReleasing).oldValue
  }
  /// Replaces `expected` by `desired`; gives what was there, which equals `expected` when it
  /// worked.
  @inlinable package func compareExchange(expected: UInt64, desired: UInt64) -> UInt64 {
    cell.pointee.compareExchange(
      expected: expected, desired: desired, ordering: .acquiringAndReleasing
    ).original
  }
}

/// One 64-bit word with exactly one writing thread and any number of readers: adding is a load and
/// a store, no locked instruction. Two writers lose counts.
@frozen @usableFromInline
package struct SharedCounter: @unchecked Sendable {
  @usableFromInline package let cell: UnsafeMutablePointer<Atomic<UInt64>>

  @inlinable package init(_ cell: UnsafeMutablePointer<Atomic<UInt64>>) { self.cell = cell }

  @inlinable package var value: UInt64 { cell.pointee.load(ordering: .relaxed) }
  /// Wraps: a counter that runs for centuries is somebody else's problem, a trap in one is ours.
  @inlinable package func add(_ amount: UInt64) {
    cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }
  @inlinable package func increment() { add(1) }
  /// For gauges. Wraps below zero; the sum over several writers comes out right all the same.
  @inlinable package func subtract(_ amount: UInt64) {
    cell.pointee.store(cell.pointee.load(ordering: .relaxed) &- amount, ordering: .relaxed)
  }
  @inlinable package func decrement() { subtract(1) }
  /// The word `distance` places further on in the same block.
  @inlinable package func next(_ distance: Int) -> SharedCounter {
    SharedCounter(cell + distance)
  }
  @inlinable package func set(_ value: UInt64) { cell.pointee.store(value, ordering: .relaxed) }
  /// One less. Whoever sees it by `valueAcquiring` sees everything that was done before.
  @inlinable package func decrementReleasing() {
    cell.pointee.store(cell.pointee.load(ordering: .relaxed) &- 1, ordering: .releasing)
  }
  @inlinable package var valueAcquiring: UInt64 { cell.pointee.load(ordering: .acquiring) }
  /// Takes over `count` words, this one first; both are this thread's to write.
  package func copy(from other: SharedCounter, count: Int) {
    for word in 0..<count { next(word).set(other.next(word).value) }
  }
}

/// A block of words, zero at first, beginning on a cache line and sharing none with other memory.
@frozen @usableFromInline
package struct SharedWords: @unchecked Sendable {
  @usableFromInline package let base: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline package let count: Int

  @inlinable package init(base: UnsafeMutablePointer<Atomic<UInt64>>, count: Int) {
    self.base = base
    self.count = count
  }
  /// Start-up only.
  package static func allocate(count: Int) -> SharedWords {
    precondition(count > 0)
    let bytes = (count * 8 + 63) / 64 * 64
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    let base = raw.bindMemory(to: Atomic<UInt64>.self, capacity: count)
    for index in 0..<count { (base + index).initialize(to: Atomic(0)) }
    return SharedWords(base: base, count: count)
  }
  /// A block in pages that count as memory only once they are written; for large tables. Start-up
  /// and reload only.
  package static func reserve(count: Int) -> SharedWords {
    precondition(count > 0)
    let raw = reserveAddressSpace(bytes: count * 8)
    // A page of zeros is a page of words that are zero.
    return SharedWords(base: raw.bindMemory(to: Atomic<UInt64>.self, capacity: count), count: count)
  }
  /// Gives back a block made by `reserve`.
  package func release() { releaseAddressSpace(base, bytes: count * 8) }
  /// Gives back a block made by `allocate`.
  package func deallocate() {
    base.deinitialize(count: count)
    UnsafeMutableRawPointer(base).deallocate()
  }
  @inlinable package subscript(index: Int) -> SharedWord {
    precondition(index >= 0 && index < count)
    return SharedWord(base + index)
  }
  @inlinable package func counter(_ index: Int) -> SharedCounter {
    precondition(index >= 0 && index < count)
    return SharedCounter(base + index)
  }
}
