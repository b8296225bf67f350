// Why this file exists: accepting connections. The socket is watched by libuv, but accepted from by
// us: libuv's own listener cannot pause, and without a descriptor to spare it calls its owner in a
// loop that only closing the listener ends.

import CLibUV
import Glibc
package import Primitives

/// A listener on one loop. Copies name the same one. Only for the loop's thread.
package struct Listener {
  fileprivate let box: UnsafeMutablePointer<ListenerBox>

  /// How long a listener rests when it lacks descriptors or memory.
  package static let restMilliseconds: UInt64 = 100
  /// Connections taken in one round of the loop; the rest is reported again in the next. Fewer from
  /// a shared socket, so that the other workers get their part.
  package static let acceptsPerRound = 32
  package static let acceptsPerRoundShared = 8

  /// Opens a listener on a socket, which it owns from now on (also when this fails), and accepts
  /// from the next round on.
  ///
  /// `spares` is for a listener that must go on when traffic has used up the descriptors: it may
  /// use those of `DescriptorReserve`, and holds that many open to give one up, when even those are
  /// gone, for each connection it must accept. Who closes such a connection calls `refillSpares`.
  /// `number` is for the owner, to tell its listeners apart.
  package static func open(
    _ loop: Loop, _ socket: ListeningSocket, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<ListenerHandlers>, number: UInt32 = 0, spares: Int = 0
  ) throws(EventLoopError) -> Listener {
    let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    let rest = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
    let result = uv_poll_init(loop.raw, poll, socket.descriptor)
    guard result == 0 else {
      poll.deallocate()
      rest.deallocate()
      socket.close()
      throw EventLoopError(operation: "listen on \(socket.boundEndpoint)", code: result)
    }
    _ = uv_timer_init(loop.raw, rest)
    let box = UnsafeMutablePointer<ListenerBox>.allocate(capacity: 1)
    box.initialize(
      to: ListenerBox(
        loop: loop, poll: poll, rest: rest, owner: owner, handlers: handlers, socket: socket,
        number: number, spares: UnsafeMutableBufferPointer.allocate(capacity: spares)))
    poll.pointee.data = UnsafeMutableRawPointer(box)
    rest.pointee.data = UnsafeMutableRawPointer(box)
    let listener = Listener(box: box)
    listener.refillSpares()
    listener.resume()
    return listener
  }

  /// The listener behind the second argument of `onConnection`.
  package init(_ token: UnsafeMutableRawPointer) {
    box = token.assumingMemoryBound(to: ListenerBox.self)
  }

  fileprivate init(box: UnsafeMutablePointer<ListenerBox>) { self.box = box }

  /// Where it listens; unspecified for a unix socket.
  package var boundEndpoint: Endpoint { box.pointee.socket.boundEndpoint }
  package var isUnix: Bool { box.pointee.socket.isUnix }
  /// What it was opened with.
  package var number: UInt32 { box.pointee.number }

  /// The other end of the connection being offered. Within `onConnection` only, and costs nothing.
  package var peer: Endpoint { box.pointee.peer }

  /// Stops accepting until `resume`; connections wait in the system's queue.
  package func pause() {
    _ = uv_poll_stop(box.pointee.poll)
    _ = uv_timer_stop(box.pointee.rest)
  }

  /// Accepts (again).
  package func resume() {
    guard !box.pointee.isClosed else { return }
    _ = uv_poll_start(box.pointee.poll, Int32(UV_READABLE.rawValue), socketReadable)
  }

  /// Accepts everything that waits, through the same handlers: before listeners close, because what
  /// waits then would be reset. Goes on over a pause. Of each at most the backlog and as much
  /// again, so that it ends however fast peers come.
  package static func drainAcceptQueues(of listeners: [Listener]) {
    // Between the last accept and the close a client could still get in, and would be reset.
    let doors = listeners.filter { !$0.isUnix }
    for door in doors { _ = gateway_close_door(door.box.pointee.socket.descriptor) }
    for listener in listeners { listener.acceptSome(atMost: 2 * Int(ListeningSocket.backlog)) }
    if doors.isEmpty { return }
    // A handshake that had begun before that: its client is in as soon as it has our answer to it.
    _ = poll(nil, 0, handshakeTime)
    for door in doors { door.acceptSome(atMost: Int(ListeningSocket.backlog)) }
  }

  /// Milliseconds for which a worker waits for the last handshakes before its listeners close, once
  /// for all of them.
  private static let handshakeTime: Int32 = 2

  /// Opens the spare descriptors that were given up, as far as there are any again.
  package func refillSpares() {
    guard !box.pointee.isClosed else { return }
    while box.pointee.sparesHeld < box.pointee.spares.count {
      let spare = fcntl(box.pointee.socket.descriptor, F_DUPFD_CLOEXEC, 0)
      if spare < 0 { return }
      box.pointee.spares[box.pointee.sparesHeld] = spare
      box.pointee.sparesHeld += 1
    }
  }

  /// Closes the socket now; what waits in its queue (if no other worker shares it) is reset. The
  /// last call to it.
  package func close() {
    guard !box.pointee.isClosed else { return }
    box.pointee.isClosed = true
    for handle in [
      UnsafeMutableRawPointer(box.pointee.poll), UnsafeMutableRawPointer(box.pointee.rest),
    ] {
      uv_close(handle.assumingMemoryBound(to: uv_handle_t.self), listenerHandleClosed)
    }
    // uv_close has taken it out of the loop already.
    box.pointee.socket.close()
    while giveUpSpare() {}
  }

  fileprivate func giveUpSpare() -> Bool {
    guard box.pointee.sparesHeld > 0 else { return false }
    box.pointee.sparesHeld -= 1
    Descriptor.close(box.pointee.spares[box.pointee.sparesHeld])
    return true
  }
}

