// Why this file exists: most field lines of a message go on as they are. Neighbours that stand in
// the head exactly as we would write them are copied together; the others are written one by one,
// from their parsed positions.
import HTTPSemantics
import Primitives

/// Copies the field lines that are forwarded.
enum FieldRuns {
  /// A set of field kinds, one bit each.
  @inline(__always)
  static func bit(_ kind: FieldKind) -> UInt64 { 1 << UInt64(kind.rawValue) }

  /// Writes every line of `fields` that no rule dropped and whose kind is not in `without`, in
  /// order, each with its line end.
  static func write(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int,
    without: UInt64,
    into writer: inout ByteWriter
  ) {
    var runStart = 0
    var runEnd = 0
    var index = 0
    while index < count {
      let field = fields[index]
      index &+= 1  // below count
      if field.isDropped || without & bit(field.kind) != 0 { continue }
      let nameOffset = Int(field.nameOffset)
      let valueEnd = Int(field.valueOffset) + Int(field.valueLength)
      if isPlain(base, field, valueEnd) {
        if nameOffset != runEnd {
          writer.append(base + runStart, runEnd - runStart)
          runStart = nameOffset
        }
        runEnd = valueEnd + 2
        continue
      }
      writer.append(base + runStart, runEnd - runStart)
      runStart = 0
      runEnd = 0
      writeLine(base, field, into: &writer)
    }
    writer.append(base + runStart, runEnd - runStart)
  }

  /// The line reads "name:value" or "name: value" and its end follows at once.
  @inline(__always)
  private static func isPlain(_ base: UnsafePointer<UInt8>, _ field: Field, _ valueEnd: Int) -> Bool
  {
    let gap = Int(field.valueOffset) - Int(field.nameOffset) - Int(field.nameLength)
    return gap <= 2 && base[valueEnd] == 0x0D && base[valueEnd + 1] == 0x0A
  }

  static func writeLine(
    _ base: UnsafePointer<UInt8>, _ field: Field, into writer: inout ByteWriter
  ) {
    writer.append(base + Int(field.nameOffset), Int(field.nameLength))
    writer.append(": ")
    writer.append(base + Int(field.valueOffset), Int(field.valueLength))
    writer.append("\r\n")
  }
}
