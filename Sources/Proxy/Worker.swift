// Why this file exists: one event loop and everything it owns. A worker shares nothing with the
// others but the immutable snapshot and the words of `SharedState`; all its memory is taken here,
// at start.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

/// What all workers of the process have in common.
struct ProcessShared {
  /// Client connections, all workers together.
  var connections: SharedWord
  var connectionsMax: SharedWord
  /// Workers that have stopped accepting.
  var drainingWorkers: SharedWord
  /// Exchanges that were cut at the end.
  var cutExchanges: SharedWord
  /// One for each worker, in their order; written before the threads start.
  var wakeups: UnsafeMutablePointer<Wakeup>
  /// Of each worker the change that it has taken over last, 8 words apart.
  var adopted: SharedWords
  /// Wakes who takes the traces; nil = it comes by itself only.
  var tracesWait: Wakeup?
  /// How often a worker could not open a listener that a reload has brought.
  var unopened: SharedWord
  var workerCount: Int
}

/// Lives at one address from start to stop; everything on its thread reaches it by pointer.
package struct Worker {
  let index: Int
  let loop: Loop
  let shared: UnsafePointer<ProcessShared>
  /// The instant of the present callback, in whole milliseconds.
  var now: Instant
  /// Callbacks so far: whether two things happened in the same one.
  var callbacks: UInt64 = 0
  /// What requests begin on; changes between callbacks, see `Adoption.swift`.
  var snapshot: UnsafePointer<Snapshot>
  /// The worker's exchanges that began on it and are not over.
  var users: SharedCounter
  /// The change that was taken over last.
  var change: ChangeRef
  /// An `OverloadLevel`: what its own lateness makes it refuse; for the control loop to read.
  let lagLevel: SharedCounter

  var wheel: TimerWheel
  var timer: Timer?
  /// When the loop's timer is set to fire.
  var wakesAt = Instant.distantFuture

  var clients: Slab<ClientConnection>
  var backends: Slab<BackendConnection>
  var exchanges: Slab<ExchangeNode>
  var buffers = BufferPool.create()
  let readBuffer = UnsafeMutablePointer<UInt8>.allocate(capacity: Worker.bodyReadSize)
  let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: Worker.scratchSize)
  let target = UnsafeMutablePointer<UInt8>.allocate(capacity: Worker.scratchSize)
  let arrival = UnsafeMutablePointer<Arrival>.allocate(capacity: 1)
  let limitLedger = LimitLedger.create()
  let vectors = UnsafeMutablePointer<IOVector>.allocate(capacity: Worker.vectorsMax)
  let gathered = UnsafeMutablePointer<IOVector>.allocate(capacity: Worker.vectorsMax)
  var gatheredCount = 0
  let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
  let chunkLine = UnsafeMutablePointer<UInt8>.allocate(capacity: 32)
  /// The table that was given back last, the others behind it.
  var handyTable: UnsafeMutablePointer<HeadTable>?
  var tables: Ring<UnsafeMutablePointer<HeadTable>>
  var spareTable: UnsafeMutablePointer<HeadTable>
  var tableFields: Int

  /// By the number of a backend and of a service.
  var pools: UnsafeMutableBufferPointer<Pool>
  var queues: UnsafeMutableBufferPointer<WaitQueue>
  /// One of the lines is being served.
  var isServing = false
  let noBudget = RetryBudget.create()

  var turns = Turns()

  var metrics: MetricsShard
  /// nil: nothing is logged at present.
  var accessLog: AccessLog?
  /// Its part of the log, also while nothing is logged.
  let log: AccessLog
  /// Which traces that begin here are sampled; nil: no spans are exported at present.
  var tracing: TraceSampling?
  /// Its way to who exports them.
  let traces: TraceRing
  /// The access log or a trace will tell of the request.
  var keepsTexts = false
  var random: Xoroshiro
  var dateLine = UnsafeMutablePointer<UInt8>.allocate(capacity: 32)
  var dateSecond: Int64 = -1
  var listeners: [Listener] = []

  var isDraining = false
  var refusedCount = 0
  var heartbeat = Heartbeat()
  /// What is refused for the process's own sake.
  var shedding = OverloadLevel.nothing
  let orders: WorkerOrders
  var mayLeave = false
  var hasLeft = false

  /// What one read of a head, or of anything that may have to be kept, can bring.
  static let readBufferSize = 64 * 1024
  /// The same for a body that goes on at once: each read and write of more than that costs less
  /// for a byte, by a fifth in all. What a client does not take of it fills two buffers of the
  /// pool, of 128 and 64 KiB.
  static let bodyReadSize = 192 * 1024 - 2 * Segment.headerSize
  /// Room for the largest head that is let in and what is added to it.
  static let scratchSize = 160 * 1024
  static let spanCount = 128
  static let vectorsMax = spanCount + 8
  /// A part of so many bytes at most is copied behind its head: that costs less than what the
  /// system does for a write of several buffers.
  static let joinedMost = 1024
  static let responseLimits = ParseLimits(
    headSize: Bounds.responseHeadSize, headFields: Bounds.responseHeadFields)

  private static func permanent(_ text: StaticString) -> IOVector {
    IOVector(text.utf8Start, text.utf8CodeUnitCount)
  }
  static var lineEnd: IOVector { permanent("\r\n") }
  static var lastChunk: IOVector { permanent("0\r\n\r\n") }
}

