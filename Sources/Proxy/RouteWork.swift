// Why this file exists: what a route does beside naming a service: it changes heads on their way,
// or answers by itself. Routes that do neither never come here.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

private enum RouteWork {
  /// Bytes of the empty line that ends a head; what a route sets goes in front of it.
  static let emptyLine = 2
}

extension ExchangeRef {
  /// Sends the request on its way as the route changes it.
  @inline(never)
  func forwardEdited(_ arrival: UnsafeMutablePointer<Arrival>) {
    let worker = pointee.worker
    if worker.pointee.shedding == .requests { return fail(.overloaded) }
    guard passesLimits(arrival) else { return }
    let isWritten =
      pointee.extras?.pointee.changesHeads ?? false
      ? writeEditedHead(arrival) : writeHead(arrival, arrival.admission.pointee.target)
    guard isWritten else { return fail(.headTooLarge) }
    worker.deposit(self)
    acquire()
  }

  /// Writes the head for the backend, and what the route sets in the answer. False when one of them
  /// does not fit.
  private func writeEditedHead(_ arrival: UnsafeMutablePointer<Arrival>) -> Bool {
    guard prepareAnswerLines(arrival), let edited = editRequest(arrival) else { return false }
    // Another backend may have a longer name for Host.
    let reserve = edited.fields.count + Bounds.hostRoom
    guard pointee.buffer.capacity - pointee.textEnd > reserve,
      writeHead(arrival, edited.target, reserve: reserve)
    else { return false }
    let end = pointee.buffer.base + Int(pointee.sentHead.range.end)
    var writer = ByteWriter(end - RouteWork.emptyLine, capacity: reserve)
    writer.append(edited.fields)
    writer.append("\r\n")
    pointee.sentHead.range.length += UInt32(edited.fields.count)
    return true
  }

  /// Writes the lines that the route sets in the answer into the exchange's buffer, while the
  /// request is at hand. False when they do not fit.
  private func prepareAnswerLines(_ arrival: UnsafeMutablePointer<Arrival>) -> Bool {
    guard let extras = pointee.extras, !extras.pointee.response.lines.isEmpty else { return true }
    let edits = extras.pointee.response
    var scratch = ByteWriter(pointee.worker.pointee.scratch, capacity: Worker.scratchSize)
    let values = templateValues(arrival, into: &scratch)
    // Behind what the limits say of themselves, which goes into every answer.
    let before = pointee.responseLines
    let at = pointee.textEnd
    let room = min(pointee.buffer.capacity - at, Bounds.editedLines)
    var writer = ByteWriter(pointee.buffer.base + at, capacity: room)
    edits.write(0..<edits.faultLines, values, into: &writer)
    let ofFaults = writer.count
    edits.write(edits.faultLines..<edits.answerLines, values, into: &writer)
    let ofRouteAnswers = writer.count
    edits.write(edits.answerLines..<edits.lines.count, values, into: &writer)
    if writer.overflowed { return false }
    pointee.responseLines = EditedLines(
      offset: UInt32(at) - before.length, length: before.length + UInt32(writer.count),
      faultLength: before.length + UInt32(ofFaults),
      answerLength: before.length + UInt32(ofRouteAnswers))
    pointee.textEnd = at + writer.count
    return true
  }

  /// What a backend is sent instead of what came.
  private struct EditedRequest {
    var target: ByteSlice
    /// Whole lines.
    var fields: ByteSlice
  }

  /// What the route changes in the request: its target and its fields. Nil when they do not fit.
  /// The slices lie in the second half of the worker's scratch, until the head has been written.
  private func editRequest(_ arrival: UnsafeMutablePointer<Arrival>) -> EditedRequest? {
    guard let extras = pointee.extras else { preconditionFailure("a route that changes nothing") }
    let half = Worker.scratchSize / 2
    var scratch = ByteWriter(pointee.worker.pointee.scratch + half, capacity: half)
    let admission = arrival.admission
    var edited = EditedRequest(
      target: admission.pointee.target, fields: ByteSlice(arrival.pointee.head.base, 0))
    if admission.pointee.facts.form != .asterisk {
      edited.target = extras.pointee.stripped(
        edited.target, pathLength: admission.pointee.pathLength, into: &scratch)
    }
    let edits = extras.pointee.request
    if edits.isEmpty { return edited }
    let head = arrival.head
    edits.drop(head.pointee.base, head.pointee.fields, head.pointee.fieldCount)
    let values = templateValues(arrival, into: &scratch)
    let start = scratch.cursor
    edits.write(0..<edits.lines.count, values, into: &scratch)
    edited.fields = ByteSlice(UnsafePointer(start), scratch.cursor - start)
    return scratch.overflowed || edited.fields.count > Bounds.editedLines ? nil : edited
  }

