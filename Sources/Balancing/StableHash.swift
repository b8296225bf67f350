// Why this file exists: every replica, and every start, must send one key to the same backend, and
// an operator should be able to find out which; so the hash is a published one without a secret.
package import Primitives

/// XXH64, as its specification (xxHash fast digest algorithm, version 0.1.1) has it. Places
/// backends on rings and in tables and keys among them. Clients can compute it too, and choose keys
/// that all meet at one backend: what bounds that is `max_load`, not the hash.
package enum StableHash {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  // All arithmetic is modulo 2^64: that is the algorithm.

  package static func of(_ key: ByteSlice, seed: UInt64 = 0) -> UInt64 {
    var at = UnsafeRawPointer(key.base)
    var left = key.count
    var hash: UInt64
    if left >= 32 {
      var lanes = SIMD4<UInt64>(
        seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1)
      repeat {
        for lane in 0..<4 { lanes[lane] = round(lanes[lane], read64(at + 8 * lane)) }
        at += 32
        left &-= 32
      } while left >= 32
      hash = rotate(lanes[0], 1) &+ rotate(lanes[1], 7)
      hash = hash &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
      for lane in 0..<4 { hash = (hash ^ round(0, lanes[lane])) &* prime1 &+ prime4 }
    } else {
      hash = seed &+ prime5
    }
    hash = hash &+ UInt64(truncatingIfNeeded: key.count)
    return finish(tail(hash, at, left))
  }

  /// The up to 31 bytes behind the last whole stripe.
  private static func tail(_ before: UInt64, _ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
    var hash = before
    var at = start
    var left = count
    while left >= 8 {
      hash = rotate(hash ^ round(0, read64(at)), 27) &* prime1 &+ prime4
      at += 8
      left &-= 8
    }
    if left >= 4 {
      let word = UInt64(UInt32(littleEndian: at.loadUnaligned(as: UInt32.self)))
      hash = rotate(hash ^ (word &* prime1), 23) &* prime2 &+ prime3
      at += 4
      left &-= 4
    }
    while left > 0 {
      hash = rotate(hash ^ (UInt64(at.load(as: UInt8.self)) &* prime5), 11) &* prime1
      at += 1
      left &-= 1
    }
    return hash
  }

  private static func finish(_ before: UInt64) -> UInt64 {
    var hash = before
    hash = (hash ^ (hash >> 33)) &* prime2
    hash = (hash ^ (hash >> 29)) &* prime3
    return hash ^ (hash >> 32)
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
    rotate(lane &+ input &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
    word << count | word >> (64 &- count)
  }

  @inline(__always)
  private static func read64(_ at: UnsafeRawPointer) -> UInt64 {
    UInt64(littleEndian: at.loadUnaligned(as: UInt64.self))
  }
}
