// Why this file exists: what a limit counts by (an address, a field, a cookie) is kept as a keyed
// hash: every key costs the same few bytes, no secret of a client lies in memory, and nobody can
// choose keys that fall together.
public import Primitives

/// A key as the table knows it.
@frozen @usableFromInline
package struct LimitKey: Equatable, Sendable {
  @usableFromInline package let high: UInt64
  @usableFromInline package let low: UInt64
  /// What people are shown of it; two words of the caller's own form.
  @usableFromInline package var shown: (UInt64, UInt64)

  @inlinable package init(high: UInt64, low: UInt64, shown: (UInt64, UInt64)) {
    self.high = high
    self.low = low
    self.shown = shown
  }

  /// Two requests count together when their hashes are the same.
  @inlinable package static func == (left: LimitKey, right: LimitKey) -> Bool {
    left.high == right.high && left.low == right.low
  }
}

/// Makes keys of parts. Two hashes with unrelated secrets make the 128 bits in which no two clients
/// meet by chance.
@frozen @usableFromInline
package struct LimitKeyHash: Sendable {
  @usableFromInline var high: KeyedHash
  @usableFromInline var low: KeyedHash

  /// The secrets come from the system once per process; literal ones in tests.
  @inlinable package init(secrets: (UInt64, UInt64)) {
    high = KeyedHash(key: secrets.0)
    low = KeyedHash(key: secrets.1)
  }

  @inlinable package mutating func combine(_ part: ByteSlice) {
    high.combine(part)
    low.combine(part)
  }

  @inlinable package mutating func combine(word: UInt64) {
    high.combine(word: word)
    low.combine(word: word)
  }

  @inlinable package func key(shown: (UInt64, UInt64)) -> LimitKey {
    LimitKey(high: high.value, low: low.value, shown: shown)
  }
}
