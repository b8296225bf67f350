// Why this file exists: a path has many spellings. Routing and forwarding must not see two of them,
// or a rule for one is passed by with another; so each path is brought into one form, once.
package import Primitives

/// What to do with `%2f` and `%5c` in a path (`http.encoded_slash`).
@frozen @usableFromInline
package enum EncodedSlash: UInt8, CaseIterable, Sendable {
  case reject
  /// Kept undecoded; never a separator.
  case keep
}

/// What `PathPolicy.normalise` made of a target.
@frozen @usableFromInline
package enum PathVerdict: Equatable, Sendable {
  /// The target is in its one form already; its first `pathLength` bytes are the path, the rest is
  /// empty or the query with its `?`.
  case unchanged(pathLength: Int)
  /// The writer holds the target in its one form; split as above.
  case rewritten(pathLength: Int)
  /// 400 `bad_request`, detail `target`.
  case refused
}

/// The one form of a path (RFC 3986 section 6.2.2): percent triplets in upper case, unreserved
/// characters decoded, no dot segments. Slashes are not merged and nothing is decoded that could be
/// a separator. A dot segment that would lead above the root is removed (RFC 3986 section 5.2.4):
/// what is forwarded never has one, so there is nothing left that could be climbed. The query is
/// not touched.
package enum PathPolicy {
  /// How much longer than its target a normal form may be: a `/` for a path that is empty.
  package static var growth: Int { 1 }

  /// Judges `target`, a path with an optional query as `RequestFacts.pathAndQuery` gives it: its
  /// path begins with a slash or is empty, which means `/`. Refused: `%00`, a triplet that is none,
  /// a backslash, `%2f` and `%5c` when they are rejected, and `#`, white space, control and
  /// non-ASCII bytes. Writes only when the verdict is `rewritten`. The writer has room for the
  /// target and `growth`.
  package static func normalise(
    _ target: ByteSlice, encodedSlash: EncodedSlash, into writer: inout ByteWriter
  ) -> PathVerdict {
    if target.isEmpty {
      precondition(writer.room >= growth)
      writer.append(0x2f)
      return .rewritten(pathLength: 1)
    }
    switch scan(target, encodedSlash) {
    case .normal(let pathLength):
      guard isQuery(target, from: pathLength) else { return .refused }
      return .unchanged(pathLength: pathLength)
    case .refused: return .refused
    case .notNormal(let pathLength):
      guard isQuery(target, from: pathLength) else { return .refused }
      precondition(writer.room >= target.count + growth)
      let before = writer.count
      rewrite(ByteSlice(target.base, pathLength), into: &writer)
      let written = writer.count - before
      writer.append(target.base + pathLength, target.count - pathLength)
      return .rewritten(pathLength: written)
    }
  }

  private enum Scan {
    case normal(Int)
    case notNormal(Int)
    case refused
  }

  /// Reads the path once: is it allowed, is it in its one form, where does it end?
  private static func scan(_ target: ByteSlice, _ encodedSlash: EncodedSlash) -> Scan {
    let base = target.base
    let count = target.count
    guard base[0] == 0x2f || base[0] == 0x3f else { return .refused }
    var isNormal = base[0] == 0x2f
    var at = FieldBytes.plainPathPrefix(target)
    while at < count {
      let byte = base[at]
      // Letters, the slash and digits are most of what there is.
      if ASCII.isLetter(byte) || byte &- 0x2f < 11 || isOrdinary(byte) {
        at &+= 1  // bounded by count
        continue
      }
      switch byte {
      case 0x3f: return isNormal ? .normal(at) : .notNormal(at)
      case 0x2e:
        if base[at - 1] == 0x2f, isDotSegment(target, at) { isNormal = false }
        at += 1
      case 0x25:
        guard let (decoded, isUpper) = triplet(target, at), decoded != 0 else { return .refused }
        switch encodedSlash {
        case .reject: if decoded == 0x2f || decoded == 0x5c { return .refused }
        case .keep: break
        }
        if !isUpper || isUnreserved(decoded) { isNormal = false }
        at += 3
      default: return .refused
      }
    }
    return isNormal ? .normal(count) : .notNormal(count)
  }

  /// The segment that begins with the dot at `start` is `.` or `..`.
  private static func isDotSegment(_ target: ByteSlice, _ start: Int) -> Bool {
    var end = start + 1
    if end < target.count, target.base[end] == 0x2e { end += 1 }
    return end == target.count || target.base[end] == 0x2f || target.base[end] == 0x3f
  }

  /// Writes the normal form of a path that `scan` has allowed. What is written always ends in the
  /// slash before the current segment, then the segment so far.
  private static func rewrite(_ path: ByteSlice, into writer: inout ByteWriter) {
    writer.append(0x2f)
    let root = writer.cursor
    var segment = root
    var at = 1
    while at < path.count {
      let byte = path.base[at]
      if byte == 0x2f {
        if !removeDots(&writer, root: root, segment: segment) { writer.append(byte) }
        segment = writer.cursor
        at += 1
      } else if byte == 0x25, let (decoded, _) = triplet(path, at) {
        append(decoded, to: &writer)
        at += 3
      } else {
        writer.append(byte)
        at += 1
      }
    }
    _ = removeDots(&writer, root: root, segment: segment)
  }

  /// A decoded octet as the normal form has it.
  private static func append(_ decoded: UInt8, to writer: inout ByteWriter) {
    if isUnreserved(decoded) {
      writer.append(decoded)
    } else {
      writer.append(0x25)
      writer.append(upperHex(decoded >> 4))
      writer.append(upperHex(decoded & 15))
    }
  }

  /// When the segment just written is `.` or `..`, takes it back, with the one before it for `..`.
  private static func removeDots(
    _ writer: inout ByteWriter, root: UnsafeMutablePointer<UInt8>,
    segment: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    let length = writer.cursor - segment
    guard length == 1 || length == 2, segment[0] == 0x2e, segment[length - 1] == 0x2e else {
      return false
    }
    var end = segment
    if length == 2, end > root {
      end -= 1
      while end > root, (end - 1).pointee != 0x2f { end -= 1 }
    }
    writer.rewind(to: end)
    return true
  }

  /// The octet that the triplet at `at` stands for, and whether its letters are upper case; nil
  /// when two hexadecimal digits do not follow.
  private static func triplet(_ bytes: ByteSlice, _ at: Int) -> (octet: UInt8, isUpper: Bool)? {
    guard at + 2 < bytes.count else { return nil }
    let first = bytes.base[at + 1]
    let second = bytes.base[at + 2]
    let high = ASCII.hexValue(first)
    let low = ASCII.hexValue(second)
    guard high < 16, low < 16 else { return nil }
    return (high << 4 | low, first < 0x61 && second < 0x61)
  }

  private static func upperHex(_ value: UInt8) -> UInt8 { value < 10 ? value + 0x30 : value + 0x37 }

  /// Letters, digits and `-._~` (RFC 3986 section 2.3).
  private static func isUnreserved(_ byte: UInt8) -> Bool {
    if byte >= 128 { return false }
    let allowed: UInt64 = byte < 64 ? 0x03ff_6000_0000_0000 : 0x47ff_fffe_87ff_fffe
    return allowed >> UInt64(byte & 63) & 1 != 0
  }

  /// Visible ASCII that stands for itself: all but `#`, `%`, `.`, `?` and the backslash.
  @inline(__always)
  private static func isOrdinary(_ byte: UInt8) -> Bool {
    if byte >= 128 { return false }
    let ordinary: UInt64 = byte < 64 ? 0x7fff_bfd6_0000_0000 : 0x7fff_ffff_efff_ffff
    return ordinary >> UInt64(byte & 63) & 1 != 0
  }

  private static func isQuery(_ target: ByteSlice, from start: Int) -> Bool {
    FieldBytes.isTarget(ByteSlice(target.base + start, target.count - start))
  }
}
