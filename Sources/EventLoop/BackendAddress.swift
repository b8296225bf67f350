// Why this file exists: where a backend listens, as a value that a connection can be opened from
// without a lookup, a parse or an allocation.

public import Primitives

/// A TCP endpoint or the path of a unix socket.
@frozen @usableFromInline
package struct BackendAddress {
  /// Of a TCP backend; unspecified for a unix one.
  @usableFromInline package var endpoint: Endpoint
  /// Of a unix backend: NUL-terminated, at most `UnixPath.maximumLength` bytes before the NUL, and
  /// living longer than every copy of this address.
  @usableFromInline package var unixPath: UnsafePointer<CChar>?

  @inlinable package init(tcp endpoint: Endpoint) {
    self.endpoint = endpoint
    self.unixPath = nil
  }

  @inlinable package init(unixPath: UnsafePointer<CChar>) {
    self.endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
    self.unixPath = unixPath
  }

  @inlinable package var isUnix: Bool { unixPath != nil }
}

/// What the system allows as the name of a unix socket.
package enum UnixPath {
  /// Bytes, without the NUL: `sockaddr_un` has room for 108.
  package static let maximumLength = 107
}
