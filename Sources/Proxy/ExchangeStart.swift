// Why this file exists: a head has come whole: here it becomes an exchange. Admission decides, the
// texts for the record are copied (the head's bytes are overwritten by the next read), and the head
// for the backend is written once.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

extension ClientRef {
  /// Begins the exchange for a complete head. Afterwards `phase` says how its body is to be read.
  func beginExchange(_ head: inout RequestHead, _ table: UnsafeMutablePointer<HeadTable>) {
    let worker = pointee.worker
    var admission = Admission(head)
    var room = ByteWriter(worker.pointee.target, capacity: Worker.scratchSize)
    let peer = pointee.hasAddress ? pointee.peer.address : nil
    let verdict = admission.admit(&head, worker.pointee.snapshot, peer: peer, room: &room)
    guard let exchange = makeExchange(admission.plan, headSize: table.pointee.headLength) else {
      return refuseWithoutExchange()
    }
    exchange.note(head, admission, table)
    pointee.phase = admission.plan.hasBody ? .body : .waiting
    // Two opinions on whether there is a body are never forwarded.
    if !admission.plan.hasBody && !RequestParser.hasEnded(parser) {
      exchange.pointee.record.detail = .framing
      return exchange.fail(.badBody)
    }
    switch verdict {
    case .forward:
      if exchange.writeHead(head, admission, table) {
        worker.deposit(exchange)
        exchange.acquire()
      } else {
        exchange.fail(Fault(.client, .headTooLarge))
      }
    case .answerAsRecipient: exchange.answerAsRecipient(head)
    case .refuse(let reason, let detail):
      exchange.pointee.record.detail = detail
      exchange.fail(Fault(reason.isClientsFault ? .client : .gateway, reason))
    }
  }

  /// Answers a head that never became a request, and ends the connection.
  func refuse(_ reason: Reason, _ detail: BadRequestDetail) {
    if let table = pointee.table {
      pointee.table = nil
      pointee.worker.returnTable(table)
    }
    var plan = ExchangePlan()
    plan.clientKeepsAlive = false
    plan.hasBody = true  // nobody knows where it would end
    guard let exchange = makeExchange(plan, headSize: 0) else { return refuseWithoutExchange() }
    pointee.phase = .body
    exchange.pointee.record.detail = detail
    exchange.identify(nil, nil, hasAddress: pointee.hasAddress, address: pointee.peer.address)
    exchange.fail(Fault(.client, reason))
  }

  /// No slot is left for an exchange: rung one of the ladder, as cheap as it can be.
  private func refuseWithoutExchange() {
    let worker = pointee.worker
    worker.pointee.metrics.localResponses(.overloaded).increment()
    reset()
  }

  @inline(__always)
  private func makeExchange(_ plan: ExchangePlan, headSize: Int) -> ExchangeRef? {
    let worker = pointee.worker
    guard let exchange = worker.pointee.exchanges.allocate() else { return nil }
    let needed = min(2 * headSize + Bounds.headAdditions, BufferPool.largest)
    exchange.initialize(
      to: ExchangeNode(
        machine: Exchange(plan, now: worker.pointee.now), client: self, worker: worker,
        snapshot: worker.pointee.snapshot, buffer: worker.pointee.buffers.take(atLeast: needed)))
    exchange.pointee.record.begun = pointee.headBegun
    worker.pointee.inFlight.increment()
    pointee.exchange = exchange
    return exchange
  }
}

extension ExchangeRef {
  /// Copies what the record at the end will say of the request.
  @inline(__always)
  func note(_ head: RequestHead, _ admission: Admission, _ table: UnsafeMutablePointer<HeadTable>) {
    pointee.route = admission.route
    pointee.service = admission.service
    pointee.framing = admission.plan.hasBody ? head.framing : .none
    pointee.takesTrailers = admission.facts.takesTrailers
    pointee.record.method = head.method
    pointee.record.headIsKnown = true
    pointee.record.version = head.version
    if pointee.worker.pointee.accessLog != nil || admission.upgrade >= 0 {
      keepTexts(head, admission, table)
    }
    var trace: TraceContext?
    var identifier: ByteSlice?
    if admission.trustsTrace { (trace, identifier) = told(head, admission.facts) }
    let hasAddress = pointee.client.pointee.hasAddress
    identify(trace, identifier, hasAddress: hasAddress, address: admission.client.address)
    if admission.facts.underscoreDrops > 0 {
      pointee.worker.pointee.metrics.underscoreFieldsDropped.add(
        UInt64(admission.facts.underscoreDrops))
    }
  }

