// Why this file exists: one connection, client or backend, TCP or unix, as a struct in its owner's
// memory: bytes in, bytes out, connect, close, reset. It decides nothing; its owner hears
// everything through `StreamHandlers`.

import CLibUV
import Glibc
package import Primitives

/// A connection, in place: from `prepareTCP` or `preparePipe` until `onClosed` it must not move,
/// and its memory must not be freed. Put it first in its owner's struct, so that a pointer to the
/// one is a pointer to the other.
///
/// libuv says when the socket is ready, and the reading and writing is done here: libuv's own
/// streams cost twice the memory, 340 instructions a request more, and read and write by the calls
/// for files.
///
/// All functions take the pointer and are for the thread of the loop. Size: 272 bytes, of which the
/// first three cache lines are all that a connection without back-pressure uses; nothing is
/// allocated, and copying the struct is never meaningful.
@usableFromInline
package struct Stream {
  /// First, so that libuv's pointer to its handle is our pointer to the stream. Nothing before
  /// there is a socket.
  var storage: gateway_stream_handle
  var handlers: UnsafePointer<StreamHandlers>?
  var owner: UnsafeMutableRawPointer?
  /// -1 = none yet, or closed.
  var socket: Int32
  @usableFromInline var flags: Flags
  /// What libuv watches the socket for: bits of uv_poll_event.
  var watched: UInt8
  /// Of `rest`: the first vector that has not left whole, and the one behind the last.
  var restFirst: UInt8
  var restEnd: UInt8
  var loop: UnsafeMutablePointer<uv_loop_t>?

  /// The write under way.
  var rest: (IOVector, IOVector, IOVector, IOVector)
  var restBytes: Int
  /// How the connect under way has ended already; 0 = ask the socket.
  var connectStatus: Int32

  /// After this many filled buffers in a row the stream lets others have their turn; the rest is
  /// read in the next round of the loop. Costs nothing but that round.
  package static let readsPerRound = 8

  /// Memory that is not a stream yet.
  package init() {
    storage = gateway_stream_handle()
    handlers = nil
    owner = nil
    socket = -1
    flags = []
    watched = 0
    restFirst = 0
    restEnd = 0
    loop = nil
    let nothing = IOVector(nil, 0)
    rest = (nothing, nothing, nothing, nothing)
    restBytes = 0
    connectStatus = 0
  }

  @usableFromInline
  struct Flags: OptionSet {
    @usableFromInline let rawValue: UInt8
    @usableFromInline init(rawValue: UInt8) { self.rawValue = rawValue }
    @usableFromInline static var reading: Flags { Flags(rawValue: 1) }
    @usableFromInline static var writing: Flags { Flags(rawValue: 2) }
    @usableFromInline static var connecting: Flags { Flags(rawValue: 4) }
    @usableFromInline static var closing: Flags { Flags(rawValue: 8) }
    @usableFromInline static var unix: Flags { Flags(rawValue: 16) }
    /// The peer has ended its side or the connection is broken: there is nothing more to read.
    @usableFromInline static var ended: Flags { Flags(rawValue: 32) }
  }
}

// MARK: - Preparing

extension Stream {
  /// Makes a TCP stream without a socket yet, in memory that may hold anything. From here on it
  /// must be closed to be freed. `owner` comes back as the first argument of every handler. Returns
  /// 0, or -errno when nothing was made.
  package static func prepareTCP(
    _ p: UnsafeMutablePointer<Stream>, loop: Loop, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    finishPreparing(p, loop, owner, handlers, [])
    return 0
  }

  /// The same for a unix socket.
  package static func preparePipe(
    _ p: UnsafeMutablePointer<Stream>, loop: Loop, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    finishPreparing(p, loop, owner, handlers, .unix)
    return 0
  }

  /// Prepares the kind of stream that `connect(to: address)` needs.
  package static func prepare(
    _ p: UnsafeMutablePointer<Stream>, for address: BackendAddress, loop: Loop,
    owner: UnsafeMutableRawPointer, handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    address.isUnix
      ? preparePipe(p, loop: loop, owner: owner, handlers: handlers)
      : prepareTCP(p, loop: loop, owner: owner, handlers: handlers)
  }

  private static func finishPreparing(
    _ p: UnsafeMutablePointer<Stream>, _ loop: Loop, _ owner: UnsafeMutableRawPointer,
    _ handlers: UnsafePointer<StreamHandlers>, _ flags: Flags
  ) {
    // The handle stays as it is: it is made when there is a socket to watch.
    p.pointee.handlers = handlers
    p.pointee.owner = owner
    p.pointee.socket = -1
    p.pointee.flags = flags
    p.pointee.watched = 0
    p.pointee.restFirst = 0
    p.pointee.restEnd = 0
    p.pointee.loop = loop.raw
    p.pointee.restBytes = 0
    p.pointee.connectStatus = 0
  }

