// Why this file exists: a change under load needs somebody who loads: a backend and clients, as
// small as they can be, each connection a thread that waits.
import EventLoop
import Glibc
import Primitives
import Testing

/// Numbers that the threads of a test share.
struct SharedFacts: Sendable {
  let answered = SharedWord.allocate()
  let failed = SharedWord.allocate()
  let isOver = SharedWord.allocate()
  /// Requests for /a/held are answered once it is not 0.
  let mayAnswer = SharedWord.allocate()

  struct NotInTime: Error {}

  /// Looks again until it holds, for as long as a slow machine may need.
  func wait(until condition: () -> Bool) throws {
    let deadline = Loop.clock() + .seconds(30)
    while !condition() {
      if Loop.clock() > deadline { throw NotInTime() }
      poll(nil, 0, 1)
    }
  }
}

private func loopback(_ port: UInt16, _ host: UInt32) -> sockaddr_in {
  var name = sockaddr_in()
  name.sin_family = sa_family_t(AF_INET)
  name.sin_port = port.bigEndian
  name.sin_addr.s_addr = host.bigEndian
  return name
}

private func withName<Result>(
  _ name: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  withUnsafeMutablePointer(to: &name) { pointer in
    body(
      UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
      socklen_t(MemoryLayout<sockaddr_in>.size))
  }
}

/// Reads a head, and what came with its end; nil at the end of the connection.
private func readHead(_ socket: Int32) -> String? {
  var text = ""
  var piece = [UInt8](repeating: 0, count: 4_096)
  while !text.utf8.contains([13, 10, 13, 10]) {
    let count = read(socket, &piece, piece.count)
    if count <= 0 { return nil }
    text += String(decoding: piece[..<count], as: UTF8.self)
  }
  return text
}

private func send(_ socket: Int32, _ text: String) -> Bool {
  var bytes = Array(text.utf8)
  return write(socket, &bytes, bytes.count) == bytes.count
}

/// Answers on every address of 127.0.0.0/8, at one port. One thread for all connections: one for
/// each would keep its stack until it is joined, and the tests look at memory.
final class LoopbackBackend {
  let port: UInt16
  private let thread: WorkerThread
  private let isEnding = SharedWord.allocate()

  init(_ facts: SharedFacts) throws {
    let listening = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = loopback(0, 0)
    try #require(withName(&name) { bind(listening, $0, $1) } == 0)
    try #require(listen(listening, 512) == 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withName(&name) { pointer, _ in getsockname(listening, pointer, &size) }
    port = UInt16(bigEndian: name.sin_port)
    let isEnding = isEnding
    thread = try WorkerThread.start(name: "backend") {
      var serving = Serving(listening, facts)
      while isEnding.load() == 0 { serving.round() }
      serving.end()
    }
  }

  private struct Serving {
    private var sockets: [pollfd]
    private var held: [Int32] = []
    private let facts: SharedFacts

    init(_ listening: Int32, _ facts: SharedFacts) {
      sockets = [pollfd(fd: listening, events: Int16(POLLIN), revents: 0)]
      self.facts = facts
    }

    mutating func round() {
      if facts.mayAnswer.load() != 0 {
        for socket in held { _ = answer(socket) }
        held = []
      }
      guard poll(&sockets, nfds_t(sockets.count), 5) > 0 else { return }
      var ended: Set<Int32> = []
      for ready in sockets[1...] where ready.revents != 0 && !serve(ready.fd) {
        close(ready.fd)
        ended.insert(ready.fd)
      }
      let isOffered = sockets[0].revents != 0
      sockets.removeAll { ended.contains($0.fd) }
      if isOffered {
        let accepted = accept(sockets[0].fd, nil, nil)
        sockets.append(pollfd(fd: accepted, events: Int16(POLLIN), revents: 0))
      }
    }

    private mutating func serve(_ socket: Int32) -> Bool {
      guard let head = readHead(socket) else { return false }
      if head.hasPrefix("GET /a/held ") && facts.mayAnswer.load() == 0 {
        held.append(socket)
        return true
      }
      return answer(socket)
    }

    private func answer(_ socket: Int32) -> Bool {
      send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }

    func end() {
      for socket in sockets { close(socket.fd) }
    }
  }

  func stop() {
    isEnding.store(1)
    thread.join()
  }
}

/// One connection to the gateway.
struct LoopbackClient {
  private let socket: Int32

  init(_ port: UInt16) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let target = socket
    var name = loopback(port, 0x7F00_0001)
    try #require(withName(&name) { connect(target, $0, $1) } == 0)
  }

  /// The first line and the fields of the answer, which has no body.
  func get(_ path: String) -> String? {
    send(socket, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n") ? readHead(socket) : nil
  }

  func end() { close(socket) }

  /// Asks again and again until the test is over.
  static func start(_ port: UInt16, _ path: String, _ facts: SharedFacts) throws -> WorkerThread {
    let client = try LoopbackClient(port)
    return try WorkerThread.start(name: "client", stackSize: 256 << 10) {
      while facts.isOver.load() == 0 {
        if client.get(path)?.hasPrefix("HTTP/1.1 200 ") == true {
          facts.answered.add(1)
        } else {
          facts.failed.add(1)
          break
        }
      }
      client.end()
    }
  }
}
