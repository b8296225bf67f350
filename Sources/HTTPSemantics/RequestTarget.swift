// Why this file exists: a request target comes in four forms; after this file there is one question
// left, which path and query, and one answer to "which host".
import Primitives

/// Reads the target of a request (RFC 9112 section 3.2).
enum RequestTarget {
  /// Fills in form, path and query, and for an absolute target also the authority. Nil when the
  /// target is good.
  @inline(__always)
  static func read(_ head: inout RequestHead, into facts: inout RequestFacts) -> BadRequestDetail? {
    let target = head.target.slice(in: head.base)
    guard target.count > 0, FieldBytes.isTarget(target) else { return .target }
    if target.base[0] == 0x2f {
      facts.form = .origin
      facts.pathAndQuery = head.target
      return nil
    }
    if target.count == 1, target.base[0] == 0x2a {
      guard isOptions(head.method) else { return .target }
      facts.form = .asterisk
      facts.pathAndQuery = ByteRange(offset: head.target.end, length: 0)
      return nil
    }
    return readAbsolute(&head, target, into: &facts)
  }

  private static func readAbsolute(
    _ head: inout RequestHead, _ target: ByteSlice, into facts: inout RequestFacts
  ) -> BadRequestDetail? {
    let scheme: Int
    if starts(target, "http://") {
      scheme = 7
    } else if starts(target, "https://") {
      scheme = 8
    } else {
      return .target
    }
    var end = scheme
    while end < target.count, target.base[end] != 0x2f, target.base[end] != 0x3f { end += 1 }
    let bytes = ByteSlice(target.base + scheme, end - scheme)
    guard let authority = Authority.parse(bytes) else { return .target }
    let start = head.target.offset
    facts.setAuthority(
      authority, ByteRange(offset: start + UInt32(scheme), length: UInt32(bytes.count)))
    facts.pathAndQuery = ByteRange(
      offset: start + UInt32(end), length: UInt32(target.count - end))
    let isEmpty = facts.pathAndQuery.isEmpty
    facts.form = isEmpty && isOptions(head.method) ? .asterisk : .absolute
    return nil
  }

  private static func isOptions(_ method: Method) -> Bool {
    switch method {
    case .options: true
    case .get, .head, .post, .put, .delete, .connect, .trace, .patch, .other: false
    }
  }

  private static func starts(_ target: ByteSlice, _ scheme: StaticString) -> Bool {
    let length = scheme.utf8CodeUnitCount
    guard target.count >= length else { return false }
    return ASCII.equalIgnoringCase(ByteSlice(target.base, length), scheme)
  }
}

extension RequestFacts {
  /// Takes over what `Authority.parse` made of the bytes at `range`.
  mutating func setAuthority(_ parsed: Authority, _ range: ByteRange) {
    authority = range
    host = ByteRange(offset: range.offset, length: UInt32(parsed.host.count))
    port = parsed.port
  }
}
