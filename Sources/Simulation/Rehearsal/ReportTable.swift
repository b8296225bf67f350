// Why this file exists: the tables of a run say the same at a terminal and on a page; here is what
// stands in them, and the reports say how it looks.

import Configuration
import Primitives

/// A table for people: the first column is of names, the others of numbers.
struct ReportTable {
  var title: String
  var head: [String]
  var rows: [[String]]
  /// About rows that are left out; empty = there are none.
  var rest = ""

  /// All tables of a run that have something to say.
  /// - Parameter rowsMost: of backends and routes; the others are counted.
  static func all(_ records: RunRecords, rowsMost: Int) -> [ReportTable] {
    var tables = [flows(records)]
    if records.routes.count > 1 || records.withoutRoute.count > 0 {
      tables.append(routes(records, rowsMost))
    }
    if !records.limits.isEmpty { tables.append(limits(records)) }
    return tables + [backends(records, rowsMost), ends(records)]
  }

  private static let times = ["p50", "p90", "p99", "max"]

  private static func times(_ latency: LatencyHistogram) -> [String] {
    [500, 900, 990, 1_000].map { time(latency.quantile($0)) }
  }

  private static func time(_ duration: Duration?) -> String { duration.map(Figures.time) ?? "-" }

  private static func flows(_ records: RunRecords) -> ReportTable {
    ReportTable(
      title: "Flows", head: ["flow", "requests", "repeats", "success"] + times,
      rows: records.flows.map { flow in
        [
          flow.name, Figures.count(flow.sent), Figures.count(flow.repeats),
          Figures.share(flow.ended.ends[0], of: flow.ended.count),
        ] + times(flow.ended.latency)
      })
  }

  /// What no route took has a row without a name.
  private static func routes(_ records: RunRecords, _ most: Int) -> ReportTable {
    var entries = records.routes.prefix(most).map { ($0.name, $0.ended) }
    if records.withoutRoute.count > 0 { entries.append(("-", records.withoutRoute)) }
    let all = records.ends.reduce(0, +)
    return ReportTable(
      title: "Routes", head: ["route", "requests", "share", "success"] + times,
      rows: entries.map { name, ended in
        [
          name, Figures.count(ended.count), Figures.share(ended.count, of: all),
          Figures.share(ended.ends[0], of: ended.count),
        ] + times(ended.latency)
      },
      rest: rest(records.routes.dropFirst(most).map(\.ended.count), "requests"))
  }

  private static func limits(_ records: RunRecords) -> ReportTable {
    let all = records.ends.reduce(0, +)
    return ReportTable(
      title: "Rate limits", head: ["limit", "refused", "share", "in shadow"],
      rows: records.limits.map { limit in
        [
          limit.name, Figures.count(limit.refused), Figures.share(limit.refused, of: all),
          Figures.count(limit.wouldRefuse),
        ]
      })
  }

  private static func backends(_ records: RunRecords, _ most: Int) -> ReportTable {
    let all = records.attempts
    return ReportTable(
      title: "Backends",
      head: [
        "backend", "attempts", "share", "2xx", "4xx", "5xx", "refused", "p50", "p99", "at work",
        "in line",
      ],
      rows: records.backends.prefix(most).map { backend in
        [
          backend.name, Figures.count(backend.attempts), Figures.share(backend.attempts, of: all),
          Figures.count(backend.answers[2]), Figures.count(backend.answers[4]),
          Figures.count(backend.answers[5]), Figures.count(backend.missed),
          time(backend.latency.quantile(500)), time(backend.latency.quantile(990)),
          Figures.count(backend.inFlightMost), Figures.count(backend.waitingMost),
        ]
      },
      rest: rest(records.backends.dropFirst(most).map(\.attempts), "attempts"))
  }

  private static func rest(_ counts: [Int], _ what: String) -> String {
    guard let least = counts.min(), let most = counts.max() else { return "" }
    return "… and \(Figures.count(counts.count)) more, with \(Figures.count(least)) to "
      + "\(Figures.count(most)) \(what) each"
  }

  private static func ends(_ records: RunRecords) -> ReportTable {
    let ends = records.ends
    let all = ends.reduce(0, +)
    return ReportTable(
      title: "How requests ended", head: ["how", "requests", "share"],
      rows: ends.indices.filter { ends[$0] > 0 }.map { index in
        [EndKind.words[index], Figures.count(ends[index]), Figures.share(ends[index], of: all)]
      })
  }
}
