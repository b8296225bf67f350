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

/// A slice of bytes that live as long as the process.
func lasting(_ bytes: [UInt8]) -> ByteSlice {
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 1)
  room.initialize(from: bytes, count: bytes.count)
  return ByteSlice(UnsafePointer(room), bytes.count)
}

func lasting(_ text: String) -> ByteSlice { lasting(Array(text.utf8)) }

/// What a writer with `capacity` bytes of room holds after `body`; the bytes behind its room are
/// checked to be untouched.
func written(capacity: Int, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
  let guardBytes = 16
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity + guardBytes)
  defer { room.deallocate() }
  room.initialize(repeating: 0xee, count: capacity + guardBytes)
  var writer = ByteWriter(room, capacity: capacity)
  body(&writer)
  for index in capacity..<capacity + guardBytes { precondition(room[index] == 0xee) }
  return Array(writer.written.buffer)
}
