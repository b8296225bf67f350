// Why this file exists: the admin listener shows what others know. This is all it asks of them, so
// that it can be tested without a gateway and a gateway without it.

/// Whether traffic should be sent here.
package enum AdminReadiness: Equatable, Sendable {
  case ready
  /// Why not, as one word: `starting`, `draining`.
  case notReady(String)
}

/// What the supervisor answers. Called on the control loop's thread, once per request that needs
/// it.
package struct AdminSource {
  package var readiness: () -> AdminReadiness
  /// The JSON text of /status.
  package var status: () -> [UInt8]
  /// The metrics in the Prometheus text format 0.0.4.
  package var metrics: () -> [UInt8]

  package init(
    readiness: @escaping () -> AdminReadiness, status: @escaping () -> [UInt8],
    metrics: @escaping () -> [UInt8]
  ) {
    self.readiness = readiness
    self.status = status
    self.metrics = metrics
  }
}

/// The bounds of the admin listener: it must not become a way to use up the gateway.
package struct AdminLimits: Equatable, Sendable {
  /// Connections at a time. One more takes the place of the one that has been idle longest; when
  /// none is idle it is answered 503.
  package var connections = 32
  /// Descriptors held open for when traffic has used up all others.
  package var spareDescriptors = 4
  /// Bytes of a request head.
  package var headSize = 16 << 10
  package var headFields = 64
  /// Seconds for a request head, from its first byte or from the connect.
  package var headSeconds: Int64 = 10
  /// Seconds between requests.
  package var idleSeconds: Int64 = 30
  /// Seconds for the peer to take an answer.
  package var writeSeconds: Int64 = 30
  /// Seconds, and bytes, that are waited and read for after an answer that closes.
  package var lingerSeconds: Int64 = 2
  package var lingerBytes = 256 << 10

  package init() {}
}
