// Why this file exists: the two shapes that cross between a stream and its owner: bytes to write,
// and the table of functions through which the owner hears. Neither names a C type of libuv.

/// Bytes to be written, owned by somebody else. Same layout as the system's iovec (checked at
/// start).
@frozen @usableFromInline
package struct IOVector {
  @usableFromInline package var base: UnsafePointer<UInt8>?
  @usableFromInline package var count: Int

  @inlinable package init(_ base: UnsafePointer<UInt8>?, _ count: Int) {
    self.base = base
    self.count = count
  }
}

/// What a stream tells its owner. One immutable table per kind of owner, in memory that outlives
/// every stream using it. Plain C functions, because such a call costs a jump and no reference
/// counting.
@frozen
package struct StreamHandlers {
  /// The first argument is always the owner given to `Stream.prepareTCP` and its like.
  package typealias Owner = UnsafeMutableRawPointer
  package typealias OnBuffer =
    @convention(c) (
      Owner, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>
    ) -> Void
  package typealias OnRead = @convention(c) (Owner, UnsafeMutablePointer<UInt8>?, Int) -> Void
  package typealias OnStatus = @convention(c) (Owner, Int32) -> Void
  package typealias OnClosed = @convention(c) (Owner) -> Void

  /// Give a buffer for the next read: its base and its size in bytes. The bytes in it are wanted
  /// until `onRead` returns. An owner that has none leaves nil, and has called `Stream.stopReading`
  /// before (else it is asked again at once).
  package var onBuffer: OnBuffer
  /// `count` > 0: that many bytes lie at the base given by `onBuffer`. 0: the peer has ended its
  /// side (FIN). < 0: -errno, the connection is broken (-ECONNRESET for a reset, also when the
  /// reset came right behind data). After 0 and after an error no more is read.
  package var onRead: OnRead
  /// The write begun by `Stream.write` is over: 0, or -errno. Its bytes may be reused. Not called
  /// after `close`.
  package var onWritten: OnStatus
  /// The connect begun by `Stream.connect` is over: 0, or -errno. Not called after `close`.
  package var onConnected: OnStatus
  /// The last call, exactly once after `close` or `reset`, in a later round or later in this one,
  /// never from within `close`. From here on the stream's memory belongs to its owner again, and so
  /// do the bytes of a write that was under way.
  package var onClosed: OnClosed

  @inlinable package init(
    onBuffer: @escaping OnBuffer, onRead: @escaping OnRead, onWritten: @escaping OnStatus,
    onConnected: @escaping OnStatus, onClosed: @escaping OnClosed
  ) {
    self.onBuffer = onBuffer
    self.onRead = onRead
    self.onWritten = onWritten
    self.onConnected = onConnected
    self.onClosed = onClosed
  }
}
