// Why this file exists: what a configuration does with a request, in the few words in which two
// such verdicts are compared.
import HTTPSemantics

/// What a configuration does with a recorded request.
struct Judgement {
  enum Answer: Equatable {
    case forward
    /// A redirect or a fixed answer.
    case route
    case refuse(Reason)
  }

  /// Positions in the configuration; -1 = none.
  var route: Int32 = -1
  var answer = Answer.forward
  /// Of an answer that is not a backend's.
  var status: UInt16 = 0
  /// The limit that refuses, or in shadow would.
  var limit: Int32 = -1
  /// What may refuse it besides, and nobody knows.
  var doubt: Untold?

  var isLimited: Bool { answer == .refuse(.rateLimited) }
}

/// Why it cannot be told from the log what becomes of a request.
package enum Untold: Hashable, Sendable {
  /// It was refused before its head was read, or for its head.
  case head
  case cutPath
  case cutHost
  case noHost
  /// The route at this position of the new configuration may take it.
  case conditions(Int32)
  /// The route at this position of the old one may have taken it.
  case oldConditions(Int32)
  /// Nobody knows whether the body is too large for the route at this position.
  case body(Int32)
  /// The limit at this position of the new configuration may refuse it.
  case limit(Int32)
}

enum Finding {
  case told(Judgement)
  case untold(Untold)
}
