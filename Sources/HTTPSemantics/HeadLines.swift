// Why this file exists: the parser hands over positions; whether the bytes between them are what a
// strict reading of RFC 9112 wants is proved here, line by line, so that nothing a later reader
// could take for another line is ever forwarded.
import Primitives

/// The shape of the lines of a head, over the bytes as they were received.
enum HeadLines {
  private static var space: UInt8 { 0x20 }
  private static var tab: UInt8 { 0x09 }

  /// The offset after `CR LF` at `offset`, nil when they are not there.
  @inline(__always)
  static func afterLineEnd(_ base: UnsafePointer<UInt8>, _ offset: Int) -> Int? {
    guard base[offset] == 0x0d, base[offset + 1] == 0x0a else { return nil }
    return offset + 2
  }

  /// Proves that `field` is one whole line beginning at `start`: name, colon at once, value between
  /// optional white space, CR LF (RFC 9112 section 5). Gives the offset after it, nil when it is
  /// not.
  @inline(__always)
  static func afterField(
    _ field: Field, _ base: UnsafePointer<UInt8>, from start: Int
  ) -> Int? {
    guard Int(field.nameOffset) == start else { return nil }
    var at = start + Int(field.nameLength)
    guard base[at] == 0x3a else { return nil }
    at += 1
    while base[at] == space || base[at] == tab { at += 1 }
    if field.valueLength > 0 {
      guard at == Int(field.valueOffset) else { return nil }
      at += Int(field.valueLength)
      while base[at] == space || base[at] == tab { at += 1 }
    }
    return afterLineEnd(base, at)
  }

  /// What the request line turned out to be.
  enum RequestLine {
    case good(next: Int)
    case otherVersion
    case bad
  }

  /// Proves that exactly one space stands before and after the target and that the version is the
  /// one the parser read (RFC 9112 section 3).
  static func requestLine(_ head: RequestHead) -> RequestLine {
    let base = head.base
    let start = Int(head.target.offset)
    let end = Int(head.target.end)
    guard start >= 2, end > start, base[start - 1] == space, base[start - 2] != space,
      base[end] == space
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
    guard let next = afterLineEnd(base, end + 9) else { return .bad }
    return .good(next: next)
  }
}
