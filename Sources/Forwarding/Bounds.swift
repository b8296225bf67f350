// Why this file exists: everything that a peer can make grow has a bound, and those that are not settings stand here
// together (settings: `limits` in the configuration).
package import Primitives

package enum Bounds {
  /// Read and thrown away after an answer that ends the connection, so that the client can read it (RFC 9112 section 9.6).
  package static let discardBytes = 256 * 1024
  package static let discardTime = Duration.seconds(2)
  /// Client bytes held while an upgrade is not decided.
  package static let upgradeHeldBytes = 64 * 1024
  /// A pooled connection must have been idle for less than this to be given a request that cannot be repeated.
  package static let freshIdle = Duration.seconds(1)
  /// The head of a backend's response.
  package static let responseHeadSize = 64 * 1024
  package static let responseHeadFields = 256
  /// Texts of a request that the record keeps: longer ones are cut.
  package static let recordHost = 255
  package static let recordPath = 2048
  package static let recordUserAgent = 512
  /// Connections beyond `limits.connections` that are answered with 503; more than these are closed at once.
  package static let refusedConnections = 64
  /// What the head writers may add to a head that came in.
  package static let headAdditions = 2048
  /// How long an idle client may still send a request while the process stops.
  package static let drainIdle = Duration.seconds(1)
}
