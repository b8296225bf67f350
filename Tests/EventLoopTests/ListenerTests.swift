// Why this file exists: accepting, sharing and giving up addresses, on real sockets.

import EventLoop
import Glibc
import Primitives
import Testing

@Suite(.serialized, .timeLimit(.minutes(3)))
struct ListenerTests {
  let loop: Loop
  init() throws { loop = try Loop.create() }

  private func end(_ loops: Loop...) {
    for loop in loops { #expect(loop.destroy() == 0) }
  }

  private func temporaryPath() -> String {
    "/tmp/gateway-listener-\(getpid())-\(UInt32.random(in: .min ... .max)).sock"
  }

  @Test func `Two loops with SO_REUSEPORT both accept on one port`() throws {
    let other = try Loop.create()
    let first = try ListeningSocket.tcp(loopback(0), reusePort: true)
    let doors = [
      try Door(loop, first),
      try Door(other, ListeningSocket.tcp(first.boundEndpoint, reusePort: true)),
    ]
    let plains = (0..<64).map { _ in PlainSocket.connected(to: first.boundEndpoint) }
    turn(loop, other) { doors[0].wires.count + doors[1].wires.count == 64 }
    #expect(doors[0].wires.count > 0)
    #expect(doors[1].wires.count > 0)
    for plain in plains { plain.close() }
    for door in doors { door.closeAll() }
    end(loop, other)
  }

  @Test func `A probe sees a listener that SO_REUSEPORT would have hidden`() throws {
    let taken = try ListeningSocket.tcp(loopback(0), reusePort: true)
    let expected = EventLoopError(operation: "listen on \(taken.boundEndpoint)", code: EADDRINUSE)
    #expect(throws: expected) { try ListeningSocket.probe(taken.boundEndpoint) }
    #expect("\(expected)" == "listen on \(taken.boundEndpoint): address already in use")
    taken.abandon()
    try ListeningSocket.probe(taken.boundEndpoint)
    try ListeningSocket.probe(loopback(0))
    end(loop)
  }

  @Test func `An address that is not ours is an error with its reason`() throws {
    let foreign = Endpoint(address: IPAddress(v4: 0xc000_0201), port: 0)  // TEST-NET-1
    #expect(throws: EventLoopError(operation: "listen on 192.0.2.1:0", code: EADDRNOTAVAIL)) {
      try ListeningSocket.tcp(foreign, reusePort: false)
    }
    end(loop)
  }

  @Test func `IPv6 takes IPv6 only, beside IPv4 on the same port`() throws {
    let v6 = try ListeningSocket.tcp(
      Endpoint(address: IPAddress(high: 0, low: 0), port: 0), reusePort: false)
    let v4 = try ListeningSocket.tcp(
      Endpoint(address: IPAddress(v4: 0), port: v6.boundEndpoint.port), reusePort: false)
    let doors = [try Door(loop, v6), try Door(loop, v4)]
    let client = Wire()
    let target = Endpoint(address: IPAddress(high: 0, low: 1), port: v6.boundEndpoint.port)
    #expect(client.connect(loop, to: BackendAddress(tcp: target)) == 0)
    turn(loop) { !doors[0].wires.isEmpty && client.heard == [.connected(0)] }
    #expect(doors[0].peers[0].address == IPAddress(high: 0, low: 1))
    #expect(Stream.peer(client.stream) == target)
    Stream.close(client.stream)
    for door in doors { door.closeAll() }
    end(loop)
  }

  @Test func `What waits in the accept queue is delivered before a listener closes`() throws {
    let door = try Door.tcp(loop)
    let plains = (0..<100).map { _ in PlainSocket.connected(to: door.socket.boundEndpoint) }
    Listener.drainAcceptQueues(of: [door.listener])
    #expect(door.wires.count == 100)
    door.listener.close()
    door.listener.close()
    _ = door.wires[99].tryWrite([5])
    for wire in door.wires { Stream.close(wire.stream) }
    #expect(plains[99].readToEnd().bytes == [5])
    for plain in plains { plain.close() }
    end(loop)
  }

  @Test func `One round accepts a bounded number, and the next ones the rest`() throws {
    let door = try Door.tcp(loop)
    let plains = (0..<80).map { _ in PlainSocket.connected(to: door.socket.boundEndpoint) }
    loop.runOnce(waiting: true)
    #expect(door.wires.count == Listener.acceptsPerRound)
    turn(loop) { door.wires.count == 80 }
    for plain in plains { plain.close() }
    door.closeAll()
    end(loop)
  }

  @Test func `A paused listener leaves connections waiting until it resumes`() throws {
    let door = try Door.tcp(loop)
    door.listener.pause()
    let plain = PlainSocket.connected(to: door.socket.boundEndpoint)
    for _ in 0..<20 { loop.runOnce(waiting: false) }
    #expect(door.wires.isEmpty)
    door.listener.resume()
    turn(loop) { door.wires.count == 1 }
    plain.close()
    door.closeAll()
    end(loop)
  }

