// Why this file exists: what a trace tells of an exchange. While it is under way only waits and
// failed attempts are kept, because nothing else forgets them; the rest is read from its record at
// the end, if it is told at all.
import EventLoop
import Forwarding
import HTTPSemantics
import Primitives
import Telemetry

extension WorkerRef {
  /// Which traces that begin from now on are sampled; nil = no spans are exported.
  func setTracing(_ sampling: TraceSampling?) { pointee.tracing = sampling }

  /// A traced exchange that is over goes to the exporter, unless nobody wants to hear of it by now.
  func tell(_ exchange: ExchangeRef, _ sample: RequestSample, until now: Instant) {
    if pointee.tracing == nil { return }
    let record = pointee.traces.next
    exchange.tell(sample, until: now, in: record)
    record.head.pointee.seed = pointee.random.next()
    if pointee.traces.publish(record) { pointee.shared.pointee.tracesWait?.send() }
  }

  /// Gives back what was kept of an exchange on the way.
  func forgetStages(_ exchange: ExchangeRef) {
    guard let stages = exchange.pointee.stages else { return }
    let buffer = stages.assumingMemoryBound(to: UInt8.self)
    pointee.buffers.give(PooledBuffer(base: buffer, capacity: BufferPool.smallest))
  }
}

extension ExchangeRef {
  // MARK: On the way

  /// An exchange begins while spans are exported: its trace is sampled if it begins here and its id
  /// says so, and its first attempt has a span of its own. Its traceparent is written already.
  @inline(never)
  func beginTrace() {
    let worker = pointee.worker
    pointee.isTraced = true
    let beginsHere = pointee.record.parentSpan == 0
    let takes = worker.pointee.tracing?.takes(pointee.record.trace.traceLow) ?? false
    if beginsHere { pointee.record.trace.isSampled = takes }
    let attempt = pointee.record.trace.child(random: &worker.pointee.random)
    pointee.record.attemptSpan = attempt.span
    let text = pointee.buffer.base + Int(pointee.record.traceparentOffset)
    var writer = ByteWriter(text, capacity: TraceContext.textLength)
    attempt.write(to: &writer)
  }

  /// Gives another attempt a span of its own.
  @inline(never)
  func renewSpan() {
    pointee.record.attemptSpan = pointee.worker.pointee.random.nextNonZero()
    ASCII.writeHex16(
      pointee.record.attemptSpan, to: pointee.buffer.base + Int(pointee.sentHead.spanIDOffset))
  }

  /// The wait that has just ended.
  @inline(never)
  func keepWait(until now: Instant) {
    keptStages.add(TraceStage(.wait, begun: pointee.waitsSince, ended: now))
  }

  /// The attempt that is to be repeated. Before the record is made ready for the next.
  @inline(never)
  func keepAttempt() {
    guard var stage = lastAttempt(until: Loop.clock()) else { return }
    stage.repeatedFor = pointee.machine.retriedFor
    stage.status = pointee.machine.retriedFor.status
    add(stage, to: keptStages)
    pointee.record.connectBegun = Instant(nanoseconds: 0)
  }

  private var keptStages: TraceRecord {
    let worker = pointee.worker
    if let stages = pointee.stages { return TraceRecord(stages) }
    let stages = UnsafeMutableRawPointer(
      worker.pointee.buffers.take(atLeast: TraceRecord.size).base)
    pointee.stages = stages
    let record = TraceRecord(stages)
    record.begin(pointee.record.trace)
    return record
  }

  private func add(_ stage: TraceStage, to record: TraceRecord) {
    let backend = pointee.snapshot.pointee.backends + Int(pointee.picked)
    record.add(stage, backend: backend.pointee.label)
  }

