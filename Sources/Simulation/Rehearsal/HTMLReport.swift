// Why this file exists: a run is understood by looking at it. One file that holds everything, asks
// no server for anything, and may be sent to a colleague.

import Configuration
import Primitives

package enum HTMLReport {
  private static let curvesMost = 8
  private static let rowsMost = 24

  package static func text(_ run: RunResult) -> String {
    let records = run.records
    let title = HTMLText.escaped(run.name)
    var text = """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title><style>\(style)</style></head><body>
      <h1>\(title)</h1>
      <p class="\(records.isMet ? "good" : "bad")">\(verdict(records))</p>
      <p>\(Figures.seconds(run.scenario.duration)) s on a virtual clock, seed \
      \(run.scenario.seed), \(Figures.count(records.sent)) requests, \
      \(Figures.count(records.attempts)) attempts at backends.</p>

      """
    text += expectations(records)
    for plot in plots(records) { text += plot.svg }
    text += states(records)
    text += timeline(records)
    return text + "</body></html>\n"
  }

  private static func verdict(_ records: RunRecords) -> String {
    let failed = records.judgements.count { !$0.isMet }
    return failed == 0
      ? "Every expectation is met."
      : "\(failed) of \(records.judgements.count) expectations not met."
  }

  // MARK: Tables

  private static func expectations(_ records: RunRecords) -> String {
    var text = "<table><tr><th></th><th>expected</th><th>window</th><th>measured</th></tr>\n"
    for judgement in records.judgements {
      text += "<tr><td class=\"\(judgement.isMet ? "good\">✓" : "bad\">✗")</td><td>"
      text += HTMLText.escaped(judgement.expectation.text) + "</td><td>"
      text += (judgement.window.isEmpty ? "all" : judgement.window) + "</td><td>"
      text += HTMLText.escaped(judgement.measured) + "</td></tr>\n"
    }
    return text + "</table>\n"
  }

  private static func timeline(_ records: RunRecords) -> String {
    if records.timeline.isEmpty { return "" }
    var text = "<h2>Timeline</h2><table>\n"
    for entry in records.timeline {
      let time = Figures.decimal(Double(entry.at.nanoseconds) / 1e9, 1)
      text += "<tr><td class=\"number\">\(time) s</td><td>\(entry.side.rawValue)</td><td>"
      text += HTMLText.escaped(entry.text) + "</td></tr>\n"
    }
    if records.timelineLost > 0 {
      text += "<tr><td></td><td></td><td>… and \(records.timelineLost) more</td></tr>\n"
    }
    return text + "</table>\n"
  }

  // MARK: Plots

  private static func plots(_ records: RunRecords) -> [Plot] {
    let width = Double(records.width.nanoseconds) / 1e9
    let seconds = Double(records.length.nanoseconds) / 1e9
    let slices = records.slices
    let rate = Plot(
      title: "Requests a second, by when they were sent", unit: "/s",
      curves: [
        Plot.Curve(
          name: "sent", values: slices.map { Double($0.sent) / width }, style: "c0"),
        Plot.Curve(
          name: "success", values: slices.map { Double($0.ends[0]) / width }, style: "c2"),
      ], seconds: seconds)
    let ends = records.ends
    let kinds = (1..<ends.count).filter { ends[$0] > 0 }.sorted {
      (ends[$1], $0) < (ends[$0], $1)
    }
    let errors = Plot(
      title: "Failures a second, by reason", unit: "/s",
      curves: kinds.prefix(curvesMost).enumerated().map { place, kind in
        Plot.Curve(
          name: EndKind.words[kind], values: slices.map { Double($0.ends[kind]) / width },
          style: "c\(place)")
      }, seconds: seconds)
    let latency = Plot(
      title: "Time to a whole answer", unit: "ms",
      curves: [("p50", 500, "c2"), ("p90", 900, "c0"), ("p99", 990, "c1")].map {
        name, thousandths, style in
        Plot.Curve(
          name: name,
          values: slices.map {
            $0.latency.quantile(thousandths).map { Double($0.nanoseconds) / 1e6 }
          },
          style: style)
      }, scale: .logarithmic, seconds: seconds)
    let busiest = records.backends.indices.sorted {
      (records.backends[$1].attempts, $0) < (records.backends[$0].attempts, $1)
    }
    let shares = Plot(
      title: records.backends.count > curvesMost
        ? "Attempts a second at the \(curvesMost) busiest of \(records.backends.count) backends"
        : "Attempts a second, by backend", unit: "/s",
      curves: busiest.prefix(curvesMost).sorted().enumerated().map { place, backend in
        Plot.Curve(
          name: records.backends[backend].name,
          values: slices.map { Double($0.attempts[backend]) / width }, style: "c\(place)")
      }, seconds: seconds)
    return kinds.isEmpty ? [rate, latency, shares] : [rate, errors, latency, shares]
  }

  /// A bar for each backend's health and breaker; those with most changes first.
  private static func states(_ records: RunRecords) -> String {
    let length = Double(records.length.nanoseconds)
    let chosen = records.backends.indices.sorted {
      let (left, right) = (changes(records.backends[$0]), changes(records.backends[$1]))
      return left == right ? $0 < $1 : left > right
    }.prefix(rowsMost).sorted()
    var text = "<h2>Health and breakers</h2><p class=\"legend\">"
    for state in ["up", "warming", "ejected", "down", "draining", "closed", "half_open", "open"] {
      text += "<span><i class=\"state-\(state)\"></i>\(state)</span>"
    }
    text += "</p><table class=\"bars\">\n"
    for index in chosen {
      let backend = records.backends[index]
      text += "<tr><td>\(HTMLText.escaped(backend.name))</td><td>"
      text += bar(backend.states, length)
      if !backend.breaker.isEmpty { text += bar(backend.breaker, length) }
      text += "</td></tr>\n"
    }
    let rest = records.backends.count - chosen.count
    if rest > 0 { text += "<tr><td>… and \(rest) more</td><td></td></tr>\n" }
    return text + "</table>\n"
  }

  private static func changes(_ backend: BackendRecord) -> Int {
    backend.states.count + backend.breaker.count
  }

  private static func bar(_ changes: [StateChange], _ length: Double) -> String {
    var text = "<svg class=\"bar\" viewBox=\"0 0 1000 12\" preserveAspectRatio=\"none\">"
    for (index, change) in changes.enumerated() {
      let start = Double(change.at.nanoseconds) / length * 1_000
      let end =
        index + 1 < changes.count
        ? Double(changes[index + 1].at.nanoseconds) / length * 1_000 : 1_000
      if end <= start || start >= 1_000 { continue }
      let state = change.state.replacingDashes
      text += "<rect class=\"state-\(state)\" x=\"\(Plot.number(start))\" y=\"1\" height=\"10\" "
      text += "width=\"\(Plot.number(max(end - start, 0.5)))\"><title>\(state) from "
      text += "\(Figures.seconds(change.at)) s</title></rect>"
    }
    return text + "</svg>"
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
    h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}
    table{border-collapse:collapse;width:100%}
    td,th{text-align:left;padding:.2em .6em;border-bottom:1px solid var(--line);
    vertical-align:top}
    .number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
    .good{color:var(--c2);font-weight:600}.bad{color:var(--c1);font-weight:600}
    figure{margin:1.5em 0}figcaption{font-weight:600}svg{width:100%;height:auto;display:block}
    .grid{stroke:var(--line)}.axis{fill:var(--soft);font-size:11px}
    .curve{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
    .legend span{margin-right:1.2em;white-space:nowrap;font-size:.9em}
    .legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px}
    .bars td:first-child{white-space:nowrap;width:1%}svg.bar{height:14px}
    \((0..<8).map { ".curve.c\($0){stroke:var(--c\($0))}i.c\($0){background:var(--c\($0))}" }
      .joined())
    \([("up", 2), ("closed", 2), ("warming", 5), ("half_open", 5), ("ejected", 3), ("down", 1),
      ("open", 1), ("draining", 4)]
      .map { ".state-\($0.0){fill:var(--c\($0.1));background:var(--c\($0.1))}" }.joined())
    .state-removed{fill:none}
    """
}

extension String {
  /// The words of breakers as names of classes.
  fileprivate var replacingDashes: String { String(map { $0 == "-" ? "_" : $0 }) }
}