  /// Writes the head for the client as the route changes it. False when it does not fit.
  @inline(never)
  func writeEditedResponseHead(_ head: ResponseHead, _ added: ResponseAdditions) -> Bool {
    let worker = pointee.worker
    pointee.extras?.pointee.response.drop(head.base, head.fields, head.fieldCount)
    var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
    ResponseHeadWriter.write(head, added, into: &writer)
    if writer.overflowed { return false }
    writer.rewind(to: writer.cursor - RouteWork.emptyLine)
    writer.append(text(pointee.responseLines.all))
    writer.append("\r\n")
    if writer.overflowed { return false }
    worker.gather(IOVector(worker.pointee.scratch, writer.count))
    return true
  }

  private func templateValues(
    _ arrival: UnsafeMutablePointer<Arrival>, into scratch: inout ByteWriter
  ) -> TemplateValues {
    let base = arrival.pointee.head.base
    let admission = arrival.admission
    let snapshot = pointee.snapshot
    var values = TemplateValues(nothing: ByteSlice(base, 0))
    values.host = admission.pointee.facts.host.slice(in: base)
    values.method = arrival.pointee.head.methodText.slice(in: base)
    values.path = ByteSlice(admission.pointee.target.base, admission.pointee.pathLength)
    values.route = snapshot.pointee.routes[Int(pointee.route)].name
    if pointee.service >= 0 {
      values.service = snapshot.pointee.services[Int(pointee.service)].name
    }
    values.requestID = text(pointee.record.requestID)
    if pointee.record.hasClientAddress {
      let start = scratch.cursor
      scratch.cursor += pointee.record.clientAddress.write(to: start)
      values.clientIP = ByteSlice(UnsafePointer(start), scratch.cursor - start)
    }
    let start = scratch.cursor
    scratch.appendHex16(pointee.record.trace.traceHigh)
    scratch.appendHex16(pointee.record.trace.traceLow)
    values.traceID = ByteSlice(UnsafePointer(start), scratch.cursor - start)
    return values
  }

  /// What a refusal says beside its reason.
  @inline(never)
  func prepareRefusal(_ arrival: UnsafeMutablePointer<Arrival>, _ reason: Reason) {
    if case .methodNotAllowed = reason { return prepareAllow(arrival) }
    // Lines that do not fit are left out: the refusal itself says more.
    if pointee.extras != nil { _ = prepareAnswerLines(arrival) }
  }

  // MARK: Answers of the route

  /// The Allow of a refusal: the methods that some route would have taken, or for a CONNECT, which
  /// no route is asked about, all that are forwarded (RFC 9110 section 15.5.6).
  private func prepareAllow(_ arrival: UnsafeMutablePointer<Arrival>) {
    let at = pointee.textEnd
    var writer = ByteWriter(pointee.buffer.base + at, capacity: pointee.buffer.capacity - at)
    writer.append("Allow: ")
    if arrival.admission.pointee.pathLength > 0 {
      arrival.admission.pointee.allowed.write(to: &writer)
    } else {
      writer.append(FinalRecipientAnswer.allow)
    }
    writer.append("\r\n")
    // At most 400 bytes, of the 2 KiB that every exchange has beyond its head.
    precondition(!writer.overflowed)
    pointee.responseLines = EditedLines(offset: UInt32(at), faultLength: UInt32(writer.count))
    pointee.textEnd = at + writer.count
  }

  /// A redirect, or the text that the configuration gives.
  @inline(never)
  func answerByRoute(_ arrival: UnsafeMutablePointer<Arrival>) {
    guard let extras = pointee.extras else { preconditionFailure("a route that answers") }
    guard passesLimits(arrival) else { return }
    guard prepareAnswerLines(arrival) else { return fail(.headTooLarge) }
    let worker = pointee.worker
    closeIfDraining()
    perform(pointee.machine.answerAsRecipient(now: worker.pointee.now))
    let answer = extras.pointee.answer
    let admission = arrival.admission
    let target = admission.pointee.target
    let pathLength = admission.pointee.facts.form == .asterisk ? 0 : admission.pointee.pathLength
    let head = RouteAnswerHead(
      status: answer.status, version: arrival.pointee.head.version, keepAlive: keepsClient,
      date: worker.date, requestID: text(pointee.record.requestID),
      extraFields: text(pointee.responseLines.ofRouteAnswers), bodyLength: answer.body.count,
      contentType: answer.contentType)
    var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
    head.begin(into: &writer)
    if answer.isRedirect {
      writer.append("Location: ")
      answer.writeLocation(target, pathLength: pathLength, into: &writer)
      writer.append("\r\n")
    }
    head.end(into: &writer)
    pointee.record.status = answer.status
    sendAnswer(writer, body: arrival.pointee.head.method.isHead ? nil : answer.body)
  }
}
