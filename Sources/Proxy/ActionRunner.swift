// Why this file exists: the exchange says what is to be done, this file does it. Nobody else acts
// on an exchange's behalf.
import Balancing
import CircuitBreaking
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

extension ExchangeRef {
  /// What the machine may want to know when something failed or time passed.
  var context: ExchangeContext {
    let worker = pointee.worker
    let client = pointee.client
    let service =
      pointee.service >= 0 ? pointee.snapshot.pointee.services + Int(pointee.service) : nil
    var backendTaken: UInt64 = 0
    if let backend = pointee.backend {
      backendTaken = backend.pointee.output.taken(by: backend.stream)
    }
    return ExchangeContext(
      now: worker.pointee.now, budget: service?.pointee.shared.budget ?? worker.pointee.noBudget,
      budgetRule: service?.pointee.budgetRule ?? .none,
      clientTaken: client.pointee.output.taken(by: client.stream), backendTaken: backendTaken)
  }

  /// The same for an event that cannot lead to a repeat.
  var quietContext: ExchangeContext {
    let worker = pointee.worker
    return ExchangeContext(
      now: worker.pointee.now, budget: worker.pointee.noBudget,
      budgetRule: .none, clientTaken: 0, backendTaken: 0)
  }

  /// Performs the actions of one event, in their order. The exchange may be gone afterwards.
  @inline(__always)
  func perform(_ actions: Actions) {
    // Most events of a request that goes well ask for one thing, or for nothing to be done here.
    switch actions.rawValue {
    case Actions.sendResponseHead.rawValue, Actions().rawValue: return
    case Actions.sendRequestHead.rawValue: sendRequestHead()
    case Actions.keepLease.rawValue: endLease(keeping: true)
    case Actions.finish.rawValue: finish()
    default: performEach(actions)
    }
  }

  private func performEach(_ actions: Actions) {
    if actions.contains(.leaveQueue) { leaveQueue() }
    if actions.contains(.dropLease) {
      noteVainConnect()
      endLease(keeping: false)
    }
    if actions.contains(.keepLease) { endLease(keeping: true) }
    if actions.contains(.dropTee) { dropTee() }
    if actions.contains(.acquire) { acquire() }
    if actions.contains(.sendRequestHead) { sendRequestHead() }
    if actions.contains(.openTunnel) { openTunnel() }
    if actions.contains(.answer) { answer() }
    if actions.contains(.abortClient) { pointee.client.reset() }
    if actions.contains(.finish) { finish() }
  }

  // MARK: What happened

  func fail(_ fault: Fault) {
    perform(pointee.machine.fail(fault, context))
  }

  func clientGone() {
    if pointee.machine.phase == .tunnel { return tunnelBroke() }
    perform(pointee.machine.clientGone(context))
  }

  func clientHalfClosed() {
    perform(pointee.machine.clientHalfClosed(context))
  }

  func expired() {
    if pointee.machine.phase == .tunnel { return tunnelExpired() }
    var context = context
    // A system call each, and only while somebody is slow.
    if pointee.machine.clientIsSlow {
      context.clientHeld = UInt64(Stream.unacknowledgedBytes(pointee.client.stream))
    }
    if pointee.machine.backendIsSlow, let backend = pointee.backend {
      context.backendHeld = UInt64(Stream.unacknowledgedBytes(backend.stream))
    }
    perform(pointee.machine.expired(context))
  }

  /// The lease's connection ended before the answer did.
  func backendClosed() {
    let begun = pointee.backend?.pointee.answerHasBegun ?? false
    perform(pointee.machine.backendClosed(answerHadBegun: begun, context))
  }

  // MARK: Leases

  /// Chooses a backend and gets a connection to it, or a place in the queue.
  func acquire() {
    let worker = pointee.worker
    guard pointee.service >= 0 else { preconditionFailure("an attempt without a service") }
    if pointee.machine.attempts > 1 {
      worker.recordRetry(self)
      if pointee.isTraced { keepAttempt() }
      noteLostTime()
      renewSpan()
    }
    // Nobody overtakes those who wait already.
    if worker.hasWaiting(service.pointee.shared) { return enqueue() }
    let pick = pointee.machine.attempts > 1 ? chooseAgain() : choose()
    switch pick {
    case .backend(let position): attempt(position)
    case .allFull: enqueue()
    case .noBackend, .allUnusable, .allRefused: fail(pick.fault)
    }
  }

