// Why this file exists: tables that are asked with bytes from clients need a hash that nobody
// outside can aim at, the same in every run with the same key, and able to go on where a prefix
// ended.

/// A keyed 64-bit hash of a row of parts. What it gives depends on where the parts are cut ("ab"
/// then "c" is not "a" then "bc"), which is what a path in segments wants. Not for secrets, nor
/// against someone who can read the hashes.
@frozen @usableFromInline
package struct KeyedHash: Sendable {
  @usableFromInline package var state: UInt64
  @usableFromInline package let multiplier: UInt64

  /// The key comes from the system once per process; a literal one in tests.
  @inlinable package init(key: UInt64) {
    state = SplitMix64.mix(key ^ 0x5851_F42D_4C95_7F2D)
    multiplier = SplitMix64.mix(key &+ 0x9E37_79B9_7F4A_7C15) | 1
  }

  /// The hash of all parts so far; more parts may follow.
  @inlinable package var value: UInt64 { KeyedHash.fold(state, multiplier) }

  @inlinable package mutating func combine(_ slice: ByteSlice) { combine(slice.base, slice.count) }
  @inlinable package mutating func combine(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    combine(bytes, count, setting: 0)
  }
  /// The same for a part whose letters may be of either case. The words differ from those of
  /// `combine`, and some bytes that are no letters are taken for each other: what is found by this
  /// has to be compared.
  @inlinable package mutating func combineIgnoringCase(_ slice: ByteSlice) {
    combine(slice.base, slice.count, setting: 0x2020_2020_2020_2020)
  }
  /// - Parameter bits: set in every word.
  @inlinable @inline(__always)
  mutating func combine(_ bytes: UnsafePointer<UInt8>, _ count: Int, setting bits: UInt64) {
    var at = UnsafeRawPointer(bytes)
    var left = count
    while left >= 8 {
      combine(word: at.loadUnaligned(as: UInt64.self) | bits)
      at += 8
      left &-= 8
    }
    // The length tells "a" from "a\0" and ends the part.
    combine(word: KeyedHash.tail(at, left) | bits)
    combine(word: UInt64(truncatingIfNeeded: count))
  }
  /// Fewer than eight bytes as one word.
  @inlinable @inline(__always)
  static func tail(_ at: UnsafeRawPointer, _ left: Int) -> UInt64 {
    if left >= 4 {
      // Two loads that may overlap cover 4 to 7 bytes.
      return UInt64(at.loadUnaligned(as: UInt32.self)) << 32
        | UInt64((at + (left &- 4)).loadUnaligned(as: UInt32.self))
    }
    if left == 0 { return 0 }
    return UInt64(at.load(as: UInt8.self)) << 16
      | UInt64((at + (left >> 1)).load(as: UInt8.self)) << 8
      | UInt64((at + (left &- 1)).load(as: UInt8.self))
  }
  @inlinable package mutating func combine(word: UInt64) {
    state = KeyedHash.fold(state ^ word, multiplier) &+ (word << 32 | word >> 32)
  }
  /// Both halves of the full product, one on the other.
  @inlinable package static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
