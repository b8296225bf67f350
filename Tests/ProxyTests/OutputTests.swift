// Why this file exists: what is written to a slow peer arrives whole, once and in order, and the
// queue knows how much of it the socket has taken.
import EventLoop
import Glibc
import Primitives
import Testing

@testable import Proxy

/// One connection under test, with the queue that writes to it.
private struct Writer {
  var stream = Stream()
  var output = Output()
  var pool: UnsafeMutablePointer<BufferPool>
  var result: Int32 = 0
  var isClosed = false
}

private typealias WriterRef = UnsafeMutablePointer<Writer>

private func writer(_ owner: UnsafeMutableRawPointer) -> WriterRef {
  owner.assumingMemoryBound(to: Writer.self)
}

extension WriterRef {
  fileprivate var stream: UnsafeMutablePointer<Stream> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }
}

nonisolated(unsafe) private let handlers: UnsafeMutablePointer<StreamHandlers> = {
  let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  table.initialize(
    to: StreamHandlers(
      onBuffer: { _, _, _ in }, onRead: { _, _, _ in },
      onWritten: { owner, _ in
        let self_ = writer(owner)
        self_.pointee.result = self_.pointee.output.written(self_.stream, self_.pointee.pool)
      },
      onConnected: { owner, status in writer(owner).pointee.result = status },
      onClosed: { owner in writer(owner).pointee.isClosed = true }))
  return table
}()

@Suite(.serialized) struct OutputTests {
  /// A listening socket of the system and the address it was given.
  private func listen() throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var small: Int32 = 4096
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &small, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && Glibc.listen(descriptor, 4) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    try #require(bound)
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  @Test(.timeLimit(.minutes(3)))
  func `bytes that come while a write is under way are neither lost nor repeated`() throws {
    let (listening, port) = try listen()
    let loop = try Loop.create()
    let node = WriterRef.allocate(capacity: 1)
    let pool = UnsafeMutablePointer<BufferPool>.allocate(capacity: 1)
    pool.initialize(to: .create())
    node.initialize(to: Writer(pool: pool))
    let address = BackendAddress(
      tcp: Endpoint(address: IPAddress(v4: 0x7F00_0001), port: port))
    try #require(
      Stream.prepare(
        node.stream, for: address, loop: loop, owner: UnsafeMutableRawPointer(node),
        handlers: handlers) == 0)
    try #require(Stream.connect(node.stream, to: address) == 0)
    while Stream.isConnecting(node.stream) { _ = loop.runOnce(waiting: true) }
    let peer = accept(listening, nil, nil)
    try #require(peer >= 0 && node.pointee.result == 0)

    var random = Xoroshiro(seed: 11)
    var sent: [UInt8] = []
    var received: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 70_000)
    let total = 2_000_000
    while sent.count < total || received.count < sent.count {
      if sent.count < total && node.pointee.output.pending < Output.highMark {
        let first = random.next()
        let length = Int(random.below(60_000)) + 1
        let piece = [UInt8](unsafeUninitializedCapacity: length) { bytes, count in
          for index in 0..<length {
            bytes[index] = UInt8(truncatingIfNeeded: first &+ UInt64(index))
          }
          count = length
        }
        sent += piece
        send(piece, node)
      }
      try #require(node.pointee.result == 0)
      try #require(node.pointee.output.handed == UInt64(sent.count))
      try #require(node.pointee.output.taken(by: node.stream) <= UInt64(sent.count))
      let count = recv(peer, &room, Int(random.below(69_999)) + 1, Int32(MSG_DONTWAIT))
      if count > 0 { received += room[0..<count] }
      _ = loop.runOnce(waiting: false)
    }
    let isSame = received == sent
    #expect(isSame)
    #expect(node.pointee.output.isEmpty)
    #expect(node.pointee.output.taken(by: node.stream) == UInt64(sent.count))

    Stream.close(node.stream)
    while !node.pointee.isClosed { _ = loop.runOnce(waiting: true) }
    node.pointee.output.destroy(pool)
    #expect(pool.pointee.buffersOut == 0)
    #expect(loop.destroy() == 0)
    pool.pointee.destroy()
    pool.deallocate()
    node.deallocate()
    close(peer)
    close(listening)
  }

  /// In two vectors, as heads and bodies go.
  private func send(_ piece: [UInt8], _ node: WriterRef) {
    piece.withUnsafeBufferPointer { bytes in
      let half = bytes.count / 2
      withUnsafeTemporaryAllocation(of: IOVector.self, capacity: 2) { vectors in
        let base = bytes.baseAddress.unsafelyUnwrapped
        vectors[0] = IOVector(base, half)
        vectors[1] = IOVector(base + half, bytes.count - half)
        node.pointee.result = node.pointee.output.send(
          node.stream, vectors.baseAddress.unsafelyUnwrapped, 2, node.pointee.pool)
      }
    }
  }
}
