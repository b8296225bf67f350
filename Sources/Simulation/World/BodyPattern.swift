// Why this file exists: a byte of one message that turns up in another is the worst that a gateway
// can do. So the bytes of every body follow from whose they are, and each one is looked at.

import Primitives

/// The bytes of a body, by its key and their place.
enum BodyPattern {
  /// Of a request's body.
  static func key(request id: UInt64) -> UInt64 { SplitMix64.mix(id &* 2 &+ 1) }
  /// Of the body that an attempt is answered with.
  static func key(answer id: UInt64, attempt: Int) -> UInt64 {
    SplitMix64.mix(SplitMix64.mix(id &* 2) &+ UInt64(attempt))
  }

  @inline(__always)
  private static func word(_ key: UInt64, _ index: Int) -> UInt64 {
    let mixed = (key &+ UInt64(index)) &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ (mixed >> 29)
  }

  static func write(
    _ key: UInt64, from offset: Int, _ count: Int, to target: UnsafeMutablePointer<UInt8>
  ) {
    var done = 0
    while done < count {
      let place = offset + done
      if place & 7 == 0, count - done >= 8 {
        UnsafeMutableRawPointer(target + done).storeBytes(
          of: word(key, place >> 3), as: UInt64.self)
        done += 8
      } else {
        target[done] = UInt8(truncatingIfNeeded: word(key, place >> 3) >> UInt64(8 * (place & 7)))
        done += 1
      }
    }
  }

  static func matches(
    _ key: UInt64, from offset: Int, _ bytes: UnsafePointer<UInt8>, _ count: Int
  ) -> Bool {
    var done = 0
    while done < count {
      let place = offset + done
      if place & 7 == 0, count - done >= 8 {
        let found = UnsafeRawPointer(bytes + done).loadUnaligned(as: UInt64.self)
        if found != word(key, place >> 3) { return false }
        done += 8
      } else {
        let expected = UInt8(truncatingIfNeeded: word(key, place >> 3) >> UInt64(8 * (place & 7)))
        if bytes[done] != expected { return false }
        done += 1
      }
    }
    return true
  }
}
