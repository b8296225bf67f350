// Why this file exists: four words that mean something only together, for a reader that must never
// see two of one writing and two of another, and a writer that waits for nobody.
import Synchronization

/// Four words behind a count of writings: one writing thread, any number of readers. The count is
/// odd while the words change; a reader that finds it odd, or another one afterwards, has seen
/// nothing (a sequence lock: Boehm, "Can seqlocks get along with programming language memory
/// models?", MSPC 2012, whose fences these are).
package struct SharedRecord: Sendable {
  package typealias Words = (UInt64, UInt64, UInt64, UInt64)
  package static let wordCount = 5
  /// A writing takes some nanoseconds; a reader that meets so many in a row looks next time.
  private static let tries = 8

  private let count: SharedWord

  /// In somebody else's words, of which `first` is the first of five.
  package init(_ first: SharedWord) { count = first }

  package func write(_ words: Words) {
    let before = count.load()
    count.store(before &+ 1)  // wraps after centuries, and then too it is odd
    atomicMemoryFence(ordering: .releasing)
    count.next(1).store(words.0)
    count.next(2).store(words.1)
    count.next(3).store(words.2)
    count.next(4).store(words.3)
    count.storeReleasing(before &+ 2)
  }

  /// Nil before the first writing, or when it is written again and again meanwhile.
  package func read() -> Words? {
    for _ in 0..<SharedRecord.tries {
      let before = count.loadAcquiring()
      if before == 0 { return nil }
      let words = (
        count.next(1).load(), count.next(2).load(), count.next(3).load(), count.next(4).load()
      )
      atomicMemoryFence(ordering: .acquiring)
      if before & 1 == 0, count.load() == before { return words }
    }
    return nil
  }
}
