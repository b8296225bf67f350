// Why this file exists: with a bound on a backend's connections, requests wait for one to become
// free. Each worker keeps its own line; which worker's turn it is, the shared words say. A
// connection cannot move between loops, so a place moves instead: the one worker closes a
// connection, the other opens one.
import Balancing
import EventLoop
import Forwarding
import Primitives
import Synchronization

/// The requests of one worker that wait for a connection to one service, in the order in which they
/// came.
struct WaitQueue {
  /// The service with this number; nil when there is none.
  var shared: ServiceShared?
  var first: ExchangeRef?
  var last: ExchangeRef?
  var count = 0
}

extension ExchangeRef {
  /// All backends that could be picked are at their maximum: wait, or refuse when too many wait.
  func enqueue() {
    let worker = pointee.worker
    let shared = service.pointee.shared
    guard shared.enter(bound: service.pointee.queueBound) else { return fail(.queueFull) }
    pointee.waitsSince = Loop.clock()
    worker.link(self, shared)
    pointee.machine.queued(now: worker.pointee.now)
    // A place may have become free between the pick and our taking a place in the line, when nobody
    // saw us waiting; and places may be held by idle connections of other workers.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    worker.wakeOthers(self)
    worker.serveWaiting(shared)
  }

  func leaveQueue() {
    let worker = pointee.worker
    worker.unlink(self, service.pointee.shared)
    service.pointee.shared.leave()
    let now = Loop.clock()
    pointee.record.queueTime = pointee.record.queueTime + (now - pointee.waitsSince)
    if pointee.isTraced { keepWait(until: now) }
  }

  /// It is this request's turn, and one of the service's backends seems to have a place. False when
  /// it goes on waiting.
  fileprivate func retryPick() -> Bool {
    let position: Int
    let pick = chooseAgain()
    switch pick {
    case .backend(let picked): position = picked
    case .allFull: return false
    // What it waits for is gone.
    case .noBackend, .allUnusable, .allRefused: return giveUpWaiting(pick.fault)
    }
    let entry = UnsafePointer(pointee.snapshot.pointee.backends) + position
    let pool = pointee.worker.pointee.pools[entry.pointee.shared.poolIndex]
    let maximum = service.pointee.connectionsMax
    if pool.newest == nil && maximum != 0 && entry.pointee.shared.open.load() >= UInt64(maximum) {
      abandonPick(position)
      return false
    }
    let client = pointee.client
    leaveQueue()
    pointee.machine.leftQueue()
    attempt(position)
    client.settleAfterBackend()
    return true
  }

  private func giveUpWaiting(_ fault: Fault) -> Bool {
    let client = pointee.client
    fail(fault)
    client.settleAfterBackend()
    return true
  }
}

extension Pick {
  /// Why nothing can be sent, nor waited for.
  var fault: Fault {
    switch self {
    case .noBackend: .noBackend
    case .allUnusable: .allUnhealthy
    case .allRefused: .circuitOpen
    case .backend, .allFull: preconditionFailure("a backend, or a wait for one, is no fault")
    }
  }
}

extension WorkerRef {
  func hasWaiting(_ shared: ServiceShared) -> Bool { queue(of: shared).pointee.first != nil }

  @inline(__always)
  private func queue(of shared: ServiceShared) -> UnsafeMutablePointer<WaitQueue> {
    pointee.queues.baseAddress.unsafelyUnwrapped + shared.queueIndex
  }

  fileprivate func link(_ exchange: ExchangeRef, _ shared: ServiceShared) {
    let queue = queue(of: shared)
    exchange.pointee.previousWaiting = queue.pointee.last
    exchange.pointee.nextWaiting = nil
    if let last = queue.pointee.last {
      last.pointee.nextWaiting = exchange
    } else {
      queue.pointee.first = exchange
    }
    queue.pointee.last = exchange
    queue.pointee.count += 1
    publishWaiting(shared)
  }

  fileprivate func unlink(_ exchange: ExchangeRef, _ shared: ServiceShared) {
    let queue = queue(of: shared)
    let next = exchange.pointee.nextWaiting
    let previous = exchange.pointee.previousWaiting
    if let next { next.pointee.previousWaiting = previous } else { queue.pointee.last = previous }
    if let previous { previous.pointee.nextWaiting = next } else { queue.pointee.first = next }
    exchange.pointee.nextWaiting = nil
    exchange.pointee.previousWaiting = nil
    queue.pointee.count -= 1
    publishWaiting(shared)
  }

