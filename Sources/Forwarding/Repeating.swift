// Why this file exists: whether a request may be sent once more is asked in several moments, and
// has to be answered by one rule; and what such a one begins with.
public import HTTPSemantics
import Primitives

extension Exchange {
  /// Under which word of `retries.when` an answer with this status is repeated.
  @inlinable
  package static func retryKind(status: UInt16) -> RetryKind {
    switch status {
    case 502: .status502
    case 503: .status503
    case 504: .status504
    default: .never
    }
  }

  func mayRepeat(_ kind: RetryKind) -> Bool {
    if kind == .never || responseHasBegun || informationalSent { return false }
    if attempts > plan.retryAttempts || !plan.retryKinds.contains(RetryKinds(kind)) { return false }
    if kind != .connect && !request.isRepeatable { return false }
    return requestBytes == 0 || isTeeing
  }

  /// A pooled connection that turns out to be dead costs only a repeat, the budget aside: the
  /// request may be sent twice, and its body, framed so, is sure to be kept until then.
  package func survivesReset(_ framing: Framing) -> Bool {
    guard mayRepeat(.reusedReset) else { return false }
    if requestIsComplete || awaitsContinue { return true }
    guard case .length(let length) = framing else { return false }
    return length <= Bounds.keptBytes
  }
}

extension Exchange {
  /// Its turn has come: it waits no more, and whatever happens now does not find it in the queue.
  package mutating func leftQueue() {
    phase = .choosing
    backendDeadline = .distantFuture
  }

  /// Goes on by this plan: that of before may be gone from here on.
  package mutating func goOver(to plan: UnsafePointer<ExchangePlan>) { limits = plan }
}
