// Why this file exists: most field lines of a message go on as they are. Neighbours that stand in
// the head exactly as we would write them are copied together; the others are written one by one,
// from their parsed positions.
import HTTPSemantics
import Primitives

/// A field line of our own: nothing when there is no value.
enum OwnLine {
  /// The bytes that `put` writes.
  @inline(__always)
  static func size(_ name: StaticString, _ value: ByteSlice) -> Int {
    value.isEmpty ? 0 : name.utf8CodeUnitCount + value.count + 2
  }

  /// `name` ends in ": ".
  @inline(__always)
  static func put(_ name: StaticString, _ value: ByteSlice, _ pen: inout Pen) {
    if value.isEmpty { return }
    pen.put(name)
    pen.put(value)
    pen.put("\r\n")
  }
}

/// Copies the field lines that are forwarded.
enum FieldRuns {
  @inline(__always)
  static func bit(_ kind: FieldKind) -> UInt64 { kind.bit }

  /// Writes every line of `fields` that no rule dropped and whose kind is not in `without`, in
  /// order, each with its line end. Gives the kinds of all lines that no rule dropped.
  @inline(__always)
  static func write(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int,
    without: UInt64, into writer: inout ByteWriter
  ) -> UInt64 {
    // The offsets are below 2^32, as is what lies `runStart..<runEnd`: nothing here overflows.
    var runStart = 0
    var runEnd = 0
    var kinds: UInt64 = 0
    var field = fields
    let last = fields + count
    while field < last {
      defer { field += 1 }
      if field.pointee.isDropped { continue }
      kinds |= bit(field.pointee.kind)
      if without & bit(field.pointee.kind) != 0 { continue }
      let start = Int(field.pointee.nameOffset)
      let value = Int(field.pointee.valueOffset)
      let end = value &+ Int(field.pointee.valueLength)
      if field.pointee.flags & Field.asWritten != 0 || isPlain(base, field, end) {
        if start != runEnd {
          writer.append(base + runStart, runEnd &- runStart)
          runStart = start
        }
        runEnd = end &+ 2
      } else {
        writer.append(base + runStart, runEnd &- runStart)
        runStart = 0
        runEnd = 0
        writeLine(base, field.pointee, into: &writer)
      }
    }
    writer.append(base + runStart, runEnd &- runStart)
    return kinds
  }

  /// The line reads "name:value" or "name: value" and its end follows at once.
  private static func isPlain(
    _ base: UnsafePointer<UInt8>, _ field: UnsafePointer<Field>, _ end: Int
  ) -> Bool {
    let gap =
      Int(field.pointee.valueOffset) - Int(field.pointee.nameOffset)
      - Int(field.pointee.nameLength)
    return gap <= 2 && base[end] == 0x0D && base[end + 1] == 0x0A
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
