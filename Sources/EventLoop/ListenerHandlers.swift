// Why this file exists: the table of functions through which the owner of a listener hears of
// connections.

/// What a listener tells its owner.
@frozen
package struct ListenerHandlers {
  package typealias OnConnection =
    @convention(c) (
      _ owner: UnsafeMutableRawPointer, _ listener: UnsafeMutableRawPointer
    ) -> Void
  package typealias OnPaused =
    @convention(c) (_ owner: UnsafeMutableRawPointer, _ error: Int32) -> Void

  /// A connection has been accepted. Take it now, by `Listener(token).accept(into:...)` or
  /// `.refuse`; one that is not taken is closed when this returns.
  package var onConnection: OnConnection
  /// Descriptors or memory are lacking (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM). The listener rests
  /// and goes on by itself when it can, looking every `Listener.restMilliseconds`; who waits, waits
  /// in the system's queue. Told once for each such spell.
  package var onPaused: OnPaused

  @inlinable package init(
    onConnection: @escaping OnConnection, onPaused: @escaping OnPaused
  ) {
    self.onConnection = onConnection
    self.onPaused = onPaused
  }
}
