// Why this file exists: what a client sends, read and parsed, one request after the other. Read
// `consume` first: it is the client's half of the life of a request.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

/// Bytes in hand: what lies at `base` up to `end` is unused; of it, `fed` bytes have been shown to
/// the parser.
struct Unread {
  var base: UnsafePointer<UInt8>
  var fed: Int
  var end: Int

  mutating func drop(_ count: Int) {
    base += count
    end -= count
    fed = 0
  }
}

extension ClientRef {
  func giveBuffer(
    _ base: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, _ size: UnsafeMutablePointer<Int>
  ) {
    let worker = pointee.worker
    if pointee.inbox.isEmpty {
      base.pointee = worker.pointee.readBuffer
      size.pointee = pointee.phase == .body ? bodyReadSize : Worker.readBufferSize
    } else {
      let room = pointee.inbox.room(worker.buffers)
      base.pointee = room.baseAddress
      size.pointee = room.count
    }
  }

  /// More than usual where all of it goes on at once: no byte may be of the next request, or have
  /// to wait for a connection.
  private var bodyReadSize: Int {
    guard let exchange = pointee.exchange, exchange.takesRequestBody else {
      return Worker.readBufferSize
    }
    let left = Int(clamping: RequestParser.bodyLeft(parser))
    return max(Worker.readBufferSize, min(left, Worker.bodyReadSize))
  }

  func wasRead(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) {
    let worker = pointee.worker
    worker.beginCallback()
    if count > 0, let bytes {
      if pointee.inbox.isEmpty {
        keep(consume(Unread(base: bytes, fed: 0, end: count)))
      } else {
        pointee.inbox.filled(count)
        if pointee.turn.isAwaited { noteInboxLevel() } else { consumeInbox() }
      }
    } else if count == 0 {
      endOfStream()
    } else {
      connectionBroke()
    }
    settle()
  }

  /// Goes on with what waits in the inbox.
  func consumeInbox() {
    if pointee.inbox.isEmpty || pointee.isConsuming { return }
    let worker = pointee.worker
    let before = pointee.inbox.count
    let unread = Unread(base: pointee.inbox.base, fed: pointee.fed, end: before)
    let left = consume(unread)
    pointee.inbox.consume(before - left.end, worker.buffers)
    pointee.fed = left.fed
    noteInboxLevel()
    if pointee.hasEnded { noteEndInBody() }
  }

  @inline(__always)
  private func keep(_ left: Unread) {
    pointee.fed = left.fed
    if left.end == 0 { return }
    pointee.inbox.append(left.base, left.end, pointee.worker.buffers)
    noteInboxLevel()
  }

  private func noteInboxLevel() {
    setStop(.inboxIsFull, pointee.inbox.isFull && pointee.phase != .head)
  }

  /// Uses up bytes as far as the connection's phase allows; gives back what has to wait.
  private func consume(_ bytes: Unread) -> Unread {
    let worker = pointee.worker
    var unread = bytes
    pointee.isConsuming = true
    while unread.end > 0 {
      let goesOn: Bool
      switch pointee.phase {
      case .idle:
        goesOn = worker.mayBegin()
        if goesOn { beginHead(Loop.clock()) } else { awaitTurn() }
      case .head: goesOn = consumeHead(&unread)
      case .body: goesOn = consumeBody(&unread)
      case .waiting: goesOn = false
      case .tunnel:
        tunnelToBackend(unread)
        unread.drop(unread.end)
        goesOn = true
      case .skipping:
        skip(&unread)
        goesOn = true
      case .discarding:
        discard(unread.end)
        unread.drop(unread.end)
        goesOn = true
      case .closed:
        unread.drop(unread.end)
        goesOn = false
      }
      if !goesOn { break }
    }
    pointee.isConsuming = false
    pointee.exchange?.flushRequest(spans: nil)
    return unread
  }

  /// Its first byte came at this instant.
  @inline(__always)
  func beginHead(_ instant: Instant) {
    let worker = pointee.worker
    worker.wakeHeart()
    pointee.phase = .head
    pointee.headBegun = instant
    pointee.table = worker.lendTable()
  }

