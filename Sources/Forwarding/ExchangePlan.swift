// Why this file exists: what admission has decided about one request, as plain values, so that the
// exchange never looks into a configuration and a test can write the plan down.
public import HTTPSemantics
public import Primitives

/// The rules one exchange goes by, from its route, its service and its head.
@frozen @usableFromInline
package struct ExchangePlan: Sendable {
  // Limits on the backend
  @usableFromInline package var connectTimeout = Duration.seconds(1)
  @usableFromInline package var responseTimeout = Duration.seconds(30)
  @usableFromInline package var backendIdle = Duration.seconds(60)
  @usableFromInline package var queueTimeout = Duration.seconds(1)
  /// The whole exchange; nil = none.
  @usableFromInline package var requestTimeout: Duration?
  // Limits on the client
  @usableFromInline package var bodyIdle = Duration.seconds(30)
  @usableFromInline package var writeIdle = Duration.seconds(30)
  @usableFromInline package var tunnelIdle = Duration.seconds(300)
  /// Bytes a second; 0 = none.
  @usableFromInline package var minRate: UInt64 = 256
  /// Bytes of body; `.max` = unlimited.
  @usableFromInline package var bodyLimit: UInt64 = .max
  // Repeats
  @usableFromInline package var retryAttempts: UInt8 = 2
  @usableFromInline package var retryKinds: RetryKinds = [.connect, .reusedReset, .reset]
  /// The request may be sent twice: an idempotent method or an Idempotency-Key.
  @usableFromInline package var isRepeatable = false
  // The request
  @usableFromInline package var hasBody = false
  @usableFromInline package var expectsContinue = false
  @usableFromInline package var clientVersion = HTTPVersion.http11
  @usableFromInline package var clientKeepsAlive = true

  @inlinable package init() {}
}
