// Why this file exists: one client connection: what it sends is parsed here, one request after the other, and each becomes an
// exchange. Read `consume` first: it is the client's half of the life of a request.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

/// Where a client connection stands.
enum ClientPhase: UInt8 {
  /// Between requests; not a byte of the next one has come. → head
  case idle
  /// Part of a head has come. → body, waiting, discarding
  case head
  /// An exchange is under way and its request body is still coming. → waiting, discarding, idle
  case body
  /// An exchange is under way and its request is complete; what comes belongs to the next one. → idle, tunnel, discarding
  case waiting
  /// Upgraded. → closed
  case tunnel
  /// Everything has been said; what still comes is thrown away for a bounded while. → closed
  case discarding
  /// Only `onClosed` is to come.
  case closed
}

/// Why the connection is not read from for now.
struct ReadStops: OptionSet {
  let rawValue: UInt8
  /// The backend takes less than the client sends.
  static let backendIsFull = ReadStops(rawValue: 1)
  /// Too much waits for a connection or for the end of the exchange before.
  static let inboxIsFull = ReadStops(rawValue: 2)
}

/// How far a tunnel's side has ended.
enum TunnelFIN: UInt8 {
  case none
  /// The peer has ended its side; ours follows when everything is written.
  case received
  /// Both have.
  case passedOn
}

/// Lives at one address of its worker's slab; the stream is first, so its address is the connection's.
struct ClientConnection {
  var stream: Stream
  var worker: WorkerRef
  var phase = ClientPhase.idle
  var stops: ReadStops = []
  /// `consume` is running: whoever ends an exchange now must not start it again.
  var isConsuming = false
  /// The client has sent FIN.
  var hasEnded = false
  var hasAddress = false
  var tunnelFIN = TunnelFIN.none
  /// It counts against `limits.connections`.
  var isCounted = false
  var inbox = Inbox()
  /// Bytes at the start of the inbox that the parser has already seen (a head in progress).
  var fed = 0
  var exchange: ExchangeRef?
  var table: UnsafeMutablePointer<HeadTable>?
  var timer: TimerNode
  var peer: Endpoint
  var discardLeft = 0
  /// The precise instant of the first byte of the present head.
  var headBegun = Instant(nanoseconds: 0)
  var output = Output()
  var parser: RequestParser
}

