// Why this file exists: after a 101 the gateway is a pipe between two sockets, with the same
// back-pressure and an idle timer of its own (RFC 9110 section 7.8).
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

extension ExchangeRef {
  /// The backend sent 101 with the protocol that was offered. True when the tunnel is open.
  func upgraded(_ head: inout ResponseHead) -> Bool {
    let worker = pointee.worker
    let added = ResponseAdditions(
      framing: .none, connection: .none, requestID: text(pointee.record.requestID),
      date: worker.date, upgrade: text(pointee.upgrade))
    guard writeResponseHead(head, added) else {
      fail(.brokeProtocol)
      return false
    }
    pointee.record.status = 101
    pointee.record.answered = Loop.clock()
    flushResponse()
    perform(pointee.machine.upgraded(now: worker.pointee.now))
    return true
  }

  /// From here on the client's bytes go to the backend unread.
  func openTunnel() {
    // The backend has kept its word; how long the tunnel lasts says nothing more of it.
    judge(pointee.machine.outcome)
    let client = pointee.client
    client.pointee.phase = .tunnel
    client.setStop(.inboxIsFull, false)
    client.consumeInbox()
    if client.pointee.hasEnded { client.tunnelClientEnded() }
  }

  /// One side was reset: so is the other.
  func tunnelBroke() { resetTunnel(pointee.machine.endTunnel()) }

  /// Ends it so that it looks to neither side like an end that was meant.
  private func resetTunnel(_ actions: Actions) {
    if let backend = pointee.backend { Stream.reset(backend.stream) }
    perform(actions.union(.abortClient))
  }

  /// The tunnel's timer has come.
  func tunnelExpired() {
    let client = pointee.client
    var context = quietContext
    context.clientTaken = client.pointee.output.handed
    context.clientHeld = client.pointee.output.held(for: client.stream)
    if let backend = pointee.backend {
      context.backendTaken = backend.pointee.output.handed
      context.backendHeld = backend.pointee.output.held(for: backend.stream)
    }
    let actions = pointee.machine.expired(context)
    if actions.contains(.abortClient) { resetTunnel(actions) } else { perform(actions) }
  }

  /// The process stops and waits no longer. What a tunnel's side has not taken from us is lost; the
  /// system goes on to send what it has.
  func cut() {
    let backendHasAll = pointee.backend?.pointee.output.isEmpty ?? true
    let hasAll = backendHasAll && pointee.client.pointee.output.isEmpty
    let isTunnel = pointee.machine.phase == .tunnel
    let actions = pointee.machine.cut(context)
    if isTunnel && !hasAll { resetTunnel(actions) } else { perform(actions) }
  }

  /// The backend has taken more of what the client sent.
  func tunnelBackendWrote() {
    guard let backend = pointee.backend else { return }
    if backend.pointee.writeIsBroken { return tunnelBroke() }
    pointee.machine.tunnelMoved(now: pointee.worker.pointee.now)
    if backend.pointee.output.pending <= Output.lowMark {
      pointee.client.setStop(.backendIsFull, false)
    }
    passOnFINs()
  }

  /// Each side's FIN follows the last byte that was written to the other; the tunnel ends when both
  /// are through.
  func passOnFINs() {
    guard let backend = pointee.backend else { return }
    let client = pointee.client
    if client.pointee.tunnelFIN == .received && backend.pointee.output.isEmpty {
      client.pointee.tunnelFIN = .passedOn
      Stream.shutdownWriting(backend.stream)
    }
    if backend.pointee.tunnelFIN == .received && client.pointee.output.isEmpty {
      backend.pointee.tunnelFIN = .passedOn
      Stream.shutdownWriting(client.stream)
    }
    if client.pointee.tunnelFIN == .passedOn && backend.pointee.tunnelFIN == .passedOn {
      perform(pointee.machine.endTunnel())
    }
  }
}

extension ClientRef {
  func tunnelToBackend(_ unread: Unread) {
    guard let exchange = pointee.exchange, let backend = exchange.pointee.backend else { return }
    let worker = pointee.worker
    exchange.pointee.machine.tunnelMoved(now: worker.pointee.now)
    exchange.pointee.record.otherBytesIn += UInt64(unread.end)
    worker.pointee.vectors[0] = IOVector(unread.base, unread.end)
    let result = backend.pointee.output.send(
      backend.stream, worker.pointee.vectors, 1, worker.buffers)
    if result != 0 {
      return exchange.tunnelBroke()
    }
    if backend.pointee.output.pending > Output.highMark { setStop(.backendIsFull, true) }
  }

  func tunnelClientEnded() {
    pointee.tunnelFIN = .received
    pointee.exchange?.passOnFINs()
  }

  /// The client has taken more of what the backend sent.
  func tunnelClientWrote() {
    guard let exchange = pointee.exchange else { return }
    exchange.pointee.machine.tunnelMoved(now: pointee.worker.pointee.now)
    if pointee.output.pending <= Output.lowMark { exchange.resumeResponse() }
    exchange.passOnFINs()
  }
}

extension BackendRef {
  func tunnelToClient(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    guard let exchange = pointee.exchange else { return }
    let worker = pointee.worker
    exchange.pointee.machine.tunnelMoved(now: worker.pointee.now)
    worker.gather(IOVector(bytes, count))
    exchange.flushResponse()
  }

  func tunnelBackendEnded() {
    pointee.tunnelFIN = .received
    pointee.exchange?.passOnFINs()
  }
}
