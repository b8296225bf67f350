// Why this file exists: a head has come whole: here it becomes an exchange. Admission decides, the
// texts for the record are copied (the head's bytes are overwritten by the next read), and the head
// for the backend is written once.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

/// A whole head and what admission makes of it. In the worker's memory and reached by pointer: two
/// hundred bytes that no step has to copy.
struct Arrival {
  var head: RequestHead
  var admission: Admission
  var table: UnsafeMutablePointer<HeadTable>

  init(_ head: RequestHead, _ table: UnsafeMutablePointer<HeadTable>) {
    self.head = head
    self.table = table
    admission = Admission(head)
  }

  /// Holds no head yet.
  static func blank(_ table: UnsafeMutablePointer<HeadTable>) -> Arrival {
    let nothing: StaticString = ""
    return Arrival(
      RequestHead(
        base: nothing.utf8Start, fields: table.pointee.fields, fieldCount: 0, method: .other,
        version: .http11, target: .empty, framing: .none, keepAlive: false), table)
  }

  @inline(__always)
  mutating func begin(_ head: RequestHead, _ table: UnsafeMutablePointer<HeadTable>) {
    self.head = head
    self.table = table
    admission.begin(head)
  }
}

extension ClientRef {
  /// Begins the exchange for a complete head. Afterwards `phase` says how its body is to be read.
  func beginExchange(_ head: RequestHead, _ table: UnsafeMutablePointer<HeadTable>) {
    let worker = pointee.worker
    let arrival = worker.pointee.arrival
    arrival.pointee.begin(head, table)
    var room = ByteWriter(worker.pointee.target, capacity: Worker.scratchSize)
    let peer = pointee.hasAddress ? pointee.peer.address : nil
    let verdict = arrival.pointee.admission.admit(
      &arrival.pointee.head, worker.pointee.snapshot, peer: peer, room: &room,
      random: &worker.pointee.random)
    let headSize = table.pointee.headLength
    var needed = 2 * headSize
    if let extras = arrival.pointee.admission.extras {
      needed += extras.pointee.room(headSize: headSize)
    }
    let admission = arrival.admission
    guard let exchange = makeExchange(admission.pointee.plan, admission.pointee.request, needed)
    else { return refuseWithoutExchange() }
    exchange.pointee.record.otherBytesIn = UInt64(headSize)
    exchange.note(arrival)
    let hasBody = admission.pointee.request.hasBody
    pointee.phase = hasBody ? .body : .waiting
    // Two opinions on whether there is a body are never forwarded.
    if !hasBody && !RequestParser.hasEnded(parser) {
      exchange.pointee.record.detail = .framing
      return exchange.fail(.badBody)
    }
    switch verdict {
    case .forward where worker.pointee.shedding == .requests: exchange.fail(.overloaded)
    case .forward:
      if exchange.writeHead(arrival, arrival.pointee.admission.target) {
        worker.deposit(exchange)
        exchange.acquire()
      } else {
        exchange.fail(.headTooLarge)
      }
    case .forwardEdited: exchange.forwardEdited(arrival)
    case .answerByRoute: exchange.answerByRoute(arrival)
    case .answerAsRecipient: exchange.answerAsRecipient(arrival.pointee.head)
    case .refuse(let reason, let detail):
      exchange.pointee.record.detail = detail
      exchange.prepareRefusal(arrival, reason)
      exchange.fail(Fault(reason.isClientsFault ? .client : .gateway, reason))
    }
  }

  /// Answers a head that never became a request, and ends the connection.
  /// - Parameter bytes: how much of it came.
  func refuse(_ reason: Reason, _ detail: BadRequestDetail, bytes: Int) {
    pointee.worker.returnTable(&pointee.table)
    guard let exchange = makeExchange(ExchangePlan.ofRefusals(), .unreadable, 0) else {
      return refuseWithoutExchange()
    }
    pointee.phase = .body
    exchange.pointee.record.detail = detail
    exchange.pointee.record.otherBytesIn = UInt64(bytes)
    exchange.identify(nil, nil, hasAddress: pointee.hasAddress, address: pointee.peer.address)
    exchange.fail(Fault(.client, reason))
  }

  /// No slot is left for an exchange: rung one of the ladder, as cheap as it can be.
  private func refuseWithoutExchange() {
    let worker = pointee.worker
    worker.pointee.metrics.localResponses(.overloaded).increment()
    reset()
  }

  /// - Parameter room: bytes of buffer, beside what the gateway itself adds.
  @inline(__always)
  private func makeExchange(
    _ plan: UnsafePointer<ExchangePlan>, _ request: RequestTraits, _ room: Int
  ) -> ExchangeRef? {
    let worker = pointee.worker
    guard let exchange = worker.pointee.exchanges.allocate() else { return nil }
    let needed = min(room + Bounds.headAdditions, BufferPool.largest)
    exchange.initialize(
      to: ExchangeNode(
        machine: Exchange(plan, request, now: worker.pointee.now), client: self, worker: worker,
        snapshot: worker.pointee.snapshot, buffer: worker.pointee.buffers.take(atLeast: needed)))
    exchange.pointee.record.begun = pointee.headBegun
    // A head that came in pieces: the client's time, not the gateway's.
    exchange.pointee.record.lostTime = max(.zero, worker.pointee.now - pointee.headBegun)
    worker.pointee.users.increment()
    pointee.exchange = exchange
    return exchange
  }
}

