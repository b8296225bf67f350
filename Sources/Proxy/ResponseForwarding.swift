// Why this file exists: the response on its way to the client: every interim head, the final head,
// and the body in whatever framing the client understands.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

extension ExchangeRef {
  /// An interim answer has come whole.
  func informational(_ head: inout ResponseHead) {
    let worker = pointee.worker
    let actions = pointee.machine.informational(status: head.status, now: worker.pointee.now)
    if actions.contains(.forwardInformational) {
      let nothing = ByteSlice(head.base, 0)
      let added = ResponseAdditions(
        framing: .none, connection: .none, requestID: nothing, date: nothing, upgrade: nothing)
      guard writeResponseHead(head, added) else { return fail(.brokeProtocol) }
      flushResponse()
    }
    perform(actions)
  }

  /// The final head has come whole. False when the lease has ended with it.
  @inline(__always)
  func responseHead(_ head: inout ResponseHead, hasDate: Bool) -> Bool {
    let worker = pointee.worker
    let speaks11 = pointee.machine.request.clientVersion == .http11
    let framing = head.framing
    let needsReframing = framing == .chunked || framing == .untilClose
    pointee.responseIsChunked = needsReframing && speaks11
    let closeDelimited = needsReframing && !speaks11
    closeIfDraining()
    // Only an answer that may be repeated asks for more than the time.
    let mayRepeat = Exchange.retryKind(status: head.status).rawValue != RetryKind.never.rawValue
    let actions = pointee.machine.responseHead(
      status: head.status, says: service.pointee.rules.failures.outcome(of: head.status),
      closeDelimited: closeDelimited, mayRepeat ? context : quietContext)
    let lease = pointee.backend
    perform(actions)
    guard actions.contains(.sendResponseHead) else { return false }
    pointee.record.status = head.status
    pointee.record.answered = Loop.clock()
    pointee.record.answeredIn = worker.pointee.callbacks
    let shown: Framing =
      pointee.responseIsChunked ? .chunked : closeDelimited ? .untilClose : framing
    let nothing = ByteSlice(head.base, 0)
    let added = ResponseAdditions(
      framing: shown, connection: connectionNotice, requestID: text(pointee.record.requestID),
      date: hasDate ? nothing : worker.date, upgrade: nothing)
    let fits =
      pointee.extras == nil
      ? writeResponseHead(head, added) : writeEditedResponseHead(head, added)
    if fits { return lease == pointee.backend }
    fail(.brokeProtocol)
    return false
  }

  /// Body slices of one read.
  func responseBody(_ spans: UnsafeMutablePointer<BodySpans>) {
    let worker = pointee.worker
    if spans.pointee.bytes == 0 { return }
    pointee.machine.responseBody(now: worker.pointee.now)
    if pointee.responseIsChunked { worker.gather(worker.sizeLine(spans.pointee.bytes)) }
    for index in 0..<spans.pointee.count {
      let slice = spans.pointee.slices[index]
      worker.gather(IOVector(slice.base, slice.count))
    }
    if pointee.responseIsChunked { worker.gather(Worker.lineEnd) }
  }

  /// The end of the body, and of the exchange's part with the backend.
  func responseEnded(trailers: UnsafeMutablePointer<TrailerStore>?, reusable: Bool) {
    let worker = pointee.worker
    if pointee.responseIsChunked {
      if let trailers {
        flushResponse()
        guard judgeTrailers(trailers, pointee.extras?.pointee.response) else {
          return fail(.brokeProtocol)
        }
        var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
        ChunkWriter.writeEnd(trailers, into: &writer)
        worker.gather(IOVector(worker.pointee.scratch, writer.count))
      } else {
        worker.gather(Worker.lastChunk)
      }
    }
    flushResponse()
    pointee.record.ended = Loop.clock()
    pointee.record.endedIn = worker.pointee.callbacks
    perform(pointee.machine.responseEnded(reusable: reusable, now: worker.pointee.now))
  }

  /// Writes what was gathered to the client, in one call.
  func flushResponse() {
    let worker = pointee.worker
    let count = worker.pointee.gatheredCount
    if count == 0 { return }
    worker.pointee.gatheredCount = 0
    let client = pointee.client
    let before = client.pointee.output.handed
    guard client.send(worker.pointee.gathered, count) else {
      pointee.clientIsGone = true
      return
    }
    pointee.record.responseBytes += client.pointee.output.handed &- before
    if client.pointee.output.pending > Output.highMark, let backend = pointee.backend {
      backend.pause()
    }
  }

  /// The client has taken enough: the backend is read from again.
  func resumeResponse() {
    guard let backend = pointee.backend, backend.pointee.isPaused else { return }
    backend.resume()
    pointee.machine.backendReading(true, now: pointee.worker.pointee.now)
  }

  func writeResponseHead(_ head: ResponseHead, _ added: ResponseAdditions) -> Bool {
    let worker = pointee.worker
    var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
    ResponseHeadWriter.write(head, added, into: &writer)
    if writer.overflowed { return false }
    worker.gather(IOVector(worker.pointee.scratch, writer.count))
    return true
  }

  var connectionNotice: ConnectionNotice {
    switch pointee.machine.fate {
    case .keepAlive, .skip: pointee.machine.request.clientVersion == .http10 ? .keepAlive : .none
    case .close, .linger, .reset: .close
    }
  }

  /// A text that the record keeps.
  func text(_ range: ByteRange) -> ByteSlice { range.slice(in: pointee.buffer.base) }
}
