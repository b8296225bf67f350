// Why this file exists: the gateway's listeners, each with a queue of connections that have come
// and were not taken yet.

import Glibc
package import Primitives

/// A place to listen at: nobody can connect until a listener is opened with it.
package struct ListeningSocket: Equatable, Sendable {
  package let boundEndpoint: Endpoint
  package var isUnix: Bool { false }

  static let backlog = 4096

  package static func probe(_ endpoint: Endpoint) throws(EventLoopError) {
    let listeners = Network.current.pointee.accepting[endpoint] ?? []
    if listeners.isEmpty { return }
    throw EventLoopError(operation: "listen on \(endpoint)", code: 0 - EADDRINUSE)
  }

  package static func tcp(
    _ endpoint: Endpoint, reusePort: Bool
  ) throws(EventLoopError) -> ListeningSocket {
    ListeningSocket(boundEndpoint: endpoint)
  }

  /// Nothing of a simulation comes by a unix socket.
  package static func unix(_ path: String) throws(EventLoopError) -> ListeningSocket {
    throw EventLoopError(operation: "listen on unix:\(path)", code: ENOTSUP)
  }

  package func duplicate() throws(EventLoopError) -> ListeningSocket { self }

  package func close() {}
}

/// There are none.
package struct UnixSocketFile: Equatable, Sendable {
  package init?(path: String) { return nil }
  package func remove() {}
}

struct ListenerBox {
  var mark = ReadyMark(.listener)
  let loop: UnsafeMutablePointer<LoopState>
  let owner: UnsafeMutableRawPointer
  let handlers: UnsafePointer<ListenerHandlers>
  let socket: ListeningSocket
  let number: UInt32
  /// Connections that were not accepted yet; from `first` on.
  var queue: [LinkRef] = []
  var first = 0
  var offered: LinkRef?
  var isClosed = false
  var isResting = false

  var waiting: Int { queue.count - first }
}

/// A listener on one loop. Copies name the same one.
package struct Listener {
  let box: UnsafeMutablePointer<ListenerBox>

  static let restNanoseconds: UInt64 = 100_000_000
  static let acceptsPerRound = 32

  package static func open(
    _ loop: Loop, _ socket: ListeningSocket, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<ListenerHandlers>, number: UInt32 = 0
  ) throws(EventLoopError) -> Listener {
    let box = UnsafeMutablePointer<ListenerBox>.allocate(capacity: 1)
    box.initialize(
      to: ListenerBox(
        loop: loop.raw, owner: owner, handlers: handlers, socket: socket, number: number))
    loop.raw.pointee.handles += 1
    Network.current.pointee.accepting[socket.boundEndpoint, default: []].append(box)
    return Listener(box: box)
  }

  /// The listener behind the second argument of `onConnection`.
  package init(_ token: UnsafeMutableRawPointer) {
    box = token.assumingMemoryBound(to: ListenerBox.self)
  }

  init(box: UnsafeMutablePointer<ListenerBox>) { self.box = box }

  package var isUnix: Bool { false }
  package var number: UInt32 { box.pointee.number }
  /// The other end of the connection being offered.
  package var peer: Endpoint {
    box.pointee.offered?.pointee.from ?? Endpoint(address: IPAddress(v4: 0), port: 0)
  }

  /// Accepts everything that waits; from here on nobody gets in.
  package static func drainAcceptQueues(of listeners: [Listener]) {
    for listener in listeners {
      listener.box.shutDoor()
      listener.box.acceptSome(atMost: 2 * ListeningSocket.backlog)
    }
  }

  package func close() {
    guard !box.pointee.isClosed else { return }
    box.pointee.isClosed = true
    box.shutDoor()
    while box.pointee.waiting > 0 {
      let link = box.pointee.queue[box.pointee.first]
      box.pointee.first += 1
      Network.current.close(link, 1, isReset: true)
    }
    box.pointee.loop.leave(box.mark)
    box.pointee.loop.close(UnsafeMutableRawPointer(box)) { target in
      let box = target.assumingMemoryBound(to: ListenerBox.self)
      // One that rests is looked at once more: see `rest`.
      if box.pointee.isResting { return }
      box.deinitialize(count: 1)
      box.deallocate()
    }
  }

  package func accept(
    into stream: UnsafeMutablePointer<Stream>, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    guard let link = box.pointee.offered else { preconditionFailure("nothing is offered") }
    box.pointee.offered = nil
    _ = Stream.prepareTCP(
      stream, loop: Loop(raw: box.pointee.loop), owner: owner, handlers: handlers)
    Stream.adopt(stream, link, side: 1)
    return 0
  }

  /// Sends `answer` as far as it fits at once, and closes.
  package func refuse(_ answer: ByteSlice) {
    guard let link = box.pointee.offered else { preconditionFailure("nothing is offered") }
    box.pointee.offered = nil
    let network = Network.current
    let incoming = link.pipe(0)
    network.consume(link, 1, min(incoming.pointee.readable, 65_536))
    var vector = IOVector(answer.base, answer.count)
    _ = network.write(link, 1, &vector, 1)
    network.close(link, 1, isReset: false)
  }
}

extension UnsafeMutablePointer<ListenerBox> {
  var mark: ReadyRef { UnsafeMutableRawPointer(self).assumingMemoryBound(to: ReadyMark.self) }

  /// A connection has been made, and waits.
  func came(_ link: LinkRef) {
    if pointee.waiting >= ListeningSocket.backlog {
      link.pointee.isSilent = true
      return
    }
    pointee.queue.append(link)
    if !pointee.isResting { pointee.loop.join(mark) }
  }

  func shutDoor() {
    let box = self
    let endpoint = pointee.socket.boundEndpoint
    Network.current.pointee.accepting[endpoint]?.removeAll { $0 == box }
  }

  func looked() {
    acceptSome(atMost: Listener.acceptsPerRound)
    if !pointee.isClosed && !pointee.isResting && pointee.waiting > 0 { pointee.loop.join(mark) }
  }

  func acceptSome(atMost limit: Int) {
    let network = Network.current
    var left = limit
    while left > 0, !pointee.isClosed, pointee.waiting > 0 {
      left -= 1
      if network.pointee.descriptors >= network.pointee.conditions.descriptors { return rest() }
      let link = pointee.queue[pointee.first]
      pointee.first += 1
      if pointee.first == pointee.queue.count {
        pointee.queue.removeAll(keepingCapacity: true)
        pointee.first = 0
      }
      pointee.offered = link
      network.note(.accept, link.pointee.number)
      pointee.handlers.pointee.onConnection(pointee.owner, UnsafeMutableRawPointer(self))
      if pointee.offered != nil {
        pointee.offered = nil
        network.close(link, 1, isReset: false)
      }
    }
  }

  /// Descriptors are lacking: looks again after a while.
  private func rest() {
    if pointee.isResting { return }
    pointee.isResting = true
    let network = Network.current
    let again = network.pointee.now + Listener.restNanoseconds
    network.plan(at: again, UnsafeMutableRawPointer(self), 0) { target, _ in
      target.assumingMemoryBound(to: ListenerBox.self).rested()
    }
    pointee.handlers.pointee.onPaused(pointee.owner, 0 - EMFILE)
  }

  private func rested() {
    pointee.isResting = false
    if pointee.isClosed {
      deinitialize(count: 1)
      return deallocate()
    }
    if pointee.waiting > 0 { pointee.loop.join(mark) }
  }
}
