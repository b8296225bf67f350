// Why this file exists: systemd takes news of a service as datagrams on a socket that the service's
// environment names (sd_notify(3)). That is one system call; its library is not needed for it.

import EventLoop
import Glibc

/// Where a service manager listens.
struct NotifySocket: Equatable {
  private let address: [UInt8]

  /// `name` is the value of NOTIFY_SOCKET: a path, or with `@` before it a name in the abstract
  /// namespace. Nil for anything else, and for what no socket can be called.
  init?(_ name: String) {
    var bytes = Array(name.utf8)
    guard bytes.count > 1, bytes.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path),
      bytes[0] == UInt8(ascii: "/") || bytes[0] == UInt8(ascii: "@")
    else { return nil }
    // Abstract names begin with a null byte, and end where the address does.
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    address = bytes
  }

  /// Seconds that a manager that does not read may hold up the control loop. It reads at once, or
  /// is itself in trouble.
  private static let patience = 1

  /// Sends one datagram; 0, or the error's number. A socket each time: the manager may have begun
  /// anew in between.
  func send(_ text: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var timeout = timeval(tv_sec: Self.patience, tv_usec: 0)
    _ = setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address) }
    let head = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: name.sun_path)
    let bytes = Array(text.utf8)
    let sent = withUnsafePointer(to: &name) {
      sendto(
        descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL),
        UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(head + address.count))
    }
    return sent == bytes.count ? 0 : errno
  }
}
