// Why this file exists: tests write bytes as string literals; the room under test takes slices.
import Primitives

/// Lends the bytes of `text` for the time of one call.
func withSlice<Result>(_ text: String, _ body: (ByteSlice) -> Result) -> Result {
  withSlice(Array(text.utf8), body)
}

func withSlice<Result>(_ bytes: [UInt8], _ body: (ByteSlice) -> Result) -> Result {
  // One byte more, so that even an empty slice has an address.
  (bytes + [0x7a]).withUnsafeBufferPointer { buffer in
    body(ByteSlice(buffer.baseAddress.unsafelyUnwrapped, bytes.count))
  }
}

/// What a writer with `capacity` bytes of room holds after `body`; the bytes behind its room are
/// checked to be untouched.
func written(
  capacity: Int, _ body: (inout ByteWriter) -> Void
) -> (text: String, overflowed: Bool) {
  let guardBytes = 16
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity + guardBytes)
  defer { room.deallocate() }
  room.initialize(repeating: 0xee, count: capacity + guardBytes)
  var writer = ByteWriter(room, capacity: capacity)
  body(&writer)
  for index in capacity..<capacity + guardBytes { precondition(room[index] == 0xee) }
  let text = String(decoding: writer.written.buffer, as: UTF8.self)
  return (text, writer.overflowed)
}

/// Holds a value whose methods change it: the expectation macros take arguments as constants.
final class Box<Value> {
  var it: Value
  init(_ value: Value) { it = value }
}
