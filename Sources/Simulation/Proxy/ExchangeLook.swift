// Why this file exists: whoever plays a client wants to know which route took his request, and
// which limit had enough of it; no answer says so. This file is not part of the shipped module.

import Forwarding
import HTTPSemantics
package import Primitives

/// What an exchange that is under way can tell of its request. The names lie in its snapshot: they
/// are to be read at once.
package struct ExchangeLook {
  /// nil = no route takes it.
  package var route: ByteSlice?
  /// The limit that refuses it or, in shadow, would; nil = none.
  package var limit: ByteSlice?

  /// - Parameter owner: of the stream of a client's connection.
  /// - Returns: nil when no exchange is under way on it.
  package init?(at owner: UnsafeMutableRawPointer) {
    let client = owner.assumingMemoryBound(to: ClientConnection.self)
    guard let exchange = client.pointee.exchange else { return nil }
    if exchange.pointee.route >= 0 {
      route = exchange.pointee.snapshot.pointee.routes[Int(exchange.pointee.route)].name
    }
    limit = exchange.limited?.pointee.name
  }
}
