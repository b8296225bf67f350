// Why this file exists: what runs once over the fields of a complete head, or over the trailers:
// the number for each name.
import HTTPSemantics
import Primitives

enum HeadFinish {
  /// Gives every field its kind, and takes the blanks from the end of its value.
  static func classify(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int
  ) {
    var index = 0
    while index < count {
      let field = fields + index
      var length = field.pointee.valueLength
      let value = base + Int(field.pointee.valueOffset)
      while length > 0, isBlank(value[Int(length) - 1]) { length -= 1 }
      field.pointee.valueLength = length
      field.pointee.kind = FieldClassifier.kind(
        of: ByteSlice(base + Int(field.pointee.nameOffset), Int(field.pointee.nameLength)))
      index += 1
    }
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
