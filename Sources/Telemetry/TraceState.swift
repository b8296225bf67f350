// Why this file exists: tracestate is passed on unread, so what is passed on must at least be a
// list of the size the specification speaks of.
package import Primitives

/// Looks at the tracestate field lines of one request, one after another, as the one list they are
/// (W3C Trace Context section 3.3). The caller asks only when traceparent was valid, and forwards
/// none of the lines unless `isValid` holds after the last.
@frozen @usableFromInline
package struct TraceState {
  @inlinable package static var maximumMembers: Int { 32 }
  /// Of the lines joined by commas.
  @inlinable package static var maximumLength: Int { 512 }

  @usableFromInline package var members: Int
  @usableFromInline package var length: Int
  @usableFromInline package var isValid: Bool

  @inlinable package init() {
    members = 0
    length = 0
    isValid = true
  }

  /// Takes the next line's value.
  package mutating func take(_ line: ByteSlice) {
    guard isValid else { return }
    if length > 0 { length += 1 }
    length += line.count
    guard length <= TraceState.maximumLength else {
      isValid = false
      return
    }
    var start = 0
    for index in 0...line.count where index == line.count || line.base[index] == 0x2c {
      let member = ASCII.trimmed(ByteSlice(line.base + start, index - start))
      start = index + 1
      if member.isEmpty { continue }  // allowed, and no member
      members += 1
      guard members <= TraceState.maximumMembers, TraceState.isMember(member) else {
        isValid = false
        return
      }
    }
  }

  /// key "=" value; the key as section 3.3.1.3.1 has it, the value printable.
  private static func isMember(_ member: ByteSlice) -> Bool {
    var equals = 0
    while equals < member.count, member.base[equals] != 0x3d { equals += 1 }
    guard equals < member.count, isKey(ByteSlice(member.base, equals)) else { return false }
    let value = ByteSlice(member.base + equals + 1, member.count - equals - 1)
    guard value.count > 0, value.count <= 256 else { return false }
    for byte in value.buffer where byte < 0x20 || byte > 0x7e || byte == 0x3d { return false }
    return true
  }

  private static func isKey(_ key: ByteSlice) -> Bool {
    var at = 0
    while at < key.count, key.base[at] != 0x40 { at += 1 }
    if at == key.count { return isName(key, limit: 256, mayBeginWithDigit: false) }
    let system = ByteSlice(key.base + at + 1, key.count - at - 1)
    return isName(ByteSlice(key.base, at), limit: 241, mayBeginWithDigit: true)
      && isName(system, limit: 14, mayBeginWithDigit: false)
  }

  private static func isName(_ name: ByteSlice, limit: Int, mayBeginWithDigit: Bool) -> Bool {
    guard name.count > 0, name.count <= limit else { return false }
    for index in 0..<name.count {
      let byte = name.base[index]
      let isLower = byte >= 0x61 && byte <= 0x7a
      let isMark = byte == 0x5f || byte == 0x2d || byte == 0x2a || byte == 0x2f
      if index == 0 {
        guard isLower || (mayBeginWithDigit && ASCII.isDigit(byte)) else { return false }
      } else {
        guard isLower || ASCII.isDigit(byte) || isMark else { return false }
      }
    }
    return true
  }
}
