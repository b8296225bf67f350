// Why this file exists: a snapshot is many small tables that live and die together; their memory is
// taken piece by piece and given back all at once, so that nobody has to remember each of them.

/// Memory that is freed as one. One thread; what lies in it may be read by any.
package final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var cleanups: [() -> Void] = []
  private var free = 0
  private var cursor = UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped

  /// Bytes taken from the system at once; what is larger than a quarter of it gets a block of its
  /// own.
  private static let blockSize = 16 * 1024
  /// A cache line: what one block holds shares none with another's.
  private static let blockAlignment = 64

  package init() {}

  deinit {
    for cleanup in cleanups { cleanup() }
    for block in blocks { block.deallocate() }
  }

  /// Uninitialised memory for `count` elements, 0 or more, until the arena is gone. Nothing is
  /// deinitialised then, so the elements hold no references.
  package func allocate<Element>(
    _ type: Element.Type, count: Int
  ) -> UnsafeMutablePointer<Element> {
    precondition(_isPOD(type) && MemoryLayout<Element>.alignment <= Arena.blockAlignment)
    precondition(count >= 0)
    return take(bytes: count * MemoryLayout<Element>.stride, MemoryLayout<Element>.alignment)
      .bindMemory(to: type, capacity: count)
  }

  /// The elements, in memory that nobody changes any more.
  package func copy<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
    let memory = allocate(Element.self, count: elements.count)
    let buffer = UnsafeMutableBufferPointer(start: memory, count: elements.count)
    _ = buffer.initialize(from: elements)
    return UnsafeBufferPointer(buffer)
  }

  /// The text's bytes, with a NUL behind them that is not counted.
  package func copy(_ text: String) -> ByteSlice {
    let count = text.utf8.count
    let bytes = allocate(UInt8.self, count: count + 1)
    var at = 0
    for byte in text.utf8 {
      (bytes + at).initialize(to: byte)
      at += 1
    }
    (bytes + count).initialize(to: 0)
    return ByteSlice(bytes, count)
  }

  /// Words of the arena's, all 0, on cache lines of their own.
  package func words(count: Int) -> SharedWords {
    let words = SharedWords.allocate(count: count)
    atEnd { words.deallocate() }
    return words
  }

  /// `cleanup` runs when the arena goes, for what something in it has taken elsewhere.
  package func atEnd(_ cleanup: @escaping () -> Void) { cleanups.append(cleanup) }

  /// Bytes taken from the system, without what `atEnd` gives back.
  package private(set) var byteCount = 0

  private func take(bytes: Int, _ alignment: Int) -> UnsafeMutableRawPointer {
    if bytes > Arena.blockSize / 4 { return block(bytes: bytes) }
    let padding = (0 &- Int(bitPattern: cursor)) & (alignment - 1)
    if padding + bytes > free {
      cursor = block(bytes: Arena.blockSize)
      free = Arena.blockSize
      return advance(bytes)
    }
    cursor += padding
    free -= padding
    return advance(bytes)
  }

  private func advance(_ bytes: Int) -> UnsafeMutableRawPointer {
    defer {
      cursor += bytes
      free -= bytes
    }
    return cursor
  }

  private func block(bytes: Int) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: bytes, alignment: Arena.blockAlignment)
    blocks.append(block)
    byteCount += bytes
    return block
  }
}
