// Why this file exists: what the gateway held of each backend, and its breaker, are bars below the
// curves, on the same axis of time: what was cause and what effect shows at a glance.

import Primitives

enum StateBars {
  /// Backends that are shown. Where there are more it is those with most changes.
  private static let backendsMost = 24
  private static let bar = 12.0
  /// A letter in a bar; one that is too narrow for its word has none.
  private static let letter = 6.0

  static func figure(_ records: RunRecords) -> String {
    let chosen = chosen(records.backends)
    let seconds = Double(records.length.nanoseconds) / 1e9
    var rows = ""
    var y = 4.0
    for index in chosen {
      let backend = records.backends[index]
      rows += "<text class=\"label\" x=\"\(Int(Plot.left))\" y=\"\(Plot.number(y + 11))\">"
      rows += HTMLText.escaped(backend.name) + "</text>"
      y += 16
      for (what, states) in [("health", backend.states), ("breaker", backend.breaker)]
      where !states.isEmpty {
        rows += "<text class=\"axis\" text-anchor=\"end\" x=\"\(Int(Plot.left - 6))\" "
        rows += "y=\"\(Plot.number(y + 10))\">\(what)</text>" + bar(states, seconds, y)
        y += bar + 3
      }
      y += 6
    }
    let height = y + Plot.bottom
    let rest = records.backends.count - chosen.count
    return "<figure><figcaption>Health and breakers</figcaption>"
      + "<svg viewBox=\"0 0 \(Int(Plot.width)) \(Int(height))\" role=\"img\" "
      + "aria-label=\"Health and breakers of backends over time\">" + rows
      + Plot.timeAxis(seconds, height: height) + "</svg>" + legend(records, chosen)
      + (rest > 0 ? "<p>… and \(Figures.count(rest)) more, with fewer changes or none</p>" : "")
      + "</figure>\n"
  }

  private static func chosen(_ backends: [BackendRecord]) -> [Int] {
    if backends.count <= backendsMost { return Array(backends.indices) }
    let changed = backends.indices.filter {
      backends[$0].states.count > 1 || backends[$0].breaker.count > 1
    }
    return changed.sorted {
      let (left, right) = (changes(backends[$0]), changes(backends[$1]))
      return left == right ? $0 < $1 : left > right
    }.prefix(backendsMost).sorted()
  }

  private static func changes(_ backend: BackendRecord) -> Int {
    backend.states.count + backend.breaker.count
  }

  /// The states that there were.
  private static func legend(_ records: RunRecords, _ chosen: [Int]) -> String {
    let seen = Set(
      chosen.flatMap { records.backends[$0].states + records.backends[$0].breaker }.map(\.style))
    let all = ["up", "warming", "ejected", "down", "draining", "closed", "half_open", "open"]
    return "<p class=\"legend\">"
      + all.filter { seen.contains($0) }
      .map { "<span><b class=\"state-\($0)\"></b>\($0)</span>" }.joined() + "</p>"
  }

  private static func bar(_ changes: [StateChange], _ seconds: Double, _ y: Double) -> String {
    var text = ""
    for (index, change) in changes.enumerated() {
      let start = Double(change.at.nanoseconds) / 1e9
      let end =
        index + 1 < changes.count ? Double(changes[index + 1].at.nanoseconds) / 1e9 : seconds
      if end <= start || start >= seconds { continue }
      let x = Plot.place(start, of: seconds)
      let width = max(Plot.place(min(end, seconds), of: seconds) - x, 0.5)
      text += "<rect class=\"state-\(change.style)\" x=\"\(Plot.number(x))\" "
      text += "y=\"\(Plot.number(y))\" height=\"\(Plot.number(bar))\" "
      text += "width=\"\(Plot.number(width))\"><title>\(change.style) from "
      text += "\(Figures.seconds(change.at)) s</title></rect>"
      let word = letter * Double(change.style.count) + 8
      if width >= word && change.style != "removed" {
        text += "<text class=\"word\" x=\"\(Plot.number(x + 4))\" y=\"\(Plot.number(y + 9))\">"
        text += "\(change.style)</text>"
      }
    }
    return text
  }
}

extension StateChange {
  /// The state's word as the name of a class.
  fileprivate var style: String { String(state.map { $0 == "-" ? "_" : $0 }) }
}
