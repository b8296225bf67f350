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
/// All functions take the pointer and are for the thread of the loop. Size: 472 bytes, of which 192
/// are the one write or connect that may be under way; nothing is allocated, and copying the struct
/// is never meaningful.
@usableFromInline
package struct Stream {
  /// First, so that libuv's pointer to its handle is our pointer to the stream.
  var storage: gateway_stream_storage
  var handlers: UnsafePointer<StreamHandlers>?
  @usableFromInline var flags: Flags
  /// Reads in a row that filled their buffer, in this round.
  var fullReads: UInt8

  /// After this many filled buffers in a row the stream lets others have their turn; the rest is
  /// read in the next round of the loop. Costs nothing but that round; libuv alone would go on for
  /// 32.
  package static let readsPerRound: UInt8 = 8

  /// Memory that is not a stream yet.
  package init() {
    storage = gateway_stream_storage()
    handlers = nil
    flags = []
    fullReads = 0
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
    let result = uv_tcp_init(loop.raw, gateway_tcp(storage(p)))
    if result == 0 { finishPreparing(p, owner, handlers, []) }
    return result
  }

  /// The same for a unix socket.
  package static func preparePipe(
    _ p: UnsafeMutablePointer<Stream>, loop: Loop, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    let result = uv_pipe_init(loop.raw, gateway_pipe(storage(p)), 0)
    if result == 0 { finishPreparing(p, owner, handlers, .unix) }
    return result
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
    _ p: UnsafeMutablePointer<Stream>, _ owner: UnsafeMutableRawPointer,
    _ handlers: UnsafePointer<StreamHandlers>, _ flags: Flags
  ) {
    gateway_handle(storage(p)).pointee.data = owner
    p.pointee.handlers = handlers
    p.pointee.flags = flags
    p.pointee.fullReads = 0
  }

  /// Gives a prepared stream a connected descriptor, which it then owns. Returns 0, or -errno with
  /// the descriptor untouched.
  static func adopt(_ p: UnsafeMutablePointer<Stream>, descriptor: Int32) -> Int32 {
    p.pointee.flags.contains(.unix)
      ? uv_pipe_open(gateway_pipe(storage(p)), descriptor)
      : uv_tcp_open(gateway_tcp(storage(p)), descriptor)
  }

  /// Begins to connect; `onConnected` tells the end. The kind of `address` must be the kind
  /// prepared for. Nagle's algorithm is off. Returns 0, or -errno at once (no route; -EMFILE also
  /// when the descriptor would be one of `DescriptorReserve`): then `onConnected` does not come,
  /// and the stream is only good for closing. A bound on the time is the caller's: close it.
  package static func connect(
    _ p: UnsafeMutablePointer<Stream>, to address: BackendAddress
  ) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    precondition(p.pointee.flags.contains(.unix) == address.isUnix)
    let opened = openSocket(p, address)
    guard opened == 0 else { return opened }
    let request = gateway_connect(storage(p))
    if let path = address.unixPath {
      uv_pipe_connect(request, gateway_pipe(storage(p)), path, connectEnded)
      p.pointee.flags.insert(.connecting)
      return 0
    }
    _ = uv_tcp_nodelay(gateway_tcp(storage(p)), 1)
    let result = withSocketAddress(address.endpoint) { name, _ in
      uv_tcp_connect(request, gateway_tcp(storage(p)), name, connectEnded)
    }
    if result == 0 { p.pointee.flags.insert(.connecting) }
    return result
  }

  /// Whether a connect failed for want of something of our own: descriptors, memory, local ports.
  package static func isShortage(_ error: Int32) -> Bool {
    switch 0 - error {
    case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL: true
    default: false
    }
  }

  /// One of the shortages that may also last: every local port towards this peer is taken, or the
  /// machine has no address from which this peer could be reached (`::1` without IPv6).
  package static func lacksLocalAddress(_ error: Int32) -> Bool { 0 - error == EADDRNOTAVAIL }

  /// libuv would make the socket in the same step as it connects, and then it is too late to see
  /// which descriptor was given.
  private static func openSocket(
    _ p: UnsafeMutablePointer<Stream>, _ address: BackendAddress
  ) -> Int32 {
    let family = address.isUnix ? AF_UNIX : address.endpoint.address.isV4 ? AF_INET : AF_INET6
    let number = gateway_socket(family)
    if number < 0 { return 0 - errno }
    let result = number < DescriptorReserve.ceiling ? adopt(p, descriptor: number) : 0 - EMFILE
    if result != 0 { Descriptor.close(number) }
    return result
  }
}

