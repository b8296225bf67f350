// Why this file exists: the parser hands over positions; whether the bytes between them are what a
// strict reading of RFC 9112 wants is proved here, line by line, so that nothing a later reader
// could take for another line is ever forwarded.
import Primitives

/// The shape of the lines of a head, over the bytes as they were received.
enum HeadLines {
  /// The offset after `CR LF` at `offset`, -1 when they are not there.
  @inline(__always)
  static func afterLineEnd(_ base: UnsafePointer<UInt8>, _ offset: Int) -> Int {
    // One byte after the other: a head that wrongly ends in LF ends here.
    base[offset] == 0x0d && base[offset &+ 1] == 0x0a ? offset &+ 2 : -1
  }

  @inline(__always)
  static func isColonAndSpace(_ at: UnsafePointer<UInt8>) -> Bool {
    UnsafeRawPointer(at).loadUnaligned(as: UInt16.self) == UInt16(littleEndian: 0x203a)
  }

  /// CR LF. Behind a value there are always two bytes: the line end that the parser has read.
  @inline(__always)
  static func isLineEnd(_ at: UnsafePointer<UInt8>) -> Bool {
    UnsafeRawPointer(at).loadUnaligned(as: UInt16.self) == UInt16(littleEndian: 0x0a0d)
  }

  /// Proves that `field` is one whole line beginning at `start`: name, colon at once, value between
  /// optional white space, CR LF (RFC 9112 section 5). Gives the offset after it, -1 when it is
  /// not. Of the usual line `FieldClassifier.finish` has proved all but where it begins.
  @inline(__always)
  static func afterField(
    _ field: UnsafeMutablePointer<Field>, _ base: UnsafePointer<UInt8>, from start: Int
  ) -> Int {
    if field.pointee.flags & Field.asWritten != 0, Int(field.pointee.nameOffset) == start {
      // Sums of a few 32-bit numbers.
      return Int(field.pointee.valueOffset) &+ Int(field.pointee.valueLength) &+ 2
    }
    return afterUnusualField(field, base, from: start)
  }

  /// The same for a line with more or less white space than one space after the colon. Every step
  /// but the last looks at a byte that is none of CR and LF, so no step leaves the head.
  private static func afterUnusualField(
    _ field: UnsafePointer<Field>, _ base: UnsafePointer<UInt8>, from start: Int
  ) -> Int {
    guard Int(field.pointee.nameOffset) == start else { return -1 }
    var at = start + Int(field.pointee.nameLength)
    guard base[at] == 0x3a else { return -1 }
    at = afterBlanks(base, at + 1)
    if field.pointee.valueLength > 0 {
      guard at == Int(field.pointee.valueOffset) else { return -1 }
      at = afterBlanks(base, at + Int(field.pointee.valueLength))
    }
    return afterLineEnd(base, at)
  }

  private static func afterBlanks(_ base: UnsafePointer<UInt8>, _ offset: Int) -> Int {
    var at = offset
    while base[at] == 0x20 || base[at] == 0x09 { at += 1 }
    return at
  }

  /// What the request line turned out to be.
  enum RequestLine {
    case good(next: Int)
    case otherVersion
    case bad
  }

  /// Proves that exactly one space stands before and after the target and that the version is the
  /// one the parser read (RFC 9112 section 3).
  @inline(__always)
  static func requestLine(_ head: RequestHead) -> RequestLine {
    let base = head.base
    let start = Int(head.target.offset)
    let end = start &+ Int(head.target.length)  // two 32-bit numbers
    guard start >= 2, end > start, base[start &- 1] == 0x20, base[start &- 2] != 0x20,
      base[end] == 0x20
    else { return .bad }
    // "HTTP/1.0" and "HTTP/1.1" as words read from low addresses up.
    let raw = UnsafeRawPointer(base + end + 1).loadUnaligned(as: UInt64.self)
    let version = UInt64(littleEndian: raw)
    let expected: UInt64 =
      switch head.version {
      case .http10: 0x302e_312f_5054_5448
      case .http11: 0x312e_312f_5054_5448
      }
    if version != expected {
      // "HTTP/" and any digits: a version, but not ours.
      let looksLikeVersion = version & 0x00ff_00ff_ffff_ffff == 0x002e_002f_5054_5448
      return looksLikeVersion ? .otherVersion : .bad
    }
    let next = afterLineEnd(base, end &+ 9)
    return next < 0 ? .bad : .good(next: next)
  }

  /// With every line from `start` to the empty line before `end` proved, the only control bytes are
  /// their line ends and tabs. True when that is so. The sixteen bytes before `end` are readable.
  @inline(__always)
  static func hasOnlyLineEnds(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>, _ fieldCount: Int,
    from start: Int, to end: Int
  ) -> Bool {
    let lineEnds = (fieldCount &+ 1) &* 2  // fewer lines than bytes
    if FieldBytes.controlCount(base + start, base + end) == lineEnds { return true }
    return haveValues(base, fields, fieldCount)
  }

  /// Some control byte is no line end: fine if it is a tab.
  private static func haveValues(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>, _ fieldCount: Int
  ) -> Bool {
    for index in 0..<fieldCount
    where !FieldBytes.isValue(fields[index].value.slice(in: base)) {
      return false
    }
    return true
  }
}
