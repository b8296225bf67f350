// Why this file exists: everything that a peer can make grow has a bound, and those that are not
// settings stand here together (settings: `limits` in the configuration).
public import Primitives

@frozen @usableFromInline
package enum Bounds {
  /// Read and thrown away after an answer that ends the connection, so that the client can read it
  /// (RFC 9112 section 9.6).
  @inlinable package static var discardBytes: Int { 256 * 1024 }
  @inlinable package static var discardTime: Duration { .seconds(2) }
  /// Bytes of a body that nobody wants, read all the same so that the connection can go on.
  @inlinable package static var skippedBytes: UInt64 { 64 * 1024 }
  /// What is kept of a request's body for a repeat (semantics: bounded tee).
  @inlinable package static var keptBytes: UInt64 { 64 * 1024 }
  /// Client bytes held while an upgrade is not decided.
  @inlinable package static var upgradeHeldBytes: Int { 64 * 1024 }
  /// A pooled connection must have been idle for less than this to be given a request that would be
  /// lost with it.
  @inlinable package static var freshIdle: Duration { .seconds(1) }
  /// An idle connection above `connections.idle` is closed when nobody has needed it for this long.
  /// At once would be a cliff: with more requests in flight than are kept, nearly every request
  /// would open a connection and close one.
  @inlinable package static var surplusIdle: Duration { .seconds(1) }
  /// The head of a backend's response.
  @inlinable package static var responseHeadSize: Int { 64 * 1024 }
  @inlinable package static var responseHeadFields: Int { 256 }
  /// Texts of a request that the record keeps: longer ones are cut.
  @inlinable package static var recordHost: Int { 255 }
  @inlinable package static var recordPath: Int { 2048 }
  @inlinable package static var recordUserAgent: Int { 512 }
  /// Connections beyond `limits.connections` that are answered with 503; more than these are closed
  /// at once.
  @inlinable package static var refusedConnections: Int { 64 }
  /// Connections to backends of one worker beyond those that clients keep busy: there is address
  /// space for so many, whatever becomes of the backends later.
  @inlinable package static func pooledConnections(backends: Int) -> Int {
    max(backends, 64) * 1024
  }
  /// What the head writers may add to a head that came in.
  @inlinable package static var headAdditions: Int { 2048 }
  /// The lines that a route sets in a head; beyond: 431.
  @inlinable package static var editedLines: Int { 64 * 1024 }
  /// Kept free behind a head, for a longer Host when another backend is tried.
  @inlinable package static var hostRoom: Int { 512 }
  /// How long an idle client may still send a request while the process stops.
  @inlinable package static var drainIdle: Duration { .seconds(1) }
}
