// Why this file exists: docs/metrics.md is made from the table that the exposition uses.

/// The reference of all metrics.
package enum MetricsReference {
  /// Markdown, ending in a line feed.
  package static func markdown() -> String {
    var text = """
      # Metrics

      What `GET /metrics` on the admin listener tells, in the text format of Prometheus. This page \
      is made from the same table as the answer.

      Labels take their values from the configuration, never from traffic: no label holds a \
      client, a path or a header value, and an unknown method is `other`. A request without a \
      route or a service, a malformed one too, has `route="-"` and `service="-"`. A backend's \
      label is its host:port. A series of a route or a service appears with its first request. \
      Should the table of `gateway_requests_total` be full, further combinations are counted with \
      `other` for all labels and in `gateway_metrics_series_overflow_total`.

      | Metric | Type | Labels | Meaning |
      |---|---|---|---|

      """
    for family in MetricFamily.allCases {
      let entry = family.entry
      let labels = entry.labels.map { "`\($0)`" }.joined(separator: ", ")
      text += "| `\(entry.name)` | \(entry.kind.rawValue) | \(labels) | \(entry.help) |\n"
    }
    text += "\n## Bounds of the histograms\n\n"
    let histograms: [(MetricFamily, HistogramBoundaries)] = [
      (.requestDuration, .request), (.overhead, .overhead), (.upstreamDuration, .request),
    ]
    for (family, boundaries) in histograms {
      let bounds = boundaries.nanoseconds.map { DecimalText.seconds(nanoseconds: $0) }
      text += "* `\(family.entry.name)`: \(bounds.joined(separator: ", ")) s\n"
    }
    return text
  }
}
