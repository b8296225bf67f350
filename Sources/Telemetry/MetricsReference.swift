// Why this file exists: docs/metrics.md is made from the table that the exposition uses.

/// The reference of all metrics.
package enum MetricsReference {
  /// Markdown, ending in a line feed.
  package static func markdown() -> String {
    var text = """
      # Metrics

      What `GET /metrics` on the admin listener tells. This page is made from the same table as \
      the answer.

      Labels take their values from the configuration, never from traffic: no label holds a \
      client, a path or a header value, and an unknown method is `other`. A request without a \
      route or a service, a malformed one too, has `route="-"` and `service="-"`. A backend's \
      label is its host:port. Counters are told from 0 on, so that `rate` and `increase` miss no \
      first event; only the series of `gateway_requests_total` and of the histograms, which are \
      many, appear with the first request that they count. `gateway_requests_total` tells at most \
      3,072 combinations apart, and with more than a thousand routes at least three for each; \
      requests of further ones are counted with `other` for all labels and in \
      `gateway_metrics_series_overflow_total`.

      A scraper that asks for it by `Accept` gets OpenMetrics 1.0, as Prometheus does by itself: \
      the same series, and in the buckets of the three histograms the trace id of the last \
      request that each has counted, of those whose trace is recorded (the sampled flag of \
      `traceparent`). Prometheus keeps these exemplars with `--enable-feature=exemplar-storage`.

      All numbers of a scrape are read at its beginning. Of a route, the sum of \
      `gateway_requests_total` and the counts of `gateway_request_duration_seconds` and \
      `gateway_overhead_seconds` are the same; a histogram's count is that of its buckets.

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
      let bounds = boundaries.texts.dropLast().map { String(decoding: $0, as: UTF8.self) }
      text += "* `\(family.entry.name)`: \(bounds.joined(separator: ", ")) s\n"
    }
    return text
  }
}