  /// What only the access log and an upgrade read later.
  private func keepTexts(
    _ head: RequestHead, _ admission: Admission, _ table: UnsafeMutablePointer<HeadTable>
  ) {
    var writer = ByteWriter(pointee.buffer.base, capacity: pointee.buffer.capacity)
    pointee.record.methodText = keep(table.pointee.method.slice(in: head.base), 32, &writer)
    pointee.record.host = keep(
      admission.facts.authority.slice(in: head.base), Bounds.recordHost, &writer)
    let path = ByteSlice(admission.target.base, admission.pathLength)
    pointee.record.path = keep(path, Bounds.recordPath, &writer)
    if admission.facts.userAgentField >= 0 {
      let value = head.fields[Int(admission.facts.userAgentField)].value.slice(in: head.base)
      pointee.record.userAgent = keep(value, Bounds.recordUserAgent, &writer)
    }
    if admission.upgrade >= 0 {
      pointee.upgrade = keep(admission.facts.upgrade.slice(in: head.base), 64, &writer)
    }
    pointee.textEnd = writer.count
  }

  /// What a believed sender says of the trace and the identifier, where it is valid.
  private func told(
    _ head: RequestHead, _ facts: RequestFacts
  ) -> (trace: TraceContext?, identifier: ByteSlice?) {
    var trace: TraceContext?
    var identifier: ByteSlice?
    if facts.traceparentField >= 0 {
      let value = head.fields[Int(facts.traceparentField)].value
      trace = TraceContext.parse(value.slice(in: head.base))
    }
    if facts.requestIDField >= 0 {
      let value = head.fields[Int(facts.requestIDField)].value.slice(in: head.base)
      if RequestIdentifier.isValid(value) { identifier = value }
    }
    return (trace, identifier)
  }

  private func keep(_ text: ByteSlice, _ most: Int, _ writer: inout ByteWriter) -> ByteRange {
    let count = min(text.count, most)
    let start = writer.count
    writer.append(text.base, count)
    return ByteRange(offset: UInt32(start), length: UInt32(writer.count - start))
  }

  /// Sets the client's address, the place in a trace and the request identifier: those that came,
  /// else new ones.
  func identify(
    _ trace: TraceContext?, _ identifier: ByteSlice?, hasAddress: Bool, address: IPAddress
  ) {
    let worker = pointee.worker
    pointee.record.clientAddress = address
    pointee.record.hasClientAddress = hasAddress
    var writer = ByteWriter(pointee.buffer.base, capacity: pointee.buffer.capacity)
    writer.cursor += pointee.textEnd
    pointee.continuesTrace = trace != nil
    pointee.record.trace =
      trace?.child(random: &worker.pointee.random)
      ?? TraceContext.start(random: &worker.pointee.random, isSampled: false)
    if let identifier {
      pointee.record.requestID = keep(identifier, RequestIdentifier.maximumLength, &writer)
    } else {
      let start = UInt32(writer.count)
      writer.append(together: 32) { pen in
        pen.put(hex16: worker.pointee.random.next())
        pen.put(hex16: worker.pointee.random.next())
      }
      pointee.record.requestID = ByteRange(offset: start, length: 32)
    }
    pointee.textEnd = writer.count
  }

  /// Writes the head that the backends get. False when it does not fit.
  @inline(__always)
  func writeHead(
    _ head: RequestHead, _ admission: Admission, _ table: UnsafeMutablePointer<HeadTable>
  ) -> Bool {
    let facts = admission.facts
    if facts.tracestateField >= 0 { judgeTraceState(head, from: Int(facts.tracestateField)) }
    var added = RequestAdditions(
      method: table.pointee.method.slice(in: head.base), target: admission.target,
      host: hostValue(head, facts), framing: pointee.framing, receivedVersion: head.version)
    var texts = RequestTexts()
    return withUnsafeMutableBytes(of: &texts) { raw in
      let room = raw.bindMemory(to: UInt8.self)
      var writer = ByteWriter(room.baseAddress.unsafelyUnwrapped, capacity: room.count)
      if pointee.record.hasClientAddress {
        let peer = pointee.client.pointee.peer.address
        let start = UnsafePointer(writer.cursor)
        writer.cursor += peer.write(to: writer.cursor)
        added.peerAddress = ByteSlice(start, UnsafePointer(writer.cursor) - start)
      }
      let start = UnsafePointer(writer.cursor)
      pointee.record.trace.write(to: &writer)
      added.traceparent = ByteSlice(start, UnsafePointer(writer.cursor) - start)
      setAdditions(&added, head, admission)
      let at = pointee.textEnd
      var sent = ByteWriter(pointee.buffer.base + at, capacity: pointee.buffer.capacity - at)
      let marks = RequestHeadWriter.write(head, added, into: &sent)
      pointee.sentHead = SentHead(
        range: ByteRange(offset: UInt32(at), length: UInt32(sent.count)),
        hostValue: ByteRange(offset: UInt32(at) + marks.host.offset, length: marks.host.length),
        spanIDOffset: UInt32(at) + marks.spanID, namesBackend: added.host.isEmpty)
      return !sent.overflowed
    }
  }

