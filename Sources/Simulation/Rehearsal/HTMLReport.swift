// Why this file exists: a run is understood by looking at it. One file that holds everything, asks
// no server for anything, and may be sent to a colleague.

import Configuration
import Primitives

package enum HTMLReport {
  /// Rows of a table; the rest is counted.
  private static let rowsMost = 200

  package static func text(_ run: RunResult) -> String {
    let records = run.records
    let title = HTMLText.escaped(run.name)
    var text = """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title><style>\(style)</style></head><body><main>
      <h1>\(title)</h1>
      <p class="\(records.isMet ? "good" : "bad")">\(verdict(records))</p>
      <p>\(Figures.seconds(run.scenario.duration)) s on a virtual clock, seed \
      \(run.scenario.seed), \(Figures.count(records.sent)) requests, \
      \(Figures.count(records.attempts)) attempts at backends, at most \
      \(Figures.count(records.mostUnderWay)) requests at a time.</p>

      """
    text += expectations(records)
    for plot in RunPlots.all(records) { text += plot.svg }
    text += StateBars.figure(records)
    for table in ReportTable.all(records, rowsMost: rowsMost) { text += html(table) }
    text += timeline(records)
    return text + "</main></body></html>\n"
  }

  private static func verdict(_ records: RunRecords) -> String {
    let failed = records.judgements.count { !$0.isMet }
    return failed == 0
      ? "Every expectation is met."
      : "\(failed) of \(records.judgements.count) expectations not met."
  }

  // MARK: Tables

  private static func expectations(_ records: RunRecords) -> String {
    framed(
      "Expectations", ["met", "expected", "window", "measured"],
      records.judgements.map { judgement in
        let failures = judgement.failures.isEmpty ? "" : ": \(judgement.failures)"
        return "<td class=\"\(judgement.isMet ? "good\">✓ yes" : "bad\">✗ no")</td>"
          + cell(judgement.expectation.text)
          + cell(judgement.window.isEmpty ? "all" : judgement.window)
          + cell(judgement.measured + failures)
      })
  }

  private static func timeline(_ records: RunRecords) -> String {
    if records.timeline.isEmpty { return "" }
    var rows = records.timeline.map { entry in
      let time = Figures.decimal(Double(entry.at.nanoseconds) / 1e9, 1)
      return "<td class=\"number\">\(time) s</td>" + cell(entry.side.rawValue) + cell(entry.text)
    }
    if records.timelineLost > 0 {
      rows.append("<td></td><td></td>" + cell("… and \(records.timelineLost) more"))
    }
    return framed("Timeline", ["time", "side", "what"], rows)
  }

  private static func html(_ table: ReportTable) -> String {
    let rows = table.rows.map { row in
      "<th scope=\"row\">" + HTMLText.escaped(row[0]) + "</th>"
        + row.dropFirst().map { "<td class=\"number\">\(HTMLText.escaped($0))</td>" }.joined()
    }
    let rest = table.rest.isEmpty ? "" : "<p>\(HTMLText.escaped(table.rest))</p>\n"
    return framed(table.title, table.head, rows, numbers: true) + rest
  }

  private static func cell(_ text: String) -> String { "<td>\(HTMLText.escaped(text))</td>" }

  /// Wide ones are scrolled on a narrow screen, by keys too.
  /// - Parameter numbers: all columns but the first are.
  private static func framed(
    _ title: String, _ head: [String], _ rows: [String], numbers: Bool = false
  ) -> String {
    var text = "<h2>\(title)</h2><div class=\"wide\" tabindex=\"0\" role=\"region\" "
    text += "aria-label=\"\(title)\"><table>\n<tr>"
    for (place, name) in head.enumerated() {
      let style = numbers && place > 0 ? " class=\"number\"" : ""
      text += "<th scope=\"col\"\(style)>\(HTMLText.escaped(name))</th>"
    }
    text += "</tr>\n"
    for row in rows { text += "<tr>\(row)</tr>\n" }
    return text + "</table></div>\n"
  }

  // MARK: Style

  private static let style = """
    :root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6777;--line:#d8dee6;--back:#fff;
    --c0:#2563eb;--c1:#dc2626;--c2:#15803d;--c3:#b45309;--c4:#7c3aed;--c5:#0e7490;--c6:#be185d;
    --c7:#4d7c0f}
    @media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa7b8;--line:#2c3644;
    --back:#12171e;--c0:#60a5fa;--c1:#f87171;--c2:#4ade80;--c3:#fbbf24;--c4:#a78bfa;--c5:#22d3ee;
    --c6:#f472b6;--c7:#a3e635}}
    body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);
    max-width:920px;margin:2em auto;padding:0 1em}
    h1{font-size:1.4em;overflow-wrap:anywhere}h2{font-size:1.1em;margin-top:2em}
    .wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
    td,th{text-align:left;padding:.2em .6em;border-bottom:1px solid var(--line);
    vertical-align:top}tr>th[scope=row]{font-weight:400;white-space:nowrap}
    td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
    td.good,td.bad{white-space:nowrap}
    .good{color:var(--c2);font-weight:600}.bad{color:var(--c1);font-weight:600}
    figure{margin:2em 0;overflow-x:auto}figcaption{font-weight:600}
    svg{width:100%;min-width:620px;height:auto;display:block}
    .grid{stroke:var(--line)}.axis,.label{fill:var(--soft);font-size:11px}.label{fill:var(--ink)}
    .mark{stroke:var(--soft);stroke-dasharray:1 4}
    .curve{fill:none;stroke-width:1.6;stroke-linejoin:round}
    .legend span{margin-right:1.2em;white-space:nowrap;font-size:.9em}
    .legend i{display:inline-block;width:1.4em;margin-right:.4em;vertical-align:.25em;
    border-top:.2em solid}
    .legend b{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px}
    .word{fill:var(--back);font-size:10px}
    \((0..<8).map { curve($0) }.joined(separator: "\n"))
    \([("up", 2), ("closed", 2), ("warming", 5), ("half_open", 5), ("ejected", 3), ("down", 1),
      ("open", 1), ("draining", 4)]
      .map { ".state-\($0.0){fill:var(--c\($0.1));background:var(--c\($0.1))}" }.joined())
    .state-removed{fill:none}
    """

  /// Every second one is dashed, so that colours are not all there is to tell them apart.
  private static func curve(_ place: Int) -> String {
    let (dashes, border) =
      place % 2 == 0 ? ("", "") : (";stroke-dasharray:6 2", ";border-top-style:dashed")
    return ".curve.c\(place){stroke:var(--c\(place))\(dashes)}"
      + "i.c\(place){border-top-color:var(--c\(place))\(border)}"
  }
}
