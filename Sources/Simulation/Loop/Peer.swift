// Why this file exists: the other side of the gateway's sockets: whoever plays a client or a
// backend connects, accepts, reads and writes through these, and hears at once what comes.

import Glibc
package import Primitives

/// What a socket of the world around the gateway tells its owner.
package struct PeerHandlers {
  package typealias OnStatus = @convention(c) (UnsafeMutableRawPointer, Int32) -> Void
  package typealias OnEvent = @convention(c) (UnsafeMutableRawPointer) -> Void

  /// The connect is over: 0, or -errno, and then the socket is gone.
  package var onConnected: OnStatus
  /// There are bytes, or the end of them, or a reset: `Peer.read` tells. Told for each arrival.
  package var onReadable: OnEvent
  /// There is room again behind a write that was not taken whole.
  package var onWritable: OnEvent
  /// The gateway is writing what will come: what made it do so is still under way there.
  package var onAnswering: OnEvent?

  package init(
    onConnected: @escaping OnStatus, onReadable: @escaping OnEvent, onWritable: @escaping OnEvent,
    onAnswering: OnEvent? = nil
  ) {
    self.onConnected = onConnected
    self.onReadable = onReadable
    self.onWritable = onWritable
    self.onAnswering = onAnswering
  }
}

/// What becomes of connections to an address.
package struct Door {
  package enum Answer: UInt8, Sendable {
    case accept
    case refuse
    /// As if nobody were there: the connect never ends.
    case ignore
  }

  package var answer: Answer
  package var owner: UnsafeMutableRawPointer
  /// A connection has come: `Peer(accepted:)` of the second argument. Take it by `Peer.attach`.
  package var onAccept: @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void
  /// One has come that is not accepted; true = it is of the control loop, which checks health.
  package var onMissed: (@convention(c) (UnsafeMutableRawPointer, Bool) -> Void)?

  package init(
    answer: Answer, owner: UnsafeMutableRawPointer,
    onAccept: @escaping @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void
  ) {
    self.answer = answer
    self.owner = owner
    self.onAccept = onAccept
  }
}

/// One end of a link, for the world around the gateway. Not to be used after `close` or `reset`,
/// nor after a connect that has failed.
@frozen
package struct Peer {
  let link: LinkRef
  let side: Int

  init(link: LinkRef, side: Int) {
    self.link = link
    self.side = side
  }

  /// The end of a connection that has come through a door.
  package init(accepted token: UnsafeMutableRawPointer) {
    self.init(link: token.assumingMemoryBound(to: Link.self), side: 1)
  }

  /// Who is told from now on.
  package func attach(
    owner: UnsafeMutableRawPointer, _ handlers: UnsafePointer<PeerHandlers>
  ) {
    link.end(side).pointee.owner = owner
    link.end(side).pointee.handlers = handlers
  }

  /// The bytes that have come. `end` is -EAGAIN while more may come, 0 behind the last one,
  /// -ECONNRESET behind a reset.
  package func received() -> (bytes: ByteSlice, end: Int) {
    let pipe = link.pipe(1 - side)
    let end = pipe.pointee.readable > 0 ? 0 - Int(EAGAIN) : Network.current.readEnd(link, side)
    guard let base = pipe.pointee.base else {
      return (ByteSlice(UnsafePointer(bitPattern: 1).unsafelyUnwrapped, 0), end)
    }
    return (ByteSlice(base + pipe.pointee.start, pipe.pointee.readable), end)
  }

  /// The first of them are read.
  package func consume(_ count: Int) { Network.current.consume(link, side, count) }

  /// Writes what there is room for: the number of bytes, or -errno.
  package func write(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
    var vector = IOVector(bytes, count)
    return Network.current.write(link, side, &vector, 1)
  }

  /// Room for a write.
  package var room: Int {
    let pipe = link.pipe(side)
    return max(0, pipe.pointee.sendBound - pipe.pointee.onTheWay)
  }

  /// Nothing more is written; reading goes on.
  package func shutdown() { Network.current.finish(link, side, .fin) }
  package func close() { Network.current.close(link, side, isReset: false) }
  package func reset() { Network.current.close(link, side, isReset: true) }

  /// From now on nothing arrives, in either direction, and nobody is told.
  package func fallSilent() { link.pointee.isSilent = true }

  /// When the other side began to connect.
  package var madeAt: Instant { Instant(nanoseconds: link.pointee.madeAt) }
  /// When the other side began to write what comes now, after all that came before was read.
  package var writtenAt: Instant { Instant(nanoseconds: link.pipe(1 - side).pointee.begunAt) }
  /// The other side had read our end before it began to write what comes now.
  package var isWrittenAfterEnd: Bool {
    link.end(1 - side).pointee.endReadAt < link.pipe(1 - side).pointee.begunAt
  }

  /// A reset has overtaken bytes that the other side had written.
  package var hasLost: Bool { link.pipe(1 - side).pointee.hasLost }

  /// For people.
  package var state: String {
    let (incoming, outgoing) = (link.pipe(1 - side).pointee, link.pipe(side).pointee)
    return " link \(link.pointee.number) \(link.pointee.cut)"
      + (link.pointee.isSilent ? " silent" : "") + (link.pointee.isConnected ? "" : " unconnected")
      + " in: \(incoming.readable) and \(incoming.onTheWay) \(incoming.ending)"
      + (incoming.isStalled ? " stalled" : "") + (incoming.isMoving ? " moving" : "")
      + " out: \(outgoing.readable) and \(outgoing.onTheWay) \(outgoing.ending)"
      + (link.end(1 - side).pointee.isOpen ? "" : ", the other end is closed")
  }

  /// Who has the gateway's end, as its stream names him; nil while nobody has, or no more.
  package var counterpart: UnsafeMutableRawPointer? {
    link.end(1 - side).pointee.stream?.pointee.owner
  }

  /// For people and for the trace.
  package var number: UInt32 { link.pointee.number }
  /// How the other side is called: for a backend's end, where the gateway has come from.
  package var from: Endpoint { link.pointee.from }
}

