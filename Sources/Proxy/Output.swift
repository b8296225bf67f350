// Why this file exists: most writes are taken by the kernel at once and cost one system call; what
// is left over has to be kept until the peer takes it. Both kinds of connection write through this
// queue and nowhere else.
import EventLoop
import Primitives

/// Bytes that a socket did not take at once, at the start of a pooled buffer that holds them.
struct Segment {
  var next: UnsafeMutablePointer<Segment>?
  var capacity: Int
  var start: Int
  var end: Int

  static var headerSize: Int { MemoryLayout<Segment>.stride }
}

extension UnsafeMutablePointer<Segment> {
  var bytes: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: UInt8.self) + Segment.headerSize
  }
  var room: Int { pointee.capacity - Segment.headerSize - pointee.end }

  static func take(for count: Int, _ pool: UnsafeMutablePointer<BufferPool>) -> Self {
    let wanted = min(count + Segment.headerSize, BufferPool.largest)
    let buffer = pool.pointee.take(atLeast: wanted)
    let segment = UnsafeMutableRawPointer(buffer.base).bindMemory(to: Segment.self, capacity: 1)
    segment.initialize(to: Segment(next: nil, capacity: buffer.capacity, start: 0, end: 0))
    return segment
  }

  func give(_ pool: UnsafeMutablePointer<BufferPool>) {
    let capacity = pointee.capacity
    let base = UnsafeMutableRawPointer(self).assumingMemoryBound(to: UInt8.self)
    pool.pointee.give(PooledBuffer(base: base, capacity: capacity))
  }
}

/// The writing side of one connection.
struct Output {
  /// Above this many waiting bytes the other side is not read from any more …
  /// (one more read of `Worker.bodyReadSize` stays below the 256 KiB that a stream may take) …
  static let highMark = 16 * 1024
  /// … until no more than this are left.
  static let lowMark = 8 * 1024

  private var first: UnsafeMutablePointer<Segment>?
  private var last: UnsafeMutablePointer<Segment>?
  /// Bytes in segments, those that libuv is writing included.
  private(set) var pending = 0
  private var segments = 0
  private var inFlight = 0
  private var inFlightSegments = 0
  /// Bytes that were ever given to `send`.
  private(set) var handed: UInt64 = 0

  // Inlined, because a call would be given a copy of the whole struct.
  @inline(__always)
  var isEmpty: Bool { first == nil }

  /// Bytes that the socket has taken so far.
  @inline(__always)
  func taken(by stream: UnsafeMutablePointer<Stream>) -> UInt64 {
    let unsent = inFlight == 0 ? 0 : Stream.unsentBytes(stream)
    return handed &- UInt64(pending - inFlight + unsent)  // never more than was handed over
  }

  /// Bytes that the peer has not acknowledged, whoever holds them. A system call.
  func held(for stream: UnsafeMutablePointer<Stream>) -> UInt64 {
    handed - taken(by: stream) + UInt64(Stream.unacknowledgedBytes(stream))
  }

  /// Writes the vectors in one call where the socket takes them; keeps a copy of the rest. The
  /// vectors are used up. Returns 0, or -errno when the connection is broken.
  mutating func send(
    _ stream: UnsafeMutablePointer<Stream>, _ vectors: UnsafeMutablePointer<IOVector>, _ count: Int,
    _ pool: UnsafeMutablePointer<BufferPool>
  ) -> Int32 {
    var index = 0
    if first == nil {
      let result = Stream.tryWrite(stream, vectors, count)
      if result < 0 { return Int32(truncatingIfNeeded: result) }
      var left = result
      handed &+= UInt64(result)
      if count == 1, left == vectors[0].count { return 0 }
      while index < count, left >= vectors[index].count {
        left -= vectors[index].count
        index += 1
      }
      if index == count { return 0 }
      vectors[index] = IOVector(
        vectors[index].base.unsafelyUnwrapped + left, vectors[index].count - left)
    }
    for rest in index..<count where vectors[rest].count > 0 {
      keep(vectors[rest].base.unsafelyUnwrapped, vectors[rest].count, pool)
    }
    return Stream.hasPendingWrite(stream) ? 0 : writeMore(stream)
  }

  /// The write under way is over.
  mutating func written(
    _ stream: UnsafeMutablePointer<Stream>, _ pool: UnsafeMutablePointer<BufferPool>
  ) -> Int32 {
    pending -= inFlight
    for _ in 0..<inFlightSegments { dropFirst(pool) }
    inFlight = 0
    inFlightSegments = 0
    return first == nil ? 0 : writeMore(stream)
  }

  /// Gives all memory back. Only when nothing is being written: in the close callback.
  mutating func destroy(_ pool: UnsafeMutablePointer<BufferPool>) {
    while first != nil { dropFirst(pool) }
    pending = 0
  }

  private mutating func dropFirst(_ pool: UnsafeMutablePointer<BufferPool>) {
    guard let segment = first else { return }
    first = segment.pointee.next
    if first == nil { last = nil }
    segments -= 1
    segment.give(pool)
  }

  private mutating func keep(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ pool: UnsafeMutablePointer<BufferPool>
  ) {
    handed &+= UInt64(count)
    pending += count
    var from = bytes
    var left = count
    while left > 0 {
      // What libuv is writing ends where it ended when it was handed over: nothing is added to it.
      let isOpen = segments > inFlightSegments && last.unsafelyUnwrapped.room > 0
      if !isOpen { append(.take(for: left, pool)) }
      let segment = last.unsafelyUnwrapped
      let part = min(left, segment.room)
      (segment.bytes + segment.pointee.end).update(from: from, count: part)
      segment.pointee.end += part
      from += part
      left -= part
    }
  }

  private mutating func append(_ segment: UnsafeMutablePointer<Segment>) {
    if let last { last.pointee.next = segment } else { first = segment }
    last = segment
    segments += 1
  }

  /// Hands the first segments to libuv; at most four, which it keeps without allocating.
  private mutating func writeMore(_ stream: UnsafeMutablePointer<Stream>) -> Int32 {
    withUnsafeTemporaryAllocation(of: IOVector.self, capacity: 4) { vectors in
      var segment = first
      while let current = segment, inFlightSegments < 4 {
        let length = current.pointee.end - current.pointee.start
        vectors[inFlightSegments] = IOVector(current.bytes + current.pointee.start, length)
        inFlight += length
        inFlightSegments += 1
        segment = current.pointee.next
      }
      return Stream.write(stream, vectors.baseAddress.unsafelyUnwrapped, inFlightSegments)
    }
  }
}
