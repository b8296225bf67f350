// Why this file exists: what an exchange asks the shell to do. A set, because no event asks for the
// same thing twice; it is performed in the order in which the cases stand here.

/// The actions of one event. Performed from the first member to the last.
///
/// The questions asked per request are answered by members of the type itself: those that
/// `OptionSet` brings are generic, and asking one from another room is a call through a witness
/// table (60 instructions).
@frozen @usableFromInline
package struct Actions: OptionSet, Sendable {
  @usableFromInline package let rawValue: UInt16
  @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }
  @inlinable package init() { rawValue = 0 }
  @inlinable package var isEmpty: Bool { rawValue == 0 }
  @inlinable package func contains(_ other: Actions) -> Bool {
    rawValue & other.rawValue == other.rawValue
  }
  @inlinable package func union(_ other: Actions) -> Actions {
    Actions(rawValue: rawValue | other.rawValue)
  }

  /// Give up the place in the queue for a connection.
  @inlinable package static var leaveQueue: Actions { Actions(rawValue: 1 << 0) }
  /// The lease ends and its connection cannot serve another request: close it.
  @inlinable package static var dropLease: Actions { Actions(rawValue: 1 << 1) }
  /// The lease ends and its connection goes back to the pool.
  @inlinable package static var keepLease: Actions { Actions(rawValue: 1 << 2) }
  /// The bytes kept for a repeat are not needed any more.
  @inlinable package static var dropTee: Actions { Actions(rawValue: 1 << 3) }
  /// Choose a backend and get a connection to it: the next attempt.
  @inlinable package static var acquire: Actions { Actions(rawValue: 1 << 4) }
  /// Write the request head, and what the tee holds of the body, to the lease.
  @inlinable package static var sendRequestHead: Actions { Actions(rawValue: 1 << 5) }
  /// Write the body bytes at hand to the lease.
  @inlinable package static var forwardRequestBody: Actions { Actions(rawValue: 1 << 6) }
  /// Also keep a copy of them.
  @inlinable package static var teeRequestBody: Actions { Actions(rawValue: 1 << 7) }
  /// Write this interim answer to the client.
  @inlinable package static var forwardInformational: Actions { Actions(rawValue: 1 << 8) }
  /// Write the final head to the client.
  @inlinable package static var sendResponseHead: Actions { Actions(rawValue: 1 << 9) }
  /// Write the 101 to the client; from here on both sides are a pipe.
  @inlinable package static var openTunnel: Actions { Actions(rawValue: 1 << 10) }
  /// Answer by ourselves, with the exchange's `reason`.
  @inlinable package static var answer: Actions { Actions(rawValue: 1 << 11) }
  /// The client must see that its answer was cut: reset its connection.
  @inlinable package static var abortClient: Actions { Actions(rawValue: 1 << 12) }
  /// The exchange is over: record it, then do with the client's connection what `fate` says.
  @inlinable package static var finish: Actions { Actions(rawValue: 1 << 13) }
}
