// Why this file exists: every byte of a head is looked at once more by us, many at a time, because
// a parser that lets one control byte through would let a second request hide behind it.
import Primitives

/// Which bytes stand in a run of bytes. Nothing here reads outside of what the caller says is
/// there.
enum FieldBytes {
  typealias Block = SIMD16<UInt8>

  /// How many bytes from `start` up to `end` are control bytes (below 0x20, or 0x7f), tabs
  /// included. The sixteen bytes before `end` are readable, also where they lie before `start`.
  static func controlCount(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Int {
    let raw = UnsafeRawPointer(start)
    let length = end - start
    var at = 0
    var total = 0
    while at &+ 16 <= length {
      // A lane counts one byte in a block: 254 blocks fit.
      let stop = min(length, at &+ 254 &* 16)
      var lanes = Block(repeating: 0)
      while at &+ 32 <= stop {
        let first = raw.loadUnaligned(fromByteOffset: at, as: Block.self)
        let second = raw.loadUnaligned(fromByteOffset: at &+ 16, as: Block.self)
        lanes = lanes &- controls(first) &- controls(second)
        at &+= 32
      }
      if at &+ 16 <= stop {
        lanes = lanes &- controls(raw.loadUnaligned(fromByteOffset: at, as: Block.self))
        at &+= 16
      }
      total &+= sum(lanes)
    }
    let left = UInt8(truncatingIfNeeded: length & 15)
    if left > 0 {
      let tail = raw.loadUnaligned(fromByteOffset: length &- 16, as: Block.self)
      let mask = lanesOf(lane .>= Block(repeating: 16 &- left))
      total &+= sum(Block(repeating: 0) &- (controls(tail) & mask))
    }
    return total
  }

  /// Every byte may stand in a field value: a tab, a space, a visible character or one above 127
  /// (RFC 9110 section 5.5). No NUL, no bare CR or LF, so no folded line either.
  static func isValue(_ bytes: ByteSlice) -> Bool {
    for index in 0..<bytes.count {
      let byte = bytes.base[index]
      if (byte < 0x20 && byte != 0x09) || byte == 0x7f { return false }
    }
    return true
  }

  /// Every byte may stand in a request target: visible ASCII without `#` (RFC 9112 section 3.2;
  /// a fragment is never sent).
  static func isTarget(_ bytes: ByteSlice) -> Bool {
    if bytes.count < 4 {
      for byte in bytes.buffer where byte &- 0x21 > 0x5d || byte == 0x23 {  // below 0x21 wraps
        return false
      }
      return true
    }
    if bytes.count <= 16 { return isZero(strangers(everyByte(bytes))) }
    let raw = UnsafeRawPointer(bytes.base)
    var found = Block(repeating: 0)
    var at = 0
    while at &+ 16 <= bytes.count {  // at never passes count, which is a count of bytes in memory
      found |= strangers(raw.loadUnaligned(fromByteOffset: at, as: Block.self))
      at &+= 16
    }
    // The last block overlaps the one before.
    found |= strangers(raw.loadUnaligned(fromByteOffset: bytes.count &- 16, as: Block.self))
    return isZero(found)
  }

  /// What a field name is made of.
  enum NameShape {
    case plain
    case withUnderscore
    case invalid
  }

  /// Looks at a name of one byte or more; an empty one is invalid (RFC 9110 section 5.6.2).
  static func nameShape(_ name: ByteSlice) -> NameShape {
    guard name.count > 0 else { return .invalid }
    var shape = NameShape.plain
    for index in 0..<name.count {
      let byte = name.base[index]
      guard ASCII.isToken(byte) else { return .invalid }
      if byte == 0x5f { shape = .withUnderscore }
    }
    return shape
  }

  /// The name has four to sixteen bytes, all letters or hyphens: what nearly every name is. False
  /// says nothing; ask `nameShape`.
  @inline(__always)
  static func isShortAndPlain(_ name: ByteSlice) -> Bool {
    guard name.count >= 4, name.count <= 16 else { return false }
    let block = everyByte(name)
    let hyphens = block .== Block(repeating: 0x2d)
    return isZero(~(letters(block) | lanesOf(hyphens)))
  }

  /// The host has four to sixteen bytes, all letters, digits, dots or hyphens: what most host names
  /// are. False says nothing.
  static func isPlainHost(_ host: ByteSlice) -> Bool {
    guard host.count >= 4, host.count <= 16 else { return false }
    let block = everyByte(host)
    let digits = block &- Block(repeating: 0x30) .< Block(repeating: 10)
    let points = block &- Block(repeating: 0x2d) .< Block(repeating: 2)
    return isZero(~(letters(block) | lanesOf(digits) | lanesOf(points)))
  }

  /// So many bytes at the beginning of a target are letters, digits, slashes, hyphens or
  /// underscores; there may be more. A target of nothing else is found to be so when it has four
  /// bytes or more.
  static func plainPathPrefix(_ target: ByteSlice) -> Int {
    let count = target.count
    if count < 16 { return count >= 4 && isPlainPath(everyByte(target)) ? count : 0 }
    let raw = UnsafeRawPointer(target.base)
    var at = 0
    while at &+ 16 <= count {  // at never passes count, which is a count of bytes in memory
      if !isPlainPath(raw.loadUnaligned(fromByteOffset: at, as: Block.self)) { return at }
      at &+= 16
    }
    let last = raw.loadUnaligned(fromByteOffset: count &- 16, as: Block.self)
    return isPlainPath(last) ? count : at
  }

  // MARK: - Sixteen bytes at a time
  //
  // Vector is compared with vector throughout: with a scalar on one side the comparison is compiled
  // lane by lane.

  @inline(__always)
  private static var lane: Block { Block(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) }

  /// All bits of a lane where the mask is set.
  @inline(__always)
  private static func lanesOf(_ mask: SIMDMask<SIMD16<Int8>>) -> Block {
    unsafeBitCast(mask, to: Block.self)
  }

  @inline(__always)
  private static func controls(_ block: Block) -> Block {
    lanesOf(block .< Block(repeating: 0x20)) | lanesOf(block .== Block(repeating: 0x7f))
  }

  @inline(__always)
  private static func strangers(_ block: Block) -> Block {
    lanesOf(block .< Block(repeating: 0x21)) | lanesOf(block .> Block(repeating: 0x7e))
      | lanesOf(block .== Block(repeating: 0x23))
  }

  @inline(__always)
  private static func isPlainPath(_ block: Block) -> Bool {
    // The slash and the digits are neighbours.
    let slashesAndDigits = block &- Block(repeating: 0x2f) .< Block(repeating: 11)
    let hyphens = block .== Block(repeating: 0x2d)
    let underscores = block .== Block(repeating: 0x5f)
    return isZero(
      ~(letters(block) | lanesOf(slashesAndDigits) | lanesOf(hyphens) | lanesOf(underscores)))
  }

  @inline(__always)
  private static func letters(_ block: Block) -> Block {
    let folded = block | Block(repeating: 0x20)
    return lanesOf(folded &- Block(repeating: 0x61) .< Block(repeating: 26))
  }

  /// A block that holds every byte of a run of four to sixteen, some more than once: for questions
  /// that do not ask where.
  @inline(__always)
  private static func everyByte(_ run: ByteSlice) -> Block {
    let raw = UnsafeRawPointer(run.base)
    let first: UInt64
    let last: UInt64
    if run.count >= 8 {
      first = raw.loadUnaligned(as: UInt64.self)
      last = raw.loadUnaligned(fromByteOffset: run.count &- 8, as: UInt64.self)
    } else {
      first = UInt64(raw.loadUnaligned(as: UInt32.self)) &* 0x1_0000_0001  // the word twice
      last = UInt64(raw.loadUnaligned(fromByteOffset: run.count &- 4, as: UInt32.self))
        &* 0x1_0000_0001
    }
    return unsafeBitCast(SIMD2<UInt64>(first, last), to: Block.self)
  }

  @inline(__always)
  private static func isZero(_ block: Block) -> Bool {
    let words = unsafeBitCast(block, to: SIMD2<UInt64>.self)
    return words.x | words.y == 0
  }

  /// The sum of the lanes: first in pairs of bytes, then of both words, then within the word by one
  /// product. No carry leaves its 16 bits: the sum of all is at most 4,080.
  @inline(__always)
  private static func sum(_ lanes: Block) -> Int {
    let words = unsafeBitCast(lanes, to: SIMD2<UInt64>.self)
    let even = SIMD2<UInt64>(repeating: 0x00ff_00ff_00ff_00ff)
    let pairs = (words & even) &+ ((words &>> SIMD2<UInt64>(repeating: 8)) & even)
    let both = pairs.x &+ pairs.y
    return Int(truncatingIfNeeded: (both &* 0x0001_0001_0001_0001) >> 48)
  }
}
