// Why this file exists: spans that were lost are as much news as those that arrived, so both are
// counted.

/// What has become of the spans that were to be exported.
package struct SpanSamples: Sendable {
  package var exported: UInt64 = 0
  package var queueFull: UInt64 = 0
  package var refused: UInt64 = 0
  package var undelivered: UInt64 = 0

  package init() {}
  package init(exported: UInt64, queueFull: UInt64, refused: UInt64, undelivered: UInt64) {
    self.exported = exported
    self.queueFull = queueFull
    self.refused = refused
    self.undelivered = undelivered
  }
}
