// Why this file exists: an exchange ends, and its client's connection goes on or does not; what
// decides it is in one place.

/// What becomes of the client's connection after an exchange.
@frozen @usableFromInline
package enum ClientFate: UInt8, Sendable {
  /// The next request may come.
  case keepAlive
  /// The next request may come once the rest of this one has, which is short and is thrown away.
  case skip
  /// Everything has been said: send FIN and close.
  case close
  /// The client may still be sending: send FIN, read and discard for a bounded while, then close
  /// (RFC 9112 section 9.6).
  case linger
  /// The answer is incomplete, or the client is gone: reset.
  case reset
}

extension Exchange {
  /// This exchange is the last on its connection. A client that did not know may have sent the next
  /// request already: a close would answer that with a reset, which may take this answer with it.
  package mutating func closeAfterwards() {
    switch fate {
    case .keepAlive, .skip: fate = .linger
    case .close, .linger, .reset: break
    }
  }

  /// What becomes of the client's connection when a whole answer comes before the whole request.
  /// One that waits for a 100 may send its body, or the next request: nobody can tell.
  var fateOfUnread: ClientFate {
    // Nobody has read more than there is.
    let isShort = request.bodyLength &- requestBytes <= Bounds.skippedBytes
    return fate == .keepAlive && isShort && !awaitsContinue ? .skip : .linger
  }
}
