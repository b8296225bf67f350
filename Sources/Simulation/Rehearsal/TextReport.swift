// Why this file exists: what a run has shown, for people at a terminal: what happened when, how
// everybody fared, and whether what was expected holds.

import Configuration
import Primitives

package enum TextReport {
  /// Lines of the timeline, and rows of a table, that are shown; the rest is counted.
  private static let timelineMost = 120
  private static let rowsMost = 40

  package static func text(_ run: RunResult, isColoured: Bool) -> String {
    let records = run.records
    var text =
      "\(run.name): \(Figures.seconds(run.scenario.duration)) s, seed \(run.scenario.seed), "
      + "\(Figures.count(records.sent)) requests, at most "
      + "\(Figures.count(records.mostUnderWay)) at a time\n"
    text += timeline(records)
    for table in ReportTable.all(records, rowsMost: rowsMost) {
      text += "\n\(table.title)\n" + columns(table)
    }
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
      text += " " + pad(row, width) + "  \(judgement.measured)"
      text += (judgement.failures.isEmpty ? "" : ": \(judgement.failures)") + "\n"
    }
    return text
  }

  // MARK: Columns

  /// The first column to the left, numbers to the right.
  private static func columns(_ table: ReportTable) -> String {
    var widths = table.head.map(\.unicodeScalars.count)
    for row in table.rows {
      for (column, cell) in row.enumerated() {
        widths[column] = max(widths[column], cell.unicodeScalars.count)
      }
    }
    var text = ""
    for row in [table.head] + table.rows {
      let cells = row.enumerated().map { column, cell in
        pad(cell, widths[column], right: column > 0)
      }
      text += "  " + cells.joined(separator: "  ") + "\n"
    }
    return text + (table.rest.isEmpty ? "" : "  \(table.rest)\n")
  }

  private static func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
    let gap = String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
    return right ? gap + text : text + gap
  }
}
