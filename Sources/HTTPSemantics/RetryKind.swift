// Why this file exists: a repeat is asked for, decided and counted under the same few words, those
// of `retries.when`.

/// Under which of the words of `retries.when` a fault falls.
@frozen @usableFromInline
package enum RetryKind: UInt8, CaseIterable, Sendable {
  /// Never tried again.
  case never
  /// No byte of the request was sent.
  case connect
  /// A pooled connection ended before any byte of the answer (RFC 9112 section 9.3.1).
  case reusedReset
  /// A new connection ended before any byte of the answer.
  case reset
  /// No head of an answer in time.
  case timeout
  case status502
  case status503
  case status504

  /// As the configuration and the metrics write it.
  package var word: StaticString {
    switch self {
    case .never: "never"
    case .connect: "connect"
    case .reusedReset: "reused_reset"
    case .reset: "reset"
    case .timeout: "timeout"
    case .status502: "502"
    case .status503: "503"
    case .status504: "504"
    }
  }
}
