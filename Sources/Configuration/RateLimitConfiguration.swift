// Why this file exists: rate limits as values: how much, counted by what, and what becomes of the
// requests above.
import Primitives

/// A named limit. Routes that name it share its counters.
package struct RateLimitConfiguration: Sendable, Equatable {
  package enum Algorithm: String, Sendable {
    case tokenBucket = "token_bucket"
    case slidingWindow = "sliding_window"
  }

  package enum MissingKey: String, Sendable {
    /// All requests without the key count together.
    case share
    /// They are not counted.
    case skip
  }

  package enum Mode: String, Sendable { case off, shadow, enforce }

  package var name: String
  package var algorithm: Algorithm
  /// Of a sliding window the period is the window.
  package var rate: Rate
  /// Requests at once; of a sliding window, which has no burst, the count in `rate`.
  package var burst: UInt32
  /// At least one part, each once.
  package var key: [RateLimitKeyPart]
  /// 1...128: leading bits of a v6 address that stand for one client.
  package var ipv6Prefix: Int
  package var missingKey: MissingKey
  package var mode: Mode
  /// Keys that are counted at a time.
  package var maxKeys: Int
  /// Clients are told what is left of their own.
  package var headers: Bool
  /// Where its name stands in the file, from 1.
  package var line: Int

  /// What its counters belong to: with the same they are kept over a reload, whatever else changes.
  package var identity: String {
    let parts = canonicalKey.map(\.text).joined(separator: "+")
    return "\(name)\n\(algorithm.rawValue)\n\(parts)\n\(rate.period.nanoseconds)"
  }

  /// The parts in an order that does not depend on how they were written.
  package var canonicalKey: [RateLimitKeyPart] { key.sorted { $0.text < $1.text } }

  /// The key as the file has it: `client_ip`, `[client_ip, header:x-user]`.
  package var keyText: String {
    key.count == 1 ? key[0].text : "[\(key.map(\.text).joined(separator: ", "))]"
  }

  /// The rate as the file has it: `100/s`.
  package var rateText: String { QuantityText.rate(rate) }
}

/// A part of a request that is counted by.
package enum RateLimitKeyPart: Sendable, Hashable {
  case clientIP
  /// The field's name, in lower case.
  case header(String)
  /// The cookie's name, with regard to case.
  case cookie(String)
  /// The parameter's name, as it stands in the request.
  case query(String)
  /// Each route by itself.
  case route
  /// Everybody together.
  case global

  /// As the file has it.
  package var text: String {
    switch self {
    case .clientIP: "client_ip"
    case .header(let name): "header:\(name)"
    case .cookie(let name): "cookie:\(name)"
    case .query(let name): "query:\(name)"
    case .route: "route"
    case .global: "global"
    }
  }

  /// Clients are told apart by it.
  package var isClients: Bool {
    switch self {
    case .clientIP, .header, .cookie, .query: true
    case .route, .global: false
    }
  }
}
