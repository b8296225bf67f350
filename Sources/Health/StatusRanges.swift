// Why this file exists: which statuses count as healthy is a short list of ranges, asked once a
// probe.

/// Statuses, as `health.active.status` lists them.
package struct StatusRanges: Equatable, Sendable {
  private let ranges: [ClosedRange<UInt16>]

  /// In any order; they may overlap. None at all contains nothing.
  package init(_ ranges: [ClosedRange<UInt16>]) { self.ranges = ranges }

  package func contains(_ status: UInt16) -> Bool {
    ranges.contains { $0.contains(status) }
  }
}
