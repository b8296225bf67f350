// Why this file exists: what one writer could not send and what a parser has not finished must be
// kept somewhere; a few sizes with short free lists make that cheap without holding on to a burst's
// memory.
import Glibc

/// A run of memory taken from a `BufferPool`.
@frozen @usableFromInline
package struct PooledBuffer {
  @usableFromInline package let base: UnsafeMutablePointer<UInt8>
  @usableFromInline package let capacity: Int

  @inlinable package init(base: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.base = base
    self.capacity = capacity
  }
}

/// Buffers of 4, 8, 16, 32, 64 and 128 KiB. One thread. The struct must live in one place.
@frozen @usableFromInline
package struct BufferPool {
  @usableFromInline package static var smallest: Int { @inlinable get { 4_096 } }
  @usableFromInline package static var largest: Int { @inlinable get { 131_072 } }
  package static var classes: Int { @inlinable get { 6 } }

  /// Per class: the first free buffer; each free buffer begins with the address of the next.
  @usableFromInline package let heads: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  @usableFromInline package let freeCounts: UnsafeMutablePointer<Int>
  /// Free memory kept per class, in bytes, at most.
  @usableFromInline package let keptPerClass: Int
  @usableFromInline package var buffersOut: Int
  @usableFromInline package var bytesOut: Int
  @usableFromInline package var bytesKept: Int

  /// `keptPerClass` bytes at most wait in each class for the next taker; the rest goes back to the
  /// allocator at once.
  package static func create(keptPerClass: Int = 1 << 20) -> BufferPool {
    let heads = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: classes)
    heads.initialize(repeating: nil, count: classes)
    let freeCounts = UnsafeMutablePointer<Int>.allocate(capacity: classes)
    freeCounts.initialize(repeating: 0, count: classes)
    return BufferPool(heads: heads, freeCounts: freeCounts, keptPerClass: keptPerClass)
  }
  package init(
    heads: UnsafeMutablePointer<UnsafeMutableRawPointer?>, freeCounts: UnsafeMutablePointer<Int>,
    keptPerClass: Int
  ) {
    self.heads = heads
    self.freeCounts = freeCounts
    self.keptPerClass = keptPerClass
    buffersOut = 0
    bytesOut = 0
    bytesKept = 0
  }
  /// Frees what is kept. Buffers still out belong to their takers and must not be given back.
  package mutating func destroy() {
    trim()
    heads.deallocate()
    freeCounts.deallocate()
  }

  /// The class whose buffers hold `count` bytes.
  @inlinable package static func sizeClass(_ count: Int) -> Int {
    count <= smallest ? 0 : (count &- 1).bitWidth &- (count &- 1).leadingZeroBitCount &- 12
  }

  /// A buffer of at least `count` (0 to 128 Ki) bytes, uninitialised.
  @inlinable package mutating func take(atLeast count: Int) -> PooledBuffer {
    precondition(count >= 0 && count <= BufferPool.largest)
    let sizeClass = BufferPool.sizeClass(count)
    let capacity = BufferPool.smallest << sizeClass
    buffersOut &+= 1
    bytesOut += capacity
    guard let free = heads[sizeClass] else { return make(capacity) }
    heads[sizeClass] = free.load(as: UnsafeMutableRawPointer?.self)
    freeCounts[sizeClass] &-= 1
    bytesKept -= capacity
    return PooledBuffer(
      base: free.assumingMemoryBound(to: UInt8.self), capacity: capacity)
  }

  /// Takes a buffer back.
  @inlinable package mutating func give(_ buffer: PooledBuffer) {
    let sizeClass = BufferPool.sizeClass(buffer.capacity)
    precondition(buffer.capacity == BufferPool.smallest << sizeClass && buffersOut > 0)
    buffersOut &-= 1
    bytesOut -= buffer.capacity
    guard (freeCounts[sizeClass] &+ 1) * buffer.capacity <= keptPerClass else {
      return release(buffer)
    }
    let raw = UnsafeMutableRawPointer(buffer.base)
    raw.storeBytes(of: heads[sizeClass], as: UnsafeMutableRawPointer?.self)
    heads[sizeClass] = raw
    freeCounts[sizeClass] &+= 1
    bytesKept += buffer.capacity
  }

  /// Gives all that is kept back to the allocator.
  package mutating func trim() {
    for sizeClass in 0..<BufferPool.classes {
      while let free = heads[sizeClass] {
        heads[sizeClass] = free.load(as: UnsafeMutableRawPointer?.self)
        Glibc.free(free)
      }
      freeCounts[sizeClass] = 0
    }
    bytesKept = 0
  }

  /// Traps when the allocator has nothing: with overcommit that is a limit set on the process, and
  /// nothing sensible can be done without memory.
  @usableFromInline package func make(_ capacity: Int) -> PooledBuffer {
    guard let raw = malloc(capacity) else { fatalError("out of memory") }
    return PooledBuffer(
      base: raw.bindMemory(to: UInt8.self, capacity: capacity), capacity: capacity)
  }
  @usableFromInline package func release(_ buffer: PooledBuffer) { Glibc.free(buffer.base) }
}