extension ExchangeRef {
  /// Copies what the record at the end will say of the request.
  @inline(__always)
  func note(_ arrival: UnsafeMutablePointer<Arrival>) {
    let (head, admission) = (arrival.head, arrival.admission)
    pointee.route = admission.pointee.route
    pointee.service = admission.pointee.service
    pointee.extras = admission.pointee.extras
    pointee.key = admission.pointee.key
    pointee.framing = admission.pointee.request.hasBody ? head.pointee.framing : .none
    pointee.dropsTrailers = admission.pointee.facts.dropsTrailers
    pointee.record.method = head.pointee.method
    pointee.record.headIsKnown = true
    pointee.record.version = head.pointee.version
    if pointee.worker.pointee.keepsTexts || admission.pointee.upgrade >= 0 {
      keepTexts(arrival)
    }
    var trace: TraceContext?
    var identifier: ByteSlice?
    let says =
      admission.pointee.facts.traceparentField >= 0 || admission.pointee.facts.requestIDField >= 0
    if says && admission.pointee.trustsTrace { (trace, identifier) = told(arrival) }
    let hasAddress = pointee.client.pointee.hasAddress
    identify(
      trace, identifier, hasAddress: hasAddress, address: admission.pointee.client.address)
    if admission.pointee.facts.underscoreDrops > 0 {
      pointee.worker.pointee.metrics.underscoreFieldsDropped.add(
        UInt64(admission.pointee.facts.underscoreDrops))
    }
  }

  /// What only the access log, a trace and an upgrade read later.
  private func keepTexts(_ arrival: UnsafeMutablePointer<Arrival>) {
    let (head, admission) = (arrival.head, arrival.admission)
    var writer = ByteWriter(pointee.buffer.base, capacity: pointee.buffer.capacity)
    let base = head.pointee.base
    if case .other = head.pointee.method {
      pointee.record.methodText = keep(
        arrival.pointee.table.pointee.method.slice(in: base), 32, &writer)
    }
    pointee.record.host = keep(
      admission.pointee.facts.authority.slice(in: base), Bounds.recordHost, &writer)
    let path = ByteSlice(admission.pointee.target.base, admission.pointee.pathLength)
    pointee.record.path = keep(path, Bounds.recordPath, &writer)
    if admission.pointee.facts.userAgentField >= 0 {
      let value = arrival.value(admission.pointee.facts.userAgentField)
      pointee.record.userAgent = keep(value, Bounds.recordUserAgent, &writer)
    }
    if admission.pointee.upgrade >= 0 {
      pointee.upgrade = keep(admission.pointee.facts.upgrade.slice(in: base), 64, &writer)
    }
    pointee.textEnd = writer.count
  }

  /// What a believed sender says of the trace and the identifier, where it is valid.
  private func told(
    _ arrival: UnsafeMutablePointer<Arrival>
  ) -> (trace: TraceContext?, identifier: ByteSlice?) {
    var trace: TraceContext?
    var identifier: ByteSlice?
    let facts = arrival.pointee.admission.facts
    if facts.traceparentField >= 0 {
      trace = TraceContext.parse(arrival.value(facts.traceparentField))
    }
    if facts.requestIDField >= 0 {
      let value = arrival.value(facts.requestIDField)
      if RequestIdentifier.isValid(value) { identifier = value }
    }
    return (trace, identifier)
  }

  @inline(__always)
  private func keep(_ text: ByteSlice, _ most: Int, _ writer: inout ByteWriter) -> ByteRange {
    let count = min(text.count, most)
    let start = writer.count
    writer.append(text.base, count)
    return ByteRange(offset: UInt32(start), length: UInt32(writer.count - start))
  }

  /// Sets the client's address, the place in a trace and the request identifier: those that came,
  /// else new ones.
  @inline(__always)
  func identify(
    _ trace: TraceContext?, _ identifier: ByteSlice?, hasAddress: Bool, address: IPAddress
  ) {
    let worker = pointee.worker
    pointee.record.clientAddress = address
    pointee.record.hasClientAddress = hasAddress
    var writer = ByteWriter(pointee.buffer.base, capacity: pointee.buffer.capacity)
    writer.cursor += pointee.textEnd
    pointee.record.parentSpan = trace?.span ?? 0
    let place =
      trace?.child(random: &worker.pointee.random)
      ?? TraceContext.start(random: &worker.pointee.random, isSampled: false)
    pointee.record.trace = place
    let start = UInt32(writer.count)
    pointee.record.traceparentOffset = start
    place.write(to: &writer)
    if worker.pointee.tracing != nil { beginTrace() }
    if let identifier {
      pointee.record.requestID = keep(identifier, RequestIdentifier.maximumLength, &writer)
    } else if trace == nil {
      // A trace that begins here has one identifier for both uses: the digits stand there already.
      pointee.record.requestID = TraceContext.traceID(from: start)
    } else {
      // In one that is continued there are other requests.
      let high = worker.pointee.random.next()
      let low = worker.pointee.random.next()
      let start = UInt32(writer.count)
      writer.append(together: 32) { pen in
        pen.put(hex16: high)
        pen.put(hex16: low)
      }
      pointee.record.requestID = ByteRange(offset: start, length: 32)
    }
    pointee.textEnd = writer.count
  }

