// Why this file exists: a message on its way out of a simulated client or backend: written as the
// other side takes it, and interrupted at the places where its script says so.

import EventLoop
import Primitives

/// One message, head first. Owns a buffer that it keeps from message to message.
struct Sender {
  enum Progress: Equatable {
    case done
    /// The socket takes no more; `onWritable` will come.
    case blocked
    /// Goes on after so long.
    case pausing(UInt64)
    /// The place has come at which its script ends.
    case cut
    case broken
  }

  private var bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 1024)
  private var capacity = 1024
  private var start = 0
  private var end = 0
  private var bodyLeft = 0
  private var bodyOffset = 0
  private var key: UInt64 = 0
  private var isChunked = false
  private var hasTrailers = false
  private var isEndOwed = false
  /// Bytes of a piece of the body.
  private var piece = 16_384
  /// Of the whole message, that have been written.
  private(set) var total = 0
  /// Places within it; -1 = none.
  var stallAt = -1
  var stall: UInt64 = 0
  var cutAt = -1
  /// Between two pieces of the body.
  var pause: UInt64 = 0
  private var isPausing = false

  var isDone: Bool { start == end && bodyLeft == 0 && !isEndOwed }
  /// Bytes that have not left.
  var waiting: Int { end - start }
  /// Body bytes that have left.
  var bodySent: Int { bodyOffset }

  func destroy() { bytes.deallocate() }

  mutating func begin() {
    start = 0
    end = 0
    bodyLeft = 0
    bodyOffset = 0
    isChunked = false
    hasTrailers = false
    isEndOwed = false
    piece = 16_384
    total = 0
    stallAt = -1
    cutAt = -1
    pause = 0
    isPausing = false
  }

  // MARK: Filling

  private mutating func makeRoom(_ count: Int) {
    if end + count <= capacity { return }
    let larger = max(2 * capacity, end + count)
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    room.update(from: bytes, count: end)
    bytes.deallocate()
    bytes = room
    capacity = larger
  }

  mutating func put(_ text: StaticString) {
    put(text.utf8Start, text.utf8CodeUnitCount)
  }

  mutating func put(_ text: UnsafePointer<UInt8>, _ count: Int) {
    makeRoom(count)
    (bytes + end).update(from: text, count: count)
    end += count
  }

  mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { if let base = $0.baseAddress { put(base, $0.count) } }
  }

  mutating func put(decimal number: Int) {
    makeRoom(20)
    let count = ASCII.decimalCount(UInt64(number))
    ASCII.writeDecimal(UInt64(number), count: count, to: bytes + end)
    end += count
  }

  mutating func put(hex number: UInt64) {
    makeRoom(16)
    ASCII.writeHex16(number, to: bytes + end)
    end += 16
  }

  mutating func fill(_ byte: UInt8, _ count: Int) {
    makeRoom(count)
    (bytes + end).update(repeating: byte, count: count)
    end += count
  }

  /// The head is complete; so many bytes by this key follow.
  mutating func setBody(
    _ count: Int, key: UInt64, isChunked: Bool, hasTrailers: Bool = false, piece: Int = 16_384
  ) {
    bodyLeft = count
    self.key = key
    self.isChunked = isChunked
    self.hasTrailers = hasTrailers
    isEndOwed = isChunked
    self.piece = max(1, piece)
    if pause == 0 { fillBody() }
  }

  private mutating func fillBody() {
    let count = min(bodyLeft, piece)
    if count > 0 {
      if isChunked {
        makeRoom(20)
        put(chunkSize: count)
      }
      makeRoom(count)
      BodyPattern.write(key, from: bodyOffset, count, to: bytes + end)
      end += count
      bodyOffset += count
      bodyLeft -= count
      if isChunked { put("\r\n") }
    }
    if bodyLeft == 0 && isEndOwed {
      isEndOwed = false
      put(hasTrailers ? "0\r\nX-Sum: 1\r\n\r\n" : "0\r\n\r\n")
    }
  }

  private mutating func put(chunkSize: Int) {
    var digits = 1
    while chunkSize >> (4 * digits) > 0 { digits += 1 }
    for index in stride(from: digits - 1, through: 0, by: -1) {
      let digit = UInt8(chunkSize >> (4 * index) & 15)
      bytes[end] = digit < 10 ? 0x30 + digit : 0x57 + digit
      end += 1
    }
    put("\r\n")
  }

  // MARK: Writing

  /// Writes as much as may go now.
  mutating func pump(_ peer: Peer) -> Progress {
    while true {
      if start == end {
        start = 0
        end = 0
        if bodyLeft == 0 && !isEndOwed { return cutAt >= 0 && total >= cutAt ? .cut : .done }
        if pause > 0 && !isPausing {
          isPausing = true
          return .pausing(pause)
        }
        isPausing = false
        fillBody()
      }
      var count = end - start
      if stallAt >= 0 {
        if total >= stallAt {
          stallAt = -1
          return .pausing(stall)
        }
        count = min(count, stallAt - total)
      }
      if cutAt >= 0 {
        if total >= cutAt { return .cut }
        count = min(count, cutAt - total)
      }
      let written = peer.write(bytes + start, count)
      if written < 0 { return .broken }
      start += written
      total += written
      if written < count { return .blocked }
    }
  }
}
