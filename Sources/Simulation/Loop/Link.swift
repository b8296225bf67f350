// Why this file exists: a connection as both of its ends see it: bytes on their way in each
// direction, what each end has said about its end, and who is told.

import Primitives

/// What one direction says behind its last byte.
enum PipeEnd: UInt8 {
  case open
  case fin
  case reset
}

/// One direction: bytes that wait for the reader, then bytes on their way.
///
///     start ..... delivered ..... end
///        to be read     on their way
struct Pipe {
  var base: UnsafeMutablePointer<UInt8>?
  var capacity = 0
  var start = 0
  var delivered = 0
  var end = 0
  /// Of bytes on their way, and of bytes that wait for the reader.
  var sendBound = 0
  var receiveBound = 0
  var ending = PipeEnd.open
  var endIsDelivered = false
  /// A delivery is planned.
  var isMoving = false
  /// There was no room for the reader; it goes on when some is read.
  var isStalled = false
  /// The writer was not taken all of its bytes, and wants to be told.
  var writerWaits = false
  /// Nobody reads any more: what comes is answered by a reset.
  var readerIsGone = false
  /// The writer has been told of a reset: it can write no more.
  var isBroken = false
  /// Bytes were on their way that have not come.
  var hasLost = false
  /// When it was empty last and something was written.
  var begunAt: UInt64 = 0

  var readable: Int { delivered - start }
  var onTheWay: Int { end - delivered }

  /// Empties it for another connection; the buffer stays.
  mutating func reuse(send: Int, receive: Int) {
    let (base, capacity) = (base, capacity)
    self = Pipe()
    self.base = base
    self.capacity = capacity
    sendBound = send
    receiveBound = receive
  }

  /// What is on its way does not come.
  mutating func lose() {
    if end > delivered { hasLost = true }
    end = delivered
  }

  mutating func append(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    if end + count > capacity { makeRoom(count) }
    (base.unsafelyUnwrapped + end).update(from: bytes, count: count)
    end += count
  }

  private mutating func makeRoom(_ count: Int) {
    let kept = end - start
    if let base, start > 0, kept + count <= capacity {
      base.update(from: base + start, count: kept)
    } else {
      let larger = max(512, capacity * 2, kept + count)
      let room = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
      if let base {
        room.update(from: base + start, count: kept)
        base.deallocate()
      }
      base = room
      capacity = larger
    }
    delivered -= start
    start = 0
    end = kept
  }

  mutating func consume(_ count: Int) {
    start += count
    if start == end {
      start = 0
      delivered = 0
      end = 0
    }
  }
}

/// One end of a link.
struct LinkEnd {
  /// Of the gateway.
  var stream: UnsafeMutablePointer<Stream>?
  /// Of the world around it.
  var owner: UnsafeMutableRawPointer?
  var handlers: UnsafePointer<PeerHandlers>?
  var isOpen = true
  /// When its owner has read the end of what comes; the end of time = not yet.
  var endReadAt = UInt64.max
}

package typealias LinkRef = UnsafeMutablePointer<Link>

/// A connection. End 0 has made it, end 1 has taken it; pipe 0 goes from 0 to 1.
package struct Link {
  var generation: UInt32
  /// For people and for the trace.
  package var number: UInt32
  var ends = (LinkEnd(), LinkEnd())
  var pipes = (Pipe(), Pipe())
  var from: Endpoint
  var to: Endpoint
  /// When the first packet left.
  var madeAt: UInt64 = 0
  var latency: UInt64 = 0
  var cut = Cut.whole
  /// Nothing arrives any more, and nobody is told.
  var isSilent = false
  var isConnected = false

  enum Cut: UInt8 {
    case whole, pieces, bytes
  }

  func freeBuffers() {
    pipes.0.base?.deallocate()
    pipes.1.base?.deallocate()
  }
}

extension LinkRef {
  @inline(__always)
  func end(_ side: Int) -> UnsafeMutablePointer<LinkEnd> {
    UnsafeMutableRawPointer(pointer(to: \.ends).unsafelyUnwrapped)
      .assumingMemoryBound(to: LinkEnd.self) + side
  }

  /// The one that this side writes into.
  @inline(__always)
  func pipe(_ side: Int) -> UnsafeMutablePointer<Pipe> {
    UnsafeMutableRawPointer(pointer(to: \.pipes).unsafelyUnwrapped)
      .assumingMemoryBound(to: Pipe.self) + side
  }
}

extension NetworkRef {
  /// A new link; nobody knows of it yet.
  func makeLink(from: Endpoint, to: Endpoint) -> LinkRef {
    guard let link = pointee.links.allocate() else { preconditionFailure("too many links") }
    let index = pointee.links.index(of: link)
    let generation = pointee.links.generation(of: index)
    // A slot's first life begins with generation 1.
    let pipes = generation == 1 ? (Pipe(), Pipe()) : link.pointee.pipes
    pointee.linkNumber &+= 1
    link.initialize(
      to: Link(generation: generation, number: pointee.linkNumber, from: from, to: to))
    link.pointee.pipes = pipes
    for side in 0..<2 {
      link.pipe(side).pointee.reuse(
        send: Int(draw(pointee.conditions.buffers)),
        receive: Int(draw(pointee.conditions.buffers)))
    }
    link.pointee.madeAt = pointee.now
    link.pointee.latency = draw(pointee.conditions.latency)
    let kind = pointee.random.next() & 255
    if kind < pointee.conditions.bytewise {
      link.pointee.cut = .bytes
    } else if kind < pointee.conditions.bytewise + pointee.conditions.piecewise {
      link.pointee.cut = .pieces
    }
    return link
  }

  /// This end is of no use to its owner any more; the link goes with the second one.
  func leave(_ link: LinkRef, _ side: Int) {
    precondition(link.end(side).pointee.isOpen)
    link.end(side).pointee = LinkEnd(isOpen: false)
    if link.end(1 - side).pointee.isOpen { return }
    link.pointee.generation = 0
    pointee.links.free(link)
  }
}
