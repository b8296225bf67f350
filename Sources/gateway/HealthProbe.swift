// Why this file exists: `gateway health` is what a container runtime runs every few seconds: one
// request to the admin listener, with plain blocking sockets and a bound on the time.

import Configuration
import EventLoop
import Glibc
import Primitives

/// Asks an admin listener whether its gateway is ready.
enum HealthProbe {
  enum Verdict: Equatable {
    case ready
    /// What is wrong, for people.
    case notReady(String)
  }

  /// For each step: connecting, sending, receiving.
  static let timeoutSeconds = 2

  static func ask(_ address: NetworkAddress) -> Verdict {
    let descriptor: Int32
    do throws(EventLoopError) {
      descriptor = try connect(to: address)
    } catch {
      return .notReady("\(error)")
    }
    defer { close(descriptor) }
    let request = Array("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      return .notReady(
        "the admin listener at \(address.text) takes no request: \(errorText(errno))")
    }
    var answer: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &room, room.count, 0)
      if count < 0, errno == EINTR { continue }
      if count <= 0 || answer.count > room.count { break }
      answer += room[..<count]
    }
    return verdict(on: answer)
  }

  /// Reads the answer: ready is a 200, whatever it says besides.
  static func verdict(on answer: [UInt8]) -> Verdict {
    let lines = String(decoding: answer, as: UTF8.self).split(separator: "\r\n")
    guard let words = lines.first?.split(separator: " "), words.count >= 2,
      words[0].hasPrefix("HTTP/1.")
    else { return .notReady("the admin listener does not answer") }
    return words[1] == "200" ? .ready : .notReady("the admin listener answers \(words[1])")
  }

  private static func connect(to address: NetworkAddress) throws(EventLoopError) -> Int32 {
    let operation = "connect to the admin listener at \(address.text)"
    switch address.form {
    case .unix(let path):
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &name.sun_path) {
        $0.copyBytes(from: path.utf8.prefix(UnixPath.maximumLength))
      }
      return try withUnsafePointer(to: &name) { pointer throws(EventLoopError) in
        let generic = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
        return try connect(generic, socklen_t(MemoryLayout<sockaddr_un>.size), AF_UNIX, operation)
      }
    case .endpoint(let endpoint):
      // One that listens on every address is asked on the loopback one.
      let host =
        !endpoint.address.isUnspecified
        ? "\(endpoint.address)" : endpoint.address.isV4 ? "127.0.0.1" : "::1"
      return try connect(host: host, port: endpoint.port, operation)
    case .name(let host, let port): return try connect(host: host, port: port, operation)
    }
  }

  private static func connect(
    host: String, port: UInt16, _ operation: String
  ) throws(EventLoopError) -> Int32 {
    var hints = addrinfo()
    hints.ai_protocol = Int32(IPPROTO_TCP)
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, "\(port)", &hints, &list)
    guard result == 0, let found = list else {
      throw EventLoopError(operation: operation, reason: String(cString: gai_strerror(result)))
    }
    defer { freeaddrinfo(list) }
    return try connect(
      found.pointee.ai_addr, found.pointee.ai_addrlen, found.pointee.ai_family, operation)
  }

  private static func connect(
    _ name: UnsafePointer<sockaddr>, _ size: socklen_t, _ family: Int32, _ operation: String
  ) throws(EventLoopError) -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw EventLoopError(operation: operation, code: errno) }
    var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    let size = (name: size, timeout: socklen_t(MemoryLayout<timeval>.size))
    // On Linux the bound on sending is also that on connecting.
    _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size.timeout)
    _ = setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size.timeout)
    guard Glibc.connect(descriptor, name, size.name) == 0 else {
      let code = errno == EINPROGRESS ? ETIMEDOUT : errno
      close(descriptor)
      throw EventLoopError(operation: operation, code: code)
    }
    return descriptor
  }
}
