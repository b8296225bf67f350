// Why this file exists: what became of a request, as its client saw it: for tables, for plots, and
// for expectations.

package import HTTPSemantics
package import Primitives

/// A request that is over.
package struct Outcome: Sendable {
  package enum Ending: UInt8, Sendable {
    /// A whole answer.
    case complete
    /// The answer was cut, visibly.
    case cut
    /// The connection ended without an answer.
    case none
    /// No connection could be made.
    case unconnected
    /// Its client left first.
    case left
  }

  package var id: UInt64
  /// The traffic that it is of, or -1 for a client of its own.
  package var traffic: Int
  /// The position of the traffic's request, or of the client.
  package var kind: Int
  package var begun: Instant
  package var ended: Instant
  package var ending: Ending
  /// 0 = no head came.
  package var status: UInt16
  /// Why the gateway answered by itself; `none` for an answer of a backend.
  package var reason: Reason
  /// The position in the scenario of the backend that answered, or was tried last; -1 = none.
  package var backend: Int
  package var attempts: Int
  /// Of the answer's body.
  package var bytes: Int
}
