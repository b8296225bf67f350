// Why this file exists: traffic may use up the descriptors of the process; what it is watched and
// ended by may not be cut off with it.

import Synchronization

/// The last descriptors of the process, which client and backend connections leave alone.
///
/// The system always gives the lowest free number. So a number at or above `ceiling` says exactly
/// that fewer than `size` are free, without anything being counted: a listener that is given one
/// rests, and `Stream.connect` gives it back.
package enum DescriptorReserve {
  /// How many descriptors are kept.
  package static let size = 32

  private static let word = Atomic<Int32>(.max)

  /// Numbers from here on are kept. Without `keep` there is no reserve.
  package static var ceiling: Int32 { word.load(ordering: .relaxed) }

  /// Keeps the last `size` of `limit` descriptors; of a very low limit a quarter.
  package static func keep(limit: Int) {
    word.store(Int32(clamping: limit - min(size, limit / 4)), ordering: .relaxed)
  }
}
