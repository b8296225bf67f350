// Why this file exists: an address an operator wrote is a socket address, a name that the
// supervisor resolves, or a path; it is told apart once, here, and carries the one text that names
// it everywhere else.
package import Primitives

/// `host:port`, `[v6]:port` or `unix:/path`.
package struct NetworkAddress: Sendable, Hashable {
  package enum Form: Sendable, Hashable {
    /// A literal address.
    case endpoint(Endpoint)
    /// A host name, in lower case, resolved at start.
    case name(String, port: UInt16)
    /// At most 107 bytes, absolute.
    case unix(path: String)
  }

  package var form: Form
  /// The normal form of what was written: `10.0.0.1:80`, `[2001:db8::1]:80`, `users.internal:80`,
  /// `unix:/run/users.sock`.
  package var text: String

  package init(form: Form, text: String) {
    self.form = form
    self.text = text
  }
}

extension NetworkAddress {
  /// Two sockets cannot listen on both.
  package func collides(with other: NetworkAddress) -> Bool {
    switch (form, other.form) {
    case (.unix(let left), .unix(let right)): left == right
    case (.endpoint(let left), .endpoint(let right)):
      left.port == right.port && left.port != 0 && left.address.isV4 == right.address.isV4
        && (left.address == right.address || left.address.isUnspecified
          || right.address.isUnspecified)
    case (.unix, _), (.endpoint, _), (.name, _): false
    }
  }

  /// Connecting to `other` may come out at a socket that listens here. A socket that listens on
  /// every address is reached through the loopback ones; which other addresses the machine has is
  /// not known here.
  func isReached(by other: NetworkAddress) -> Bool {
    switch (form, other.form) {
    case (.unix(let left), .unix(let right)): return left == right
    case (.endpoint(let listener), .endpoint(let target)):
      guard listener.port == target.port else { return false }
      if listener.address == target.address { return true }
      // Connecting to 0.0.0.0 or :: is connecting to the loopback address.
      let isLocal = target.address.isLoopback || target.address.isUnspecified
      guard isLocal, listener.address.isUnspecified || target.address.isUnspecified else {
        return false
      }
      // A listener on :: takes no IPv4: `ListeningSocket` sees to it.
      return listener.address.isV4 == target.address.isV4
        && (listener.address.isLoopback || listener.address.isUnspecified)
    case (.endpoint(let listener), .name(let name, let port)):
      return name == "localhost" && port == listener.port
        && (listener.address.isLoopback || listener.address.isUnspecified)
    case (.name(let listener, let port), .name(let target, let targetPort)):
      return listener == target && port == targetPort
    case (.unix, _), (.endpoint, _), (.name, _): return false
    }
  }
}