  /// Gives a prepared stream a socket, which it then owns. Returns 0, or -errno with the descriptor
  /// untouched.
  static func adopt(_ p: UnsafeMutablePointer<Stream>, descriptor: Int32) -> Int32 {
    precondition(p.pointee.socket < 0)
    let result = uv_poll_init(p.pointee.loop, gateway_poll(storage(p)), descriptor)
    if result == 0 { p.pointee.socket = descriptor }
    return result
  }
}

// MARK: - Watching

extension Stream {
  /// Has libuv watch the socket for what is wanted now. Costs nothing when that is what it does
  /// already. Returns 0, or -errno.
  @discardableResult
  static func watch(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    var wanted: UInt8 = 0
    if p.pointee.flags.contains(.reading) { wanted |= readable }
    if !p.pointee.flags.isDisjoint(with: [.writing, .connecting]) { wanted |= writable }
    if wanted == p.pointee.watched || p.pointee.flags.contains(.closing) { return 0 }
    let poll = gateway_poll(storage(p))
    let result = wanted == 0 ? uv_poll_stop(poll) : uv_poll_start(poll, Int32(wanted), socketReady)
    if result == 0 { p.pointee.watched = wanted }
    return result
  }

  static var readable: UInt8 { UInt8(UV_READABLE.rawValue) }
  static var writable: UInt8 { UInt8(UV_WRITABLE.rawValue) }
}

// MARK: - Reading

extension Stream {
  /// Reads whenever there is something, until `stopReading`. Does nothing when it reads already,
  /// when the peer has ended its side, or when the stream is closing. Returns 0, or -errno.
  @discardableResult
  package static func startReading(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    guard p.pointee.flags.isDisjoint(with: [.reading, .ended, .closing]) else { return 0 }
    p.pointee.flags.insert(.reading)
    let result = watch(p)
    if result != 0 { p.pointee.flags.remove(.reading) }
    return result
  }

  /// Reads no more until `startReading`. Costs a system call or two, so it is for back-pressure
  /// only. While a stream does not read, nobody hears that its peer has gone.
  package static func stopReading(_ p: UnsafeMutablePointer<Stream>) {
    guard p.pointee.flags.contains(.reading) else { return }
    p.pointee.flags.remove(.reading)
    watch(p)
  }

  @inlinable package static func isReading(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.reading)
  }

  /// The peer's FIN or an error has been delivered to `onRead`.
  @inlinable package static func hasEnded(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.ended)
  }
}

// MARK: - Writing

extension Stream {
  /// One write to the system, now. Returns how many bytes it took (0 when it would block, or while
  /// a `write` or a connect is under way), or -errno. `count` vectors; those above the system's
  /// 1,024 are not taken in one call.
  package static func tryWrite(
    _ p: UnsafeMutablePointer<Stream>, _ vectors: UnsafePointer<IOVector>, _ count: Int
  ) -> Int {
    guard p.pointee.flags.isDisjoint(with: [.connecting, .writing]) else { return 0 }
    let result = gateway_send(p.pointee.socket, vectors, count)
    return result == 0 - EAGAIN ? 0 : result
  }