  /// False when the head is incomplete.
  @inline(__always)
  private func consumeHead(_ unread: inout Unread) -> Bool {
    let worker = pointee.worker
    guard let table = pointee.table else { preconditionFailure("a head without a table") }
    let step = RequestParser.feed(
      parser, table: table, spans: worker.pointee.spans, base: unread.base, from: unread.fed,
      to: unread.end, limits: worker.parseLimits)
    switch step.event {
    case .needMore:
      unread.fed = unread.end
      // A head that is whole at once needs no deadline of its own.
      let longest = worker.pointee.snapshot.pointee.clientTimeouts.head
      worker.arm(timer, at: pointee.headBegun + longest)
      return false
    case .head:
      let headEnd = unread.fed + step.consumed
      beginExchange(RequestParser.head(parser, table: table, base: unread.base), table)
      worker.returnTable(&pointee.table)
      unread.drop(headEnd)
      return true
    case .failed(let failure):
      worker.returnTable(&pointee.table)
      refuse(failure.reason, failure.detail, bytes: unread.end)
      unread.drop(unread.end)
      return true
    case .spansFull, .end: preconditionFailure("a body before its head")
    }
  }

  /// False when the bytes must wait: for a connection, or for the backend to take what it has.
  private func consumeBody(_ unread: inout Unread) -> Bool {
    guard let exchange = pointee.exchange else { preconditionFailure("a body without an exchange") }
    if !exchange.takesRequestBody { return false }
    let step = feedBody(unread)
    let spans = pointee.worker.pointee.spans
    let goesOn = spans.pointee.bytes == 0 || exchange.requestBody(spans)
    unread.drop(step.consumed)
    if pointee.exchange != exchange || pointee.phase != .body { return true }
    switch step.event {
    case .needMore, .spansFull: return goesOn
    case .end:
      pointee.phase = .waiting
      exchange.requestEnded(trailers: RequestParser.trailers(parser))
      return true
    case .failed(let failure):
      exchange.pointee.record.detail = failure.detail
      exchange.fail(failure.reason == .headTooLarge ? .headTooLarge : .badBody)
      unread.drop(unread.end)
      return true
    case .head: preconditionFailure("a head inside a body")
    }
  }

  /// Shows the parser bytes of a body; what it finds of it is in the worker's spans.
  @inline(__always)
  private func feedBody(_ unread: Unread) -> ParseStep {
    let worker = pointee.worker
    worker.pointee.spans.pointee.clear()
    return RequestParser.feed(
      parser, table: worker.pointee.spareTable, spans: worker.pointee.spans, base: unread.base,
      from: 0, to: unread.end, limits: worker.parseLimits)
  }

  /// Reads what is still to come of the request, for as long as a lingering connection is read.
  func skipRest() {
    if pointee.phase == .waiting { return awaitNextRequest() }
    let worker = pointee.worker
    pointee.phase = .skipping
    pointee.lingering = Lingering()
    setStop([.backendIsFull, .inboxIsFull], false)
    worker.arm(timer, at: worker.pointee.now + Bounds.discardTime)
    consumeInbox()
    closeAtEnd()
  }

  /// Throws away what is left of a request's body, of a known length.
  private func skip(_ unread: inout Unread) {
    let step = feedBody(unread)
    unread.drop(step.consumed)
    if case .end = step.event { awaitNextRequest() }
  }

  // MARK: The other side's end

  /// The client has sent FIN.
  private func endOfStream() {
    pointee.hasEnded = true
    switch pointee.phase {
    case .idle where pointee.turn.isAwaited: break  // it wants its answer, too
    case .idle, .head: close()
    case .body: noteEndInBody()
    case .waiting: break  // it wants its answer
    case .tunnel: tunnelClientEnded()
    case .skipping, .discarding: close()
    case .closed: break
    }
  }

  /// After the client's FIN nothing becomes of what is not whole.
  func closeAtEnd() {
    if !pointee.hasEnded || pointee.isConsuming { return }
    switch pointee.phase {
    case .idle where pointee.turn.isAwaited: break
    case .idle, .head, .skipping: close()
    case .body, .waiting, .tunnel, .discarding, .closed: break
    }
  }

  /// After the client's FIN: what waits in the inbox, for a connection to a backend to begin with,
  /// may be all that was missing of the body.
  private func noteEndInBody() {
    if pointee.phase == .body && pointee.inbox.isEmpty { pointee.exchange?.clientHalfClosed() }
  }

  func connectionBroke() {
    pointee.hasEnded = true
    if let exchange = pointee.exchange {
      exchange.clientGone()
    } else {
      close()
    }
  }
}