  @Test func `A connection that nobody takes is closed, and a refused one gets its answer`() throws
  {
    let door = try Door.tcp(loop)
    door.decide = { _, _ in false }
    let ignored = PlainSocket.connected(to: door.socket.boundEndpoint)
    turn(loop) { door.peers.count == 1 }
    let (bytes, end) = ignored.readToEnd()
    #expect(bytes.isEmpty && end == 0)
    let answer: StaticString = "HTTP/1.1 503 Service Unavailable\r\n\r\n"
    door.decide = { _, listener in
      listener.refuse(ByteSlice(answer.utf8Start, answer.utf8CodeUnitCount))
      return true
    }
    let refused = PlainSocket.connected(to: door.socket.boundEndpoint)
    // Unread bytes at the close would turn it into a reset.
    refused.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
    turn(loop) { door.peers.count == 2 }
    let told = refused.readToEnd()
    #expect(told.bytes.count == answer.utf8CodeUnitCount && told.end == 0)
    #expect(option(refused.descriptor, SOL_SOCKET, SO_ERROR) == 0)
    ignored.close()
    refused.close()
    door.closeAll()
    self.end(loop)
  }

  @Test func `A listener may be closed by its own callback`() throws {
    let door = try Door.tcp(loop)
    door.decide = { door, listener in
      listener.close()
      return false
    }
    let plains = (0..<3).map { _ in PlainSocket.connected(to: door.socket.boundEndpoint) }
    turn(loop) { !door.peers.isEmpty }
    #expect(door.peers.count == 1)
    for plain in plains { plain.close() }
    end(loop)
  }

  @Test func `Workers share one unix socket, and one that stops does not stop the other`() throws {
    let path = temporaryPath()
    let other = try Loop.create()
    let socket = try ListeningSocket.unix(path)
    let file = try #require(UnixSocketFile(path: path))
    let doors = [try Door(loop, socket), try Door(other, socket.duplicate())]
    let name = strdup(path)!
    let address = BackendAddress(unixPath: name)
    let client = Wire()
    #expect(client.connect(loop, to: address) == 0)
    turn(loop, other) {
      doors[0].wires.count + doors[1].wires.count == 1 && client.heard.count == 1
    }
    #expect(client.heard == [.connected(0)])
    doors[0].closeAll()
    turn(loop) { loop.openHandles == 1 }
    let second = Wire()
    #expect(second.connect(loop, to: address) == 0)
    turn(loop, other) { !doors[1].wires.isEmpty && second.heard == [.connected(0)] }
    let server = doors[1].wires.last!
    #expect(Stream.isUnix(server.stream))
    #expect(Stream.peer(server.stream) == Endpoint(address: IPAddress(v4: 0), port: 0))
    Stream.startReading(server.stream)
    #expect(second.tryWrite([1, 2]) == 2)
    turn(loop, other) { server.received == [1, 2] }
    Stream.reset(second.stream)
    turn(loop, other) { server.heard.last == .end }
    Stream.close(client.stream)
    doors[1].closeAll()
    file.remove()
    #expect(UnixSocketFile(path: path) == nil)
    free(name)
    end(loop, other)
  }

  @Test func `Connecting to a unix socket that is not there is told`() throws {
    let wire = Wire()
    let name = strdup(temporaryPath())!
    #expect(wire.connect(loop, to: BackendAddress(unixPath: name)) == 0)
    turn(loop) { !wire.heard.isEmpty }
    #expect(wire.heard == [.connected(0 - ENOENT)])
    Stream.close(wire.stream)
    free(name)
    end(loop)
  }

  @Test func `A socket file is replaced when nobody answers on it, and only then`() throws {
    let path = temporaryPath()
    let first = try ListeningSocket.unix(path)
    #expect(throws: EventLoopError(operation: "listen on unix:\(path)", code: EADDRINUSE)) {
      try ListeningSocket.unix(path)
    }
    #expect(UnixSocketFile(path: path) != nil)
    first.abandon()  // as after a crash: the file stays
    let second = try ListeningSocket.unix(path)
    let file = try #require(UnixSocketFile(path: path))
    // A successor has moved in before we remove our file: it must keep its own.
    unlink(path)
    let third = try ListeningSocket.unix(path)
    file.remove()
    #expect(UnixSocketFile(path: path) != nil)
    third.close()
    second.close()
    UnixSocketFile(path: path)?.remove()
    end(loop)
  }

  @Test func `A file that is no socket is left alone, and a path too long is explained`() throws {
    let path = temporaryPath()
    let descriptor = Descriptor.openForAppending(path)
    Descriptor.close(descriptor)
    #expect(throws: EventLoopError.self) { try ListeningSocket.unix(path) }
    #expect(access(path, F_OK) == 0)
    unlink(path)
    let long = "/tmp/" + String(repeating: "a", count: 103)
    #expect(long.utf8.count == 108)
    let expected = EventLoopError(
      operation: "listen on unix:\(long)",
      reason: "a socket's path has 1 to 107 bytes without NUL, this one has 108")
    #expect(throws: expected) { try ListeningSocket.unix(long) }
    end(loop)
  }
}
