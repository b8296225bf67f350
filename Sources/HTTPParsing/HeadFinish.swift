// Why this file exists: what runs once over the fields of a complete head, or over the trailers:
// the number for each name.
import HTTPSemantics
import Primitives

enum HeadFinish {
  /// Gives every field its kind, and takes the blanks from the end of its value.
  static func classify(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int
  ) {
    var field = fields
    let last = fields + count
    while field < last {
      let end = base + Int(field.pointee.valueOffset) + Int(field.pointee.valueLength)
      if field.pointee.valueLength > 0, isBlank(end[-1]) { trim(field, end) }
      field += 1
    }
    FieldClassifier.classify(base, fields, count)
  }

  private static func trim(_ field: UnsafeMutablePointer<Field>, _ end: UnsafePointer<UInt8>) {
    var length = Int(field.pointee.valueLength)
    let start = end - length
    while length > 0, isBlank(start[length - 1]) { length -= 1 }
    field.pointee.valueLength = UInt32(length)
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
