// Why this file exists: the few steps of RFC 8259 that a log line takes, over bytes that lie still.
import Primitives
import Telemetry

/// Goes over one JSON text. A step that finds something else gives false or nil; nothing is read
/// behind the end.
struct JSONScanner {
  private(set) var cursor: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>
  /// Some byte of a string was not ASCII.
  private(set) var hasHighBytes = false

  init(_ bytes: ByteSlice) {
    cursor = bytes.base
    end = bytes.base + bytes.count
  }

  var isAtEnd: Bool { cursor == end }
  /// 0 at the end.
  var next: UInt8 { cursor == end ? 0 : cursor.pointee }

  mutating func take(_ byte: UInt8) -> Bool {
    guard cursor < end, cursor.pointee == byte else { return false }
    cursor += 1
    return true
  }

  mutating func takeWord(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard end - cursor >= count, ASCII.equal(ByteSlice(cursor, count), word) else { return false }
    cursor += count
    return true
  }

  mutating func skipSpace() {
    while cursor < end {
      let byte = cursor.pointee
      guard byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a else { return }
      cursor += 1
    }
  }

  /// A string without its quotes, as it is written.
  mutating func string() -> (raw: ByteSlice, isEscaped: Bool)? {
    guard take(0x22) else { return nil }
    let start = cursor
    var isEscaped = false
    while cursor < end {
      while end - cursor >= 8,
        !JSONBytes.needsEscape(UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self))
      {
        cursor += 8
      }
      guard cursor < end else { return nil }
      let byte = cursor.pointee
      cursor += 1
      if byte == 0x22 { return (ByteSlice(start, cursor - 1 - start), isEscaped) }
      if byte < 0x20 { return nil }
      if byte >= 0x80 { hasHighBytes = true }
      if byte == 0x5c {
        isEscaped = true
        guard cursor < end else { return nil }
        cursor += 1
      }
    }
    return nil
  }

  /// Any value; nil of it is kept.
  mutating func skipValue(depth: Int) -> Bool {
    switch next {
    case 0x22:
      guard let string = string() else { return false }
      return !string.isEscaped || JSONScanner.isWellEscaped(string.raw)
    case 0x7b: return depth > 0 && skipMembers(until: 0x7d, depth: depth - 1)
    case 0x5b: return depth > 0 && skipMembers(until: 0x5d, depth: depth - 1)
    case 0x74: return takeWord("true")
    case 0x66: return takeWord("false")
    case 0x6e: return takeWord("null")
    default: return skipNumber()
    }
  }

  private mutating func skipMembers(until close: UInt8, depth: Int) -> Bool {
    cursor += 1
    skipSpace()
    if take(close) { return true }
    repeat {
      skipSpace()
      if close == 0x7d {
        guard string() != nil else { return false }
        skipSpace()
        guard take(0x3a) else { return false }
        skipSpace()
      }
      guard skipValue(depth: depth) else { return false }
      skipSpace()
    } while take(0x2c)
    return take(close)
  }

  private mutating func skipNumber() -> Bool {
    _ = take(0x2d)
    let isZero = next == 0x30
    let whole = skipDigits()
    guard whole > 0, !isZero || whole == 1 else { return false }
    if take(0x2e), skipDigits() == 0 { return false }
    if take(0x65) || take(0x45) {
      if !take(0x2b) { _ = take(0x2d) }
      return skipDigits() > 0
    }
    return true
  }

  private mutating func skipDigits() -> Int {
    let start = cursor
    while cursor < end, ASCII.isDigit(cursor.pointee) { cursor += 1 }
    return cursor - start
  }

  // MARK: Escapes

  private static func isWellEscaped(_ raw: ByteSlice) -> Bool {
    var at = 0
    while at < raw.count {
      if raw.base[at] != 0x5c {
        at += 1
      } else {
        guard let (_, length) = escape(raw, at) else { return false }
        at += length
      }
    }
    return true
  }

  /// The text of a string; nil for an escape that is none. What is written is never longer than
  /// `raw`.
  static func unescape(_ raw: ByteSlice, into writer: inout ByteWriter) -> ByteSlice? {
    let start = writer.cursor
    var at = 0
    while at < raw.count {
      if raw.base[at] != 0x5c {
        writer.append(raw.base[at])
        at += 1
        continue
      }
      guard let (scalar, length) = escape(raw, at) else { return nil }
      for byte in UTF8.encode(scalar).unsafelyUnwrapped { writer.append(byte) }
      at += length
    }
    return writer.overflowed ? nil : ByteSlice(UnsafePointer(start), writer.cursor - start)
  }

  /// What the escape at `at` stands for, and its bytes. Half of a pair stands for U+FFFD.
  private static func escape(_ raw: ByteSlice, _ at: Int) -> (Unicode.Scalar, Int)? {
    guard at + 1 < raw.count else { return nil }
    switch raw.base[at + 1] {
    case 0x22, 0x5c, 0x2f: return (Unicode.Scalar(raw.base[at + 1]), 2)
    case 0x62: return ("\u{08}", 2)
    case 0x66: return ("\u{0c}", 2)
    case 0x6e: return ("\n", 2)
    case 0x72: return ("\r", 2)
    case 0x74: return ("\t", 2)
    case 0x75: break
    default: return nil
    }
    guard let first = unit(raw, at) else { return nil }
    if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
    if first < 0xdc00, let second = unit(raw, at + 6), (0xdc00...0xdfff).contains(second),
      let pair = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    {
      return (pair, 12)
    }
    return ("\u{fffd}", 6)
  }

  /// The four digits of `\uXXXX` at `at`.
  private static func unit(_ raw: ByteSlice, _ at: Int) -> UInt32? {
    guard at + 6 <= raw.count, raw.base[at] == 0x5c, raw.base[at + 1] == 0x75 else { return nil }
    return ASCII.hex(ByteSlice(raw.base + at + 2, 4)).map { UInt32($0) }
  }
}
