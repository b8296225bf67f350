// Why this file exists: the shell's part of rate limits: who is asked and when, what is counted,
// and what the client is told. Routes without limits never come here.
import Forwarding
import HTTPSemantics
import Limiting
import Primitives

extension ExchangeRef {
  /// Charges the request to the limits of its route. False: one refuses it, and it has been
  /// answered.
  @inline(__always)
  func passesLimits(_ arrival: UnsafeMutablePointer<Arrival>) -> Bool {
    guard let extras = pointee.extras, !extras.pointee.limits.isEmpty else { return true }
    return charge(arrival, extras.pointee.limits)
  }

  @inline(never)
  private func charge(
    _ arrival: UnsafeMutablePointer<Arrival>, _ limits: UnsafeBufferPointer<RouteLimit>
  ) -> Bool {
    let worker = pointee.worker
    // The clock as it was read for this request. It may be the older one of the two only where a
    // head came in pieces.
    let now = max(worker.pointee.now, pointee.record.begun)
    let step = LimitStep(
      limits, worker.pointee.limitLedger, UnsafePointer(arrival.admission), arrival.head,
      pointee.snapshot, hasAddress: pointee.client.pointee.hasAddress, now: now)
    var room = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
    let outcome = step.charge(room: &room)
    noteFields(step)
    pointee.limit = UInt32(outcome.named + 1)
    if outcome.named >= 0 { worker.count(outcome, limits) }
    if outcome.refused < 0 { return true }
    pointee.retryAfter = worker.retryAfter(outcome)
    prepareRefusal(arrival, .rateLimited)
    fail(Fault(.gateway, .rateLimited))
    return false
  }

  /// What clients are told goes into every answer: a backend's, the route's, and our own.
  private func noteFields(_ step: LimitStep) {
    let at = pointee.textEnd
    var writer = ByteWriter(pointee.buffer.base + at, capacity: pointee.buffer.capacity - at)
    step.writeFields(into: &writer)
    // Room was taken for them; see `RouteExtras.room`.
    precondition(!writer.overflowed)
    let length = UInt32(writer.count)
    pointee.responseLines = EditedLines(
      offset: UInt32(at), length: length, faultLength: length, answerLength: length)
    pointee.textEnd = at + writer.count
  }

  /// The limit that has had enough of the request, or would have had; nil = none has.
  var limited: UnsafePointer<LimitEntry>? {
    guard pointee.limit > 0, let extras = pointee.extras else { return nil }
    return extras.pointee.limits[Int(pointee.limit) - 1].entry
  }
}

extension WorkerRef {
  fileprivate func count(_ outcome: LimitOutcome, _ limits: UnsafeBufferPointer<RouteLimit>) {
    let worker = pointee.index
    if outcome.refused >= 0 {
      limits[Int(outcome.refused)].use.count(.enforce, worker: worker).increment()
    }
    var left = outcome.shadowed
    while left != 0 {
      limits[left.trailingZeroBitCount].use.count(.shadow, worker: worker).increment()
      left &= left &- 1  // takes the lowest bit away
    }
  }

  /// Seconds for Retry-After. Where others wait for the same they are spread over a tenth of the
  /// time, so that they do not all come back at once.
  fileprivate func retryAfter(_ outcome: LimitOutcome) -> UInt32 {
    var wait = outcome.wait
    if outcome.isShared {
      let tenth = UInt64(max(0, wait.nanoseconds)) / 10_000_000
      if tenth > 0 { wait = wait + .milliseconds(Int64(pointee.random.below(tenth))) }
    }
    return UInt32(clamping: LimitVerdict.retryAfterSeconds(wait))
  }
}
