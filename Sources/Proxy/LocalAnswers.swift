// Why this file exists: what the gateway says itself: refusals with their reason word, and the
// answers that Max-Forwards asks of it.
import EventLoop
import Forwarding
import HTTPSemantics
import Primitives

extension ExchangeRef {
  /// Seconds after which another try may fare better, for the reasons where that is so: when the
  /// first breaker lets a request pass, or the limits do, rounded up; for the others nobody knows.
  private var retryAfterSeconds: UInt32 {
    if case .rateLimited = pointee.machine.reason { return pointee.retryAfter }
    guard case .circuitOpen = pointee.machine.reason else { return 1 }
    let now = pointee.worker.pointee.now
    let pool = BackendPool(pointee.snapshot, service)
    guard let end = pool.breakersReturn(now: now) else { return 1 }
    let wait = max(0, (end - now).nanoseconds)
    return max(1, UInt32(clamping: (wait + 999_999_999) / 1_000_000_000))
  }

  func writeLocalAnswer(into writer: inout ByteWriter) {
    let machine = pointee.machine
    var answer = LocalAnswer(
      machine.reason, pointee.record.detail, method: pointee.record.method,
      version: pointee.record.version, keepAlive: keepsClient)
    if machine.reason.retryAfterHelps { answer.retryAfter = retryAfterSeconds }
    answer.date = pointee.worker.date
    answer.requestID = text(pointee.record.requestID)
    if case .rateLimited = machine.reason, let limit = limited, limit.pointee.announces {
      answer.violatedPolicy = limit.pointee.quoted
    }
    let lines = text(pointee.responseLines.ofFaults)
    if !lines.isEmpty { answer.extraFields = lines }
    answer.write(into: &writer)
  }

  var keepsClient: Bool {
    switch pointee.machine.fate {
    case .keepAlive, .skip: true
    case .close, .linger, .reset: false
    }
  }

  /// While the gateway or a listener stops, an answer is the last one on its connection.
  @inline(__always)
  func closeIfDraining() {
    if pointee.client.pointee.isLast { pointee.machine.closeAfterwards() }
  }

  /// Max-Forwards has run out: this hop answers (RFC 9110 section 7.6.2).
  func answerAsRecipient(_ head: RequestHead) {
    let worker = pointee.worker
    closeIfDraining()
    perform(pointee.machine.answerAsRecipient(now: worker.pointee.now))
    var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
    let requestID = text(pointee.record.requestID)
    switch head.method {
    case .trace:
      FinalRecipientAnswer.writeTrace(
        head, keepAlive: keepsClient, date: worker.date, requestID: requestID, into: &writer)
    case .get, .head, .post, .put, .delete, .connect, .options, .patch, .other:
      FinalRecipientAnswer.writeOptions(
        version: head.version, keepAlive: keepsClient, date: worker.date, requestID: requestID,
        into: &writer)
    }
    pointee.record.status = 200
    sendAnswer(writer)
  }

  /// Sends what was written to the worker's scratch, and behind it a body.
  func sendAnswer(_ writer: ByteWriter, body: ByteSlice? = nil) {
    precondition(!writer.overflowed)
    let worker = pointee.worker
    pointee.record.responseBytes += UInt64(writer.count)
    worker.pointee.vectors[0] = IOVector(worker.pointee.scratch, writer.count)
    var count = 1
    if let body, body.count > 0 {
      pointee.record.responseBytes += UInt64(body.count)
      worker.pointee.vectors[1] = IOVector(body.base, body.count)
      count = 2
    }
    if !pointee.client.send(worker.pointee.vectors, count) { pointee.clientIsGone = true }
  }
}
