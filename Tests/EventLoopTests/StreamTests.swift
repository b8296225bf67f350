// Why this file exists: what only a real socket can say about a stream.

import EventLoop
import Glibc
import Primitives
import Testing

@Suite(.serialized, .timeLimit(.minutes(3)))
struct StreamTests {
  let loop: Loop
  init() throws {
    Signals.ignoreBrokenPipes()
    loop = try Loop.create()
  }

  /// Both ends on one loop: who connected, and who was accepted.
  private func pair(bufferSize: Int = 65_536) throws -> (door: Door, client: Wire, server: Wire) {
    let door = try Door.tcp(loop)
    door.bufferSize = bufferSize
    let client = Wire(bufferSize: bufferSize)
    #expect(client.connect(loop, to: door.address) == 0)
    turn(loop) { !client.heard.isEmpty && !door.wires.isEmpty }
    #expect(client.heard == [.connected(0)])
    return (door, client, door.wires[0])
  }

  /// One end accepted, the other a plain socket.
  private func plainPair(bufferSize: Int = 65_536) throws -> (Door, PlainSocket, Wire) {
    let door = try Door.tcp(loop)
    door.bufferSize = bufferSize
    let plain = PlainSocket.connected(to: door.socket.boundEndpoint)
    turn(loop) { !door.wires.isEmpty }
    return (door, plain, door.wires[0])
  }

