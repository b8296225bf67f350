// Why this file exists: making the sockets that accept, at start-up and before any worker runs, so
// that an address in use is one clear line and not a worker that stands alone.

import CLibUV
import Glibc
package import Primitives

/// A socket that listens: nobody accepts from it until a `Listener` is opened on it. A value that
/// owns a descriptor: open a listener with it, or `close` it.
package struct ListeningSocket: Equatable, Sendable {
  package let descriptor: Int32
  /// Where it listens, with the port that was given when 0 was asked for; unspecified for a unix
  /// socket.
  package let boundEndpoint: Endpoint
  package let isUnix: Bool
  /// Several loops accept from copies of this descriptor.
  package let isShared: Bool

  /// How many connections the system keeps for us before we accept them; it lowers this to
  /// net.core.somaxconn.
  package static let backlog: Int32 = 4096

  /// Fails with EADDRINUSE when somebody listens on `endpoint`, also another gateway that has
  /// SO_REUSEPORT set. To be called once before the sockets of the workers are made, because with
  /// SO_REUSEPORT a second gateway would silently take half of the traffic. Nothing to find out for
  /// port 0.
  package static func probe(_ endpoint: Endpoint) throws(EventLoopError) {
    guard endpoint.port != 0 else { return }
    let descriptor = try makeTCP(endpoint, reusePort: false)
    Descriptor.close(descriptor)
  }

  /// Listens on a TCP endpoint. With `reusePort`, every worker has its own socket on it, and the
  /// system spreads new connections over them; for port 0 ask for the first one's `boundEndpoint`
  /// after that. An IPv6 socket takes IPv6 only, whatever the system's default: `[::]:80` and
  /// `0.0.0.0:80` are two listeners.
  package static func tcp(
    _ endpoint: Endpoint, reusePort: Bool
  ) throws(EventLoopError) -> ListeningSocket {
    let descriptor = try makeTCP(endpoint, reusePort: reusePort)
    guard listen(descriptor, backlog) == 0 else {
      throw failure(descriptor, "listen on \(endpoint)")
    }
    return ListeningSocket(
      descriptor: descriptor, boundEndpoint: localEndpoint(ofDescriptor: descriptor),
      isUnix: false, isShared: false)
  }

  /// Another descriptor of the same socket, for another worker: it accepts from the same queue.
  /// (Non-blocking is a property of the socket and so of both.)
  package func duplicate() throws(EventLoopError) -> ListeningSocket {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw EventLoopError(operation: "share a listener", code: errno) }
    return ListeningSocket(
      descriptor: copy, boundEndpoint: boundEndpoint, isUnix: isUnix, isShared: true)
  }

  /// Closes a socket that no listener was opened with.
  package func close() { Descriptor.close(descriptor) }

  private static func makeTCP(_ endpoint: Endpoint, reusePort: Bool) throws(EventLoopError) -> Int32
  {
    let operation = "listen on \(endpoint)"
    let family = endpoint.address.isV4 ? AF_INET : AF_INET6
    let descriptor = gateway_socket(family)
    guard descriptor >= 0 else { throw EventLoopError(operation: operation, code: errno) }
    // A restart must not wait for the last connections of the process before it (TIME_WAIT).
    var ready = enable(descriptor, SOL_SOCKET, SO_REUSEADDR)
    if reusePort { ready = ready && enable(descriptor, SOL_SOCKET, SO_REUSEPORT) }
    if family == AF_INET6 { ready = ready && enable(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
    // Accepted connections inherit it, which saves a call for each.
    ready = ready && enable(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
    ready = ready && withSocketAddress(endpoint) { bind(descriptor, $0, $1) } == 0
    guard ready else { throw failure(descriptor, operation) }
    return descriptor
  }

  private static func enable(_ descriptor: Int32, _ level: Int32, _ option: Int32) -> Bool {
    var on: Int32 = 1
    return setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
  }

  fileprivate static func failure(_ descriptor: Int32, _ operation: String) -> EventLoopError {
    let code = errno
    Descriptor.close(descriptor)
    return EventLoopError(operation: operation, code: code)
  }
}

// MARK: - Unix sockets

extension ListeningSocket {
  /// Listens on a unix socket. A socket file that is there already is removed only when nobody
  /// answers on it; anything else with that name is an error. The file is left behind by `close`:
  /// see `UnixSocketFile`.
  package static func unix(_ path: String) throws(EventLoopError) -> ListeningSocket {
    let operation = "listen on unix:\(path)"
    guard !path.isEmpty, path.utf8.count <= UnixPath.maximumLength, !path.utf8.contains(0) else {
      throw EventLoopError(
        operation: operation,
        reason: "a socket's path has 1 to \(UnixPath.maximumLength) bytes without NUL, "
          + "this one has \(path.utf8.count)")
    }
    let descriptor = gateway_socket(AF_UNIX)
    guard descriptor >= 0 else { throw EventLoopError(operation: operation, code: errno) }
    if withUnixAddress(path, { bind(descriptor, $0, $1) }) != 0 {
      guard errno == EADDRINUSE else { throw failure(descriptor, operation) }
      do throws(EventLoopError) {
        try removeStale(path, operation)
      } catch {
        Descriptor.close(descriptor)
        throw error
      }
      guard withUnixAddress(path, { bind(descriptor, $0, $1) }) == 0 else {
        throw failure(descriptor, operation)
      }
    }
    guard listen(descriptor, backlog) == 0 else { throw failure(descriptor, operation) }
    return ListeningSocket(
      descriptor: descriptor, boundEndpoint: unspecifiedEndpoint, isUnix: true, isShared: true)
  }

  private static func removeStale(_ path: String, _ operation: String) throws(EventLoopError) {
    guard let file = UnixSocketFile(path: path) else {
      throw EventLoopError(
        operation: operation, reason: "the path is taken by a file that is no socket")
    }
    let descriptor = gateway_socket(AF_UNIX)
    guard descriptor >= 0 else { throw EventLoopError(operation: operation, code: errno) }
    defer { Descriptor.close(descriptor) }
    let answer = withUnixAddress(path) { connect(descriptor, $0, $1) } == 0 ? 0 : errno
    // Only a refusal says that nobody listens. EAGAIN, for one, is a listener whose queue is full.
    guard answer == ECONNREFUSED else {
      throw EventLoopError(operation: operation, code: EADDRINUSE)
    }
    file.remove()
  }
}

/// The file of a socket, told from one of the same name that a successor has put there. Take it
/// behind `ListeningSocket.unix` and remove it while a descriptor of that socket is still open: so
/// long the system gives its inode to no other file. That is also the order that loses nobody: no
/// name, then no new connection, then the queue is drained, then closed.
package struct UnixSocketFile: Equatable, Sendable {
  package let path: String
  private let device: UInt64
  private let inode: UInt64

  /// Nil when there is no socket of that name.
  package init?(path: String) {
    var facts = stat()
    guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFSOCK else { return nil }
    self.path = path
    device = UInt64(facts.st_dev)
    inode = UInt64(facts.st_ino)
  }

  /// Removes the file, if it is still the same one.
  package func remove() {
    if UnixSocketFile(path: path) == self { unlink(path) }
  }
}