  @inline(__always)
  private func setAdditions(
    _ added: inout RequestAdditions, _ head: RequestHead, _ admission: Admission
  ) {
    let facts = admission.facts
    let proto: StaticString = "http"
    added.requestID = text(pointee.record.requestID)
    if !admission.client.peerIsTrusted || !hasField(head, .xForwardedProto) {
      added.forwardedProto = ByteSlice(proto.utf8Start, proto.utf8CodeUnitCount)
    }
    if !admission.client.peerIsTrusted || !hasField(head, .xForwardedHost) {
      added.forwardedHost = facts.authority.slice(in: head.base)
    }
    switch facts.maxForwards {
    case .absent, .answer: break
    case .forward(let left): added.maxForwards = Int64(left)
    }
    added.acceptsTrailers = facts.takesTrailers
    if admission.upgrade >= 0 { added.upgrade = text(pointee.upgrade) }
  }

  private func hasField(_ head: RequestHead, _ kind: FieldKind) -> Bool {
    for index in 0..<head.fieldCount where head.fields[index].kind.rawValue == kind.rawValue {
      if !head.fields[index].isDropped { return true }
    }
    return false
  }

  /// tracestate goes with the traceparent it belongs to, or not at all (W3C Trace Context section
  /// 3.3).
  private func judgeTraceState(_ head: RequestHead, from first: Int) {
    var state = TraceState()
    let kind = FieldKind.tracestate.rawValue
    for index in first..<head.fieldCount where head.fields[index].kind.rawValue == kind {
      state.take(head.fields[index].value.slice(in: head.base))
    }
    if pointee.continuesTrace && state.isValid { return }
    for index in first..<head.fieldCount where head.fields[index].kind.rawValue == kind {
      head.fields[index].drop()
    }
  }

  // MARK: The Host field

  @inline(__always)
  private func hostValue(_ head: RequestHead, _ facts: RequestFacts) -> ByteSlice {
    switch service.pointee.hostRule {
    case .preserve: facts.authority.slice(in: head.base)
    case .backend: ByteSlice(head.base, 0)
    case .literal: service.pointee.hostLiteral
    }
  }

  /// Makes the head say what this attempt's backend is to read: its own authority where the service
  /// or the client names none, and a span of its own for every attempt.
  func patchHead(for entry: UnsafePointer<BackendEntry>) {
    if pointee.sentHead.namesBackend { replaceHost(entry.pointee.authority) }
    if pointee.machine.attempts > 1 {
      let worker = pointee.worker
      pointee.record.trace = pointee.record.trace.child(random: &worker.pointee.random)
      ASCII.writeHex16(
        pointee.record.trace.span, to: pointee.buffer.base + Int(pointee.sentHead.spanIDOffset))
    }
  }

  private func replaceHost(_ authority: ByteSlice) {
    let old = pointee.sentHead.hostValue
    let base = pointee.buffer.base
    let tail = Int(old.end)
    let end = Int(pointee.sentHead.range.end)
    let shift = authority.count - Int(old.length)
    // Room was taken for the longest authority.
    precondition(end + shift <= pointee.buffer.capacity)
    (base + tail + shift).update(from: base + tail, count: end - tail)
    (base + Int(old.offset)).update(from: authority.base, count: authority.count)
    pointee.sentHead.hostValue.length = UInt32(authority.count)
    pointee.sentHead.range.length = UInt32(Int(pointee.sentHead.range.length) + shift)
    pointee.sentHead.spanIDOffset = UInt32(Int(pointee.sentHead.spanIDOffset) + shift)
  }
}

/// Room for the texts that are made for a head: an address and a traceparent.
private struct RequestTexts {
  var words:
    (
      UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
      UInt64,
      UInt64, UInt64
    ) = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}
