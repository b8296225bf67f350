// Why this file exists: three backends in the gateway's own process, so that it can be tried
// without installing anything else. They listen on the loopback address only and have a loop and a
// thread of their own.

import EventLoop
import Primitives

/// The demo backends, as the main thread sees them: started, and to be stopped once.
struct DemoBackends {
  static let ports: ClosedRange<UInt16> = 9001...9003

  /// Where they listen, in the order of the ports.
  let endpoints: [Endpoint]
  private let thread: WorkerThread
  private let stopping: Wakeup

  /// Listens and answers from now on. Fails when an address is taken.
  static func start(ports: some Sequence<UInt16> = ports) throws(EventLoopError) -> DemoBackends {
    let loop = try Loop.create()
    let server = DemoServer(loop: loop)
    var endpoints: [Endpoint] = []
    for port in ports {
      endpoints.append(
        try server.listen(on: Endpoint(address: IPAddress(v4: 0x7F00_0001), port: port)))
    }
    let stopping = try server.makeStop()
    let thread = try WorkerThread.start(name: "demo") { server.run() }
    return DemoBackends(endpoints: endpoints, thread: thread, stopping: stopping)
  }

  /// Closes everything and waits until the thread has ended.
  func stop() {
    stopping.send()
    thread.join()
  }
}

/// One of the backends: an address and the connections to it. Only for the loop's thread.
final class DemoBackend {
  let endpoint: Endpoint
  /// What it calls itself in its answers.
  let address: String
  unowned let server: DemoServer
  /// How it misbehaves.
  var chaos = DemoChaos()
  /// Nil while it is dead.
  private var listener: Listener?
  private var revival: Timer?

  init(endpoint: Endpoint, server: DemoServer) {
    self.endpoint = endpoint
    address = "\(endpoint)"
    self.server = server
  }

  func listen(_ socket: ListeningSocket) throws(EventLoopError) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    listener = try Listener.open(
      server.loop, socket, owner: owner, handlers: server.listenerHandlers)
  }

  /// Nobody listens any more, and every connection breaks, until the chaos is over.
  func die() {
    guard let length = chaos.duration, listener != nil else { return }
    listener?.close()
    listener = nil
    server.resetConnections(of: self)
    let owner = Unmanaged.passUnretained(self).toOpaque()
    revival = Timer.create(server.loop, owner: owner) { owner in
      Unmanaged<DemoBackend>.fromOpaque(owner).takeUnretainedValue().revive()
    }
    server.loop.updateTime()
    revival?.start(at: server.loop.now + length)
  }

  private func revive() {
    do throws(EventLoopError) {
      try listen(try ListeningSocket.tcp(endpoint, reusePort: false))
    } catch {
      // Somebody has taken the port meanwhile: perhaps it is free a second later.
      revival?.start(at: server.loop.now + .seconds(1))
      return
    }
    chaos = DemoChaos()
    revival?.close()
    revival = nil
  }

  func close() {
    listener?.close()
    listener = nil
    revival?.close()
    revival = nil
  }
}

/// The loop of all demo backends. Set up by the thread that makes it, then only for the thread that
/// runs it.
final class DemoServer {
  /// More than a gateway with default settings opens; those above are closed at once.
  private static let maximumConnections = 4096

  let loop: Loop
  let handlers = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  let listenerHandlers = UnsafeMutablePointer<ListenerHandlers>.allocate(capacity: 1)
  private var backends: [DemoBackend] = []
  private var connections: [ObjectIdentifier: DemoConnection] = [:]
  private var stop: Wakeup?

  init(loop: Loop) {
    self.loop = loop
    handlers.initialize(to: DemoConnection.handlers)
    listenerHandlers.initialize(
      to: ListenerHandlers(
        onConnection: { owner, listener in
          let backend = Unmanaged<DemoBackend>.fromOpaque(owner).takeUnretainedValue()
          backend.server.accept(Listener(listener), for: backend)
        },
        // The listener rests and goes on by itself.
        onPaused: { _, _ in }))
  }

  deinit {
    handlers.deallocate()
    listenerHandlers.deallocate()
  }

  /// Gives the endpoint that it came to be, which differs for port 0.
  func listen(on endpoint: Endpoint) throws(EventLoopError) -> Endpoint {
    let socket = try ListeningSocket.tcp(endpoint, reusePort: false)
    let backend = DemoBackend(endpoint: socket.boundEndpoint, server: self)
    try backend.listen(socket)
    backends.append(backend)
    return socket.boundEndpoint
  }

  /// What another thread sends to end `run`.
  func makeStop() throws(EventLoopError) -> Wakeup {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    let stop = try Wakeup.create(loop, owner: owner) { owner in
      Unmanaged<DemoServer>.fromOpaque(owner).takeUnretainedValue().close()
    }
    self.stop = stop
    return stop
  }

  /// Runs until `close` has closed every handle.
  func run() {
    loop.run()
    _ = loop.destroy()
  }

  private func accept(_ listener: Listener, for backend: DemoBackend) {
    // One that is not taken is closed.
    guard connections.count < Self.maximumConnections else { return }
    let connection = DemoConnection(backend: backend)
    connections[ObjectIdentifier(connection)] = connection
    connection.accept(listener)
  }

  func forget(_ connection: DemoConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  func resetConnections(of backend: DemoBackend) {
    for connection in connections.values where connection.backend === backend {
      connection.reset()
    }
  }

  private func close() {
    for backend in backends { backend.close() }
    for connection in connections.values { connection.close() }
    stop?.close()
  }
}
