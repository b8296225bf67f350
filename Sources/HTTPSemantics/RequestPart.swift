// Why this file exists: operators name parts of requests that clients or sessions are told apart by
// (a field, a cookie); what exactly is meant by them is decided in one place.
package import Primitives

/// Finds the named part of a request. A part without a value is none: what many clients leave empty
/// tells nobody apart.
package enum RequestPart {
  /// The value of each line with this name, in order; there may be several. Lines that end at the
  /// gateway are not looked at.
  /// - Parameter name: in lower case.
  @inline(__always)
  package static func values(
    of name: ByteSlice, in head: RequestHead, _ take: (ByteSlice) -> Void
  ) {
    for index in 0..<head.fieldCount {
      let field = head.fields[index]
      if Int(field.nameLength) != name.count || field.isDropped || field.valueLength == 0 {
        continue
      }
      if ASCII.equalIgnoringCase(field.name.slice(in: head.base), name) {
        take(field.value.slice(in: head.base))
      }
    }
  }

  /// The same for rules that a client must not get around: a line that Connection names was sent to
  /// this hop, so it counts. What was taken out for its underscore, or because its sender is not
  /// trusted to say it, is not there.
  @inline(__always)
  package static func sentValues(
    of name: ByteSlice, in head: RequestHead, _ take: (ByteSlice) -> Void
  ) {
    for index in 0..<head.fieldCount {
      let field = head.fields[index]
      guard Int(field.nameLength) == name.count, field.valueLength > 0,
        ASCII.equalIgnoringCase(field.name.slice(in: head.base), name), isSent(field, name)
      else { continue }
      take(field.value.slice(in: head.base))
    }
  }

  private static func isSent(_ field: Field, _ name: ByteSlice) -> Bool {
    if !field.isDropped { return true }
    if field.kind.bit & FieldKind.forwardingIdentity != 0 { return false }
    for index in 0..<name.count where name.base[index] == 0x5f { return false }
    return true
  }

  /// The value of a cookie (RFC 6265 section 4.2): the first one that is not empty. Its quotes, if
  /// it has some, belong to it.
  /// - Parameter name: with regard to case.
  /// - Parameter isNominatedToo: also in a line that Connection names.
  package static func cookie(
    _ name: ByteSlice, in head: RequestHead, isNominatedToo: Bool = false
  ) -> ByteSlice? {
    for index in 0..<head.fieldCount {
      guard case .cookie = head.fields[index].kind, isNominatedToo || !head.fields[index].isDropped
      else { continue }
      let line = head.fields[index].value.slice(in: head.base)
      if let value = pair(name, in: line) { return value }
    }
    return nil
  }

  /// The value of the first `name=value` that has one.
  private static func pair(_ name: ByteSlice, in text: ByteSlice) -> ByteSlice? {
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text.base[end] != 0x3b { end &+= 1 }  // bounded by count
      let member = ASCII.trimmed(ByteSlice(text.base + start, end &- start))
      if member.count > name.count + 1, member.base[name.count] == 0x3d,
        ASCII.equal(ByteSlice(member.base, name.count), name)
      {
        return ByteSlice(member.base + name.count + 1, member.count - name.count - 1)
      }
      start = end &+ 1
    }
    return nil
  }
}
