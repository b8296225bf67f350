// Why this file exists: workers draw identifiers, jitter and balancing choices many times a
// request; asking the kernel each time would be a system call.

/// The xoroshiro128++ generator. Seed it once from the system. Not for secrets.
@frozen @usableFromInline
package struct Xoroshiro: RandomNumberGenerator, Sendable {
  @usableFromInline package var low: UInt64
  @usableFromInline package var high: UInt64

  /// Both words zero would stay zero for ever, so the state comes from SplitMix64, which never
  /// gives that.
  @inlinable package init(seed: UInt64) {
    var source = SplitMix64(seed: seed)
    low = source.next()
    high = source.next()
  }
  @inlinable package mutating func next() -> UInt64 {
    // Arithmetic modulo 2^64 is the algorithm.
    let sum = low &+ high
    let result = ((sum << 17) | (sum >> 47)) &+ low
    let mixed = high ^ low
    low = ((low << 49) | (low >> 15)) ^ mixed ^ (mixed << 21)
    high = (mixed << 28) | (mixed >> 36)
    return result
  }
  /// Never zero: what an identifier needs.
  @inlinable @inline(__always) package mutating func nextNonZero() -> UInt64 {
    while true {
      let word = next()
      if word != 0 { return word }
    }
  }
  /// A number from 0 to `bound` - 1; the bias is below `bound` / 2^64.
  @inlinable package mutating func below(_ bound: UInt64) -> UInt64 {
    precondition(bound > 0)
    return next().multipliedFullWidth(by: bound).high
  }
  /// 90 % to 110 % of a length of time, never above the cap: what began together does not end
  /// together. The length is not negative.
  package mutating func spread(_ length: Duration, atMost cap: Duration) -> Duration {
    let length = length.nanoseconds
    let jitter = Int64(below(UInt64(length / 5) + 1)) - length / 10
    return min(Duration(nanoseconds: length + jitter), cap)
  }
}
