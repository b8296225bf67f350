// Why this file exists: a read usually ends where a message does, and nothing is kept. When it does
// not (half a head, the next request already there, a body whose backend is not connected yet) the
// bytes wait here, in order, in one piece.
import Forwarding
import Primitives

/// Bytes that were read and not used up yet. Owns its buffer; empty costs nothing.
struct Inbox {
  /// With this much waiting the connection is not read from.
  static let limit = Bounds.upgradeHeldBytes
  /// The least that a read is given to fill.
  static let leastRoom = 4096

  private var buffer: UnsafeMutablePointer<UInt8>?
  private var capacity = 0
  private var start = 0
  private var end = 0

  var count: Int { end - start }
  var isEmpty: Bool { end == start }
  var isFull: Bool { count >= Inbox.limit }

  /// The first unused byte. Only when not empty.
  var base: UnsafeMutablePointer<UInt8> { buffer.unsafelyUnwrapped + start }

  /// Where the next read may put its bytes; grows the buffer when little is left. A head in
  /// progress may pass the limit: its own bound (`limits.head_size`) is below the largest buffer.
  mutating func room(_ pool: UnsafeMutablePointer<BufferPool>) -> UnsafeMutableBufferPointer<UInt8>
  {
    makeRoom(Inbox.leastRoom, pool)
    let most = max(Inbox.limit - count, Inbox.leastRoom)
    return UnsafeMutableBufferPointer(
      start: buffer.unsafelyUnwrapped + end, count: min(capacity - end, most))
  }

  /// A read has put this many bytes into `room`.
  mutating func filled(_ count: Int) {
    end += count
    precondition(end <= capacity)
  }

  /// Keeps bytes that lie elsewhere, at most `limit` in all.
  mutating func append(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ pool: UnsafeMutablePointer<BufferPool>
  ) {
    if count == 0 { return }
    makeRoom(count, pool)
    (buffer.unsafelyUnwrapped + end).update(from: bytes, count: count)
    end += count
  }

  /// The first bytes are used up.
  mutating func consume(_ count: Int, _ pool: UnsafeMutablePointer<BufferPool>) {
    start += count
    precondition(start <= end)
    if start == end { destroy(pool) }
  }

  /// Gives the buffer back.
  mutating func destroy(_ pool: UnsafeMutablePointer<BufferPool>) {
    if let buffer { pool.pointee.give(PooledBuffer(base: buffer, capacity: capacity)) }
    buffer = nil
    capacity = 0
    start = 0
    end = 0
  }

  private mutating func makeRoom(_ room: Int, _ pool: UnsafeMutablePointer<BufferPool>) {
    if capacity - end >= room { return }
    let kept = count
    if let buffer, start > 0, capacity - kept >= room {
      buffer.update(from: buffer + start, count: kept)
    } else {
      let wanted = max(kept + room, min(2 * kept, BufferPool.largest))
      let larger = pool.pointee.take(atLeast: wanted)
      if let buffer {
        larger.base.update(from: buffer + start, count: kept)
        pool.pointee.give(PooledBuffer(base: buffer, capacity: capacity))
      }
      buffer = larger.base
      capacity = larger.capacity
    }
    start = 0
    end = kept
  }
}
