// Why this file exists: one request and its answer, as a machine without I/O. Events go in, a set
// of actions comes out; the shell performs them at the end of its callback. Whatever can happen to
// a request is decided here, and the same machine runs under the event loop and under a test.
public import CircuitBreaking
public import HTTPSemantics
public import Primitives

/// One request and its answer.
@frozen @usableFromInline
package struct Exchange {
  @usableFromInline package internal(set) var limits: UnsafePointer<ExchangePlan>
  @inlinable var plan: ExchangePlan { limits.pointee }
  @usableFromInline package let request: RequestTraits
  @usableFromInline package internal(set) var phase = AttemptPhase.choosing
  @usableFromInline package internal(set) var fate = ClientFate.keepAlive
  /// Why the gateway answered by itself or cut the exchange.
  @usableFromInline package internal(set) var reason = Reason.none
  /// Connections that were asked for, the first included.
  @usableFromInline package internal(set) var attempts: UInt8 = 1
  /// Why the last repeat was made.
  @usableFromInline package internal(set) var retriedFor = RetryKind.never
  /// What the present attempt says of its backend, or the one that has just ended said of its.
  @usableFromInline package internal(set) var outcome = AttemptOutcome.ignored

  @usableFromInline package internal(set) var requestBytes: UInt64 = 0
  @usableFromInline package internal(set) var requestIsComplete: Bool
  /// When its body was complete, in whole milliseconds; the clock's origin while it has none.
  @usableFromInline package internal(set) var requestCompleteAt = Instant(nanoseconds: 0)
  @usableFromInline package internal(set) var isTeeing: Bool
  @usableFromInline package internal(set) var responseHasBegun = false
  @usableFromInline package internal(set) var responseHasEnded = false
  @usableFromInline package internal(set) var isFinished = false
  @usableFromInline var reusedConnection = false
  @usableFromInline var informationalSent = false
  @usableFromInline var awaitsContinue: Bool

  @usableFromInline var requestDeadline: Instant
  @usableFromInline var backendDeadline = Instant.distantFuture
  @usableFromInline var clientReader = ProgressMeter()
  @usableFromInline var clientWriter = ProgressMeter()
  @usableFromInline var backendWriter = ProgressMeter()

  @inlinable @inline(__always)
  package init(_ plan: UnsafePointer<ExchangePlan>, _ request: RequestTraits, now: Instant) {
    limits = plan
    self.request = request
    requestIsComplete = !request.hasBody
    awaitsContinue = request.expectsContinue && request.hasBody
    isTeeing =
      request.hasBody && request.isRepeatable && plan.pointee.retryAttempts > 0
      && plan.pointee.retryKinds.rawValue & ~RetryKinds.connect.rawValue != 0
    requestDeadline = plan.pointee.requestTimeout.map { now + $0 } ?? .distantFuture
    if !request.clientKeepsAlive { fate = .close }
  }

  // MARK: Getting a connection

  /// No connection is free: the request waits.
  package mutating func queued(now: Instant) {
    phase = .queued
    backendDeadline = now + plan.queueTimeout
  }

  /// A connection is being made.
  package mutating func connecting(now: Instant) {
    phase = .connecting
    outcome = .ignored
    backendDeadline = now + plan.connectTimeout
  }

  /// The attempt has a connection.
  package mutating func leased(reused: Bool, now: Instant) -> Actions {
    phase = .open
    outcome = .ignored
    reusedConnection = reused
    backendDeadline =
      requestIsComplete || awaitsContinue ? now + plan.responseTimeout : .distantFuture
    if !requestIsComplete && !awaitsContinue { clientReader.start(total: requestBytes, now: now) }
    return .sendRequestHead
  }

  // MARK: The request

  /// Body bytes have come from the client.
  package mutating func requestBody(_ count: Int, _ context: ExchangeContext) -> Actions {
    if phase == .over { return [] }
    requestBytes += UInt64(count)
    clientReader.note(total: requestBytes, now: context.now)
    if awaitsContinue { stopAwaitingContinue(now: context.now) }
    if requestBytes > plan.bodyLimit { return fail(.bodyTooLarge, context) }
    if !isTeeing { return .forwardRequestBody }
    if requestBytes <= Bounds.keptBytes { return [.forwardRequestBody, .teeRequestBody] }
    isTeeing = false
    return [.dropTee, .forwardRequestBody]
  }

  /// The request is complete.
  package mutating func requestEnded(now: Instant) {
    requestIsComplete = true
    requestCompleteAt = now
    awaitsContinue = false
    clientReader.stop(total: requestBytes, now: now)
    if !backendWriter.isRunning { backendHasAll(now: now) }
  }

  /// The gateway itself does not read from the client for a while (or reads again): it is not to
  /// blame.
  package mutating func clientReading(_ isReading: Bool, now: Instant) {
    if requestIsComplete || awaitsContinue || phase == .tunnel { return }
    if isReading && phase == .open {
      clientReader.start(total: requestBytes, now: now)
    } else {
      clientReader.stop(total: requestBytes, now: now)
    }
  }

  private mutating func stopAwaitingContinue(now: Instant) {
    awaitsContinue = false
    if phase != .open { return }
    backendDeadline = .distantFuture
    clientReader.start(total: requestBytes, now: now)
  }

  /// Whether bytes for the backend wait in the gateway; asked after each write to it.
  package mutating func backendWrote(isPending: Bool, taken: UInt64, now: Instant) {
    if phase == .tunnel { return }
    if isPending {
      // A backend that answers already need not take the rest; what it sends is what is timed.
      if phase != .responding { backendWriter.start(total: taken, now: now) }
    } else if backendWriter.isRunning || phase == .responding {
      backendWriter.stop(total: taken, now: now)
      if requestIsComplete { backendHasAll(now: now) }
    }
  }

  /// The shell has no room to keep more of the body.
  package mutating func teeOverflowed() { isTeeing = false }

  // MARK: The response

  /// An interim answer (RFC 9110 section 15.2); 101 is not one of them.
  package mutating func informational(status: UInt16, now: Instant) -> Actions {
    if status == 100 && awaitsContinue { stopAwaitingContinue(now: now) }
    if request.clientVersion == .http10 { return [] }
    informationalSent = true
    return .forwardInformational
  }

  /// The backend agreed to the protocol that was asked for.
  package mutating func upgraded(now: Instant) -> Actions {
    phase = .tunnel
    outcome = .success
    responseHasBegun = true
    requestIsComplete = true
    fate = .close
    requestDeadline = .distantFuture
    backendDeadline = now + plan.tunnelIdle
    // From here on there is one timer, whatever had not been taken yet.
    (clientWriter, backendWriter) = (ProgressMeter(), ProgressMeter())
    return [.dropTee, .openTunnel]
  }

  /// The final head.
  /// - Parameter says: what its status says of the backend.
  /// - Parameter closeDelimited: the client can know the end of the body only by the end of its
  ///   connection.
  package mutating func responseHead(
    status: UInt16, says: AttemptOutcome, closeDelimited: Bool, _ context: ExchangeContext
  ) -> Actions {
    outcome = says
    let kind = Exchange.retryKind(status: status)
    if kind != .never && mayRepeat(kind) && context.withdraw() { return repeatAttempt(kind) }
    phase = .responding
    responseHasBegun = true
    backendDeadline = context.now + plan.backendIdle
    if closeDelimited || !requestIsComplete { endsWithAnswer() }
    backendWriter = ProgressMeter()
    if !isTeeing { return .sendResponseHead }
    isTeeing = false
    return [.dropTee, .sendResponseHead]
  }

  /// Body bytes have come from the backend.
  package mutating func responseBody(now: Instant) {
    backendDeadline = now + plan.backendIdle
  }

  /// The gateway itself does not read from the backend for a while, or reads again.
  package mutating func backendReading(_ isReading: Bool, now: Instant) {
    if phase == .responding {
      backendDeadline = isReading ? now + plan.backendIdle : .distantFuture
    }
  }

  /// The response is complete.
  /// - Parameter reusable: the backend's connection can serve another request.
  package mutating func responseEnded(reusable: Bool, now: Instant) -> Actions {
    let keeps = reusable && requestIsComplete && !backendWriter.isRunning
    endAttempt(now: now)
    responseHasEnded = true
    if !requestIsComplete { fate = .linger }
    return keeps ? .keepLease : .dropLease
  }

  /// Whether bytes for the client wait in the gateway; asked at the end of each callback that wrote
  /// to it.
  package mutating func clientWrote(isPending: Bool, taken: UInt64, now: Instant) -> Actions {
    if isFinished || phase == .tunnel { return [] }
    if isPending {
      clientWriter.start(total: taken, now: now)
      return []
    }
    clientWriter.stop(total: taken, now: now)
    return responseHasEnded ? end() : []
  }

  // MARK: Trouble

  /// The attempt failed, or the exchange cannot go on.
  package mutating func fail(_ fault: Fault, _ context: ExchangeContext) -> Actions {
    if isFinished { return [] }
    if phase == .over {
      // Only the client's own slowness is left, and only the limit on the whole exchange still
      // speaks of it.
      return fault.reason == .requestTimeout ? giveUp(fault, now: context.now) : []
    }
    let kind = fault.kind == .reset && reusedConnection ? .reusedReset : fault.kind
    if outcome != .failure { outcome = judgement(of: fault, kind) }
    if mayRepeat(kind) && context.withdraw() { return repeatAttempt(kind) }
    return release().union(giveUp(fault, now: context.now))
  }

  /// The backend's connection ended before the response did.
  /// - Parameter answerHadBegun: some byte of an answer had come.
  package mutating func backendClosed(answerHadBegun: Bool, _ context: ExchangeContext) -> Actions {
    if phase == .tunnel { return endTunnel() }
    return fail(answerHadBegun || responseHasBegun ? .truncated : .reset, context)
  }

  /// The client sent FIN. What was asked for whole is answered (RFC 9112 section 9.6); an answer
  /// that has begun goes on: its client need not send the rest (section 9.5).
  package mutating func clientHalfClosed(_ context: ExchangeContext) -> Actions {
    if requestIsComplete { return [] }
    if !responseHasBegun { return clientGone(context) }
    return []
  }

  /// The client is gone.
  package mutating func clientGone(_ context: ExchangeContext) -> Actions {
    if isFinished { return [] }
    if phase == .tunnel { return endTunnel() }
    let actions = release()
    leaveUnjudged()
    endAttempt(now: context.now)
    reason = .clientAbort
    fate = .reset
    return actions.union(end())
  }

  /// Both directions of the tunnel have ended, or one of them broke.
  package mutating func endTunnel() -> Actions {
    phase = .over
    return end().union(.dropLease)
  }

  /// The gateway is the final recipient and answers by itself, without a fault.
  package mutating func answerAsRecipient(now: Instant) -> Actions {
    endAttempt(now: now)
    responseHasBegun = true
    responseHasEnded = true
    if !requestIsComplete { fate = fateOfUnread }
    return []
  }

  /// The process is stopping and waits no longer. An exchange that has not begun to answer still
  /// says why.
  package mutating func cut(_ context: ExchangeContext) -> Actions {
    if phase == .tunnel {
      reason = .draining
      return endTunnel()
    }
    leaveUnjudged()
    return release().union(giveUp(Fault(.gateway, .draining), now: context.now))
  }

  // MARK: Time

  /// When `expired` is to be called at the latest.
  @inlinable @inline(__always)
  package var nextDeadline: Instant {
    let next = min(requestDeadline, backendDeadline)
    let metersRun = clientReader.isRunning || clientWriter.isRunning || backendWriter.isRunning
    if !metersRun { return next }
    // Each of its own: a call with the whole machine would copy it, even where it is not made.
    let reading = clientReader.nextCheck(idle: plan.bodyIdle, polled: false)
    let taking = clientWriter.nextCheck(idle: plan.writeIdle, polled: true)
    let backendTaking = backendWriter.nextCheck(idle: plan.backendIdle, polled: true)
    return min(next, min(reading, min(taking, backendTaking)))
  }

  /// Some deadline may have passed.
  package mutating func expired(_ context: ExchangeContext) -> Actions {
    let now = context.now
    if isFinished { return [] }
    if requestDeadline <= now { return fail(.requestTimeout, context) }
    if backendDeadline <= now {
      switch phase {
      case .queued: return fail(.queueTimeout, context)
      case .connecting: return fail(.connectTimeout, context)
      case .open: return fail(.upstreamTimeout, context)
      case .responding: return answerStalled(context)
      case .tunnel: return tunnelStalled(context)
      case .choosing, .over: backendDeadline = .distantFuture
      }
    }
    let reading = clientReader.verdict(
      total: requestBytes, idle: plan.bodyIdle, minRate: plan.minRate, now: now)
    if reading != .good { return fail(.bodyTimeout, context) }
    let taking = clientWriter.verdict(
      total: context.clientTaken, held: context.clientHeld, idle: plan.writeIdle,
      minRate: plan.minRate, now: now)
    if taking != .good { return clientGone(context).union(.abortClient) }
    let backendTaking = backendWriter.verdict(
      total: context.backendTaken, held: context.backendHeld, idle: plan.backendIdle, minRate: 0,
      now: now)
    if backendTaking != .good { return fail(.upstreamIdle, context) }
    return []
  }

  /// Bytes have passed through the tunnel.
  package mutating func tunnelMoved(now: Instant) { backendDeadline = now + plan.tunnelIdle }

  // MARK: Parts of the answers above

  /// Ends the attempt and asks for another one.
  private mutating func repeatAttempt(_ kind: RetryKind) -> Actions {
    let actions = release()
    clientReader = ProgressMeter()
    backendWriter = ProgressMeter()
    backendDeadline = .distantFuture
    phase = .choosing
    attempts += 1
    retriedFor = kind
    return actions.union(.acquire)
  }

  /// What has to be given back in this phase.
  private func release() -> Actions {
    switch phase {
    case .choosing, .over: []
    case .queued: .leaveQueue
    case .connecting, .open, .responding, .tunnel: .dropLease
    }
  }

  private mutating func giveUp(_ fault: Fault, now: Instant) -> Actions {
    endAttempt(now: now)
    requestDeadline = .distantFuture
    if reason == .none { reason = fault.reason }
    if responseHasBegun {
      fate = .reset
      return end().union(.abortClient)
    }
    responseHasBegun = true
    responseHasEnded = true
    if fault.side == .client {
      fate = .linger
    } else if !requestIsComplete {
      fate = fateOfUnread
    }
    return [.dropTee, .answer]
  }

  private mutating func endAttempt(now: Instant) {
    phase = .over
    backendDeadline = .distantFuture
    clientReader.stop(total: requestBytes, now: now)
    backendWriter = ProgressMeter()
  }

  private mutating func end() -> Actions {
    isFinished = true
    requestDeadline = .distantFuture
    return .finish
  }
}
