// Why this file exists: listeners come and go with the configuration. The control loop makes the
// sockets, because only there can a failure still be refused; each worker opens and closes its own
// between two callbacks, and nobody who has got as far as an accept queue is turned away.
import Configuration
import EventLoop
import Forwarding
import Primitives

// MARK: - What a change tells the workers

/// A worker's socket of a listener that is new.
struct OpenedListener {
  var number: UInt32
  var socket: ListeningSocket
}

/// Listeners that come and go, as the control loop has them.
struct ListenerChanges {
  /// For each worker, in the order of the numbers.
  var opened: [[OpenedListener]] = []
  var closed: [UInt32] = []
}

/// The same as a part of a change. Immutable.
struct ListenerOrders {
  private let sockets: UnsafeBufferPointer<OpenedListener>
  private let countOfEach: Int
  let closed: UnsafeBufferPointer<UInt32>

  init(_ changes: ListenerChanges, in arena: Arena) {
    countOfEach = changes.opened.first?.count ?? 0
    sockets = arena.copy(changes.opened.flatMap { $0 })
    closed = arena.copy(changes.closed)
  }

  func opened(by worker: Int) -> Slice<UnsafeBufferPointer<OpenedListener>> {
    if countOfEach == 0 { return sockets[0..<0] }
    return sockets[(worker * countOfEach)..<((worker + 1) * countOfEach)]
  }
}

// MARK: - What a worker does

extension WorkerRef {
  func open(_ order: OpenedListener) throws(EventLoopError) {
    pointee.listeners.append(
      try Listener.open(
        pointee.loop, order.socket, owner: UnsafeMutableRawPointer(self),
        handlers: listenerHandlers, number: order.number))
  }

  func follow(_ orders: ListenerOrders) {
    for order in orders.opened(by: pointee.index) {
      if pointee.isDraining {
        order.socket.close()
        continue
      }
      do throws(EventLoopError) {
        try open(order)
      } catch {
        // The kernel's own memory was lacking. Others serve it; the control loop says so.
        pointee.shared.pointee.unopened.add(1)
      }
    }
    if orders.closed.isEmpty { return }
    closeListeners { orders.closed.contains($0.number) }
    // The connections that came this way end with their next answer.
    askForLastRequests { orders.closed.contains($0.pointee.listenerNumber) }
  }

  /// What waits to be accepted is taken first.
  func closeListeners(_ isMeant: (Listener) -> Bool) {
    let meant = pointee.listeners.filter(isMeant)
    pointee.listeners.removeAll(where: isMeant)
    Listener.drainAcceptQueues(of: meant)
    for listener in meant { listener.close() }
  }

  /// These connections end with the answer that is given next; those that are idle get a moment for
  /// one more request.
  func askForLastRequests(of isMeant: (ClientRef) -> Bool) {
    for index in 0..<pointee.clients.touched where pointee.clients.isInUse(index) {
      let client = pointee.clients.pointer(at: index)
      if !isMeant(client) { continue }
      client.pointee.isLast = true
      if client.pointee.phase == .idle {
        arm(client.timer, at: min(client.pointee.timer.deadline, pointee.now + Bounds.drainIdle))
      }
    }
  }
}
