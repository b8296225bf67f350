// Why this file exists: what an exchange asks the shell to do. A set, because no event asks for the same thing twice; it is
// performed in the order in which the cases stand here.

/// The actions of one event. Performed from the first member to the last.
@frozen
package struct Actions: OptionSet, Sendable {
  package let rawValue: UInt16
  @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Give up the place in the queue for a connection.
  package static let leaveQueue = Actions(rawValue: 1 << 0)
  /// The lease ends and its connection cannot serve another request: close it.
  package static let dropLease = Actions(rawValue: 1 << 1)
  /// The lease ends and its connection goes back to the pool.
  package static let keepLease = Actions(rawValue: 1 << 2)
  /// The bytes kept for a repeat are not needed any more.
  package static let dropTee = Actions(rawValue: 1 << 3)
  /// Choose a backend and get a connection to it: the next attempt.
  package static let acquire = Actions(rawValue: 1 << 4)
  /// Write the request head, and what the tee holds of the body, to the lease.
  package static let sendRequestHead = Actions(rawValue: 1 << 5)
  /// Write the body bytes at hand to the lease.
  package static let forwardRequestBody = Actions(rawValue: 1 << 6)
  /// Also keep a copy of them.
  package static let teeRequestBody = Actions(rawValue: 1 << 7)
  /// Write this interim answer to the client.
  package static let forwardInformational = Actions(rawValue: 1 << 8)
  /// Write the final head to the client.
  package static let sendResponseHead = Actions(rawValue: 1 << 9)
  /// Write the 101 to the client; from here on both sides are a pipe.
  package static let openTunnel = Actions(rawValue: 1 << 10)
  /// Answer by ourselves, with the exchange's `reason`.
  package static let answer = Actions(rawValue: 1 << 11)
  /// The client must see that its answer was cut: reset its connection.
  package static let abortClient = Actions(rawValue: 1 << 12)
  /// The exchange is over: record it, then do with the client's connection what `fate` says.
  package static let finish = Actions(rawValue: 1 << 13)
}

/// What becomes of the client's connection after an exchange.
@frozen
package enum ClientFate: UInt8, Sendable {
  /// The next request may come.
  case keepAlive
  /// Everything has been said: send FIN and close.
  case close
  /// The client may still be sending: send FIN, read and discard for a bounded while, then close (RFC 9112 section 9.6).
  case linger
  /// The answer is incomplete, or the client is gone: reset.
  case reset
}
