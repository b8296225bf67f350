// Why this file exists: the few socket calls that scripted clients and backends are made of, with
// every descriptor kept out of the processes that other tests start meanwhile.

import Glibc

/// Where something listens.
enum Address: Sendable, CustomStringConvertible {
  case v4(UInt16)
  case v6(UInt16)
  case unix(String)

  var description: String {
    switch self {
    case .v4(let port): return "127.0.0.1:\(port)"
    case .v6(let port): return "[::1]:\(port)"
    case .unix(let path): return "unix:\(path)"
    }
  }

  var port: UInt16 {
    switch self {
    case .v4(let port), .v6(let port): return port
    case .unix: return 0
    }
  }

  fileprivate var family: Int32 {
    switch self {
    case .v4: return AF_INET
    case .v6: return AF_INET6
    case .unix: return AF_UNIX
    }
  }

  fileprivate func withSocketAddress<R>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
  ) -> R {
    switch self {
    case .v4(let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      return Self.rebound(&address, body)
    case .v6(let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      return Self.rebound(&address, body)
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { room in
        precondition(path.utf8.count < room.count, "socket path too long: \(path)")
        room.copyBytes(from: path.utf8)
      }
      return Self.rebound(&address, body)
    }
  }

  private static func rebound<A, R>(
    _ address: inout A, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
  ) -> R {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<A>.size))
      }
    }
  }
}

/// Held while a descriptor that a child could inherit exists, and while a child is started.
let inheritance = Monitor(())

enum Socket {
  static func make(_ address: Address) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(address.family, type, 0)
    precondition(descriptor >= 0, "socket: \(errorText(errno))")
    return descriptor
  }

  static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    let size = socklen_t(MemoryLayout<Int32>.size)
    precondition(setsockopt(descriptor, level, option, &value, size) == 0, "setsockopt")
  }

  static func bind(_ descriptor: Int32, _ address: Address) -> Bool {
    address.withSocketAddress { Glibc.bind(descriptor, $0, $1) } == 0
  }

  /// The address that the kernel chose where the port asked for was 0.
  static func bound(_ descriptor: Int32, like address: Address) -> Address {
    var storage = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &size)
      }
    }
    precondition(result == 0, "getsockname")
    // The port is in the same place for both families.
    let port = UInt16(bigEndian: storage.sin6_port)
    switch address {
    case .v4: return .v4(port)
    case .v6: return .v6(port)
    case .unix: return address
    }
  }

  /// Starts to connect; 0 when done at once, EINPROGRESS (unix: EAGAIN) while it is going on.
  static func startConnecting(_ descriptor: Int32, to address: Address) -> Int32 {
    let result = address.withSocketAddress { Glibc.connect(descriptor, $0, $1) }
    return result == 0 ? 0 : errno
  }

  static func pendingError(_ descriptor: Int32) -> Int32 {
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &size)
    return value
  }

  static func accept(_ listener: Int32) -> Int32? {
    inheritance.update { _ in
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else { return nil }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      return descriptor
    }
  }

  /// True once the descriptor is ready for what was asked, false at the deadline.
  static func wait(_ descriptor: Int32, for events: Int32, until deadline: Deadline) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    while true {
      let result = poll(&entry, 1, deadline.milliseconds)
      if result > 0 { return true }
      if result == 0 && deadline.hasPassed { return false }
    }
  }

  /// A port that nobody listens on and that nobody else is given while this lives.
  static func reservePort() -> (descriptor: Int32, port: UInt16) {
    let descriptor = make(.v4(0))
    precondition(bind(descriptor, .v4(0)), "bind: \(errorText(errno))")
    return (descriptor, bound(descriptor, like: .v4(0)).port)
  }

  /// A port that is free now, and was given to no other test of this run. From below those that the
  /// system gives to connecting sockets: one of these could be taken again before its listener
  /// comes.
  static func freePort() -> UInt16 {
    while true {
      let number = nextPort.update { next in
        next += 1
        return next
      }
      let port = 12_000 + UInt16(number % 19_000)
      if isFree(port) { return port }
    }
  }

  /// Two runs at a time begin at different places.
  private static let nextPort = Monitor<Int>(Int(getpid()) * 97)

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = make(.v4(0))
    defer { close(descriptor) }
    return bind(descriptor, .v4(port))
  }
}

func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }
