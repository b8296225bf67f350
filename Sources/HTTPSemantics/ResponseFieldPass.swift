// Why this file exists: the field lines of a response are looked at once, in order, like those of a
// request.
import Primitives

/// What the lines of a response are, for the rules to ask.
struct ResponseFieldPass {
  var kinds = FieldKinds()
  /// The first Content-Length; of meaning only when one was seen.
  var contentLength = 0

  /// Proves the shape and the bytes of every line, drops what ends at this hop, and notes the
  /// kinds. False when a line is not what it should be.
  mutating func run(_ head: ResponseHead, _ facts: inout ResponseFacts) -> Bool {
    guard head.fieldCount > 0 else { return true }
    let base = head.base
    let start = Int(head.fields[0].nameOffset)
    // A status line without phrase has fourteen bytes with its line end.
    guard start >= 14, HeadLines.afterLineEnd(base, start &- 2) == start else { return false }
    if !head.phrase.isEmpty, Int(head.phrase.end) + 2 != start { return false }
    var at = start
    var field = head.fields
    let last = field + head.fieldCount
    while field < last {
      at = HeadLines.afterField(field, base, from: at)
      if at < 0 { return false }
      let kind = field.pointee.kind.bit
      if kind & FieldKind.other.bit != 0 {
        let name = field.pointee.name.slice(in: base)
        if !FieldBytes.isShortAndPlain(name), FieldBytes.nameShape(name) == .invalid {
          return false
        }
      } else {
        if kind & ResponseFieldPass.placed & ~kinds.seen != 0 {
          notePlace(kind, field - head.fields, &facts)
        }
        kinds.note(kind)
      }
      field += 1
    }
    let end = HeadLines.afterLineEnd(base, at)
    if end < 0 { return false }
    if kinds.hasAny(FieldKind.hopByHop) { dropHopByHop(head, &facts) }
    return head.bytesAreProved
      || HeadLines.hasOnlyLineEnds(base, head.fields, head.fieldCount, from: start, to: end)
  }

  /// The kinds whose first line is looked for.
  private static var placed: UInt64 { FieldKind.contentLength.bit | FieldKind.date.bit }

  @inline(__always)
  private mutating func notePlace(_ kind: UInt64, _ index: Int, _ facts: inout ResponseFacts) {
    if kind == FieldKind.contentLength.bit {
      contentLength = index
    } else {
      facts.dateField = Int32(truncatingIfNeeded: index)
    }
  }

  private func dropHopByHop(_ head: ResponseHead, _ facts: inout ResponseFacts) {
    for index in 0..<head.fieldCount
    where head.fields[index].kind.bit & FieldKind.hopByHop != 0 {
      if case .keepAlive = head.fields[index].kind {
        facts.keepAliveSeconds = KeepAliveHint.seconds(head.value(index))
      }
      head.fields[index].drop()
    }
  }
}

/// `Keep-Alive: timeout=5, max=100` of a backend: how long it will keep an idle connection.
enum KeepAliveHint {
  /// The seconds of `timeout`; 0 when there is none that can be read.
  static func seconds(_ value: ByteSlice) -> UInt32 {
    var list = FieldList(value)
    while let member = list.next() {
      let name: StaticString = "timeout="
      let length = name.utf8CodeUnitCount
      guard member.count > length,
        ASCII.equalIgnoringCase(ByteSlice(member.base, length), name)
      else { continue }
      let digits = ByteSlice(member.base + length, member.count - length)
      guard let seconds = ASCII.decimal(digits) else { return 0 }
      return UInt32(clamping: seconds)
    }
    return 0
  }
}
