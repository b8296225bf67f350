// Why this file exists: the admin listener on the control loop, and the bound on its connections.

package import Configuration
package import EventLoop
import HTTPSemantics
package import Primitives

/// The admin listener. On the control loop's thread only. It answers while traffic is overloaded:
/// it shares no loop with traffic, has its own small number of connections, and descriptors in
/// reserve (`DescriptorReserve`, and `AdminLimits.spareDescriptors` of its own).
package final class AdminServer {
  let loop: Loop
  private(set) var access: AdminAccess
  let source: AdminSource
  let limits: AdminLimits
  private let socket: ListeningSocket
  private let socketFile: UnixSocketFile?
  private var listener: Listener?
  private var connections: [ObjectIdentifier: AdminConnection] = [:]
  private var idleCount: UInt64 = 0

  /// Listens on `address` and answers from `source`. `token` is what a POST needs.
  package static func open(
    _ loop: Loop, at address: NetworkAddress, token: Secret?, source: AdminSource,
    limits: AdminLimits = AdminLimits()
  ) throws(EventLoopError) -> AdminServer {
    let server = try AdminServer(loop, address, token, source, limits)
    server.listener = try Listener.open(
      loop, server.socket, owner: Unmanaged.passUnretained(server).toOpaque(),
      handlers: listenerHandlers, spares: limits.spareDescriptors)
    return server
  }

  private init(
    _ loop: Loop, _ address: NetworkAddress, _ token: Secret?, _ source: AdminSource,
    _ limits: AdminLimits
  ) throws(EventLoopError) {
    self.loop = loop
    self.source = source
    self.limits = limits
    var access = AdminAccess(token: token?.text)
    var file: UnixSocketFile?
    switch address.form {
    case .endpoint(let endpoint): socket = try .tcp(endpoint, reusePort: false)
    case .name(let host, let port):
      access.configuredHost = host
      // `resolve` never gives an empty list.
      let resolved = try Resolver.resolve(host)[0]
      socket = try .tcp(Endpoint(address: resolved, port: port), reusePort: false)
    case .unix(let path):
      socket = try .unix(path)
      file = UnixSocketFile(path: path)
    }
    self.access = access
    socketFile = file
  }

  /// A POST needs this one from now on.
  package func setToken(_ token: Secret?) { access.token = token?.text }

  /// Where it listens, with the port that was given when 0 was asked for; unspecified for a unix
  /// socket.
  package var boundEndpoint: Endpoint { socket.boundEndpoint }

  /// Connections that are open or closing.
  package var connectionCount: Int { connections.count }

  /// Stops listening and closes all connections; an answer that is being written is cut. Keep the
  /// server until its loop is destroyed.
  package func close() {
    socketFile?.remove()
    listener?.close()
    listener = nil
    for connection in connections.values { connection.close() }
  }

  // MARK: - Connections

  private func offered(_ listener: Listener) {
    if connections.values.count(where: { !$0.isClosed }) >= limits.connections, !closeIdlest() {
      let answer = AdminAnswer.problem(503, "too many admin connections")
        .encoded(
          isHead: false, version: .http11, keepAlive: false,
          second: WallClock.nanoseconds() / 1_000_000_000)
      return answer.withUnsafeBufferPointer {
        listener.refuse(ByteSlice($0.baseAddress.unsafelyUnwrapped, $0.count))
      }
    }
    let peer = listener.isUnix ? AdminPeer.unix : .address(listener.peer.address)
    let connection = AdminConnection(self, peer)
    connections[ObjectIdentifier(connection)] = connection
    connection.open(listener)
  }

  /// Makes room by closing the connection that has waited longest for its next request; false when
  /// none waits.
  private func closeIdlest() -> Bool {
    let idle = connections.values.filter(\.isIdle)
    guard let longest = idle.min(by: { $0.idleSince < $1.idleSince }) else { return false }
    longest.close()
    return true
  }

  func nextIdle() -> UInt64 {
    idleCount += 1
    return idleCount
  }

  /// The descriptor of a connection is free again: first of all for the next one here.
  func descriptorFreed() { listener?.refillSpares() }

  func gone(_ connection: AdminConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  // Immutable from here on, so it may be read from anywhere.
  private nonisolated(unsafe) static let listenerHandlers: UnsafePointer<ListenerHandlers> = {
    let table = UnsafeMutablePointer<ListenerHandlers>.allocate(capacity: 1)
    table.initialize(
      to: ListenerHandlers(
        onConnection: { owner, listener in
          Unmanaged<AdminServer>.fromOpaque(owner).takeUnretainedValue().offered(Listener(listener))
        },
        // The listener goes on by itself, and so few connections are ours that no log line is due.
        onPaused: { _, _ in }))
    return UnsafePointer(table)
  }()
}
