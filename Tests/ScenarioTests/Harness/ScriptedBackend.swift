// Why this file exists: a backend that does exactly what a test tells it, well-behaved or not, and
// remembers every byte that reached it.

import Glibc

/// One connection that the gateway made to a scripted backend.
final class BackendConnection: @unchecked Sendable {
  /// The how manieth connection of its backend this is, from 0.
  let index: Int
  let wire: Wire
  private let log: Monitor<[Message]>

  fileprivate init(index: Int, wire: Wire, log: Monitor<[Message]>) {
    self.index = index
    self.wire = wire
    self.log = log
  }

  /// The next whole request; nil when the gateway closed the connection instead.
  func readRequest(within seconds: Double = 20, line: UInt = #line) throws -> Message? {
    let request = try wire.readRequest(within: seconds, line: line)
    if let request { log.update { $0.append(request) } }
    return request
  }

  /// The next head; the body stays to be read.
  func readHead(within seconds: Double = 20, line: UInt = #line) throws -> Message? {
    let request = try wire.readRequestHead(within: seconds, line: line)
    if let request { log.update { $0.append(request) } }
    return request
  }

  func write(_ text: String, line: UInt = #line) throws { try wire.send(text, line: line) }

  /// A whole response with a Content-Length.
  func respond(
    _ status: String = "200 OK", fields: String = "", body: String = "", line: UInt = #line
  ) throws {
    try write(
      "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)",
      line: line)
  }

  /// Answers one request after the other until the gateway closes.
  func serve(_ answer: (Message) throws -> String) throws {
    while let request = try readRequest() { try write(answer(request)) }
  }

  /// Waits, reading, until the gateway ends its side.
  @discardableResult
  func waitForEnd(within seconds: Double = 20, line: UInt = #line) throws -> StreamEnd {
    try wire.readToEnd(within: seconds, line: line)
  }
}

/// The answer that scenarios use where its content does not matter.
let plainAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

final class ScriptedBackend: @unchecked Sendable {
  typealias Script = @Sendable (BackendConnection) throws -> Void

  private struct State {
    var connections: [BackendConnection] = []
    var running = 0
    var failures: [String] = []
    var isStopping = false
  }

  let address: Address
  private let listener: Int32
  private let script: Script
  private let state = Monitor(State())
  private let log = Monitor<[Message]>([])
  private let acceptor = Monitor(false)

  /// Listens at once; every connection runs the script on a thread of its own, and is closed at
  /// the script's end.
  init(_ wanted: Address = .v4(0), _ script: @escaping Script) {
    self.script = script
    listener = Socket.make(wanted)
    if wanted.port == 0, case .unix(let path) = wanted { unlink(path) }
    precondition(Socket.bind(listener, wanted), "bind \(wanted): \(errorText(errno))")
    precondition(listen(listener, 1_024) == 0, "listen")
    address = Socket.bound(listener, like: wanted)
    _ = Helper { [self] in
      acceptConnections()
      acceptor.update { $0 = true }
    }
  }

  /// Answers every request with the same text, once the gate is open, keeping connections open.
  static func answering(
    _ text: String = plainAnswer, holding gate: Gate? = nil
  ) -> ScriptedBackend {
    ScriptedBackend { connection in
      try connection.serve { _ in
        try gate?.pass()
        return text
      }
    }
  }

  /// Answers the first request of a connection with twenty bytes, a byte every 150 ms.
  static func trickling() -> ScriptedBackend {
    ScriptedBackend { connection in
      _ = try connection.readHead()
      try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
      for _ in 0..<20 {
        // The pause is a wait for bytes that never come.
        _ = try? connection.wire.receiveMore(until: .after(0.15))
        try connection.write("x")
      }
      try connection.waitForEnd()
    }
  }

  /// Answers a 200 whose body is the request head as it arrived, keeping connections open.
  static func echoingHeads() -> ScriptedBackend {
    ScriptedBackend { connection in
      try connection.serve {
        "HTTP/1.1 200 OK\r\nContent-Length: \($0.rawHead.count)\r\n\r\n\($0.head)"
      }
    }
  }

  /// Answers with its name, and with what it was asked for: in `X-Backend`, and as the body
  /// `name target`. A request for `/hold` is answered when the gate is open.
  static func named(
    _ name: String, at address: Address = .v4(0), holding gate: Gate? = nil
  ) -> ScriptedBackend {
    ScriptedBackend(address) { connection in
      while let request = try connection.readRequest() {
        if request.target == "/hold" { try gate?.pass("the test to let go", within: 20) }
        try connection.respond(
          fields: "X-Backend: \(name)\r\n", body: "\(name) \(request.target)")
      }
    }
  }

  private func acceptConnections() {
    while !state.value.isStopping {
      guard Socket.wait(listener, for: POLLIN, until: .after(1)) else { continue }
      guard let descriptor = Socket.accept(listener) else { continue }
      if address.port != 0 { Socket.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
      let wire = Wire(adopting: descriptor)
      let connection = state.update { state in
        let connection = BackendConnection(
          index: state.connections.count, wire: wire, log: log)
        state.connections.append(connection)
        state.running += 1
        if state.isStopping { wire.interrupt() }
        return connection
      }
      _ = Helper { [self] in
        var failure: String?
        do { try script(connection) } catch { failure = "\(error)" }
        connection.wire.close()
        state.update { state in
          state.running -= 1
          if let failure, !state.isStopping {
            state.failures.append("connection \(connection.index): \(failure)")
          }
        }
      }
    }
  }

  /// Closes everything; returns when no script runs any more.
  func stop() {
    state.update { state in
      state.isStopping = true
      for connection in state.connections { connection.wire.interrupt() }
    }
    shutdown(listener, Int32(SHUT_RDWR))  // wakes the acceptor
    try? acceptor.wait("end of accepting") { $0 }
    try? state.wait("end of scripts", within: 25) { $0.running == 0 }
    close(listener)
    if case .unix(let path) = address { unlink(path) }
  }

  // MARK: What it has seen

  var connections: [BackendConnection] { state.value.connections }
  var connectionCount: Int { state.value.connections.count }
  /// The requests that were read, in order over all connections.
  var requests: [Message] { log.value }
  var failures: [String] { state.value.failures }

  /// What each connection received, byte by byte.
  var transcript: String {
    connections.map { "#\($0.index): \(readable($0.wire.received, limit: 2_000))" }
      .joined(separator: "\n")
  }

  func waitForConnections(_ count: Int, within seconds: Double = 10, line: UInt = #line) throws {
    try state.wait("\(count) connections to the backend", within: seconds, line: line) {
      $0.connections.count >= count
    }
  }

  func waitForRequests(_ count: Int, within seconds: Double = 10, line: UInt = #line) throws {
    try log.wait("\(count) requests at the backend", within: seconds, line: line) {
      $0.count >= count
    }
  }
}

/// A backend that never accepts: its queue is full, so that connecting to it hangs.
final class UnreachableBackend {
  let address: Address
  private let listener: Int32
  private var fillers: [Int32] = []

  init() {
    listener = Socket.make(.v4(0))
    precondition(Socket.bind(listener, .v4(0)) && listen(listener, 0) == 0, "listen")
    address = Socket.bound(listener, like: .v4(0))
    var waiting = 0
    while waiting < 2 {
      let filler = Socket.make(address)
      fillers.append(filler)
      _ = Socket.startConnecting(filler, to: address)
      if !Socket.wait(filler, for: POLLOUT, until: .after(0.1)) { waiting += 1 }
    }
  }

  func stop() {
    for filler in fillers { close(filler) }
    close(listener)
  }
}
