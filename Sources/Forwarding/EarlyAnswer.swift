// Why this file exists: an answer may begin while its request is still coming. Then either side may
// be the one that waits, and a clock for each of them alone would cut what is going well.
import HTTPSemantics
import Primitives

extension Exchange {
  /// The answer that begins is the last on its connection: because of its framing, or because it
  /// comes before its request is complete. A client that sees the latter is to stop sending
  /// (RFC 9112 section 9.5), with or without a FIN: it is not timed for that any more.
  mutating func endsWithAnswer() {
    closeAfterwards()
    clientReader = ProgressMeter()
    _ = clientReader.hasMoved(to: requestBytes)
  }

  /// The whole request has been sent: from now on it is the backend that is waited for, at the
  /// beginning of its answer or in the middle of one that came early.
  mutating func backendHasAll(now: Instant) {
    if phase == .open {
      backendDeadline = now + plan.responseTimeout
    } else if phase == .responding && backendDeadline != .distantFuture {
      backendDeadline = now + plan.backendIdle
    }
  }

  /// No byte of the answer has come for the time that its backend has. Where bytes of the request
  /// have, the two are talking, and go on. Where none have either, the backend may be waiting for
  /// them, which is no evidence against it: clients that stall could take a good one out.
  mutating func answerStalled(_ context: ExchangeContext) -> Actions {
    if requestIsComplete { return fail(.upstreamIdle, context) }
    if !clientReader.hasMoved(to: requestBytes) {
      return fail(Fault(.gateway, .upstreamTimeout), context)
    }
    backendDeadline = context.now + plan.backendIdle
    return []
  }
}