  private func end(_ door: Door, _ others: Wire...) {
    door.closeAll()
    for wire in others { Stream.close(wire.stream) }
    #expect(loop.destroy() == 0)
    for wire in door.wires + others { #expect(wire.heard.count { $0 == .closed } == 1) }
  }

  @Test func `Bytes go both ways between a connecting and an accepted stream`() throws {
    let (door, client, server) = try pair()
    Stream.startReading(client.stream)
    Stream.startReading(server.stream)
    #expect(Stream.isReading(server.stream))
    #expect(client.tryWrite(Array("ping".utf8)) == 4)
    turn(loop) { server.received.count == 4 }
    #expect(server.tryWrite(Array("pong!".utf8)) == 5)
    turn(loop) { client.received.count == 5 }
    #expect(server.received == Array("ping".utf8))
    #expect(client.received == Array("pong!".utf8))
    end(door, client)
  }

  @Test func `A listener knows its peer, and both ends have Nagle's algorithm off`() throws {
    let (door, client, server) = try pair()
    #expect(Stream.peer(client.stream) == door.socket.boundEndpoint)
    #expect(Stream.peer(server.stream) == door.peers[0])
    #expect(door.peers[0].address == IPAddress(v4: 0x7f00_0001))
    #expect(door.peers[0].port != 0)
    for wire in [client, server] {
      #expect(option(Stream.descriptor(wire.stream), Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
    }
    Stream.setNoDelay(server.stream, false)
    #expect(option(Stream.descriptor(server.stream), Int32(IPPROTO_TCP), TCP_NODELAY) == 0)
    end(door, client)
  }

  @Test func `What a slow reader does not take is written as it takes it, and told once`() throws {
    let (door, plain, server) = try plainPair()
    // Sizes of the system's own choice may grow while the test looks away, and take everything.
    setOption(plain.descriptor, SO_RCVBUF, 64 * 1024)
    setOption(Stream.descriptor(server.stream), SO_SNDBUF, 64 * 1024)
    let block = [UInt8](repeating: 7, count: 1 << 20)
    let taken = server.tryWrite(block)
    #expect(taken > 0 && taken < block.count)
    let rest = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0) }
    #expect(server.write(rest) == 0)
    #expect(Stream.hasPendingWrite(server.stream))
    // While it is under way nothing may overtake it.
    #expect(server.tryWrite([1]) == 0)
    var got: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    turn(loop) {
      let count = recv(plain.descriptor, &room, room.count, Int32(MSG_DONTWAIT))
      if count > 0 { got.append(contentsOf: room[..<count]) }
      return got.count == taken + rest.count && !server.heard.isEmpty
    }
    #expect(server.heard == [.written(0)])
    #expect(!Stream.hasPendingWrite(server.stream))
    #expect(Array(got.suffix(rest.count)) == rest)
    plain.close()
    end(door)
  }

  @Test func `Several vectors leave in order, and a write of four needs no more than one request`()
    throws
  {
    let (door, plain, server) = try plainPair()
    let words: [StaticString] = ["one ", "two ", "three ", "four"]
    var vectors = words.map { IOVector($0.utf8Start, $0.utf8CodeUnitCount) }
    #expect(Stream.tryWrite(server.stream, &vectors, 4) == 18)
    #expect(Stream.write(server.stream, &vectors, 4) == 0)
    turn(loop) { server.heard == [.written(0)] }
    Stream.close(server.stream)
    #expect(plain.readToEnd().bytes == Array("one two three fourone two three four".utf8))
    plain.close()
    end(door)
  }

  @Test func `A write that leaves in parts goes on where it stopped, in whichever vector that was`()
    throws
  {
    let (door, plain, server) = try plainPair()
    let whole = (0..<(6 << 20)).map { UInt8(truncatingIfNeeded: $0 >> 8 ^ $0) }
    let cuts = [0, 1, 3 << 20, (3 << 20) + 7, 6 << 20]
    var got: [UInt8] = []
    whole.withUnsafeBufferPointer { bytes in
      let base = bytes.baseAddress!
      var vectors = (0..<4).map { IOVector(base + cuts[$0], cuts[$0 + 1] - cuts[$0]) }
      #expect(Stream.write(server.stream, &vectors, 4) == 0)
      #expect(Stream.unsentBytes(server.stream) == whole.count)
      var room = [UInt8](repeating: 0, count: 100_003)
      turn(loop) {
        let count = recv(plain.descriptor, &room, room.count, Int32(MSG_DONTWAIT))
        if count > 0 { got.append(contentsOf: room[..<count]) }
        return got.count == whole.count && !server.heard.isEmpty
      }
    }
    #expect(got == whole)
    #expect(server.heard == [.written(0)] && Stream.unsentBytes(server.stream) == 0)
    plain.close()
    end(door)
  }

  @Test func `A peer that resets while a write waits is an error of the write`() throws {
    let (door, plain, server) = try plainPair()
    #expect(server.write([UInt8](repeating: 1, count: 8 << 20)) == 0)
    for _ in 0..<20 { loop.runOnce(waiting: false) }
    #expect(server.heard.isEmpty)
    plain.reset()
    turn(loop) { !server.heard.isEmpty }
    let errors = [EPIPE, ECONNRESET].map { Heard.written(0 - $0) }
    #expect(server.heard.count == 1 && errors.contains(server.heard[0]))
    end(door)
  }

  @Test func `A peer that finishes is an end, and can still be answered`() throws {
    let (door, plain, server) = try plainPair()
    Stream.startReading(server.stream)
    plain.send(Array("bye".utf8))
    plain.finish()
    turn(loop) { server.isOver }
    #expect(server.heard == [.bytes(3), .end])
    #expect(Stream.hasEnded(server.stream) && !Stream.isReading(server.stream))
    #expect(server.tryWrite(Array("answer".utf8)) == 6)
    #expect(Stream.startReading(server.stream) == 0)
    #expect(!Stream.isReading(server.stream))
    Stream.close(server.stream)
    let answer = plain.readToEnd()
    #expect(answer.bytes == Array("answer".utf8) && answer.end == 0)
    plain.close()
    end(door)
  }

  @Test func `A peer that resets is an error, not an end`() throws {
    let (door, plain, server) = try plainPair()
    Stream.startReading(server.stream)
    plain.reset()
    turn(loop) { server.isOver }
    #expect(server.heard == [.failed(0 - Int(ECONNRESET))])
    end(door)
  }

  @Test func `A reset right behind data does not look like an end`() throws {
    let (door, plain, server) = try plainPair()
    // Both are there before the first read, so the system reports data and hang-up in one event.
    plain.send(Array("half of a body".utf8))
    plain.reset()
    Stream.startReading(server.stream)
    turn(loop) { server.isOver }
    #expect(server.heard == [.bytes(14), .failed(0 - Int(ECONNRESET))])
    end(door)
  }

  @Test func `An end is an end, also when a reset follows it`() throws {
    let (door, plain, server) = try plainPair()
    #expect(server.tryWrite([1, 2, 3]) == 3)
    plain.send(Array("all of a body".utf8))
    plain.finish()
    // Closing over unread bytes is a reset.
    plain.close()
    Stream.startReading(server.stream)
    turn(loop) { server.isOver }
    #expect(server.heard == [.bytes(13), .end])
    end(door)
  }

  @Test func `Closing is a FIN at the peer`() throws {
    let (door, plain, server) = try plainPair()
    _ = server.tryWrite([1, 2, 3])
    Stream.close(server.stream)
    let (bytes, end) = plain.readToEnd()
    #expect(bytes == [1, 2, 3] && end == 0)
    plain.close()
    self.end(door)
  }

  @Test(arguments: [false, true])
  func `Resetting is a reset at the peer, also after shutting down writing`(shutFirst: Bool) throws
  {
    let (door, plain, server) = try plainPair()
    if shutFirst { #expect(Stream.shutdownWriting(server.stream) == 0) }
    Stream.reset(server.stream)
    if shutFirst { turn(loop) { server.isClosed } }
    // Behind a FIN no read tells of the reset.
    if shutFirst {
      turn(loop) { option(plain.descriptor, SOL_SOCKET, SO_ERROR) == EPIPE }
    } else {
      #expect(plain.readToEnd().end == 0 - Int(ECONNRESET))
    }
    plain.close()
    end(door)
  }

  @Test func `Closing tells its owner once, later, and nothing else any more`() throws {
    let (door, plain, server) = try plainPair()
    Stream.startReading(server.stream)
    plain.send([1])
    let block = [UInt8](repeating: 0, count: 8 << 20)
    #expect(server.write(block) == 0)
    Stream.close(server.stream)
    Stream.close(server.stream)
    Stream.reset(server.stream)
    #expect(Stream.isClosing(server.stream))
    #expect(server.heard.isEmpty)
    turn(loop) { server.isClosed }
    #expect(server.heard == [.closed])
    plain.close()
    end(door)
  }

  @Test func `A stream closed by its own read callback hears no more`() throws {
    let (door, plain, server) = try plainPair(bufferSize: 4)
    server.onRead = { Stream.close($0.stream) }
    plain.send(Array("many small buffers".utf8))
    Stream.startReading(server.stream)
    turn(loop) { server.isClosed }
    #expect(server.heard == [.bytes(4), .closed])
    plain.close()
    end(door)
  }

  @Test
  func `Connecting where nobody listens is refused, and a connect that is closed is not told`()
    throws
  {
    let free = try ListeningSocket.tcp(loopback(0), reusePort: false)
    let nowhere = BackendAddress(tcp: free.boundEndpoint)
    free.abandon()
    let refused = Wire()
    #expect(refused.connect(loop, to: nowhere) == 0)
    #expect(Stream.isConnecting(refused.stream))
    #expect(refused.tryWrite([1]) == 0)
    let dropped = Wire()
    #expect(dropped.connect(loop, to: nowhere) == 0)
    Stream.close(dropped.stream)
    turn(loop) { !refused.heard.isEmpty && !dropped.heard.isEmpty }
    #expect(refused.heard == [.connected(0 - ECONNREFUSED)])
    #expect(dropped.heard == [.closed])
    Stream.close(refused.stream)
    turn(loop) { refused.isClosed }
    #expect(loop.destroy() == 0)
  }

  @Test func `A stream that was only prepared closes`() throws {
    let wire = Wire()
    #expect(
      Stream.prepareTCP(wire.stream, loop: loop, owner: wire.owner, handlers: wireHandlers) == 0)
    #expect(Stream.descriptor(wire.stream) == -1)
    Stream.reset(wire.stream)
    #expect(loop.destroy() == 0)
    #expect(wire.heard == [.closed])
  }

  @Test func `One stream with much to read lets the others have their turn`() throws {
    let (door, plain, server) = try plainPair(bufferSize: 16)
    plain.send([UInt8](repeating: 1, count: 16 * 40))
    Stream.startReading(server.stream)
    turn(loop) { server.reads > 0 }
    #expect(server.reads == Int(Stream.readsPerRound))
    turn(loop) { server.reads == 40 }
    #expect(server.received.count == 640)
    plain.close()
    end(door)
  }

  @Test func `Reading stops at once when asked to, and goes on with the next byte`() throws {
    let (door, plain, server) = try plainPair(bufferSize: 4)
    server.stopsAfterReads = 1
    plain.send(Array("abcdefgh".utf8))
    Stream.startReading(server.stream)
    turn(loop) { server.reads == 1 }
    for _ in 0..<20 { loop.runOnce(waiting: false) }
    #expect(server.received == Array("abcd".utf8))
    server.stopsAfterReads = .max
    Stream.startReading(server.stream)
    turn(loop) { server.received.count == 8 }
    #expect(server.received == Array("abcdefgh".utf8))
    plain.close()
    end(door)
  }

  @Test func `Shutting down writing ends one direction only`() throws {
    let (door, client, server) = try pair()
    Stream.startReading(client.stream)
    Stream.startReading(server.stream)
    #expect(Stream.shutdownWriting(client.stream) == 0)
    turn(loop) { server.heard == [.end] }
    #expect(server.tryWrite([9]) == 1)
    turn(loop) { client.received == [9] }
    #expect(client.tryWrite([1]) == 0 - Int(EPIPE))
    end(door, client)
  }

  @Test func `Writing to a peer that has reset is an error, and no signal ends the process`() throws
  {
    let (door, plain, server) = try plainPair()
    plain.reset()
    var result = 0
    turn(loop) {
      result = server.tryWrite([1])
      return result < 0
    }
    #expect([0 - Int(EPIPE), 0 - Int(ECONNRESET)].contains(result))
    end(door)
  }
}
