// Why this file exists: an address an operator wrote is a socket address, a name that the supervisor resolves, or a path; it
// is told apart once, here, and carries the one text that names it everywhere else.
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
  /// The normal form of what was written: `10.0.0.1:80`, `[2001:db8::1]:80`, `users.internal:80`, `unix:/run/users.sock`.
  package var text: String

  package init(form: Form, text: String) {
    self.form = form
    self.text = text
  }
}
