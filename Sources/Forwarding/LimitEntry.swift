// Why this file exists: a rate limit in the form in which a request meets it: what it counts by,
// its rule, the counters that all workers share, and the texts that clients are told.
package import Limiting
package import Primitives

/// What becomes of requests above a limit.
@frozen
package enum LimitMode: UInt8, Sendable {
  /// Nothing is counted.
  case off
  /// They pass, and are counted as what would have been refused.
  case shadow
  case enforce
}

/// A part of a request that a limit counts by. The names are the snapshot's.
@frozen
package enum LimitKeyPart {
  case clientIP
  /// What the request names as its host, wherever that stands.
  case host
  /// The field's name, in lower case.
  case field(ByteSlice)
  case cookie(ByteSlice)
  case query(ByteSlice)
  case route
  case global
}

/// One limit of one configuration. In the snapshot's memory.
package struct LimitEntry {
  package var name: ByteSlice
  package var counters: Limit
  package var rule: LimitRule
  package var parts: UnsafeBufferPointer<LimitKeyPart>
  /// Empty, with the secrets of the process.
  package var hash: LimitKeyHash
  /// Of a v6 address that counts as a client: what the rest is cut off with.
  package var v6Mask: (high: UInt64, low: UInt64)
  package var mode: LimitMode
  /// Requests without a part of the key count together; else they do not count.
  package var sharesMissing: Bool
  /// Clients are told apart by it.
  package var isClients: Bool
  /// Clients are told what is left of their own.
  package var announces: Bool
  /// `"name"`, as in a structured field (RFC 9651 section 3.3.3).
  package var quoted: ByteSlice
  /// The same with its policy: `"name";q=100;w=60`.
  package var told: ByteSlice
}

/// A limit that a route names.
package struct RouteLimit {
  package var entry: UnsafePointer<LimitEntry>
  package var use: LimitUse
}

/// How often requests of one route were above one limit. A pointer; the registry owns it.
package struct LimitUse: Sendable {
  private let words: SharedWords

  static func create(workers: Int) -> LimitUse { LimitUse(words: .allocate(count: 8 * workers)) }
  func destroy() { words.deallocate() }

  /// Refused by an enforced limit, or what a limit in shadow would have refused. Written by that
  /// worker only, on a cache line of its own.
  package func count(_ mode: LimitMode, worker: Int) -> SharedCounter {
    words.counter(8 * worker + Int(mode.rawValue))
  }

  package func total(_ mode: LimitMode, workers: Int) -> UInt64 {
    (0..<workers).reduce(0) { $0 &+ count(mode, worker: $1).value }
  }
}

extension LimitEntry {
  var isEnforced: Bool {
    switch mode {
    case .off, .shadow: false
    case .enforce: true
    }
  }

  /// Its text in RateLimit-Policy and in RateLimit at most, with what stands between two.
  var longestText: Int { quoted.count + told.count + LimitEntry.numbersLength }

  /// `;r=` and `;t=` with the longest numbers, and `, ` twice.
  private static var numbersLength: Int { 2 * (3 + 20) + 4 }

  /// The names of both fields, with colons and line ends.
  static var fieldsLength: Int { 40 }
}