/// Bytes in hand: what lies at `base` up to `end` is unused; of it, `fed` bytes have been shown to the parser.
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
  // MARK: Reading

  func giveBuffer(
    _ base: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, _ size: UnsafeMutablePointer<Int>
  ) {
    let worker = pointee.worker
    if pointee.inbox.isEmpty {
      base.pointee = worker.pointee.readBuffer
      size.pointee = Worker.readBufferSize
    } else {
      let room = pointee.inbox.room(worker.buffers)
      base.pointee = room.baseAddress
      size.pointee = room.count
    }
  }

  func wasRead(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) {
    let worker = pointee.worker
    worker.beginCallback()
    if count > 0, let bytes {
      if pointee.inbox.isEmpty {
        let left = consume(Unread(base: bytes, fed: 0, end: count))
        keep(left)
      } else {
        pointee.inbox.filled(count)
        consumeInbox()
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
  }

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
    var unread = bytes
    pointee.isConsuming = true
    while unread.end > 0 {
      let goesOn: Bool
      switch pointee.phase {
      case .idle:
        beginHead()
        goesOn = true
      case .head: goesOn = consumeHead(&unread)
      case .body: goesOn = consumeBody(&unread)
      case .waiting: goesOn = false
      case .tunnel:
        tunnelToBackend(unread)
        unread.drop(unread.end)
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

  private func beginHead() {
    let worker = pointee.worker
    pointee.phase = .head
    pointee.headBegun = Loop.clock()
    pointee.table = worker.lendTable()
    worker.arm(timer, at: worker.pointee.now + worker.pointee.snapshot.pointee.clientTimeouts.head)
  }

  /// False when the head is incomplete.
  private func consumeHead(_ unread: inout Unread) -> Bool {
    let worker = pointee.worker
    guard let table = pointee.table else { preconditionFailure("a head without a table") }
    let step = RequestParser.feed(
      parser, table: table, spans: worker.pointee.spans, base: unread.base, from: unread.fed, to: unread.end,
      limits: worker.parseLimits)
    switch step.event {
    case .needMore:
      unread.fed = unread.end
      return false
    case .head:
      let headEnd = unread.fed + step.consumed
      var head = RequestParser.head(parser, table: table, base: unread.base)
      beginExchange(&head, table)
      pointee.table = nil
      worker.returnTable(table)
      unread.drop(headEnd)
      return true
    case .failed(let failure):
      pointee.table = nil
      worker.returnTable(table)
      refuse(failure.reason, failure.detail)
      unread.drop(unread.end)
      return true
    case .spansFull, .end: preconditionFailure("a body before its head")
    }
  }

  /// False when the bytes must wait: for a connection, or for the backend to take what it has.
  private func consumeBody(_ unread: inout Unread) -> Bool {
    guard let exchange = pointee.exchange else { preconditionFailure("a body without an exchange") }
    if !exchange.takesRequestBody { return false }
    let worker = pointee.worker
    worker.pointee.spans.pointee.clear()
    let step = RequestParser.feed(
      parser, table: worker.pointee.spareTable, spans: worker.pointee.spans, base: unread.base, from: 0,
      to: unread.end, limits: worker.parseLimits)
    let goesOn =
      worker.pointee.spans.pointee.bytes == 0 || exchange.requestBody(worker.pointee.spans)
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
      exchange.fail(failure.reason == .headTooLarge ? Fault(.client, .headTooLarge) : .badBody)
      unread.drop(unread.end)
      return true
    case .head: preconditionFailure("a head inside a body")
    }
  }

  // MARK: The other side's end

  /// The client has sent FIN.
  private func endOfStream() {
    pointee.hasEnded = true
    switch pointee.phase {
    case .idle, .head: close()
    case .body, .waiting: pointee.exchange?.clientHalfClosed()
    case .tunnel: tunnelClientEnded()
    case .discarding: close()
    case .closed: break
    }
  }

  private func connectionBroke() {
    pointee.hasEnded = true
    if let exchange = pointee.exchange {
      exchange.clientGone()
    } else {
      close()
    }
  }

  private func discard(_ count: Int) {
    pointee.discardLeft -= count
    if pointee.discardLeft <= 0 { close() }
  }

  // MARK: Writing

  func wasWritten(_ status: Int32) {
    let worker = pointee.worker
    worker.beginCallback()
    let result = status != 0 ? status : pointee.output.written(stream, worker.buffers)
    if result != 0 {
      connectionBroke()
    } else if pointee.phase == .tunnel {
      tunnelClientWrote()
    } else if pointee.output.pending <= Output.lowMark {
      pointee.exchange?.resumeResponse()
    }
    settle()
  }

  /// Writes the vectors; false when the connection broke. The caller then ends the exchange by `clientGone`.
  func send(_ vectors: UnsafeMutablePointer<IOVector>, _ count: Int) -> Bool {
    if pointee.phase == .closed { return false }
    return pointee.output.send(stream, vectors, count, pointee.worker.buffers) == 0
  }

  // MARK: The end of an exchange and of the connection

  /// Called at the end of each callback that touched the connection: sees whether the exchange is over, and sets the timer.
  func settle() {
    let worker = pointee.worker
    // More than one round only when the end of one exchange begins a pipelined one that is answered at once.
    while let exchange = pointee.exchange {
      let taken = pointee.output.isEmpty ? pointee.output.handed : pointee.output.taken(by: stream)
      let actions = exchange.pointee.machine.clientWrote(
        isPending: !pointee.output.isEmpty, taken: taken, now: worker.pointee.now)
      if actions.isEmpty { return worker.arm(timer, at: exchange.pointee.machine.nextDeadline) }
      exchange.perform(actions)
    }
  }

  /// The same after a callback of the backend, which may have found that the client does not take writes any more.
  func settleAfterBackend() {
    if let exchange = pointee.exchange, exchange.pointee.clientIsGone { exchange.clientGone() }
    settle()
  }

  /// The exchange is over and recorded.
  func exchangeEnded(_ fate: ClientFate) {
    pointee.exchange = nil
    if pointee.phase == .closed { return }
    switch fate {
    case .keepAlive: awaitNextRequest()
    case .close: pointee.inbox.isEmpty && pointee.phase != .body ? close() : linger()
    case .linger: linger()
    case .reset: reset()
    }
  }

  private func awaitNextRequest() {
    let worker = pointee.worker
    pointee.phase = .idle
    RequestParser.beginMessage(parser)
    pointee.fed = 0
    let timeouts = worker.pointee.snapshot.pointee.clientTimeouts
    let idle = worker.pointee.isDraining ? Bounds.drainIdle : timeouts.keepAlive
    worker.arm(timer, at: worker.pointee.now + idle)
    if !pointee.isConsuming && !pointee.inbox.isEmpty {
      setStop(.inboxIsFull, false)
      consumeInbox()
    }
    if pointee.hasEnded && (pointee.phase == .idle || pointee.phase == .head) && !pointee.isConsuming {
      close()
    }
  }

  /// Sends FIN and reads on for a while, so that a client that is still sending can read the answer (RFC 9112 section 9.6).
  func linger() {
    let worker = pointee.worker
    if pointee.hasEnded { return close() }
    pointee.phase = .discarding
    pointee.discardLeft = Bounds.discardBytes
    if !pointee.isConsuming { pointee.inbox.destroy(worker.buffers) }
    Stream.shutdownWriting(stream)
    setStop([.backendIsFull, .inboxIsFull], false)
    worker.arm(timer, at: worker.pointee.now + Bounds.discardTime)
  }

  func close() {
    if pointee.phase == .closed { return }
    leave()
    Stream.close(stream)
  }

  /// The client sees a reset: what it has got must not look complete.
  func reset() {
    if pointee.phase == .closed { return }
    leave()
    Stream.reset(stream)
  }

  private func leave() {
    let worker = pointee.worker
    pointee.phase = .closed
    worker.pointee.wheel.cancel(timer)
    if let table = pointee.table {
      pointee.table = nil
      worker.returnTable(table)
    }
  }

  func wasClosed() {
    let worker = pointee.worker
    pointee.output.destroy(worker.buffers)
    pointee.inbox.destroy(worker.buffers)
    RequestParser.destroy(parser)
    worker.clientLeft(self)
  }

  // MARK: Time

  /// The connection's timer has come.
  func expired() {
    switch pointee.phase {
    case .idle, .discarding, .closed: close()
    case .head: refuse(.headTimeout, .none)
    case .body, .waiting, .tunnel: pointee.exchange?.expired()
    }
    settle()
  }

  // MARK: Places in the node

  var stream: UnsafeMutablePointer<Stream> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }
  var parser: UnsafeMutablePointer<RequestParser> { pointer(to: \.parser).unsafelyUnwrapped }
  var timer: UnsafeMutablePointer<TimerNode> { pointer(to: \.timer).unsafelyUnwrapped }

  func setStop(_ stop: ReadStops, _ isSet: Bool) {
    let before = pointee.stops
    if isSet { pointee.stops.insert(stop) } else { pointee.stops.subtract(stop) }
    if before.isEmpty == pointee.stops.isEmpty || pointee.phase == .closed { return }
    if pointee.stops.isEmpty {
      Stream.startReading(stream)
    } else {
      Stream.stopReading(stream)
    }
    pointee.exchange?.pointee.machine.clientReading(
      pointee.stops.isEmpty, now: pointee.worker.pointee.now)
  }
}

/// Immutable after its making, and never freed.
nonisolated(unsafe) let clientHandlers: UnsafeMutablePointer<StreamHandlers> = {
  let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  table.initialize(
    to: StreamHandlers(
      onBuffer: { owner, base, size in clientRef(owner).giveBuffer(base, size) },
      onRead: { owner, bytes, count in clientRef(owner).wasRead(bytes, count) },
      onWritten: { owner, status in clientRef(owner).wasWritten(status) },
      onConnected: { _, _ in },
      onClosed: { owner in clientRef(owner).wasClosed() }))
  return table
}()

private func clientRef(_ owner: UnsafeMutableRawPointer) -> ClientRef {
  owner.assumingMemoryBound(to: ClientConnection.self)
}
