// Why this file exists: what happens when libuv says that a socket is ready: it is read from and
// written to here, and the owner hears what came of it.

import CLibUV
import Glibc

/// libuv's callback. `status` is not 0 when the socket is in error, and then libuv has stopped
/// watching it: reading or writing tells which error.
func socketReady(_ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32) {
  // The handle is the first thing in the stream.
  let p = UnsafeMutableRawPointer(handle.unsafelyUnwrapped).assumingMemoryBound(to: Stream.self)
  if events == Int32(Stream.readable) {
    // The usual case; what else could be wanted has been seen to by who wanted it.
    if p.pointee.flags.contains(.reading) { Stream.read(p) }
    return
  }
  if status != 0 { p.pointee.watched = 0 }
  let ready = status != 0 ? Stream.readable | Stream.writable : UInt8(truncatingIfNeeded: events)
  if p.pointee.flags.contains(.connecting) {
    Stream.endConnect(p)
  } else if ready & Stream.readable != 0, p.pointee.flags.contains(.reading) {
    Stream.read(p)
  }
  if ready & Stream.writable != 0, p.pointee.flags.contains(.writing) { Stream.writeRest(p) }
  // What was waited for may be over, or an error may have ended the watching.
  Stream.watch(p)
}

extension Stream {
  /// Reads until there is no more, or others should have their turn.
  static func read(_ p: UnsafeMutablePointer<Stream>) {
    let (handlers, owner) = (handlers(p), owner(p))
    var left = readsPerRound
    while left > 0, p.pointee.flags.contains(.reading) {
      left -= 1
      var base: UnsafeMutablePointer<UInt8>?
      var room = 0
      handlers.pointee.onBuffer(owner, &base, &room)
      guard let base else { return }
      let count = gateway_recv(p.pointee.socket, base, room)
      guard count > 0 else { return endReading(p, count) }
      handlers.pointee.onRead(owner, base, count)
      if count < room { return }
    }
  }

  /// Nothing came: the end (0), an error, or just nothing more at the moment.
  private static func endReading(_ p: UnsafeMutablePointer<Stream>, _ result: Int) {
    if result == 0 - Int(EAGAIN) { return }
    p.pointee.flags.remove(.reading)
    p.pointee.flags.insert(.ended)
    watch(p)
    handlers(p).pointee.onRead(owner(p), nil, result)
  }

  /// Writes on. A closed stream's owner hears only that it is closed.
  static func writeRest(_ p: UnsafeMutablePointer<Stream>) {
    if p.pointee.flags.contains(.closing) { return }
    let vectors = rest(p)
    let first = Int(p.pointee.restFirst)
    let end = Int(p.pointee.restEnd)
    let result = gateway_send(p.pointee.socket, vectors + first, end - first)
    if result == 0 - Int(EAGAIN) { return }
    if result >= 0 {
      p.pointee.restBytes -= result
      if p.pointee.restBytes > 0 { return dropWritten(p, result) }
    }
    p.pointee.flags.remove(.writing)
    handlers(p).pointee.onWritten(owner(p), Int32(truncatingIfNeeded: min(result, 0)))
  }

  /// The first bytes of the write under way have left.
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

  static func endConnect(_ p: UnsafeMutablePointer<Stream>) {
    var status = p.pointee.connectStatus
    if status == 0 {
      var error: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      let result = getsockopt(p.pointee.socket, SOL_SOCKET, SO_ERROR, &error, &size)
      status = 0 - (result == 0 ? error : errno)
    }
    p.pointee.flags.remove(.connecting)
    handlers(p).pointee.onConnected(owner(p), status)
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

func closeEnded(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
  let p = UnsafeMutableRawPointer(handle.unsafelyUnwrapped).assumingMemoryBound(to: Stream.self)
  p.pointee.handlers.unsafelyUnwrapped.pointee.onClosed(p.pointee.owner.unsafelyUnwrapped)
}