  /// Writes all of it, as the peer takes it, from the next round on: for what `tryWrite` has left.
  /// `onWritten` tells the end. One at a time, at most 4 vectors; the vectors are copied, the bytes
  /// must stay until `onWritten` or `onClosed`. Returns 0, or -errno at once, and then `onWritten`
  /// does not come.
  package static func write(
    _ p: UnsafeMutablePointer<Stream>, _ vectors: UnsafePointer<IOVector>, _ count: Int
  ) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    precondition(count > 0 && count <= restCapacity)
    let rest = rest(p)
    rest.update(from: vectors, count: count)
    p.pointee.restFirst = 0
    p.pointee.restEnd = UInt8(count)
    p.pointee.restBytes = (0..<count).reduce(0) { $0 + vectors[$1].count }
    p.pointee.flags.insert(.writing)
    let result = watch(p)
    if result != 0 { p.pointee.flags.remove(.writing) }
    return result
  }

  static let restCapacity = 4

  static func rest(_ p: UnsafeMutablePointer<Stream>) -> UnsafeMutablePointer<IOVector> {
    UnsafeMutableRawPointer(p.pointer(to: \.rest).unsafelyUnwrapped)
      .assumingMemoryBound(to: IOVector.self)
  }

  /// Bytes of the write under way that the system has not taken yet.
  package static func unsentBytes(_ p: UnsafeMutablePointer<Stream>) -> Int {
    p.pointee.flags.contains(.writing) ? p.pointee.restBytes : 0
  }

  /// Bytes that the system has taken and the peer has not acknowledged. A system call. 0 for a unix
  /// socket: the system counts its own overhead there.
  package static func unacknowledgedBytes(_ p: UnsafeMutablePointer<Stream>) -> Int {
    guard !p.pointee.flags.contains(.unix) else { return 0 }
    var count: Int32 = 0
    return ioctl(descriptor(p), UInt(TIOCOUTQ), &count) == 0 ? Int(max(count, 0)) : 0
  }

  /// A `write` is under way.
  @inlinable package static func hasPendingWrite(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.writing)
  }

  /// A `connect` is under way.
  @inlinable package static func isConnecting(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.connecting)
  }

  /// Ends our side (FIN) behind what was written; reading goes on. Only when no write is under way:
  /// then nothing waits in libuv and the plain system call is right, with no request to keep.
  /// Returns 0, or -errno.
  @discardableResult
  package static func shutdownWriting(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    return shutdown(p.pointee.socket, Int32(SHUT_WR)) == 0 ? 0 : 0 - errno
  }
}

// MARK: - Ending

extension Stream {
  /// Closes the descriptor now; `onClosed` comes later and is the last call. What the system has
  /// taken is still sent, a write under way is given up. A second close does nothing.
  package static func close(_ p: UnsafeMutablePointer<Stream>) {
    guard beginClosing(p) else { return }
    endHandle(p)
  }

  /// The same, but the peer sees a reset and nothing more is sent: for an answer that must not look
  /// complete. A unix socket has no reset and is closed.
  package static func reset(_ p: UnsafeMutablePointer<Stream>) {
    guard beginClosing(p) else { return }
    if !p.pointee.flags.contains(.unix), p.pointee.socket >= 0 {
      var now = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        p.pointee.socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }
    endHandle(p)
  }

  /// The handle first, so that libuv has let go of the descriptor when its number is free again.
  private static func endHandle(_ p: UnsafeMutablePointer<Stream>) {
    let number = p.pointee.socket
    if number < 0 { _ = uv_idle_init(p.pointee.loop, gateway_idle(storage(p))) }
    uv_close(gateway_handle(storage(p)), closeEnded)
    if number >= 0 { Descriptor.close(number) }
    p.pointee.socket = -1
  }

  private static func beginClosing(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    guard !p.pointee.flags.contains(.closing) else { return false }
    p.pointee.flags.insert(.closing)
    p.pointee.flags.remove(.reading)
    return true
  }

  /// `close` or `reset` was called; only `onClosed` is still to come.
  @inlinable package static func isClosing(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.closing)
  }
}

// MARK: - Facts

extension Stream {
  /// The connection's other end; 0.0.0.0 port 0 for a unix socket, or when it is gone. Costs a
  /// system call: a listener knows it for nothing (`Listener.peer`).
  package static func peer(_ p: UnsafeMutablePointer<Stream>) -> Endpoint {
    peerEndpoint(ofDescriptor: descriptor(p))
  }

  /// Whether small writes leave at once (Nagle's algorithm is off, as streams start) or wait for
  /// company. Returns 0, or -errno.
  @discardableResult
  package static func setNoDelay(_ p: UnsafeMutablePointer<Stream>, _ enabled: Bool) -> Int32 {
    guard !p.pointee.flags.contains(.unix) else { return 0 }
    var value: Int32 = enabled ? 1 : 0
    let result = setsockopt(
      p.pointee.socket, Int32(IPPROTO_TCP), TCP_NODELAY, &value,
      socklen_t(MemoryLayout<Int32>.size))
    return result == 0 ? 0 : 0 - errno
  }

  @inlinable package static func isUnix(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.unix)
  }

  /// The descriptor, or -1 when there is none. It stays the stream's.
  package static func descriptor(_ p: UnsafeMutablePointer<Stream>) -> Int32 { p.pointee.socket }

  static func storage(
    _ p: UnsafeMutablePointer<Stream>
  ) -> UnsafeMutablePointer<gateway_stream_handle> {
    UnsafeMutableRawPointer(p).assumingMemoryBound(to: gateway_stream_handle.self)
  }
}
