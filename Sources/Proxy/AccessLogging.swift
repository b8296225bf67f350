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
    log.append(exchange.accessRecord(sample))
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
  /// Its slices lie in the exchange's buffer and in the snapshot.
  fileprivate func accessRecord(_ sample: RequestSample) -> AccessRecord {
    let kept = pointee.record
    let snapshot = pointee.snapshot
    // The clock of the day is read once, and the beginning reckoned from it.
    var record = AccessRecord(time: WallClock.nanoseconds() - sample.duration.nanoseconds)
    record.requestID = known(kept.requestID)
    if kept.trace.span != 0 { record.trace = kept.trace }
    if kept.hasClientAddress { record.client = kept.clientAddress }
    if kept.headIsKnown { record.version = kept.version }
    record.method = known(kept.methodText)
    record.host = known(kept.host)
    record.path = known(kept.path)
    record.userAgent = known(kept.userAgent)
    if pointee.route >= 0 { record.route = snapshot.pointee.routes[Int(pointee.route)].name }
    if pointee.service >= 0 {
      record.service = snapshot.pointee.services[Int(pointee.service)].name
    }
    if pointee.picked >= 0 {
      record.backend = snapshot.pointee.backends[Int(pointee.picked)].label
      record.attempts = UInt32(pointee.machine.attempts)
      record.queue = kept.queueTime
      record.connect = kept.connectTime
    }
    if sample.status != 0 { record.status = sample.status }
    record.reason = sample.reason
    record.limit = limited?.pointee.name
    record.bytesIn = sample.bytesIn
    record.bytesOut = sample.bytesOut
    record.latency = sample.duration
    record.upstream = sample.upstream
    return record
  }

  private func known(_ range: ByteRange) -> ByteSlice? { range.isEmpty ? nil : text(range) }
}