  /// Since when the first in this worker's line waits, for the others to compare.
  private func publishWaiting(_ shared: ServiceShared) {
    let first = pointee.queues[shared.queueIndex].first
    shared.waitingSince(worker: pointee.index).store(first?.pointee.waitsSince.nanoseconds ?? 0)
  }

  /// Gives places to the first in this worker's line, as long as there are any; after a round's
  /// worth of them, who does not wait here has a turn. False: it is to be gone on with in the next
  /// round.
  ///
  /// Who is refused here may have pipelined a request that comes to wait. Served from in there, a
  /// whole line would take its part of the stack: so that one is seen to in the next round.
  @discardableResult
  func serveWaiting(_ shared: ServiceShared) -> Bool {
    var left: Int32 = 0
    if !pointee.isServing {
      pointee.isServing = true
      left = Turns.aRound
      while left > 0, let first = pointee.queues[shared.queueIndex].first, first.retryPick() {
        left -= 1
      }
      pointee.isServing = false
    }
    let isThrough = left > 0 || !hasWaiting(shared)
    if !isThrough { wake(pointee.index, shared) }
    return isThrough
  }

  func serveAllWaiting() {
    for index in pointee.queues.indices {
      if let shared = pointee.queues[index].shared { serveWaiting(shared) }
    }
  }

  /// A connection has become free while somebody waits: this worker's line gets it when its first
  /// has waited longest, else its place goes to the worker whose turn it is.
  func handOver(_ backend: BackendRef) {
    let shared = backend.pointee.service
    let longest = shared.longestWaiting(workers: pointee.shared.pointee.workerCount)
    backend.pointee.exchange = nil
    guard longest == pointee.index, let first = pointee.queues[shared.queueIndex].first,
      let position = first.position(of: backend.pointee.shared), first.isTaken(by: position)
    else { return backend.close() }
    let client = first.pointee.client
    first.leaveQueue()
    first.takeOver(backend, position)
    client.settleAfterBackend()
  }

  /// A connection has been closed: its place is free.
  func placeFreed(_ shared: BackendShared, _ service: ServiceShared) {
    shared.unreserve()
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if !service.hasWaiting { return }
    guard let longest = service.longestWaiting(workers: pointee.shared.pointee.workerCount) else {
      return
    }
    // Not served from here: the caller may be in the middle of the exchange that held the place.
    wake(longest, service)
  }

  /// Idle connections of other workers hold places that this worker needs.
  fileprivate func wakeOthers(_ exchange: ExchangeRef) {
    let service = exchange.service
    let view = service.pointee.view
    for worker in 0..<pointee.shared.pointee.workerCount where worker != pointee.index {
      for backend in 0..<view.count {
        let backends = exchange.pointee.snapshot.pointee.backends + Int(service.pointee.first)
        let entry = backends + backend
        if entry.pointee.shared.idle(worker: worker).value > 0 {
          wake(worker, service.pointee.shared)
          break
        }
      }
    }
  }

  private func wake(_ worker: Int, _ service: ServiceShared) {
    service.needsAttention(worker: worker).store(1)
    pointee.shared.pointee.wakeups[worker].send()
  }

  /// Another worker, or this one from within a callback, has asked for a look at the lines.
  func attendToQueues() {
    for index in pointee.queues.indices {
      guard let shared = pointee.queues[index].shared else { continue }
      if shared.needsAttention(worker: pointee.index).exchange(0) == 0 { continue }
      // Before it is through, its own line may want what is idle here.
      if !serveWaiting(shared) { continue }
      // What the newest snapshot does not have any more has no idle connections.
      guard let position = pointee.snapshot.pointee.position(ofService: index) else { continue }
      let others = Int(shared.waiting.load()) - pointee.queues[index].count
      if others <= 0 { continue }
      releaseIdle(of: pointee.snapshot.pointee.services + Int(position), atMost: others)
      // Who was called because a place was free may have nobody left who waits for it.
      if pointee.queues[index].count > 0 { continue }
      let workers = pointee.shared.pointee.workerCount
      if let longest = shared.longestWaiting(workers: workers), longest != pointee.index {
        wake(longest, shared)
      }
    }
  }

  /// Closes idle connections whose places others wait for, oldest first.
  private func releaseIdle(of service: UnsafePointer<ServiceEntry>, atMost: Int) {
    var left = atMost
    for backend in 0..<service.pointee.view.count {
      let entry = pointee.snapshot.pointee.backends + Int(service.pointee.first) + backend
      while left > 0, let oldest = pointee.pools[entry.pointee.shared.poolIndex].oldest {
        oldest.close()
        left -= 1
      }
    }
  }
}
