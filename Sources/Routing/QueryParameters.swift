// Why this file exists: `?v=2` and `?%76=%32` are the same parameter to every backend, so they must
// be to a route, to a limit and to a balancer; they are compared as what they mean.
package import Primitives

/// The parameters of a query, `name=value` between `&`, one after another. Without `=` the value is
/// empty.
package struct QueryParameters {
  private var rest: ByteSlice
  package private(set) var name: ByteSlice
  package private(set) var value: ByteSlice

  package init(_ query: ByteSlice) {
    rest = query
    name = ByteSlice(query.base, 0)
    value = name
  }

  /// Goes to the next one that has this name, as it is meant, and a value.
  package mutating func next(named wanted: ByteSlice) -> Bool {
    while next() {
      if !value.isEmpty, DecodedBytes.equal(name, wanted) { return true }
    }
    return false
  }

  /// Writes the value as it is meant: never more bytes than it has.
  package func writeValue(into writer: inout ByteWriter) {
    var decoded = DecodedBytes(value)
    while true {
      let byte = decoded.next()
      if byte < 0 { return }
      writer.append(UInt8(truncatingIfNeeded: byte))
    }
  }

  /// Goes to the next one; false when there is none.
  mutating func next() -> Bool {
    while rest.count > 0 {
      var end = 0
      while end < rest.count, rest.base[end] != 0x26 { end &+= 1 }  // bounded by count
      let part = ByteSlice(rest.base, end)
      let taken = min(end &+ 1, rest.count)
      rest = ByteSlice(rest.base + taken, rest.count &- taken)
      if part.isEmpty { continue }
      var equals = 0
      while equals < part.count, part.base[equals] != 0x3d { equals &+= 1 }
      name = ByteSlice(part.base, equals)
      let start = min(equals &+ 1, part.count)
      value = ByteSlice(part.base + start, part.count &- start)
      return true
    }
    return false
  }
}

/// The bytes that a part of a query stands for: percent triplets decoded once, `+` a space, as
/// forms write it (the URL standard, application/x-www-form-urlencoded). What is no triplet stands
/// for itself.
struct DecodedBytes {
  private let slice: ByteSlice
  /// The bytes stand for themselves: text of the configuration.
  private let isPlain: Bool
  private var at = 0

  init(_ slice: ByteSlice, isPlain: Bool = false) {
    self.slice = slice
    self.isPlain = isPlain
  }

  /// The next byte; -1 at the end.
  mutating func next() -> Int {
    if at >= slice.count { return -1 }
    let byte = slice.base[at]
    at &+= 1  // bounded by count
    if isPlain { return Int(byte) }
    if byte == 0x2b { return 0x20 }
    if byte == 0x25, at &+ 1 < slice.count {
      let high = ASCII.hexValue(slice.base[at])
      let low = ASCII.hexValue(slice.base[at &+ 1])
      if high < 16, low < 16 {
        at &+= 2
        return Int(high << 4 | low)
      }
    }
    return Int(byte)
  }

  /// Whether they are exactly these bytes.
  static func equal(_ slice: ByteSlice, _ bytes: ByteSlice) -> Bool {
    // Three bytes stand for at least one.
    if slice.count < bytes.count || slice.count > bytes.count &* 3 { return false }
    var decoded = DecodedBytes(slice)
    for index in 0..<bytes.count where decoded.next() != Int(bytes.base[index]) { return false }
    return decoded.next() < 0
  }

  /// Goes into `hash` as the bytes that it stands for.
  static func combine(_ slice: ByteSlice, isPlain: Bool = false, into hash: inout KeyedHash) {
    var decoded = DecodedBytes(slice, isPlain: isPlain)
    var word: UInt64 = 0
    var count = 0
    while true {
      let byte = decoded.next()
      if byte < 0 { break }
      word = word << 8 | UInt64(byte)
      count &+= 1  // bounded by the slice
      if count & 7 == 0 {
        hash.combine(word: word)
        word = 0
      }
    }
    hash.combine(word: word)
    hash.combine(word: UInt64(count))
  }
}
