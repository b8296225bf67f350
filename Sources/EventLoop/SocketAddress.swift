// Why this file exists: endpoints to and from the system's sockaddr, in this one place.

import CLibUV
import Glibc
import Primitives

/// Calls `body` with the endpoint as a sockaddr on the stack, and its size.
@inline(__always)
func withSocketAddress<Result>(
  _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  if endpoint.address.isV4 {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = endpoint.port.bigEndian
    name.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.low).bigEndian
    return withUnsafePointer(to: &name) {
      body(
        UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  var name = sockaddr_in6()
  name.sin6_family = sa_family_t(AF_INET6)
  name.sin6_port = endpoint.port.bigEndian
  withUnsafeMutableBytes(of: &name.sin6_addr) {
    $0.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
    $0.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
  }
  return withUnsafePointer(to: &name) {
    body(
      UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
      socklen_t(MemoryLayout<sockaddr_in6>.size))
  }
}

/// 0.0.0.0 port 0: what a unix socket's peer is called.
var unspecifiedEndpoint: Endpoint { Endpoint(address: IPAddress(v4: 0), port: 0) }

/// Reads a sockaddr of any family; `unspecifiedEndpoint` for what is not IP.
func endpoint(of name: UnsafePointer<sockaddr_storage>) -> Endpoint {
  let raw = UnsafeRawPointer(name)
  switch Int32(name.pointee.ss_family) {
  case AF_INET:
    let v4 = raw.assumingMemoryBound(to: sockaddr_in.self).pointee
    return Endpoint(
      address: IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)),
      port: UInt16(bigEndian: v4.sin_port))
  case AF_INET6:
    var v6 = raw.assumingMemoryBound(to: sockaddr_in6.self).pointee
    let address = withUnsafeBytes(of: &v6.sin6_addr) {
      IPAddress(
        high: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
    return Endpoint(address: address, port: UInt16(bigEndian: v6.sin6_port))
  default:
    return unspecifiedEndpoint
  }
}

/// The other end of a connected socket, or `unspecifiedEndpoint`.
func peerEndpoint(ofDescriptor descriptor: Int32) -> Endpoint {
  socketName(descriptor, getpeername)
}

/// This end of a socket, or `unspecifiedEndpoint`.
func localEndpoint(ofDescriptor descriptor: Int32) -> Endpoint {
  socketName(descriptor, getsockname)
}

private func socketName(
  _ descriptor: Int32,
  _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
) -> Endpoint {
  var name = sockaddr_storage()
  var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
  let result = withUnsafeMutablePointer(to: &name) {
    ask(descriptor, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &size)
  }
  return result == 0 ? endpoint(of: &name) : unspecifiedEndpoint
}

/// Calls `body` with the path as a sockaddr_un on the stack. The path has at most
/// `UnixPath.maximumLength` bytes (checked by the caller) and no NUL.
func withUnixAddress<Result>(
  _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  path.withCString { withUnixAddress($0, body) }
}

/// The same for a path that ends in NUL.
func withUnixAddress<Result>(
  _ path: UnsafePointer<CChar>, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  var name = sockaddr_un()
  name.sun_family = sa_family_t(AF_UNIX)
  let length = strlen(path)
  withUnsafeMutableBytes(of: &name.sun_path) { room in
    precondition(length < room.count)
    room.copyMemory(from: UnsafeRawBufferPointer(start: path, count: length))
  }
  return withUnsafePointer(to: &name) {
    body(
      UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
      socklen_t(MemoryLayout<sockaddr_un>.size))
  }
}
