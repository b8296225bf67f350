// Why this file exists: every request leaves the same traces, whatever became of it: counters,
// histograms and a line in the access log. This is the one place that writes them.
import EventLoop
import Forwarding
import HTTPSemantics
import Primitives
import Telemetry

extension WorkerRef {
  /// The exchange is over.
  @inline(__always)
  func record(_ exchange: ExchangeRef) {
    let record = exchange.record
    let now = record.pointee.endedIn == pointee.callbacks ? record.pointee.ended : Loop.clock()
    let sample = sample(exchange, until: now)
    pointee.metrics.record(sample)
    log(exchange, sample)
    if record.pointee.trace.isSampled || exchange.pointee.isTraced {
      recordTrace(exchange, until: now)
    }
  }

  /// What few requests leave: those of a sampled trace, and what failed while spans are exported.
  /// Their sample is taken once more, so that the others need not keep theirs in memory.
  @inline(never)
  private func recordTrace(_ exchange: ExchangeRef, until now: Instant) {
    let context = exchange.pointee.record.trace
    if context.isSampled
      || TraceHead.isError(status: status(exchange), reason: exchange.pointee.machine.reason)
    {
      let sample = sample(exchange, until: now)
      if context.isSampled { pointee.metrics.noteExemplars(sample, context, now: now) }
      if exchange.pointee.isTraced { tell(exchange, sample, until: now) }
    }
    forgetStages(exchange)
  }

  /// As metrics, log and trace tell it.
  @inline(__always)
  private func status(_ exchange: ExchangeRef) -> UInt16 {
    exchange.pointee.machine.reason.isClientAbort ? 499 : exchange.pointee.record.status
  }

  @inline(__always)
  private func sample(_ exchange: ExchangeRef, until now: Instant) -> RequestSample {
    let record = exchange.record
    return RequestSample(
      route: exchange.routeIndex, service: exchange.serviceIndex,
      method: record.pointee.method, status: status(exchange),
      reason: exchange.pointee.machine.reason, duration: now - record.pointee.begun,
      overhead: overhead(record, until: now), upstream: record.upstream(until: now),
      bytesIn: exchange.pointee.machine.requestBytes + record.pointee.otherBytesIn,
      bytesOut: record.pointee.responseBytes)
  }

  /// The time that went by in the gateway itself: up to the head's way to the backend without the
  /// waiting for a connection, and from the answer's head to its last byte when both came in one
  /// read. What streams is the backend's and the client's time.
  @inline(__always)
  private func overhead(_ record: RecordRef, until now: Instant) -> Duration {
    let waited = record.pointee.queueTime + record.pointee.connectTime + record.pointee.lostTime
    if record.pointee.headSent.nanoseconds == 0 { return now - record.pointee.begun - waited }
    let before = record.pointee.headSent - record.pointee.begun - waited
    let isOneRead =
      record.pointee.answeredIn == pointee.callbacks && record.pointee.endedIn == pointee.callbacks
    return isOneRead ? before + (now - record.pointee.answered) : before
  }

  // MARK: Events on the way

  /// A request has been admitted to a service.
  @inline(__always)
  func deposit(_ exchange: ExchangeRef) {
    exchange.service.pointee.shared.budget.deposit(now: pointee.now)
  }

  func recordRetry(_ exchange: ExchangeRef) {
    pointee.metrics.retries(
      service: exchange.serviceIndex, kind: exchange.pointee.machine.retriedFor
    ).increment()
  }

  func recordOpened(_ backend: BackendRef) {
    pointee.metrics.poolOpened(backend: backend.pointee.shared.poolIndex).increment()
  }

  @inline(__always)
  func recordReuse(_ backend: BackendRef) {
    pointee.metrics.poolReused(backend: backend.pointee.shared.poolIndex).increment()
  }
}

extension ExchangeRef {
  /// What the metrics know route and service by; 0 = none.
  @inline(__always)
  fileprivate var routeIndex: Int {
    if pointee.route < 0 { return 0 }
    return Int(routeNumber) &+ 1  // a small number
  }

  @inline(__always)
  fileprivate var serviceIndex: Int {
    pointee.service < 0 ? 0 : service.pointee.shared.queueIndex &+ 1  // a small number
  }
}

extension RecordRef {
  /// From the head's way to the backend to the end of its answer; nil when no head went.
  @inline(__always)
  fileprivate func upstream(until now: Instant) -> Duration? {
    if pointee.headSent.nanoseconds == 0 { return nil }
    return (pointee.ended.nanoseconds > 0 ? pointee.ended : now) - pointee.headSent
  }
}
