// Why this file exists: who is told to come again later should do so; the time is in a field that
// may be written in two ways.
package import Primitives

/// The Retry-After field of an answer (RFC 9110 section 10.2.3).
package enum RetryAfter {
  /// The time it names in seconds; nil without one, and for a date: the two clocks need not agree.
  package static func seconds(of head: ResponseHead) -> Duration? {
    for index in 0..<head.fieldCount {
      let field = head.fields[index]
      guard FieldWord.isSame(field.name.slice(in: head.base), "retry-after") else { continue }
      let text = field.value.slice(in: head.base)
      guard text.count > 0, text.count <= 9, text.buffer.allSatisfy(ASCII.isDigit) else {
        return nil
      }
      return .seconds(text.buffer.reduce(0) { $0 * 10 + Int64($1 - 0x30) })
    }
    return nil
  }
}
