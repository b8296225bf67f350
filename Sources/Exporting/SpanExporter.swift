// Why this file exists: one exporter for the whole process, on the control loop: it takes what the
// workers have recorded, in batches, and keeps at it until the collector has it or it is not worth
// keeping. No worker ever waits for it.
package import EventLoop
package import Primitives
package import Telemetry

/// Sends spans to a collector. Everything here is for the loop's thread.
///
///     off ──follow──▶ resting ──time, wake──▶ asking ──taken──▶ resting
///                                             asking ──not taken──▶ waiting ──▶ asking
///     any ──follow(nil)──▶ the rest is sent once ──▶ off
package final class SpanExporter {
  package enum Event: Equatable, Sendable {
    /// The first failure after a success, or after nothing.
    case failing(why: String)
    case recovered
  }

  private enum Phase {
    case off
    /// Until there is enough, or it has waited long enough.
    case resting
    case asking
    /// Until the collector is asked again for the same batch.
    case waiting
  }

  /// No record waits longer in a worker's ring, as long as the collector takes them.
  static let period = Duration.seconds(1)
  /// When more of them wait behind a batch, the next one goes at once.
  static let many = 64

  private let loop: Loop
  private let rings: [TraceRing]
  private let program: TracedProgram
  private let userAgent: String
  /// Called when the collector begins to take no spans, or takes them again.
  package var onEvent: (Event) -> Void = { _ in }
  private var random: Xoroshiro
  private var timer: Timer?
  private var wakeup: Wakeup?
  private var phase = Phase.off
  private var target: ExportTarget?
  /// What is there now is the last: off when it is sent, or was not taken.
  private var isLast = false
  /// Nil while off.
  private var batch: SpanBatch?
  private var connection: ExportConnection?
  private var backoff = ExportBackoff()
  /// Which of the target's endpoints is asked.
  private var turn = 0
  private var firstRing = 0
  private var failure: String?
  private var exported: UInt64 = 0
  private var refused: UInt64 = 0
  private var undelivered: UInt64 = 0
  private var isTimeOver = false

  /// - Parameter seed: from the system, so that no two gateways ask in step.
  package init(
    _ loop: Loop, _ rings: [TraceRing], _ program: TracedProgram, seed: UInt64
  ) throws(EventLoopError) {
    self.loop = loop
    self.rings = rings
    self.program = program
    userAgent = "gateway/\(program.version)"
    random = Xoroshiro(seed: seed)
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<SpanExporter>.fromOpaque(owner).takeUnretainedValue().look()
    }
    wakeup = try Wakeup.create(loop, owner: owner) { owner in
      Unmanaged<SpanExporter>.fromOpaque(owner).takeUnretainedValue().wasWoken()
    }
  }

  /// Any thread sends it when many records wait, until `close`.
  package var wake: Wakeup? { wakeup }

  package var report: ExportReport {
    let state: ExportReport.State =
      target == nil ? .off : failure.map { .failing($0) } ?? .working
    return ExportReport(
      state: state, exported: exported, queueFull: rings.reduce(0) { $0 + $1.droppedSpans },
      refused: refused, undelivered: undelivered, waiting: waiting)
  }

  private var waiting: Int { rings.reduce(0) { $0 + $1.waiting } }

  // MARK: Where to

  /// Sends there from now on; nil = what is there now is the last.
  package func follow(_ next: ExportTarget?) {
    if next == target && !isLast { return }
    isLast = next == nil
    if let next {
      target = next
      batch = batch ?? SpanBatch(program)
      backoff = ExportBackoff()
    }
    switch phase {
    case .asking: break
    case .off where target == nil: break
    case .off, .resting, .waiting: look()
    }
  }

  /// Sends what is there, once, while the loop runs for it; gives how many spans are lost.
  package func flush(atMost limit: Duration) -> UInt64 {
    let before = undelivered + refused
    follow(nil)
    let alarm = Timer.create(loop, owner: Unmanaged.passUnretained(self).toOpaque()) { owner in
      Unmanaged<SpanExporter>.fromOpaque(owner).takeUnretainedValue().isTimeOver = true
    }
    loop.updateTime()
    alarm.start(at: loop.now + limit)
    while target != nil && !isTimeOver { loop.runOnce(waiting: true) }
    alarm.close()
    if target != nil { stop() }
    return undelivered + refused - before
  }

  /// Nothing is sent any more. Once no thread can wake it.
  package func close() {
    if target != nil { stop() }
    connection?.close()
    connection = nil
    timer?.close()
    timer = nil
    wakeup?.close()
    wakeup = nil
  }

  /// Off; what was not delivered is lost.
  private func stop() {
    phase = .off
    timer?.stop()
    undelivered += UInt64(batch?.count ?? 0)
    for ring in rings {
      while let record = ring.first {
        undelivered += UInt64(record.spanCount)
        ring.drop()
      }
    }
    connection?.close()
    connection = nil
    batch = nil
    target = nil
    failure = nil
  }

  // MARK: Batches

  private func wasWoken() {
    if case .resting = phase { look() }
  }

  private func look() {
    guard let batch, let target else { return }
    if case .asking = phase { return }
    if batch.count == 0 { fill(batch) }
    if batch.count > 0 { send(batch, target) } else if isLast { stop() } else { rest() }
  }

  /// Another ring is emptied first each time, so that no worker waits for a busier one.
  private func fill(_ batch: SpanBatch) {
    firstRing = (firstRing + 1) % rings.count
    for ring in rings[firstRing...] + rings[..<firstRing] {
      while let record = ring.first {
        guard batch.append(record) else { return }
        ring.drop()
      }
    }
  }

  private func rest() {
    phase = .resting
    loop.updateTime()
    let isMuch = isLast || waiting >= SpanExporter.many
    timer?.start(at: isMuch ? loop.now : loop.now + SpanExporter.period)
  }

  private func send(_ batch: SpanBatch, _ target: ExportTarget) {
    phase = .asking
    if target.endpoints.isEmpty { return ended(.failed(.noAddress)) }
    let connection = connection(to: target)
    self.connection = connection
    let request = """
      POST \(target.path) HTTP/1.1\r
      Host: \(target.authority)\r
      User-Agent: \(userAgent)\r
      Content-Type: application/json\r
      Content-Length: \(batch.body.count)\r
      \r\n
      """
    connection.ask(request, batch) { [unowned self] in ended($0) }
  }

  /// The kept one, or a new one to the endpoint whose turn it is.
  private func connection(to target: ExportTarget) -> ExportConnection {
    if let kept = connection {
      if kept.isIdle && target.endpoints.contains(kept.endpoint) { return kept }
      kept.close()
    }
    return ExportConnection(loop, to: target.endpoints[turn % target.endpoints.count])
  }

  private func ended(_ outcome: ExportOutcome) {
    guard let batch, let target else { return }
    if case .failed(let why) = outcome {
      // A kept connection that the collector had given up already says nothing of the collector.
      if why == .reset, connection?.mayHaveBeenStale == true { return send(batch, target) }
      turn += 1
      return wasNotTaken(batch, why: why.rawValue, asked: nil)
    }
    guard case .answered(let status, let retryAfter) = outcome else { return }
    switch ExportVerdict(status: status, retryAfter: retryAfter) {
    case .accepted:
      exported += UInt64(batch.count)
      batch.clear()
      backoff.succeeded()
      if failure != nil { onEvent(.recovered) }
      failure = nil
      rest()
    case .later(let asked): wasNotTaken(batch, why: "it answers \(status)", asked: asked)
    case .refused:
      tell("it answers \(status)")
      refused += UInt64(batch.count)
      batch.clear()
      rest()
    }
  }

  private func wasNotTaken(_ batch: SpanBatch, why: String, asked: Duration?) {
    tell(why)
    if isLast { return stop() }
    loop.updateTime()
    let (wait, givesUp) = backoff.failed(now: loop.now, asked: asked, random: &random)
    if givesUp {
      undelivered += UInt64(batch.count)
      batch.clear()
    }
    phase = .waiting
    timer?.start(at: loop.now + wait)
  }

  private func tell(_ why: String) {
    if failure == nil { onEvent(.failing(why: why)) }
    failure = why
  }
}