  /// Writes the head that the backends get. False when it does not fit.
  /// - Parameter reserve: kept free behind it.
  @inline(__always)
  func writeHead(
    _ arrival: UnsafeMutablePointer<Arrival>, _ target: ByteSlice, reserve: Int = 0
  ) -> Bool {
    let head = arrival.head
    let facts = arrival.facts
    if facts.pointee.tracestateField >= 0 {
      judgeTraceState(head.pointee, from: Int(facts.pointee.tracestateField))
    }
    var added = RequestAdditions(
      method: arrival.pointee.table.pointee.method.slice(in: head.pointee.base),
      target: target, host: hostValue(arrival),
      framing: pointee.framing, receivedVersion: head.pointee.version)
    if pointee.record.hasClientAddress { added.peerAddress = pointee.client.addressText }
    added.traceparent = ByteSlice(
      pointee.buffer.base + Int(pointee.record.traceparentOffset), TraceContext.textLength)
    setAdditions(&added, arrival)
    let at = pointee.textEnd
    let room = pointee.buffer.capacity - at - reserve
    var sent = ByteWriter(pointee.buffer.base + at, capacity: room)
    let marks = RequestHeadWriter.write(head.pointee, added, into: &sent)
    pointee.sentHead = SentHead(
      range: ByteRange(offset: UInt32(at), length: UInt32(sent.count)),
      hostValue: ByteRange(offset: UInt32(at) + marks.host.offset, length: marks.host.length),
      spanIDOffset: UInt32(at) + marks.spanID, namesBackend: added.host.isEmpty)
    return !sent.overflowed
  }

  @inline(__always)
  private func setAdditions(
    _ added: inout RequestAdditions, _ arrival: UnsafeMutablePointer<Arrival>
  ) {
    let facts = arrival.facts
    let isTrusted = arrival.pointee.admission.client.peerIsTrusted
    let proto: StaticString = "http"
    added.requestID = text(pointee.record.requestID)
    if !isTrusted || !hasField(arrival.pointee.head, .xForwardedProto) {
      added.forwardedProto = ByteSlice(proto.utf8Start, proto.utf8CodeUnitCount)
    }
    if !isTrusted || !hasField(arrival.pointee.head, .xForwardedHost) {
      added.forwardedHost = facts.pointee.authority.slice(in: arrival.pointee.head.base)
    }
    switch facts.pointee.maxForwards {
    case .absent, .answer: break
    case .forward(let left): added.maxForwards = Int64(left)
    }
    added.acceptsTrailers = facts.pointee.takesTrailers
    if arrival.pointee.admission.upgrade >= 0 { added.upgrade = text(pointee.upgrade) }
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
    if pointee.record.parentSpan != 0 && state.isValid { return }
    for index in first..<head.fieldCount where head.fields[index].kind.rawValue == kind {
      head.fields[index].drop()
    }
  }

  // MARK: The Host field

  @inline(__always)
  private func hostValue(_ arrival: UnsafeMutablePointer<Arrival>) -> ByteSlice {
    let base = arrival.pointee.head.base
    switch service.pointee.hostRule {
    case .preserve: return arrival.facts.pointee.authority.slice(in: base)
    case .backend: return ByteSlice(base, 0)
    case .literal: return service.pointee.hostLiteral
    }
  }

  /// Makes the head say what this attempt's backend is to read: its own authority where the service
  /// or the client names none.
  @inline(__always)
  func patchHead(for entry: UnsafePointer<BackendEntry>) {
    if pointee.sentHead.namesBackend { replaceHost(entry.pointee.authority) }
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

extension UnsafeMutablePointer<Arrival> {
  var head: UnsafeMutablePointer<RequestHead> { pointer(to: \.head).unsafelyUnwrapped }
  var admission: UnsafeMutablePointer<Admission> { pointer(to: \.admission).unsafelyUnwrapped }
  var facts: UnsafeMutablePointer<RequestFacts> {
    admission.pointer(to: \.facts).unsafelyUnwrapped
  }

  /// The value of the field at `index`.
  func value(_ index: Int32) -> ByteSlice {
    pointee.head.fields[Int(index)].value.slice(in: pointee.head.base)
  }
}