  /// The attempt before had sent its head and waited in vain: that is not the gateway's own time.
  private func noteLostTime() {
    if pointee.record.headSent.nanoseconds == 0 { return }
    pointee.record.lostTime =
      pointee.record.lostTime + (Loop.clock() - pointee.record.headSent)
    pointee.record.headSent = Instant(nanoseconds: 0)
  }

  /// A connect that is given up before it is decided took its time all the same.
  private func noteVainConnect() {
    let record = record
    guard let backend = pointee.backend, backend.pointee.phase == .connecting,
      record.pointee.connectEnded < record.pointee.connectBegun
    else { return }
    let now = Loop.clock()
    record.pointee.connectTime =
      record.pointee.connectTime + (now - record.pointee.connectBegun)
  }

  /// The balancer's choice, as a position of the snapshot.
  @inline(__always)
  func choose() -> Pick {
    let service = service
    let pick = pickOne(of: service, in: pointee.snapshot, tried: pointee.tried)
    guard case .backend(let index) = pick else { return pick }
    return .backend(Int(service.pointee.first) + index)
  }

  /// Tries the backend at this position of the snapshot.
  @inline(__always)
  func attempt(_ position: Int) {
    let worker = pointee.worker
    let entry = UnsafePointer(pointee.snapshot.pointee.backends + position)
    beginAttempt(position, entry)
    if let idle = worker.takeIdle(entry, for: self) {
      worker.recordReuse(idle)
      lease(idle, reused: true)
      return
    }
    guard worker.reservePlace(at: entry, maximum: service.pointee.connectionsMax) else {
      abandonAttempt()
      return enqueue()
    }
    openConnection(entry)
  }

  /// A connection that another exchange has just given up, while this one waited. Its backend takes
  /// the request.
  func takeOver(_ backend: BackendRef, _ position: Int) {
    beginAttempt(position, UnsafePointer(pointee.snapshot.pointee.backends + position))
    pointee.worker.recordReuse(backend)
    lease(backend, reused: true)
  }

  /// Where in the snapshot this exchange's service has the backend with these words.
  func position(of shared: BackendShared) -> Int? {
    let first = Int(service.pointee.first)
    for position in first..<first + service.pointee.view.count
    where pointee.snapshot.pointee.backends[position].shared.poolIndex == shared.poolIndex {
      return position
    }
    return nil
  }

  private func openConnection(_ entry: UnsafePointer<BackendEntry>) {
    let worker = pointee.worker
    pointee.record.connectBegun = Loop.clock()
    var fault = Fault.connectFailed
    guard let backend = worker.openBackend(entry, service.pointee.shared, fault: &fault) else {
      let actions = pointee.machine.fail(fault, context)
      endAttempt()
      return perform(actions)
    }
    backend.pointee.exchange = self
    pointee.backend = backend
    pointee.machine.connecting(now: worker.pointee.now)
  }

  /// The connection is there: the request may go.
  func lease(_ backend: BackendRef, reused: Bool) {
    let worker = pointee.worker
    pointee.backend = backend
    backend.begin(self)
    perform(pointee.machine.leased(reused: reused, now: worker.pointee.now))
  }

  func endLease(keeping: Bool) {
    endAttempt()
    pointee.headIsUnsent = false
    guard let backend = pointee.backend else { return }
    pointee.backend = nil
    backend.pointee.exchange = nil
    pointee.client.setStop(.backendIsFull, false)
    if keeping { backend.park() } else { backend.close() }
  }

  var service: UnsafePointer<ServiceEntry> {
    UnsafePointer(pointee.snapshot.pointee.services + Int(pointee.service))
  }

  // MARK: Answering by ourselves

  /// Writes the local answer for the machine's reason.
  func answer() {
    let worker = pointee.worker
    let reason = pointee.machine.reason
    let status = reason.status(pointee.record.detail)
    pointee.record.status = status
    closeIfDraining()
    var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
    writeLocalAnswer(into: &writer)
    sendAnswer(writer)
  }

  // MARK: The end

  /// The exchange is over: records it, gives everything back and tells the client's connection.
  func finish() {
    let worker = pointee.worker
    let client = pointee.client
    let fate = pointee.machine.fate
    precondition(
      pointee.backend == nil && !pointee.permit.isHeld && !pointee.breakerPermit.isHeld)
    worker.record(self)
    dropTee()
    worker.pointee.buffers.give(pointee.buffer)
    // From here on the control loop may free the snapshot.
    Snapshot.users(of: pointee.snapshot, worker: worker.pointee.index).decrementReleasing()
    worker.pointee.exchanges.free(self)
    client.exchangeEnded(fate)
  }
}
