// Why this file exists: what admission has decided about one request, as plain values, so that the
// exchange never looks into a configuration and a test can write the plan down. The limits of its
// route and service stay where they are; what the head says is five bytes.
public import HTTPSemantics
public import Primitives

/// The limits one exchange goes by, from its route and its service. In the snapshot, for as long as
/// any of its exchanges lives.
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

  @inlinable package init() {}

  /// For exchanges that never come to a route.
  package static func ofRefusals() -> UnsafePointer<ExchangePlan> { refusals }
}

/// Immutable after its making, and never freed.
nonisolated(unsafe) private let refusals: UnsafePointer<ExchangePlan> = {
  let plan = UnsafeMutablePointer<ExchangePlan>.allocate(capacity: 1)
  plan.initialize(to: ExchangePlan())
  return UnsafePointer(plan)
}()

/// What the head says that the exchange goes by.
@frozen @usableFromInline
package struct RequestTraits: Sendable {
  /// The request may be sent twice: an idempotent method or an Idempotency-Key.
  @usableFromInline package var isRepeatable = false
  @usableFromInline package var hasBody = false
  /// What its head says of it; the largest number where nothing is said.
  @usableFromInline package var bodyLength = UInt64.max
  @usableFromInline package var expectsContinue = false
  @usableFromInline package var clientVersion = HTTPVersion.http11
  @usableFromInline package var clientKeepsAlive = true

  @inlinable package init() {}

  /// Of a head that was refused: where its body would end, nobody can say.
  package static var unreadable: RequestTraits {
    var request = RequestTraits()
    request.hasBody = true
    request.clientKeepsAlive = false
    return request
  }
}
