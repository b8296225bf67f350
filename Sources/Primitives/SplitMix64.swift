// Why this file exists: a seeded source of numbers that gives the same row on every machine, for
// tests, for seeding others and wherever a decision must be repeatable.

/// The SplitMix64 generator: any seed will do, 2^64 numbers until it repeats. Not for secrets.
@frozen @usableFromInline
package struct SplitMix64: RandomNumberGenerator, Sendable {
  @usableFromInline package var state: UInt64

  @inlinable package init(seed: UInt64) { state = seed }

  @inlinable package mutating func next() -> UInt64 {
    // Arithmetic modulo 2^64 is the algorithm.
    state &+= 0x9E37_79B9_7F4A_7C15
    return SplitMix64.mix(state)
  }
  /// Spreads every input bit over the whole word; a bijection.
  @inlinable package static func mix(_ value: UInt64) -> UInt64 {
    var word = value
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
