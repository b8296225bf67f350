// Why this file exists: what a client or a backend of a scenario has to say leaves as the other
// side takes it; nobody looks at the bytes of a body, so they are all the same.

import EventLoop
import Primitives

struct OutBuffer {
  private var bytes: [UInt8] = []
  private var start = 0
  /// Of the body, that are still to be written behind the bytes.
  var bodyLeft = 0

  private static let filler = [UInt8](repeating: UInt8(ascii: "x"), count: 16_384)

  mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    start = 0
    bodyLeft = 0
  }

  mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }
  mutating func put(_ text: [UInt8]) { bytes.append(contentsOf: text) }
  mutating func put(decimal number: UInt64) {
    let count = ASCII.decimalCount(number)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { room in
      guard let base = room.baseAddress else { return }
      ASCII.writeDecimal(number, count: count, to: base)
      bytes.append(contentsOf: UnsafeBufferPointer(start: base, count: count))
    }
  }
  mutating func put(hex number: UInt64) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { room in
      guard let base = room.baseAddress else { return }
      ASCII.writeHex16(number, to: base)
      bytes.append(contentsOf: UnsafeBufferPointer(start: base, count: 16))
    }
  }

  /// Writes what may go now; false when the connection is broken.
  mutating func pump(_ peer: Peer) -> Bool {
    while start < bytes.count {
      let (first, count) = (start, bytes.count - start)
      let written = bytes.withUnsafeBufferPointer {
        peer.write($0.baseAddress.unsafelyUnwrapped + first, count)
      }
      if written < 0 { return false }
      start += written
      if written < count { return true }
    }
    bytes.removeAll(keepingCapacity: true)
    start = 0
    while bodyLeft > 0 {
      let count = min(bodyLeft, OutBuffer.filler.count)
      let written = OutBuffer.filler.withUnsafeBufferPointer {
        peer.write($0.baseAddress.unsafelyUnwrapped, count)
      }
      if written < 0 { return false }
      bodyLeft -= written
      if written < count { return true }
    }
    return true
  }
}
