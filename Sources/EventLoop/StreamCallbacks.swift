// Why this file exists: what libuv calls for a stream. Each function finds the stream behind
// libuv's pointer, keeps the stream's own record true, and passes the event on to the owner.

import CLibUV
import Glibc

@inline(__always)
private func stream<Part>(_ part: UnsafeMutablePointer<Part>?) -> UnsafeMutablePointer<Stream> {
  // The handle is the first thing in the stream's storage, and the storage the first thing in the
  // stream.
  UnsafeMutableRawPointer(part.unsafelyUnwrapped).assumingMemoryBound(to: Stream.self)
}

@inline(__always)
private func owner(_ p: UnsafeMutablePointer<Stream>) -> UnsafeMutableRawPointer {
  gateway_handle(Stream.storage(p)).pointee.data.unsafelyUnwrapped
}

@inline(__always)
private func handlers(_ p: UnsafeMutablePointer<Stream>) -> UnsafePointer<StreamHandlers> {
  p.pointee.handlers.unsafelyUnwrapped
}

func giveBuffer(
  _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int,
  _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
  let p = stream(handle)
  let given = UnsafeMutableRawPointer(buffer.unsafelyUnwrapped)
    .assumingMemoryBound(to: GivenBuffer.self)
  given.pointee = GivenBuffer(base: nil, count: 0)
  // No buffer makes libuv end this round of reading; what is left is reported again in the next
  // one.
  if p.pointee.fullReads < Stream.readsPerRound {
    handlers(p).pointee.onBuffer(owner(p), &given.pointee.base, &given.pointee.count)
  }
}

/// libuv's buffer as its owner fills it; of the same layout as `IOVector`, which is checked at
/// start.
private struct GivenBuffer {
  var base: UnsafeMutablePointer<UInt8>?
  var count: Int
}

func readEnded(
  _ handle: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?
) {
  let p = stream(handle)
  let given = buffer.unsafelyUnwrapped.pointee
  if count > 0 {
    // Cannot wrap: giveBuffer gives no buffer at readsPerRound.
    if count == given.len { p.pointee.fullReads &+= 1 } else { p.pointee.fullReads = 0 }
    let base = UnsafeMutableRawPointer(given.base)?.assumingMemoryBound(to: UInt8.self)
    handlers(p).pointee.onRead(owner(p), base, count)
    return
  }
  p.pointee.fullReads = 0
  // 0: it would have blocked. ENOBUFS: the round was ended in giveBuffer, by us or by an owner that
  // has stopped reading.
  if count == 0 || count == Int(UV_ENOBUFS.rawValue) { return }
  p.pointee.flags.remove(.reading)
  p.pointee.flags.insert(.ended)
  // libuv has stopped after an end of file, and after most errors.
  _ = uv_read_stop(handle)
  if count == Int(UV_EOF.rawValue) {
    handlers(p).pointee.onRead(owner(p), nil, pendingError(p))
  } else {
    handlers(p).pointee.onRead(owner(p), nil, count)
  }
}

/// When data and a reset lie ready together, libuv reads the data and takes the hang-up behind it
/// for an end of file. A close-delimited answer that was cut would then look complete, so the
/// socket itself is asked. 0, or -errno.
private func pendingError(_ p: UnsafeMutablePointer<Stream>) -> Int {
  var code: Int32 = 0
  var size = socklen_t(MemoryLayout<Int32>.size)
  let result = getsockopt(Stream.descriptor(p), SOL_SOCKET, SO_ERROR, &code, &size)
  // EPIPE is a reset that came after the peer's FIN: what was read is complete.
  if result != 0 || code == EPIPE { return 0 }
  return 0 - Int(code)
}

func writeEnded(_ request: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
  let p = stream(request.unsafelyUnwrapped.pointee.handle)
  p.pointee.flags.remove(.writing)
  // A closed stream's owner hears only that it is closed.
  if p.pointee.flags.contains(.closing) { return }
  handlers(p).pointee.onWritten(owner(p), status)
}

func connectEnded(_ request: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
  let p = stream(request.unsafelyUnwrapped.pointee.handle)
  p.pointee.flags.remove(.connecting)
  if p.pointee.flags.contains(.closing) { return }
  handlers(p).pointee.onConnected(owner(p), status)
}

func closeEnded(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
  let p = stream(handle)
  handlers(p).pointee.onClosed(owner(p))
}
