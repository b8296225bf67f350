// Why this file exists: one connection to a backend, from the connect to the close: leased to an
// exchange, or idle in its pool. What the backend sends is parsed here and handed to the exchange.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

/// Where a backend connection stands.
enum BackendPhase: UInt8 {
  case connecting
  case leased
  /// In its pool; any byte or FIN retires it.
  case idle
  /// Only `onClosed` is to come.
  case closed
}

/// Lives at one address of its worker's slab; the stream is first, so its address is the
/// connection's.
struct BackendConnection {
  var stream: Stream
  var worker: WorkerRef
  var phase = BackendPhase.connecting
  var parser: ResponseParser
  var output = Output()
  /// A head that has not come whole.
  var inbox = Inbox()
  var inboxFed = 0
  var table: UnsafeMutablePointer<HeadTable>?
  var exchange: ExchangeRef?
  var timer: TimerNode
  var shared: BackendShared
  var service: ServiceShared
  var requestWasHead = false
  /// The backend's socket refuses what we write; its answer may still be on the way.
  var writeIsBroken = false
  /// The client takes too little: reading waits.
  var isPaused = false
  /// Some byte of an answer to the present request has come.
  var answerHasBegun = false
  /// The present message's head has been told to the exchange.
  var headIsComplete = false
  /// The present message is an interim answer.
  var isInterim = false
  /// Trailers of the present message end here.
  var dropsTrailers = false
  /// The backend will take another request here.
  var keepsAlive = false
  var tunnelFIN = TunnelFIN.none
  // The pool's list
  var newer: BackendRef?
  var older: BackendRef?
  var idleSince = Instant(nanoseconds: 0)
  /// The backend's own hint (Keep-Alive: timeout) how long it will wait for another request; 0 =
  /// none.
  var keepAliveSeconds: UInt32 = 0
}

extension BackendRef {
  // MARK: Life

  /// The connection serves this exchange from now on.
  func begin(_ exchange: ExchangeRef) {
    let worker = pointee.worker
    pointee.phase = .leased
    pointee.exchange = exchange
    pointee.answerHasBegun = false
    pointee.headIsComplete = false
    pointee.isInterim = false
    pointee.requestWasHead = exchange.pointee.record.method == .head
    if pointee.timer.isArmed { worker.arm(timer, at: .distantFuture) }
    ResponseParser.beginMessage(parser, requestWasHead: pointee.requestWasHead)
  }

  func wasConnected(_ status: Int32) {
    let worker = pointee.worker
    worker.beginCallback()
    guard pointee.phase == .connecting, let exchange = pointee.exchange else { return }
    let client = exchange.pointee.client
    let now = Loop.clock()
    let took = now - exchange.pointee.record.connectBegun
    exchange.pointee.record.connectEnded = now
    exchange.pointee.record.connectTime = exchange.pointee.record.connectTime + took
    if status == 0 {
      worker.recordOpened(self)
      Stream.startReading(stream)
      exchange.lease(self, reused: false)
    } else {
      exchange.fail(isRefusal(status) ? .connectRefused : .connectFailed)
    }
    client.settleAfterBackend()
  }

  func wasWritten(_ status: Int32) {
    let worker = pointee.worker
    worker.beginCallback()
    let result = status != 0 ? status : pointee.output.written(stream, worker.buffers)
    if result != 0 { pointee.writeIsBroken = true }
    guard let exchange = pointee.exchange else { return }
    let client = exchange.pointee.client
    if exchange.pointee.machine.phase == .tunnel {
      exchange.tunnelBackendWrote()
    } else {
      exchange.noteBackendOutput(self)
    }
    client.settleAfterBackend()
  }

  /// Goes back to its pool, or to the request that has waited longest.
  func park() {
    pointee.worker.returnTable(&pointee.table)
    if pointee.isPaused { resume() }
    pointee.worker.park(self)
  }

  func close() {
    if pointee.phase == .closed { return }
    let worker = pointee.worker
    if pointee.phase == .idle { worker.unlinkIdle(self) }
    pointee.phase = .closed
    worker.pointee.wheel.cancel(timer)
    pointee.worker.returnTable(&pointee.table)
    Stream.close(stream)
    worker.placeFreed(pointee.shared, pointee.service)
  }

  func wasClosed() {
    let worker = pointee.worker
    pointee.output.destroy(worker.buffers)
    pointee.inbox.destroy(worker.buffers)
    ResponseParser.destroy(parser)
    worker.backendLeft(self)
  }

  // MARK: Back-pressure

  func pause() {
    if pointee.isPaused { return }
    pointee.isPaused = true
    Stream.stopReading(stream)
    pointee.exchange?.pointee.machine.backendReading(false, now: pointee.worker.pointee.now)
  }

  func resume() {
    pointee.isPaused = false
    Stream.startReading(stream)
  }

  // MARK: Places in the node

  var stream: UnsafeMutablePointer<Stream> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }
  var parser: UnsafeMutablePointer<ResponseParser> { pointer(to: \.parser).unsafelyUnwrapped }
  var timer: UnsafeMutablePointer<TimerNode> { pointer(to: \.timer).unsafelyUnwrapped }
}

/// Immutable after its making, and never freed.
nonisolated(unsafe) let backendHandlers: UnsafeMutablePointer<StreamHandlers> = {
  let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  table.initialize(
    to: StreamHandlers(
      onBuffer: { owner, base, size in backendRef(owner).giveBuffer(base, size) },
      onRead: { owner, bytes, count in backendRef(owner).wasRead(bytes, count) },
      onWritten: { owner, status in backendRef(owner).wasWritten(status) },
      onConnected: { owner, status in backendRef(owner).wasConnected(status) },
      onClosed: { owner in backendRef(owner).wasClosed() }))
  return table
}()

private func backendRef(_ owner: UnsafeMutableRawPointer) -> BackendRef {
  owner.assumingMemoryBound(to: BackendConnection.self)
}
