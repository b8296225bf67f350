// Why this file exists: what a round of the loop does with a stream that may be ready, in the order
// in which the real one does it.

import Glibc

extension Stream {
  /// Something has changed that the loop may be watching for.
  static func mayBeReady(_ p: UnsafeMutablePointer<Stream>) {
    if p.pointee.flags.contains(.closing) { return }
    guard let loop = p.pointee.loop else { return }
    if isReady(p) { loop.join(mark(p)) }
  }

  private static func isReady(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    if p.pointee.flags.contains(.connecting) { return p.pointee.isConnectOver }
    return (p.pointee.flags.contains(.reading) && isReadable(p))
      || (p.pointee.flags.contains(.writing) && isWritable(p))
  }

  static func isReadable(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    guard let link = p.pointee.link else { return false }
    return Network.current.hasSomethingToRead(link, Int(p.pointee.side))
  }

  static func isWritable(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    guard let link = p.pointee.link else { return false }
    let pipe = link.pipe(Int(p.pointee.side))
    if pipe.pointee.isBroken || pipe.pointee.onTheWay < pipe.pointee.sendBound { return true }
    pipe.pointee.writerWaits = true
    return false
  }

  /// The loop has come to it.
  static func looked(_ p: UnsafeMutablePointer<Stream>) {
    // What was ready when the system was asked; what is wanted when its turn comes.
    let wasWritable = p.pointee.flags.contains(.writing) && isWritable(p)
    if p.pointee.flags.contains(.connecting) {
      endConnect(p)
    } else if p.pointee.flags.contains(.reading) && isReadable(p) {
      read(p)
    }
    if wasWritable && p.pointee.flags.contains(.writing) { writeRest(p) }
    mayBeReady(p)
  }

  private static func endConnect(_ p: UnsafeMutablePointer<Stream>) {
    guard p.pointee.isConnectOver else { return }
    p.pointee.flags.remove(.connecting)
    let status = p.pointee.connectStatus
    if status != 0, let link = p.pointee.link {
      // There never was a connection.
      p.pointee.link = nil
      Network.current.pointee.descriptors -= 1
      link.end(0).pointee.stream = nil
      Network.current.leave(link, 0)
    }
    handlers(p).pointee.onConnected(owner(p), status)
  }

  /// Reads until there is no more, or others should have their turn.
  private static func read(_ p: UnsafeMutablePointer<Stream>) {
    let (handlers, owner) = (handlers(p), owner(p))
    var left = readsPerRound
    while left > 0, p.pointee.flags.contains(.reading) {
      left -= 1
      var base: UnsafeMutablePointer<UInt8>?
      var room = 0
      handlers.pointee.onBuffer(owner, &base, &room)
      guard let base else { return }
      let count = receive(p, base, room)
      guard count > 0 else { return endReading(p, count) }
      handlers.pointee.onRead(owner, base, count)
      if count < room { return }
    }
  }

  private static func receive(
    _ p: UnsafeMutablePointer<Stream>, _ base: UnsafeMutablePointer<UInt8>, _ room: Int
  ) -> Int {
    guard let link = p.pointee.link else { return 0 - Int(EBADF) }
    let side = Int(p.pointee.side)
    let pipe = link.pipe(1 - side)
    let count = min(room, pipe.pointee.readable)
    if count == 0 { return Network.current.readEnd(link, side) }
    base.update(from: pipe.pointee.base.unsafelyUnwrapped + pipe.pointee.start, count: count)
    Network.current.consume(link, side, count)
    return count
  }

  private static func endReading(_ p: UnsafeMutablePointer<Stream>, _ result: Int) {
    if result == 0 - Int(EAGAIN) { return }
    p.pointee.flags.remove(.reading)
    p.pointee.flags.insert(.ended)
    p.pointee.link?.end(Int(p.pointee.side)).pointee.endReadAt = Network.current.pointee.now
    handlers(p).pointee.onRead(owner(p), nil, result)
  }

  private static func writeRest(_ p: UnsafeMutablePointer<Stream>) {
    guard !p.pointee.flags.contains(.closing), let link = p.pointee.link else { return }
    let vectors = rest(p)
    let first = Int(p.pointee.restFirst)
    let end = Int(p.pointee.restEnd)
    let result = Network.current.write(link, Int(p.pointee.side), vectors + first, end - first)
    if result >= 0 {
      p.pointee.restBytes -= result
      if p.pointee.restBytes > 0 { return dropWritten(p, result) }
    }
    p.pointee.flags.remove(.writing)
    handlers(p).pointee.onWritten(owner(p), Int32(truncatingIfNeeded: min(result, 0)))
  }

  private static func dropWritten(_ p: UnsafeMutablePointer<Stream>, _ count: Int) {
    let vectors = rest(p)
    var left = count
    while left >= vectors[Int(p.pointee.restFirst)].count {
      left -= vectors[Int(p.pointee.restFirst)].count
      p.pointee.restFirst += 1
    }
    let vector = vectors + Int(p.pointee.restFirst)
    vector.pointee.base? += left
    vector.pointee.count -= left
  }

  @inline(__always)
  private static func owner(_ p: UnsafeMutablePointer<Stream>) -> UnsafeMutableRawPointer {
    p.pointee.owner.unsafelyUnwrapped
  }

  @inline(__always)
  private static func handlers(
    _ p: UnsafeMutablePointer<Stream>
  ) -> UnsafePointer<StreamHandlers> {
    p.pointee.handlers.unsafelyUnwrapped
  }
}
