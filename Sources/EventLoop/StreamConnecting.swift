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
    let result = address.isUnix ? connectUnix(p, address) : connectTCP(p, address.endpoint)
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
  /// of a local address: without IPv6 that is for ever, and another backend may still be reached.
  package static func isShortage(_ error: Int32) -> Bool {
    switch 0 - error {
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
    default: false
    }
  }

  /// One of the shortages that may also last: every local port towards this peer is taken, or the
  /// machine has no address from which this peer could be reached (`::1` without IPv6).
  package static func lacksLocalAddress(_ error: Int32) -> Bool { 0 - error == EADDRNOTAVAIL }

  private static func connectTCP(
    _ p: UnsafeMutablePointer<Stream>, _ endpoint: Endpoint
  ) -> Int32 {
    setNoDelay(p, true)
    return withSocketAddress(endpoint) { name, size in
      Glibc.connect(p.pointee.socket, name, size) == 0 ? 0 : 0 - errno
    }
  }

  private static func connectUnix(
    _ p: UnsafeMutablePointer<Stream>, _ address: BackendAddress
  ) -> Int32 {
    withUnixAddress(address.unixPath.unsafelyUnwrapped) { name, size in
      Glibc.connect(p.pointee.socket, name, size) == 0 ? 0 : 0 - errno
    }
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
