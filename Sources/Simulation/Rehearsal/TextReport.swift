// Why this file exists: what a run has shown, for people at a terminal: what happened when, how
// everybody fared, and whether what was expected holds.

import Configuration
import Primitives

package enum TextReport {
  /// Lines of the timeline, and backends, that are shown; the rest is counted.
  private static let timelineMost = 120
  private static let backendsMost = 40

  package static func text(_ run: RunResult, isColoured: Bool) -> String {
    let records = run.records
    var text =
      "\(run.name): \(Figures.seconds(run.scenario.duration)) s, seed \(run.scenario.seed), "
      + "\(Figures.count(records.sent)) requests, at most "
      + "\(Figures.count(records.mostUnderWay)) at a time\n"
    text += timeline(records)
    text += "\nFlows\n" + flows(records)
    text += "\nBackends\n" + backends(records)
    text += "\nHow requests ended\n" + ends(records)
    text += "\nExpectations\n" + expectations(records, isColoured: isColoured)
    let failed = records.judgements.count { !$0.isMet }
    text +=
      failed == 0
      ? "\nEvery expectation is met.\n"
      : "\n\(failed) of \(records.judgements.count) expectations "
        + "\(failed == 1 ? "is" : "are") not met.\n"
    return text
  }

  // MARK: Parts

  private static func timeline(_ records: RunRecords) -> String {
    if records.timeline.isEmpty { return "" }
    var text = "\nTimeline\n"
    for entry in records.timeline.prefix(timelineMost) {
      let time = Figures.decimal(Double(entry.at.nanoseconds) / 1e9, 1)
      text +=
        pad("\(time) s", 11, right: true) + "  " + pad(entry.side.rawValue, 8) + "  "
        + "\(entry.text)\n"
    }
    let rest = records.timeline.count - timelineMost + records.timelineLost
    if rest > 0 { text += "             … and \(Figures.count(rest)) more\n" }
    return text
  }

  private static func flows(_ records: RunRecords) -> String {
    let head = ["flow", "requests", "repeats", "success", "p50", "p90", "p99", "max"]
    return table(
      head,
      records.flows.map { flow in
        [
          flow.name, Figures.count(flow.sent), Figures.count(flow.repeats),
          Figures.share(flow.ends[0], of: flow.ended),
        ] + [500, 900, 990, 1_000].map { time(flow.latency.quantile($0)) }
      })
  }

  private static func backends(_ records: RunRecords) -> String {
    let head = [
      "backend", "attempts", "share", "2xx", "4xx", "5xx", "refused", "p50", "p99", "at work",
      "in line",
    ]
    let all = records.attempts
    let shown = records.backends.prefix(backendsMost)
    var text = table(
      head,
      shown.map { backend in
        [
          backend.name, Figures.count(backend.attempts),
          Figures.share(backend.attempts, of: all), Figures.count(backend.answers[2]),
          Figures.count(backend.answers[4]), Figures.count(backend.answers[5]),
          Figures.count(backend.missed), time(backend.latency.quantile(500)),
          time(backend.latency.quantile(990)), Figures.count(backend.inFlightMost),
          Figures.count(backend.waitingMost),
        ]
      })
    let rest = records.backends.dropFirst(backendsMost)
    if !rest.isEmpty {
      let least = rest.map(\.attempts).min() ?? 0
      let most = rest.map(\.attempts).max() ?? 0
      text +=
        "  … and \(Figures.count(rest.count)) more, with \(Figures.count(least)) to "
        + "\(Figures.count(most)) attempts each\n"
    }
    return text
  }

  private static func ends(_ records: RunRecords) -> String {
    let ends = records.ends
    let all = ends.reduce(0, +)
    let rows = ends.indices.filter { ends[$0] > 0 }.map { index in
      [EndKind.words[index], Figures.count(ends[index]), Figures.share(ends[index], of: all)]
    }
    return table(["how", "requests", "share"], rows)
  }

  private static func expectations(_ records: RunRecords, isColoured: Bool) -> String {
    let rows = records.judgements.map { judgement in
      judgement.expectation.text + (judgement.window.isEmpty ? "" : ", \(judgement.window)")
    }
    let width = rows.reduce(0) { max($0, $1.unicodeScalars.count) }
    var text = ""
    for (row, judgement) in zip(rows, records.judgements) {
      let mark = judgement.isMet ? "✓" : "✗"
      let colour = judgement.isMet ? "\u{1B}[32m" : "\u{1B}[1;31m"
      text += "  " + (isColoured ? "\(colour)\(mark)\u{1B}[0m" : mark)
      text += " " + pad(row, width) + "  \(judgement.measured)\n"
    }
    return text
  }

  // MARK: Columns

  private static func time(_ duration: Duration?) -> String { duration.map(Figures.time) ?? "-" }

  /// The first column to the left, numbers to the right.
  private static func table(_ head: [String], _ rows: [[String]]) -> String {
    var widths = head.map(\.unicodeScalars.count)
    for row in rows {
      for (column, cell) in row.enumerated() {
        widths[column] = max(widths[column], cell.unicodeScalars.count)
      }
    }
    var text = ""
    for row in [head] + rows {
      let cells = row.enumerated().map { column, cell in
        pad(cell, widths[column], right: column > 0)
      }
      text += "  " + cells.joined(separator: "  ") + "\n"
    }
    return text
  }

  private static func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
    let gap = String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
    return right ? gap + text : text + gap
  }
}
