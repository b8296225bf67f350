// Why this file exists: what admission has decided about one request, as plain values, so that the
// exchange never looks into a configuration and a test can write the plan down.
package import HTTPSemantics
package import Primitives

/// The rules one exchange goes by, from its route, its service and its head.
@frozen
package struct ExchangePlan: Sendable {
  // Limits on the backend
  package var connectTimeout = Duration.seconds(1)
  package var responseTimeout = Duration.seconds(30)
  package var backendIdle = Duration.seconds(60)
  package var queueTimeout = Duration.seconds(1)
  /// The whole exchange; nil = none.
  package var requestTimeout: Duration?
  // Limits on the client
  package var bodyIdle = Duration.seconds(30)
  package var writeIdle = Duration.seconds(30)
  package var tunnelIdle = Duration.seconds(300)
  /// Bytes a second; 0 = none.
  package var minRate: UInt64 = 256
  /// Bytes of body; `.max` = unlimited.
  package var bodyLimit: UInt64 = .max
  // Repeats
  package var retryAttempts: UInt8 = 2
  package var retryKinds: RetryKinds = [.connect, .reusedReset, .reset]
  /// The request may be sent twice: an idempotent method or an Idempotency-Key.
  package var isRepeatable = false
  // The request
  package var hasBody = false
  package var expectsContinue = false
  package var asksUpgrade = false
  package var clientVersion = HTTPVersion.http11
  package var clientKeepsAlive = true

  package init() {}
}
