// Why this file exists: a scraper names the forms that it reads; there are two that we write.

/// How a scrape is written.
package enum ExpositionFormat: Sendable {
  /// The text format of Prometheus, version 0.0.4: what every scraper reads.
  case text
  /// OpenMetrics 1.0: the same samples, and with them the units of families and exemplars.
  case openMetrics

  package var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}
