// Why this file exists: what the access log tells of an exchange, and when a worker hands its lines
// over.
import EventLoop
import Forwarding
import HTTPSemantics
import Primitives
import Telemetry

extension WorkerRef {
  /// Before the loop runs.
  func startLog() {
    pointee.log.state.pointee.timer.initialize(
      to: TimerNode(owner: UnsafeMutableRawPointer(self), kind: TimerKind.log.rawValue))
    pointee.log.countDropped(in: pointee.metrics.accessLogDropped)
  }

  /// What is logged from now on; nil = nothing. Lines that wait are handed over all the same.
  func setLogging(_ sampling: AccessSampling?) {
    pointee.accessLog = sampling == nil ? nil : pointee.log
    pointee.keepsTexts = pointee.tracing != nil || sampling != nil
    if let sampling { pointee.log.sampling = sampling }
  }

  /// The line of an exchange that is over, if it is one of those to be kept.
  func log(_ exchange: ExchangeRef, _ sample: RequestSample) {
    guard let log = pointee.accessLog else { return }
    let sampling = log.sampling
    let isKept = sampling.keeps(
      status: sample.status, reason: sample.reason, latency: sample.duration,
      random: sampling.keepsAll ? 0 : pointee.random.next())
    // What a limit in shadow would have refused is to be seen, every one.
    guard isKept || exchange.pointee.limit > 0 else { return }
    let wasEmpty = log.isEmpty
    // The clock of the day is read once, and the beginning reckoned from it.
    var record = AccessRecord(time: WallClock.nanoseconds() - sample.duration.nanoseconds)
    exchange.tell(sample, in: &record)
    log.append(&record)
    if wasEmpty && !log.isEmpty {
      arm(log.state.pointee.timer, at: pointee.now + LogState.flushDelay)
    }
  }

  /// After the last exchange.
  func endLog() {
    pointee.wheel.cancel(pointee.log.state.pointee.timer)
    pointee.log.finish()
    pointee.accessLog = nil
  }

  /// A line has waited long enough.
  func flushLog(_ node: UnsafeMutablePointer<TimerNode>) {
    let hadLines = !pointee.log.isEmpty
    pointee.log.flush()
    // Asked once more: the writing thread may be behind, or have lost lines that are to be counted.
    if hadLines { arm(node, at: pointee.now + LogState.flushDelay) }
  }
}

extension ExchangeRef {
  /// The slices lie in the exchange's buffer and in the snapshot.
  fileprivate func tell(_ sample: RequestSample, in record: inout AccessRecord) {
    let kept = UnsafePointer(self.record)
    let snapshot = pointee.snapshot
    record.requestID = known(kept.pointee.requestID)
    // See RequestIdentifier.isValid, Method.word and Authority.parse: what passed these.
    record.plain = [.requestID, .host]
    if kept.pointee.methodText.isEmpty { record.plain.insert(.method) }
    if kept.pointee.trace.span != 0 {
      record.traceID = text(TraceContext.traceID(from: kept.pointee.traceparentOffset))
      record.span = kept.pointee.trace.span
    }
    if kept.pointee.hasClientAddress {
      record.client = kept.pointee.clientAddress
      let client = pointee.client
      if kept.pointee.clientAddress == client.pointee.peer.address {
        record.clientText = client.addressText
      }
    }
    if kept.pointee.headIsKnown { record.version = kept.pointee.version }
    record.method = methodText
    record.host = known(kept.pointee.host)
    record.path = known(kept.pointee.path)
    record.userAgent = known(kept.pointee.userAgent)
    if pointee.route >= 0 {
      let route = snapshot.pointee.routes + Int(pointee.route)
      record.route = route.pointee.name
      if route.pointee.nameIsPlain { record.plain.insert(.route) }
    }
    if pointee.service >= 0 {
      let service = snapshot.pointee.services + Int(pointee.service)
      record.service = service.pointee.name
      if service.pointee.nameIsPlain { record.plain.insert(.service) }
    }
    if pointee.picked >= 0 {
      let backend = snapshot.pointee.backends + Int(pointee.picked)
      record.backend = backend.pointee.label
      if backend.pointee.labelIsPlain { record.plain.insert(.backend) }
      record.attempts = UInt32(pointee.machine.attempts)
      record.queue = kept.pointee.queueTime
      record.connect = kept.pointee.connectTime
    } else if kept.pointee.queueTime > .zero {
      record.queue = kept.pointee.queueTime  // in vain
    }
    if sample.status != 0 { record.status = sample.status }
    record.reason = sample.reason
    record.limit = limited?.pointee.name
    record.bytesIn = sample.bytesIn
    record.bytesOut = sample.bytesOut
    record.latency = sample.duration
    record.upstream = sample.upstream
  }

  /// As it came; a usual one was not copied for it.
  private var methodText: ByteSlice? {
    let method = pointee.record.method
    if !pointee.record.methodText.isEmpty { return text(pointee.record.methodText) }
    return pointee.record.headIsKnown && method != .other
      ? ByteSlice(method.word.utf8Start, method.word.utf8CodeUnitCount) : nil
  }

  private func known(_ range: ByteRange) -> ByteSlice? { range.isEmpty ? nil : text(range) }
}
