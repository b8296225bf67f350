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
    // Lengths of bytes in memory: no sum of a few overflows.
    value.isEmpty ? 0 : name.utf8CodeUnitCount &+ value.count &+ 2
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

  /// The line goes on as the bytes it came in.
  @inline(__always)
  static func goesAsSent(_ field: UnsafePointer<Field>, without: UInt64) -> Bool {
    // Not dropped either: that is a flag as well.
    field.pointee.flags == Field.asWritten && without & bit(field.pointee.kind) == 0
  }

  /// Writes every line of `fields` that no rule dropped and whose kind is not in `without`, in
  /// order, each with its line end. Gives the kinds of all lines that no rule dropped.
  /// - Parameter leading: so many bytes in front of the first line go on with it: the start line.
  ///   Where it is not 0, the first line goes as it was sent, whatever its kind.
  @inline(__always)
  static func write(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int,
    without: UInt64, leading: Int, into writer: inout ByteWriter
  ) -> UInt64 {
    if count == 0 { return 0 }
    var kinds: UInt64 = 0
    var field = fields
    let last = fields + count
    var end = Int(field.pointee.nameOffset)
    var start = end &- leading  // inside the head
    if leading > 0 { take(&field, &end, &kinds) }
    while true {
      while field < last, Int(field.pointee.nameOffset) == end,
        goesAsSent(field, without: without)
      {
        take(&field, &end, &kinds)
      }
      if end != start {
        writer.append(base + start, end &- start)
      } else {
        kinds |= writeAlone(base, field, without: without, into: &writer)
        field += 1
      }
      if field == last { return kinds }
      start = Int(field.pointee.nameOffset)
      end = start
    }
  }

  /// Adds a line to the run that ends where it begins.
  @inline(__always)
  private static func take(
    _ field: inout UnsafeMutablePointer<Field>, _ end: inout Int, _ kinds: inout UInt64
  ) {
    kinds |= bit(field.pointee.kind)
    // Sums of a few 32-bit numbers.
    end = Int(field.pointee.valueOffset) &+ Int(field.pointee.valueLength) &+ 2
    field += 1
  }

  /// Writes a line that is not as we would write it, if it is to be written. Gives its kind, or
  /// nothing when a rule has dropped it.
  private static func writeAlone(
    _ base: UnsafePointer<UInt8>, _ field: UnsafePointer<Field>, without: UInt64,
    into writer: inout ByteWriter
  ) -> UInt64 {
    if field.pointee.isDropped { return 0 }
    let kind = bit(field.pointee.kind)
    if without & kind != 0 { return kind }
    let start = Int(field.pointee.nameOffset)
    let end = Int(field.pointee.valueOffset) + Int(field.pointee.valueLength)
    if isPlain(base, field, end) {
      writer.append(base + start, end + 2 - start)
    } else {
      writeLine(base, field.pointee, into: &writer)
    }
    return kind
  }

  /// The line reads "name:value" or "name: value", with all of its value, and its end follows at
  /// once.
  private static func isPlain(
    _ base: UnsafePointer<UInt8>, _ field: UnsafePointer<Field>, _ end: Int
  ) -> Bool {
    let gap =
      Int(field.pointee.valueOffset) - Int(field.pointee.nameOffset)
      - Int(field.pointee.nameLength)
    let before = base[Int(field.pointee.valueOffset) - 1]
    let isWhole = before == 0x3A || before == 0x20 || before == 0x09
    return gap <= 2 && isWhole && base[end] == 0x0D && base[end + 1] == 0x0A
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
