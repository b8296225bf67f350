// Why this file exists: one change in words, the same in a table, in a list and to a program.

import Configuration
import HTTPSemantics
import Replaying

/// A change as texts.
struct ReplaySides {
  let change: ReplayChange
  let words: WordTable

  init(_ change: ReplayChange, _ words: WordTable) {
    self.change = change
    self.words = words
  }

  private func word(_ number: Int32, _ nothing: String) -> String {
    number == 0 ? nothing : ReplayWords.printed(words.text(number))
  }

  /// `GET api.example.com/users/*`
  var request: String {
    "\(word(change.method, "-")) \(word(change.host, ""))\(word(change.pattern, ""))"
  }

  var route: String {
    arrow(word(change.old.route, "none"), word(change.new.route, "none"))
  }

  var service: String {
    arrow(word(change.old.service, "none"), word(change.new.service, "none"))
  }

  /// `2xx → 429 rate_limited by per_client`
  var answer: String { answer(isGrouped: true) }

  func answer(isGrouped: Bool) -> String {
    arrow(text(change.old, isGrouped), text(change.new, isGrouped))
  }

  private func arrow(_ old: String, _ new: String) -> String {
    old == new ? old : "\(old) → \(new)"
  }

  private func text(_ side: Side, _ isGrouped: Bool) -> String {
    switch side.answer {
    case .status(499): return "499"
    case .status(let status): return isGrouped ? "\(status / 100)xx" : "\(status)"
    case .unknown: return "what \(word(side.service, "it")) says"
    case .local(let status, .none): return "\(status) by the route"
    case .local(let status, let reason):
      let limit = side.limit == 0 ? "" : " by \(word(side.limit, ""))"
      return "\(status) \(reason.word)\(limit)"
    }
  }

  /// Red for requests that are refused now, green for those that are no more, else yellow.
  var colour: Int {
    switch (isRefusal(change.old.answer), isRefusal(change.new.answer)) {
    case (false, true): 31
    case (true, false): 32
    case (_, _): 33
    }
  }

  private func isRefusal(_ answer: SideAnswer) -> Bool {
    if case .local(let status, _) = answer { status >= 400 } else { false }
  }
}

/// Columns as wide as they need to be.
struct TextTable {
  private let titles: [String]
  private let rightAligned: Int
  private var rows: [(cells: [String], colour: Int?)] = []

  /// - Parameter rightAligned: so many of the first columns are numbers.
  init(_ titles: [String], rightAligned: Int) {
    self.titles = titles
    self.rightAligned = rightAligned
  }

  mutating func add(_ cells: [String], colour: Int? = nil) { rows.append((cells, colour)) }

  /// Each line ends in a line end.
  var text: String {
    let lines = [(cells: titles, colour: Int?.none)] + rows
    let widths = titles.indices.map { column in
      lines.map { $0.cells[column].count }.max() ?? 0
    }
    return lines.map { cells, colour in
      let padded = cells.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column < rightAligned ? space + cell : cell + space
      }
      var line = "  " + padded.joined(separator: "  ")
      while line.hasSuffix(" ") { line.removeLast() }
      return colour.map { "\u{1B}[\($0)m\(line)\u{1B}[0m\n" } ?? line + "\n"
    }.joined()
  }
}
