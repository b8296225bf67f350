// Why this file exists: one client connection from the accept to the close: where it stands, what
// is written to it, and what becomes of it when an exchange is over. `ClientReading.swift` reads
// its requests.
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
  /// An exchange is under way and its request body is still coming. → waiting, discarding,
  /// skipping
  case body
  /// An exchange is under way and its request is complete; what comes belongs to the next one. →
  /// idle, tunnel, discarding
  case waiting
  /// Upgraded. → closed
  case tunnel
  /// The answer is out before the short rest of its request, which is thrown away. → idle
  case skipping
  /// Everything has been said; what still comes is thrown away for a bounded while. → closed
  case discarding
  /// Only `onClosed` is to come.
  case closed
}

/// Why the connection is not read from at the moment.
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

/// At one address of its worker's slab; the stream is first: its address is the connection's.
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
  /// The answer that is given next is the last one: the process stops, or its listener is gone.
  var isLast = false
  var inbox = Inbox()
  /// Bytes at the start of the inbox that the parser has already seen (a head in progress).
  var fed = 0
  var exchange: ExchangeRef?
  var table: UnsafeMutablePointer<HeadTable>?
  var timer: TimerNode
  var peer: Endpoint
  var listenerNumber: UInt32
  /// The peer's address as X-Forwarded-For has it, so that it is written once for all requests.
  var addressText = AddressText()
  var lingering = Lingering()
  /// The precise instant of the first byte of the present head.
  var headBegun = Instant(nanoseconds: 0)
  var turn = Turn()
  var output = Output()
  var parser: RequestParser
}

extension ClientRef {
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

  /// Writes the vectors; false when the connection broke. The caller then ends the exchange by
  /// `clientGone`.
  func send(_ vectors: UnsafeMutablePointer<IOVector>, _ count: Int) -> Bool {
    if pointee.phase == .closed { return false }
    return pointee.output.send(stream, vectors, count, pointee.worker.buffers) == 0
  }

  // MARK: The end of an exchange and of the connection

  /// At the end of each callback that touched the connection: ends what is over, sets the timer.
  func settle() {
    let worker = pointee.worker
    // More than one round only when the end of one exchange begins a pipelined one that is answered
    // at once.
    while let exchange = pointee.exchange {
      let taken = pointee.output.isEmpty ? pointee.output.handed : pointee.output.taken(by: stream)
      let actions = exchange.pointee.machine.clientWrote(
        isPending: !pointee.output.isEmpty, taken: taken, now: worker.pointee.now)
      if actions.isEmpty { return worker.arm(timer, at: exchange.pointee.machine.nextDeadline) }
      exchange.perform(actions)
    }
  }

  /// The same after a callback of the backend, which may have found that the client does not take
  /// writes any more.
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
    case .skip: skipRest()
    case .close: pointee.inbox.isEmpty && pointee.phase != .body ? close() : linger()
    case .linger: linger()
    case .reset: reset()
    }
  }

  func awaitNextRequest() {
    let worker = pointee.worker
    pointee.phase = .idle
    RequestParser.beginMessage(parser)
    pointee.fed = 0
    let timeouts = worker.pointee.snapshot.pointee.clientTimeouts
    let idle = pointee.isLast ? Bounds.drainIdle : timeouts.keepAlive
    worker.arm(timer, at: worker.pointee.now + idle)
    if !pointee.isConsuming && !pointee.inbox.isEmpty {
      setStop(.inboxIsFull, false)
      consumeInbox()
    }
    closeAtEnd()
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
    if pointee.turn.isAwaited { leaveTurns() }
    worker.returnTable(&pointee.table)
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
    case .idle where pointee.turn.isAwaited: takeTurn()
    case .idle, .closed: close()
    case .skipping, .discarding: discardExpired()
    case .head where !RequestParser.headHasBegun(parser): close()
    case .head: refuse(.headTimeout, .none, bytes: pointee.inbox.count)
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
