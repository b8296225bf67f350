// Why this file exists: whether a trace that begins here is to be recorded is read from its id, so
// that every gateway and service that asks the same question of the same trace agrees.

/// The share of new traces that are sampled.
///
/// The lowest 56 bits of a trace id are taken as its random number, as W3C Trace Context Level 2
/// has them (section 3.2.2.3.1), and it is sampled when they are at or above a floor: the threshold
/// of OpenTelemetry's consistent probability sampling.
package struct TraceSampling: Equatable, Sendable {
  /// From 0, every trace, to 2^56, none.
  package let floor: UInt64

  private static let span: UInt64 = 1 << 56

  /// `partsPerMillion` of all traces, from 0 to 1,000,000.
  package init(partsPerMillion: UInt32) {
    precondition(partsPerMillion <= 1_000_000)
    let left = UInt64(1_000_000 - partsPerMillion)
    let (high, low) = TraceSampling.span.multipliedFullWidth(by: left)
    floor = UInt64(1_000_000).dividingFullWidth((high, low)).quotient
  }

  /// - Parameter low: the lower half of the trace id.
  package func takes(_ low: UInt64) -> Bool {
    low & (TraceSampling.span &- 1) >= floor
  }
}
