// Why this file exists: how a stream gets to a backend. The socket is made first and the connect
// comes after, so that a descriptor of the reserve can be given back before anybody is asked.

import CLibUV
import Glibc
import Primitives

extension Stream {
  /// Begins to connect; `onConnected` tells the end. The kind of `address` must be the kind
  /// prepared for. Nagle's algorithm is off. Returns 0, or -errno at once (no route; -EMFILE also
  /// when the descriptor would be one of `DescriptorReserve`): then `onConnected` does not come,
  /// and the stream is only good for closing. A bound on the time is the caller's: close it.
  package static func connect(
    _ p: UnsafeMutablePointer<Stream>, to address: BackendAddress
  ) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    precondition(p.pointee.flags.contains(.unix) == address.isUnix)
    let opened = openSocket(p, address)
    guard opened == 0 else { return opened }
    let result = connectSocket(p, address)
    switch result {
    case 0, 0 - EINPROGRESS: p.pointee.connectStatus = 0
    // Told as the others are, in a later round.
    case 0 - ECONNREFUSED: p.pointee.connectStatus = result
    case _ where address.isUnix: p.pointee.connectStatus = result
    default: return result
    }
    p.pointee.flags.insert(.connecting)
    watch(p)
    return 0
  }

  /// Whether a connect failed for want of something of our own: descriptors or memory. Not for want
  /// of a local address: without IPv6 that is for ever, so the backend must count as out of reach,
  /// and another may still be reached.
  package static func isShortage(_ error: Int32) -> Bool {
    switch 0 - error {
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
    default: false
    }
  }

  private static func connectSocket(
    _ p: UnsafeMutablePointer<Stream>, _ address: BackendAddress
  ) -> Int32 {
    func connect(_ name: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
      Glibc.connect(p.pointee.socket, name, size) == 0 ? 0 : 0 - errno
    }
    if let path = address.unixPath { return withUnixAddress(path, connect) }
    setNoDelay(p, true)
    return withSocketAddress(address.endpoint, connect)
  }

  /// Before the connect, so that it can be seen which descriptor was given.
  private static func openSocket(
    _ p: UnsafeMutablePointer<Stream>, _ address: BackendAddress
  ) -> Int32 {
    let family = address.isUnix ? AF_UNIX : address.endpoint.address.isV4 ? AF_INET : AF_INET6
    let number = gateway_socket(family)
    if number < 0 { return 0 - errno }
    let result = number < DescriptorReserve.ceiling ? adopt(p, descriptor: number) : 0 - EMFILE
    if result != 0 { Descriptor.close(number) }
    return result
  }
}