// MARK: - Taking the connection that is offered

extension Listener {
  /// Prepares `stream` with the connection being offered. Within `onConnection`, once. Returns 0,
  /// or -errno: then the stream is prepared all the same, and must be closed.
  package func accept(
    into stream: UnsafeMutablePointer<Stream>, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    precondition(box.pointee.accepted >= 0)
    let loop = box.pointee.loop
    let prepared =
      isUnix
      ? Stream.preparePipe(stream, loop: loop, owner: owner, handlers: handlers)
      : Stream.prepareTCP(stream, loop: loop, owner: owner, handlers: handlers)
    precondition(prepared == 0)  // neither makes a socket, so neither can fail
    let result = Stream.adopt(stream, descriptor: box.pointee.accepted)
    if result == 0 { box.pointee.accepted = -1 }
    return result
  }

  /// Sends `answer` as far as it fits at once, and closes. For when there is no room for a stream.
  /// What the peer has sent so far is read away first, because closing over unread bytes is a
  /// reset, which may overtake the answer.
  package func refuse(_ answer: ByteSlice) {
    precondition(box.pointee.accepted >= 0)
    let descriptor = box.pointee.accepted
    box.pointee.accepted = -1
    let quiet = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { room in
      for _ in 0..<16 where recv(descriptor, room.baseAddress, room.count, quiet) > 0 {}
    }
    _ = send(descriptor, answer.base, answer.count, quiet)
    _ = shutdown(descriptor, Int32(SHUT_WR))
    Descriptor.close(descriptor)
  }
}

// MARK: - Accepting

struct ListenerBox {
  let loop: Loop
  let poll: UnsafeMutablePointer<uv_poll_t>
  let rest: UnsafeMutablePointer<uv_timer_t>
  let owner: UnsafeMutableRawPointer
  let handlers: UnsafePointer<ListenerHandlers>
  let socket: ListeningSocket
  let number: UInt32
  let spares: UnsafeMutableBufferPointer<Int32>
  var sparesHeld = 0
  var accepted: Int32 = -1
  var peer = unspecifiedEndpoint
  var isClosed = false
  /// The poll and the rest timer; the box goes with the last.
  var handlesOpen = 2
}

extension Listener {
  fileprivate func acceptSome(atMost limit: Int) {
    var left = limit
    while left > 0, !box.pointee.isClosed {
      left -= 1
      let error = acceptOne()
      switch error {
      case 0: continue
      case EAGAIN: return
      case EMFILE where giveUpSpare(), ENFILE where giveUpSpare(): continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return rest(error)
      // This connection died in the queue (accept(2) lists how); the next may be well.
      default: continue
      }
    }
  }

  /// 0, or the positive errno of accept; EMFILE also for a connection that was accepted with a
  /// descriptor of the reserve, and has been offered all the same: there is one such at most for
  /// each spell.
  private func acceptOne() -> Int32 {
    var name = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let descriptor = withUnsafeMutablePointer(to: &name) {
      gateway_accept(
        box.pointee.socket.descriptor,
        UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &size)
    }
    if descriptor < 0 { return errno }
    box.pointee.accepted = descriptor
    box.pointee.peer = isUnix ? unspecifiedEndpoint : endpoint(of: &name)
    box.pointee.handlers.pointee.onConnection(box.pointee.owner, UnsafeMutableRawPointer(box))
    if box.pointee.accepted >= 0 {
      Descriptor.close(box.pointee.accepted)
      box.pointee.accepted = -1
    }
    return isOutside(descriptor) ? 0 : EMFILE
  }

  /// Traffic may use this descriptor.
  private func isOutside(_ descriptor: Int32) -> Bool {
    !box.pointee.spares.isEmpty || descriptor < DescriptorReserve.ceiling
  }

  private func rest(_ error: Int32) {
    guard !box.pointee.isClosed else { return }
    pause()
    restOn()
    box.pointee.handlers.pointee.onPaused(box.pointee.owner, 0 - error)
  }

  private func restOn() {
    _ = uv_timer_start(box.pointee.rest, listenerRested, Listener.restMilliseconds, 0)
  }

  /// Goes on when a descriptor is free that traffic may use, else rests on.
  fileprivate func rested() {
    refillSpares()
    let probe = fcntl(box.pointee.socket.descriptor, F_DUPFD_CLOEXEC, 0)
    if probe >= 0 { Descriptor.close(probe) }
    if (probe >= 0 && isOutside(probe)) || box.pointee.sparesHeld > 0 { resume() } else { restOn() }
  }
}

private func listener(_ data: UnsafeMutableRawPointer?) -> Listener {
  Listener(data.unsafelyUnwrapped)
}

private func socketReadable(
  _ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32
) {
  let listener = listener(handle.unsafelyUnwrapped.pointee.data)
  // libuv stops watching a socket that is in error; none is known for a listening one. Accepting
  // tells, resting bounds it.
  if status != 0 { listener.resume() }
  listener.acceptSome(
    atMost: listener.box.pointee.socket.isShared
      ? Listener.acceptsPerRoundShared : Listener.acceptsPerRound)
}

private func listenerRested(_ handle: UnsafeMutablePointer<uv_timer_t>?) {
  listener(handle.unsafelyUnwrapped.pointee.data).rested()
}

private func listenerHandleClosed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
  let box = listener(handle.unsafelyUnwrapped.pointee.data).box
  box.pointee.handlesOpen -= 1
  guard box.pointee.handlesOpen == 0 else { return }
  box.pointee.poll.deallocate()
  box.pointee.rest.deallocate()
  box.pointee.spares.deallocate()
  box.deallocate()
}
