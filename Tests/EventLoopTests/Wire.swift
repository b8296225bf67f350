// Why this file exists: the tests' own owner of a stream, which writes down everything it hears,
// and plain blocking sockets for the other end.

import EventLoop
import Glibc
import Primitives
import Testing

enum Heard: Equatable {
  case connected(Int32)
  case bytes(Int)
  case end
  case failed(Int)
  case written(Int32)
  case closed
}

/// A stream with a diary.
final class Wire {
  let stream = UnsafeMutablePointer<EventLoop.Stream>.allocate(capacity: 1)
  var heard: [Heard] = []
  var received: [UInt8] = []
  var buffer: UnsafeMutablePointer<UInt8>
  let bufferSize: Int
  var onRead: ((Wire) -> Void)?
  /// Reading after this many reads asks for nothing more.
  var stopsAfterReads = Int.max

  init(bufferSize: Int = 65_536) {
    self.bufferSize = bufferSize
    buffer = .allocate(capacity: bufferSize)
    // Any memory will do: prepare must set what matters.
    memset(stream, 0xa5, MemoryLayout<EventLoop.Stream>.size)
  }

  deinit {
    stream.deallocate()
    buffer.deallocate()
    for bytes in kept { bytes.deallocate() }
  }

  var owner: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
  var isClosed: Bool { heard.last == .closed }
  var reads: Int { heard.count { if case .bytes = $0 { true } else { false } } }
  var isOver: Bool { heard.contains { $0 == .end || $0.isFailure } }

  func connect(_ loop: Loop, to address: BackendAddress) -> Int32 {
    #expect(
      Stream.prepare(stream, for: address, loop: loop, owner: owner, handlers: wireHandlers) == 0)
    return Stream.connect(stream, to: address)
  }

  func tryWrite(_ bytes: [UInt8]) -> Int {
    bytes.withUnsafeBufferPointer {
      var vector = IOVector($0.baseAddress, $0.count)
      return Stream.tryWrite(stream, &vector, 1)
    }
  }

  /// The bytes stay in `kept` until the wire goes.
  var kept: [UnsafeMutablePointer<UInt8>] = []
  func write(_ bytes: [UInt8]) -> Int32 {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: $0.count) }
    kept.append(copy)
    var vector = IOVector(copy, bytes.count)
    return Stream.write(stream, &vector, 1)
  }
}

extension Heard {
  var isFailure: Bool { if case .failed = self { true } else { false } }
}

private func wire(_ owner: UnsafeMutableRawPointer) -> Wire {
  Unmanaged<Wire>.fromOpaque(owner).takeUnretainedValue()
}

nonisolated(unsafe) let wireHandlers: UnsafePointer<StreamHandlers> = {
  let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  table.initialize(
    to: StreamHandlers(
      onBuffer: { owner, base, count in
        base.pointee = wire(owner).buffer
        count.pointee = wire(owner).bufferSize
      },
      onRead: { owner, base, count in
        let wire = wire(owner)
        if count > 0 {
          wire.heard.append(.bytes(count))
          wire.received.append(contentsOf: UnsafeBufferPointer(start: base, count: count))
          if wire.reads >= wire.stopsAfterReads { Stream.stopReading(wire.stream) }
        } else {
          wire.heard.append(count == 0 ? .end : .failed(count))
        }
        wire.onRead?(wire)
      },
      onWritten: { owner, status in wire(owner).heard.append(.written(status)) },
      onConnected: { owner, status in wire(owner).heard.append(.connected(status)) },
      onClosed: { owner in wire(owner).heard.append(.closed) }))
  return UnsafePointer(table)
}()

/// A listener that accepts into wires.
final class Door {
  var wires: [Wire] = []
  var peers: [Endpoint] = []
  var pauses: [Int32] = []
  /// What to do with a connection; true = it was taken.
  var decide: ((Door, Listener) -> Bool)?
  var bufferSize = 65_536
  private(set) var listener: Listener!
  let socket: ListeningSocket

  init(_ loop: Loop, _ socket: ListeningSocket, spares: Int = 0) throws {
    self.socket = socket
    listener = try Listener.open(
      loop, socket, owner: Unmanaged.passUnretained(self).toOpaque(), handlers: doorHandlers,
      spares: spares)
  }

  static func tcp(_ loop: Loop) throws -> Door {
    try Door(loop, .tcp(loopback(0), reusePort: false))
  }

  var address: BackendAddress { BackendAddress(tcp: socket.boundEndpoint) }

  fileprivate func offered(_ listener: Listener) {
    peers.append(listener.peer)
    if let decide, decide(self, listener) { return }
    if decide != nil { return }
    let wire = Wire(bufferSize: bufferSize)
    #expect(listener.accept(into: wire.stream, owner: wire.owner, handlers: wireHandlers) == 0)
    wires.append(wire)
  }

  func closeAll() {
    for wire in wires { Stream.close(wire.stream) }
    listener.close()
  }
}

private nonisolated(unsafe) let doorHandlers: UnsafePointer<ListenerHandlers> = {
  let table = UnsafeMutablePointer<ListenerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: ListenerHandlers(
      onConnection: { owner, token in
        Unmanaged<Door>.fromOpaque(owner).takeUnretainedValue().offered(Listener(token))
      },
      onPaused: { owner, error in
        Unmanaged<Door>.fromOpaque(owner).takeUnretainedValue().pauses.append(error)
      }))
  return UnsafePointer(table)
}()

func loopback(_ port: UInt16) -> Endpoint {
  Endpoint(address: IPAddress(v4: 0x7f00_0001), port: port)
}

/// Turns the loops until the condition holds; gives up after 10 s, which is a failure and no
/// measure of time.
func turn(
  _ loops: Loop..., until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) {
  let end = Loop.clock() + .seconds(10)
  while !condition() {
    for loop in loops { loop.runOnce(waiting: false) }
    if Loop.clock() > end {
      Issue.record("the condition never held", sourceLocation: sourceLocation)
      return
    }
  }
}

extension ListeningSocket {
  /// What a process leaves that is gone: from here on nobody answers. Closing alone says so later
  /// while another test starts a program, which holds every descriptor up to its exec.
  func abandon() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close()
  }
}

/// The other end as an ordinary blocking socket.
struct PlainSocket {
  let descriptor: Int32

  /// Connects to a listener on loopback; the system completes this without anybody accepting.
  static func connected(to endpoint: Endpoint) -> PlainSocket {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = endpoint.port.bigEndian
    name.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.low).bigEndian
    let result = withUnsafePointer(to: &name) {
      connect(
        descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    #expect(result == 0, "connect: \(errorText(errno))")
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    return PlainSocket(descriptor: descriptor)
  }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Int { Descriptor.write(descriptor, bytes, bytes.count) }
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
  func close() { Descriptor.close(descriptor) }

  func reset() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// Everything up to the end, and 0 or -errno.
  func readToEnd() -> (bytes: [UInt8], end: Int) {
    var all: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Descriptor.read(descriptor, &room, room.count)
      if count <= 0 { return (all, count) }
      all.append(contentsOf: room[..<count])
    }
  }
}

func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
  var value: Int32 = -1
  var size = socklen_t(MemoryLayout<Int32>.size)
  getsockopt(descriptor, level, name, &value, &size)
  return value
}

func setOption(_ descriptor: Int32, _ name: Int32, _ value: Int32) {
  var value = value
  let size = socklen_t(MemoryLayout<Int32>.size)
  #expect(setsockopt(descriptor, SOL_SOCKET, name, &value, size) == 0)
}
