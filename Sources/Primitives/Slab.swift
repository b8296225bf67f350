// Why this file exists: connections and exchanges are structs at addresses that C may keep. A slab
// reserves address space for the greatest number once, lets the kernel give memory as it is
// touched, and says by generation whether a handle is stale.
import Glibc

/// Names a slot and the life it was taken in. All zero names nothing.
@frozen @usableFromInline
package struct SlabHandle: Equatable, Sendable {
  @usableFromInline package var index: UInt32
  @usableFromInline package var generation: UInt32

  @inlinable package init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }
  @inlinable package static var none: SlabHandle { SlabHandle(index: 0, generation: 0) }
}

/// Per slot: which life it is in, and where the free list goes on.
@frozen @usableFromInline
package struct SlabMark {
  /// 0 before the first use; odd or even means nothing, only equality does.
  @usableFromInline package var generation: UInt32
  /// Free: index + 1 of the next free slot, 0 at the end. In use: `inUse`.
  @usableFromInline package var link: UInt32

  @inlinable package static var inUse: UInt32 { .max }
}

/// Slots for up to `capacity` elements at stable addresses. Last freed, first taken, so that hot
/// memory stays hot. One thread. The struct itself must live in one place (its free list is in its
/// fields): do not copy it and use both.
@frozen @usableFromInline
package struct Slab<Element: ~Copyable> {
  @usableFromInline package let base: UnsafeMutablePointer<Element>
  @usableFromInline package let marks: UnsafeMutablePointer<SlabMark>
  @usableFromInline package let capacity: Int
  @usableFromInline package var count: Int
  @usableFromInline package var freeHead: UInt32
  @usableFromInline package var touched: UInt32

  /// Reserves address space for `capacity` (1 to 2^31) elements. Traps when the address space has
  /// no room for it, which is a limit set on the process (RLIMIT_AS) or a bound that the
  /// configuration should have refused.
  package static func reserve(capacity: Int) -> Slab {
    precondition(capacity > 0 && capacity <= 1 << 31)
    let stride = MemoryLayout<Element>.stride
    let base = reserveAddressSpace(bytes: capacity * stride)
      .bindMemory(to: Element.self, capacity: capacity)
    let marks = reserveAddressSpace(bytes: capacity * MemoryLayout<SlabMark>.stride)
      .bindMemory(to: SlabMark.self, capacity: capacity)
    return Slab(base: base, marks: marks, capacity: capacity)
  }

  @inlinable package init(
    base: UnsafeMutablePointer<Element>, marks: UnsafeMutablePointer<SlabMark>, capacity: Int
  ) {
    self.base = base
    self.marks = marks
    self.capacity = capacity
    count = 0
    freeHead = 0
    touched = 0
  }

  /// Gives the address space back. Elements are not deinitialised; nobody may hold a pointer any
  /// more.
  package mutating func destroy() {
    releaseAddressSpace(base, bytes: capacity * MemoryLayout<Element>.stride)
    releaseAddressSpace(marks, bytes: capacity * MemoryLayout<SlabMark>.stride)
    count = 0
  }

  @inlinable package var isFull: Bool { count == capacity }

  /// A slot of uninitialised memory, or nil when all are taken.
  @inlinable package mutating func allocate() -> UnsafeMutablePointer<Element>? {
    let index: Int
    if freeHead != 0 {
      index = Int(freeHead &- 1)
      freeHead = marks[index].link
    } else {
      guard Int(touched) < capacity else { return nil }
      index = Int(touched)
      touched &+= 1  // below capacity, which is at most 2^31
      marks[index].generation = 1
    }
    marks[index].link = SlabMark.inUse
    count &+= 1  // at most capacity
    return base + index
  }

  /// Takes a slot back; its memory must be deinitialised. A second free of the same slot traps.
  @inlinable package mutating func free(_ element: UnsafeMutablePointer<Element>) {
    let index = self.index(of: element)
    let mark = marks + Int(index)
    precondition(mark.pointee.link == SlabMark.inUse, "slot freed twice")
    // Wraps after 2^32 lives of one slot; 0 stays the mark of no handle.
    mark.pointee.generation &+= 1
    if mark.pointee.generation == 0 { mark.pointee.generation = 1 }
    mark.pointee.link = freeHead
    freeHead = index + 1
    count -= 1
  }

  /// Gives the pages that hold nothing but free slots back to the system; they read as zeros
  /// afterwards, which nobody sees. Looks at every slot that was ever used.
  package func trim() {
    let page = Int(getpagesize())
    var index = 0
    while index < Int(touched) {
      if marks[index].link == SlabMark.inUse {
        index += 1
        continue
      }
      let first = index
      while index < Int(touched), marks[index].link != SlabMark.inUse { index += 1 }
      let start = (UInt(bitPattern: base + first) + UInt(page) - 1) / UInt(page) * UInt(page)
      let end = UInt(bitPattern: base + index) / UInt(page) * UInt(page)
      // A call for each stray page would cost more than it gives.
      if end >= start + UInt(16 * page) { releasePages(start, end - start) }
    }
  }

  /// The number of a slot, stable for its address.
  @inlinable package func index(of element: UnsafeMutablePointer<Element>) -> UInt32 {
    let distance = element - base
    precondition(distance >= 0 && distance < capacity)
    return UInt32(truncatingIfNeeded: distance)
  }

  /// The slot with this number, in use or not.
  @inlinable package func pointer(at index: UInt32) -> UnsafeMutablePointer<Element> {
    precondition(Int(index) < capacity)
    return base + Int(index)
  }

  /// Which life the slot is in; changes with every free.
  @inlinable package func generation(of index: UInt32) -> UInt32 {
    precondition(Int(index) < capacity)
    return marks[Int(index)].generation
  }

  @inlinable package func handle(of element: UnsafeMutablePointer<Element>) -> SlabHandle {
    let index = self.index(of: element)
    return SlabHandle(index: index, generation: marks[Int(index)].generation)
  }

  /// The element, or nil when the slot was freed since the handle was made.
  @inlinable package func resolve(_ handle: SlabHandle) -> UnsafeMutablePointer<Element>? {
    guard handle.generation != 0, Int(handle.index) < capacity else { return nil }
    let mark = marks[Int(handle.index)]
    guard mark.generation == handle.generation, mark.link == SlabMark.inUse else { return nil }
    return base + Int(handle.index)
  }

  /// True for a slot between `allocate` and `free`. For walks over all elements (drain, status):
  /// `0..<touched`.
  @inlinable package func isInUse(_ index: UInt32) -> Bool {
    index < touched && marks[Int(index)].link == SlabMark.inUse
  }
}

/// Zeroed pages that count as memory only once they are written.
func reserveAddressSpace(bytes: Int) -> UnsafeMutableRawPointer {
  let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
  guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else {
    fatalError("no address space for \(bytes) bytes")
  }
  return memory
}

private func releasePages(_ start: UInt, _ bytes: UInt) {
  let result = madvise(UnsafeMutableRawPointer(bitPattern: start), Int(bytes), MADV_DONTNEED)
  precondition(result == 0)
}

func releaseAddressSpace(_ base: UnsafeMutableRawPointer, bytes: Int) {
  let result = munmap(base, bytes)
  precondition(result == 0)
}