extension WorkerRef {
  /// Called first in every callback of the loop.
  @inline(__always)
  func beginCallback() {
    pointee.now = pointee.loop.now
    pointee.callbacks &+= 1  // only ever compared with a recent value
  }

  var parseLimits: ParseLimits {
    ParseLimits(
      headSize: pointee.snapshot.pointee.headSize, headFields: pointee.snapshot.pointee.headFields)
  }

  /// Sets a connection's deadline, and the loop's timer when it is the earliest.
  @inline(__always)
  func arm(_ node: UnsafeMutablePointer<TimerNode>, at deadline: Instant) {
    // The usual case, four times a request; the loop's timer is set for that slot, or for an
    // earlier one.
    if !TimerWheel.move(node, to: deadline) { hang(node, at: deadline) }
  }

  private func hang(_ node: UnsafeMutablePointer<TimerNode>, at deadline: Instant) {
    pointee.wheel.arm(node, at: deadline, now: pointee.now)
    if deadline < pointee.wakesAt { setTimer(pointee.wheel.nextWake()) }
  }

  private func setTimer(_ wake: Instant?) {
    let at = wake ?? .distantFuture
    if at == pointee.wakesAt { return }
    pointee.wakesAt = at
    pointee.timer?.start(at: at)
  }

  /// The loop's timer has fired.
  func timerFired() {
    beginCallback()
    pointee.wheel.advance(to: pointee.now)
    while let node = pointee.wheel.popExpired() {
      switch TimerKind(rawValue: node.pointee.kind).unsafelyUnwrapped {
      case .client: node.pointee.owner.assumingMemoryBound(to: ClientConnection.self).expired()
      case .backend: idleIsOver(node.pointee.owner.assumingMemoryBound(to: BackendConnection.self))
      case .log: flushLog(node)
      }
    }
    pointee.wakesAt = .distantFuture
    setTimer(pointee.wheel.nextWake())
  }

  var buffers: UnsafeMutablePointer<BufferPool> { pointer(to: \.buffers).unsafelyUnwrapped }

  // MARK: Head tables

  /// A table for a head that is being read.
  func lendTable() -> UnsafeMutablePointer<HeadTable> {
    if let table = pointee.handyTable {
      pointee.handyTable = nil
      return table
    }
    if let table = pointee.tables.pop() { return table }
    return makeTable(fields: pointee.tableFields)
  }

  /// Takes a table that was lent back, where there is one.
  @inline(__always)
  func returnTable(_ lent: inout UnsafeMutablePointer<HeadTable>?) {
    guard let table = lent else { return }
    lent = nil
    returnTable(table)
  }

  private func returnTable(_ table: UnsafeMutablePointer<HeadTable>) {
    // One from before the bound on fields was raised does not come back.
    if table.pointee.capacity >= pointee.tableFields {
      if pointee.handyTable == nil {
        pointee.handyTable = table
        return
      }
      if pointee.tables.push(table) { return }
    }
    freeTable(table)
  }

  // MARK: Gathering a response

  func gather(_ vector: IOVector) {
    let count = pointee.gatheredCount
    if count == 1, vector.count <= Worker.joinedMost, join(vector) { return }
    precondition(count < Worker.vectorsMax)
    pointee.gathered[count] = vector
    pointee.gatheredCount = count + 1
  }

  /// Copies a small part behind the head in the scratch area; false when there is none, or no room.
  @inline(__always)
  private func join(_ vector: IOVector) -> Bool {
    let head = pointee.gathered[0]
    guard head.base == UnsafePointer(pointee.scratch),
      head.count + vector.count <= Worker.scratchSize
    else { return false }
    ByteWriter.copy(
      vector.base.unsafelyUnwrapped, vector.count, to: pointee.scratch + head.count)
    pointee.gathered[0].count = head.count + vector.count
    return true
  }

  /// The line before a chunk of this size; valid until the next one is made.
  func sizeLine(_ count: Int) -> IOVector {
    var writer = ByteWriter(pointee.chunkLine, capacity: ChunkWriter.sizeLineCapacity)
    ChunkWriter.writeSizeLine(count, into: &writer)
    return IOVector(pointee.chunkLine, writer.count)
  }

  /// The present date as HTTP writes it; made once a second.
  var date: ByteSlice {
    let second = WallClock.nanoseconds() / 1_000_000_000
    if second != pointee.dateSecond {
      pointee.dateSecond = second
      HTTPDate.write(second: second, to: pointee.dateLine)
    }
    return ByteSlice(pointee.dateLine, HTTPDate.length)
  }

  // MARK: Connections come and go

  func clientLeft(_ client: ClientRef) {
    if client.pointee.isCounted {
      pointee.shared.pointee.connections.subtract(1)
      pointee.metrics.clientConnections.decrement()
    } else {
      pointee.refusedCount -= 1
    }
    pointee.clients.free(client)
    stopWhenEmpty()
  }

  func backendLeft(_ backend: BackendRef) {
    pointee.backends.free(backend)
    stopWhenEmpty()
  }
}

/// Whose deadline has come.
enum TimerKind: UInt8 {
  case client
  case backend
  case log
}

func makeTable(fields: Int) -> UnsafeMutablePointer<HeadTable> {
  let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
  table.initialize(to: HeadTable.create(maxFields: fields))
  return table
}

func freeTable(_ table: UnsafeMutablePointer<HeadTable>) {
  table.pointee.destroy()
  table.deallocate()
}
