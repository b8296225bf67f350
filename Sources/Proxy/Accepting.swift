// Why this file exists: a connection has been accepted: it gets its node and its first deadline,
// or, when there are too many already or the process is overloaded, an answer that says so.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

/// Immutable after its making, and never freed.
nonisolated(unsafe) let listenerHandlers: UnsafeMutablePointer<ListenerHandlers> = {
  let table = UnsafeMutablePointer<ListenerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: ListenerHandlers(
      onConnection: { owner, token in
        owner.assumingMemoryBound(to: Worker.self).connectionOffered(Listener(token))
      },
      onPaused: { owner, _ in
        owner.assumingMemoryBound(to: Worker.self).pointee.metrics.localResponses(.overloaded)
          .increment()
      }))
  return table
}()

extension WorkerRef {
  /// Takes the connection that the listener offers.
  func connectionOffered(_ listener: Listener) {
    beginCallback()
    wakeHeart()
    let shared = pointee.shared.pointee
    let isCounted = pointee.shedding == .nothing && countConnection(shared)
    if !isCounted && pointee.refusedCount >= Bounds.refusedConnections { return turnAway(listener) }
    guard let client = pointee.clients.allocate() else {
      if isCounted { shared.connections.subtract(1) }
      return turnAway(listener)
    }
    client.initialize(
      to: ClientConnection(
        stream: Stream(), worker: self, hasAddress: !listener.isUnix, isCounted: isCounted,
        isLast: pointee.isDraining,
        timer: TimerNode(owner: UnsafeMutableRawPointer(client), kind: TimerKind.client.rawValue),
        peer: listener.peer, listenerNumber: listener.number, parser: RequestParser()))
    RequestParser.initialise(client.parser)
    client.noteAddress()
    if isCounted {
      pointee.metrics.clientConnections.increment()
    } else {
      pointee.refusedCount += 1
    }
    let owner = UnsafeMutableRawPointer(client)
    let result = listener.accept(into: client.stream, owner: owner, handlers: clientHandlers)
    if result != 0 { return client.close() }
    Stream.startReading(client.stream)
    let timeouts = pointee.snapshot.pointee.clientTimeouts
    let first = pointee.isDraining ? min(Bounds.drainIdle, timeouts.head) : timeouts.head
    arm(client.timer, at: pointee.now + first)
    if !isCounted {
      client.pointee.headBegun = Loop.clock()
      client.refuse(.overloaded, .none, bytes: 0)
      client.settle()
    }
  }

  /// True when there is a place for one more.
  private func countConnection(_ shared: ProcessShared) -> Bool {
    if shared.connections.add(1) <= shared.connectionsMax.load() { return true }
    shared.connections.subtract(1)
    return false
  }

  /// Too many are being refused already: a short answer if it fits at once, and no place for it.
  private func turnAway(_ listener: Listener) {
    pointee.metrics.localResponses(.overloaded).increment()
    var writer = ByteWriter(pointee.scratch, capacity: Worker.scratchSize)
    var answer = LocalAnswer(.overloaded, method: .other, version: .http11, keepAlive: false)
    answer.retryAfter = 1
    answer.write(into: &writer)
    listener.refuse(writer.written)
  }
}
