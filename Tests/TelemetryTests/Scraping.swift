// Why this file exists: a scrape comes in parts and two forms; tests read it whole.
import Primitives
import ScrapeReading
import Telemetry

/// The clocks of a scrape that says nothing of exemplars.
let anyClocks = ScrapeClocks(
  monotonic: Instant(nanoseconds: 500_000_000_000), wall: 1_700_000_600_000_000_000)

/// All parts of a scrape.
func bytes(_ scrape: MetricsScrape, partsOf size: Int = MetricsScrape.partSize) -> [UInt8] {
  var bytes: [UInt8] = []
  while true {
    let part = scrape.next(atLeast: size)
    if part.isEmpty { return bytes }
    bytes += part
  }
}

func read(_ report: MetricsReport, as format: ExpositionFormat = .text) -> Scrape {
  let bytes = bytes(report.scrape(as: format))
  return switch format {
  case .text: TextFormat.read(bytes)
  case .openMetrics: OpenMetricsFormat.read(bytes)
  }
}
