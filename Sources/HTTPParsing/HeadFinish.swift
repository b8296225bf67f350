// Why this file exists: the checks that run once over a complete head: what llhttp's strict mode lets through although it is
// not in the grammar, and the number for each field's name.
import CLLHTTP
import HTTPSemantics
import Primitives

enum HeadFinish {
  /// Gives every field its kind, and takes the blanks from the end of its value.
  static func classify(_ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int) {
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

  /// Exactly one space on either side of the target, and the protocol is HTTP (llhttp takes any number of spaces, and also
  /// RTSP and ICE).
  static func requestLine(_ base: UnsafePointer<UInt8>, _ table: UnsafeMutablePointer<HeadTable>) -> Bool {
    let target = table.pointee.target
    let length = Int(target.offset) - Int(table.pointee.start) - 1
    guard length > 0, !target.isEmpty else { return false }
    if base[Int(target.offset) - 2] == 0x20 { return false }
    table.pointee.method = ByteRange(offset: table.pointee.start, length: UInt32(length))
    let after = base + Int(target.end)
    return after[0] == 0x20 && after[1] == 0x48 && after[2] == 0x54 && after[3] == 0x54 && after[4] == 0x50
      && after[5] == 0x2F
  }

  /// The methods that we forward; `nil` for those that llhttp knows from other protocols.
  static func method(_ number: UInt8) -> Method? {
    switch llhttp_method_t(rawValue: UInt32(number)) {
    case HTTP_GET: .get
    case HTTP_HEAD: .head
    case HTTP_POST: .post
    case HTTP_PUT: .put
    case HTTP_DELETE: .delete
    case HTTP_CONNECT: .connect
    case HTTP_OPTIONS: .options
    case HTTP_TRACE: .trace
    case HTTP_PATCH: .patch
    default: number == 46 || number <= 32 ? .other : nil
    }
  }
}