extension NetworkRef {
  /// Sets what becomes of connections to an address from now on.
  package func setDoor(_ endpoint: Endpoint, _ door: Door) { pointee.doors[endpoint] = door }
  package func setDoor(_ endpoint: Endpoint, answer: Door.Answer) {
    pointee.doors[endpoint]?.answer = answer
  }

  /// Connects to a listener of the gateway.
  package func connect(
    from: Endpoint, to: Endpoint, owner: UnsafeMutableRawPointer,
    _ handlers: UnsafePointer<PeerHandlers>
  ) -> Peer {
    let link = makeLink(from: from, to: to)
    let peer = Peer(link: link, side: 0)
    peer.attach(owner: owner, handlers)
    planArrival(link)
    return peer
  }

  // MARK: Connecting

  func planArrival(_ link: LinkRef) {
    planOf(link, after: link.pointee.latency) { target, generation in
      let link = target.assumingMemoryBound(to: Link.self)
      if UInt64(link.pointee.generation) == generation { Network.current.arrive(link) }
    }
  }

  private func planOf(_ link: LinkRef, after delay: UInt64, _ happen: @escaping Event.Happen) {
    let generation = UInt64(link.pointee.generation)
    plan(at: pointee.now + delay, UnsafeMutableRawPointer(link), generation, happen)
  }

  /// The first packet is there. Who takes it: a door of the world, or a listener of the gateway.
  private func arrive(_ link: LinkRef) {
    if !link.end(0).pointee.isOpen { return leave(link, 1) }
    if link.pointee.isSilent { return }
    if let door = pointee.doors[link.pointee.to] {
      switch door.answer {
      case .accept:
        establish(link)
        door.onAccept(door.owner, UnsafeMutableRawPointer(link))
      case .refuse:
        tellMissed(link, door)
        refuse(link)
      case .ignore:
        tellMissed(link, door)
        note(.lost, link.pointee.number)
        link.pointee.isSilent = true
      }
    } else if let listeners = pointee.accepting[link.pointee.to], !listeners.isEmpty {
      let chosen = Int(pointee.random.below(UInt64(listeners.count)))
      establish(link)
      listeners[chosen].came(link)
    } else {
      refuse(link)
    }
  }

  private func tellMissed(_ link: LinkRef, _ door: Door) {
    guard let tell = door.onMissed else { return }
    let loop = link.end(0).pointee.stream?.pointee.loop
    tell(door.owner, loop?.pointee.isDriven ?? false)
  }

  private func establish(_ link: LinkRef) {
    note(.connect, link.pointee.number)
    link.pointee.isConnected = true
    planOf(link, after: link.pointee.latency) { target, generation in
      let link = target.assumingMemoryBound(to: Link.self)
      guard UInt64(link.pointee.generation) == generation, !link.pointee.isSilent else { return }
      Network.current.tellConnected(link, 0)
      if UInt64(link.pointee.generation) == generation { Network.current.startMoving(link) }
    }
  }

  private func refuse(_ link: LinkRef) {
    note(.refused, link.pointee.number)
    leave(link, 1)
    planOf(link, after: link.pointee.latency) { target, generation in
      let link = target.assumingMemoryBound(to: Link.self)
      guard UInt64(link.pointee.generation) == generation else { return }
      Network.current.tellConnected(link, 0 - ECONNREFUSED)
    }
  }

  /// Whoever was connecting has given up; the other side, if there is one yet, finds it closed.
  func abandon(_ link: LinkRef) {
    if link.pointee.isConnected {
      close(link, 0, isReset: true)
    } else if link.end(1).pointee.isOpen {
      // Nobody knows of it: `arrive` finds it given up.
      link.end(0).pointee.isOpen = false
      if link.pointee.isSilent { leave(link, 1) }
    } else {
      leave(link, 0)
    }
  }

  private func tellConnected(_ link: LinkRef, _ status: Int32) {
    let end = link.end(0)
    if let stream = end.pointee.stream {
      stream.pointee.connectStatus = status
      stream.pointee.isConnectOver = true
      Stream.mayBeReady(stream)
    } else if let owner = end.pointee.owner, let handlers = end.pointee.handlers {
      if status != 0 { leave(link, 0) }
      handlers.pointee.onConnected(owner, status)
    }
  }
}