  /// The attempt that nothing was kept of yet, if there is one: it began with its connect, or with
  /// the head's way to the backend on a connection from the pool.
  private func lastAttempt(until now: Instant) -> TraceStage? {
    let record = record
    let connectBegun = record.pointee.connectBegun
    let headSent = record.pointee.headSent
    let isPooled = connectBegun.nanoseconds == 0
    if isPooled && headSent.nanoseconds == 0 { return nil }
    let ended = record.pointee.ended.nanoseconds > 0 ? record.pointee.ended : now
    var stage = TraceStage(.attempt, begun: isPooled ? headSent : connectBegun, ended: ended)
    stage.span = record.pointee.attemptSpan
    stage.isConnected = headSent.nanoseconds != 0
    stage.connectBegun = connectBegun
    // What was asked for and neither made nor refused was given up at the end.
    stage.connectEnded = max(record.pointee.connectEnded, connectBegun)
    if !stage.isConnected && record.pointee.connectEnded < connectBegun {
      stage.connectEnded = ended
    }
    return stage
  }

  // MARK: At the end

  /// - Parameter record: holds nothing that is needed.
  fileprivate func tell(_ sample: RequestSample, until now: Instant, in record: TraceRecord) {
    let kept = UnsafePointer(self.record)
    if let stages = pointee.stages {
      record.begin(as: TraceRecord(stages))
    } else {
      record.begin(kept.pointee.trace)
    }
    if var stage = lastAttempt(until: now) {
      if kept.pointee.answered.nanoseconds != 0 { stage.status = kept.pointee.status }
      stage.reason = sample.reason
      add(stage, to: record)
    }
    let head = record.head
    head.pointee.parent = kept.pointee.parentSpan
    head.pointee.endedAt = WallClock.nanoseconds()
    head.pointee.begun = kept.pointee.begun
    head.pointee.ended = now
    head.pointee.answered = kept.pointee.answered
    head.pointee.bytesIn = sample.bytesIn
    head.pointee.bytesOut = sample.bytesOut
    head.pointee.client = kept.pointee.hasClientAddress ? kept.pointee.clientAddress : nil
    head.pointee.method = kept.pointee.method
    head.pointee.version = kept.pointee.headIsKnown ? kept.pointee.version : nil
    head.pointee.status = kept.pointee.status
    head.pointee.reason = sample.reason
    keepTexts(in: record)
  }

  private func keepTexts(in record: TraceRecord) {
    let kept = UnsafePointer(self.record)
    let head = record.head
    head.pointee.methodText = record.keep(text(kept.pointee.methodText), atMost: 32)
    if pointee.route >= 0 {
      let route = pointee.snapshot.pointee.routes + Int(pointee.route)
      head.pointee.route = record.keep(route.pointee.name, atMost: 128)
    }
    if pointee.service >= 0 {
      head.pointee.service = record.keep(service.pointee.name, atMost: 64)
    }
    head.pointee.requestID = record.keep(text(kept.pointee.requestID), atMost: 128)
    head.pointee.host = record.keep(text(kept.pointee.host), atMost: 128)
    let path = text(kept.pointee.path)
    head.pointee.path = record.keep(path, atMost: 256)
    let target = sentTarget
    let isSame = target.buffer.elementsEqual(path.buffer)
    head.pointee.target = isSame ? head.pointee.path : record.keep(target, atMost: 256)
    head.pointee.userAgent = record.keep(text(kept.pointee.userAgent), atMost: 128)
  }

  /// What the backends were asked for, without the query; empty when nothing was written.
  private var sentTarget: ByteSlice {
    let head = text(pointee.sentHead.range)
    var start = 0
    while start < head.count, head.base[start] != 0x20 { start += 1 }
    start = min(start + 1, head.count)
    var end = start
    while end < head.count, head.base[end] != 0x20, head.base[end] != 0x3f { end += 1 }
    return ByteSlice(head.base + start, end - start)
  }
}

extension RetryKind {
  /// The status that was answered; 0 = nothing was.
  fileprivate var status: UInt16 {
    switch self {
    case .never, .connect, .reusedReset, .reset, .timeout: 0
    case .status502: 502
    case .status503: 503
    case .status504: 504
    }
  }
}