// MARK: - Reading

extension Stream {
  /// Reads whenever there is something, until `stopReading`. Does nothing when it reads already,
  /// when the peer has ended its side, or when the stream is closing. Returns 0, or -errno.
  @discardableResult
  package static func startReading(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    guard p.pointee.flags.isDisjoint(with: [.reading, .ended, .closing]) else { return 0 }
    p.pointee.fullReads = 0
    let result = uv_read_start(gateway_stream(storage(p)), giveBuffer, readEnded)
    if result == 0 { p.pointee.flags.insert(.reading) }
    return result
  }

  /// Reads no more until `startReading`. Costs a system call at the next event, so it is for
  /// back-pressure only. While a stream does not read, nobody hears that its peer has gone.
  package static func stopReading(_ p: UnsafeMutablePointer<Stream>) {
    guard p.pointee.flags.contains(.reading) else { return }
    p.pointee.flags.remove(.reading)
    _ = uv_read_stop(gateway_stream(storage(p)))
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
    let result = uv_try_write(gateway_stream(storage(p)), buffers(vectors), UInt32(count))
    return result == 0 - EAGAIN ? 0 : Int(result)
  }

  /// Writes all of it, as the peer takes it; `onWritten` tells the end, in a later round or later
  /// in this one. One at a time, at most 4 vectors; the vectors are copied, the bytes must stay
  /// until `onWritten` or `onClosed`. Returns 0, or -errno at once, and then `onWritten` does not
  /// come.
  package static func write(
    _ p: UnsafeMutablePointer<Stream>, _ vectors: UnsafePointer<IOVector>, _ count: Int
  ) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    // libuv keeps four inside the request and allocates for more.
    precondition(count > 0 && count <= 4)
    let result = uv_write(
      gateway_write(storage(p)), gateway_stream(storage(p)), buffers(vectors), UInt32(count),
      writeEnded)
    if result == 0 { p.pointee.flags.insert(.writing) }
    return result
  }

  /// Bytes of the write under way that the system has not taken yet.
  package static func unsentBytes(_ p: UnsafeMutablePointer<Stream>) -> Int {
    uv_stream_get_write_queue_size(gateway_stream(storage(p)))
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
    return shutdown(descriptor(p), Int32(SHUT_WR)) == 0 ? 0 : 0 - errno
  }

  private static func buffers(_ vectors: UnsafePointer<IOVector>) -> UnsafePointer<uv_buf_t> {
    UnsafeRawPointer(vectors).assumingMemoryBound(to: uv_buf_t.self)
  }
}

// MARK: - Ending

extension Stream {
  /// Closes the descriptor now; `onClosed` comes later and is the last call. What the system has
  /// taken is still sent, a write under way is given up. A second close does nothing.
  package static func close(_ p: UnsafeMutablePointer<Stream>) {
    guard beginClosing(p) else { return }
    uv_close(gateway_handle(storage(p)), closeEnded)
  }

  /// The same, but the peer sees a reset and nothing more is sent: for an answer that must not look
  /// complete. A unix socket has no reset and is closed.
  package static func reset(_ p: UnsafeMutablePointer<Stream>) {
    guard beginClosing(p) else { return }
    if !p.pointee.flags.contains(.unix) {
      if uv_tcp_close_reset(gateway_tcp(storage(p)), closeEnded) == 0 { return }
      // Refused (no socket yet): there is nobody to see a reset.
    }
    uv_close(gateway_handle(storage(p)), closeEnded)
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

  /// Nagle's algorithm off (1, also how streams start) or on (0). Returns 0, or -errno.
  @discardableResult
  package static func setNoDelay(_ p: UnsafeMutablePointer<Stream>, _ enabled: Bool) -> Int32 {
    guard !p.pointee.flags.contains(.unix) else { return 0 }
    return uv_tcp_nodelay(gateway_tcp(storage(p)), enabled ? 1 : 0)
  }

  @inlinable package static func isUnix(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.unix)
  }

  /// The descriptor, or -1 when there is none. It stays the stream's.
  package static func descriptor(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    var number: Int32 = -1
    return uv_fileno(gateway_handle(storage(p)), &number) == 0 ? number : -1
  }

  static func storage(
    _ p: UnsafeMutablePointer<Stream>
  ) -> UnsafeMutablePointer<gateway_stream_storage> {
    UnsafeMutableRawPointer(p).assumingMemoryBound(to: gateway_stream_storage.self)
  }
}
