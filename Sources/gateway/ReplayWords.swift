// Why this file exists: what a replay found out becomes what a reader wants to know before a
// reload: how many requests, of which kind, and an example of each. Here for people.

import Configuration
import HTTPSemantics
import Primitives
import Replaying

/// A report with the names of the files that it is about.
struct ReplayWords {
  /// Of the logs, by their position.
  let names: [String]
  let new: GatewayConfiguration
  let newFile: String
  let old: GatewayConfiguration?
  let oldFile: String?
  /// That are printed.
  let groups: Int
  let isColoured: Bool
  var report = ReplayReport()

  /// Ends in a line end.
  var text: String {
    let parts = [header, changes, splits, shadows, untold, faults, notes]
    return parts.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  // MARK: Pieces of text

  /// 12,480
  static func number(_ value: Int) -> String {
    var digits = "\(value)"
    var at = digits.count - 3
    while at > 0 {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: at))
      at -= 3
    }
    return digits
  }

  /// `1 request`, `12,480 requests`
  static func count(_ value: Int, _ noun: String) -> String {
    "\(number(value)) \(noun)\(value == 1 ? "" : "s")"
  }

  /// Of all requests, in percent with one decimal.
  func share(_ count: Int) -> String {
    let tenths = report.requests == 0 ? 0 : 1_000 * count / report.requests
    return tenths == 0 && count > 0 ? "< 0.1 %" : "\(tenths / 10).\(tenths % 10) %"
  }

  func place(_ place: LinePlace) -> String { "\(names[Int(place.file)]):\(place.number)" }

  /// A word of a log is printed as what it is, whatever it holds.
  static func printed(_ text: String) -> String { PrintableText.of(text, limit: 80) }

  private func first(_ count: ReplayCount) -> String {
    let id = count.requestID.isEmpty ? "" : " \(ReplayWords.printed(count.requestID))"
    return place(count.place) + id
  }

  // MARK: Parts

  private var header: String {
    if report.requests == 0 { return "no request in \(names.joined(separator: ", "))\n" }
    let from = DiagnosticLog.time(report.firstTime)
    let to = DiagnosticLog.time(report.lastTime)
    return ReplayWords.count(report.requests, "request") + " from \(from) to \(to)\n"
  }

  private var changes: String {
    if report.requests == 0 { return "" }
    let sides = old == nil ? "than the log says" : "than under \(oldFile ?? "")"
    if report.changed == 0 {
      return "none would be treated otherwise under \(newFile) \(sides)\n"
    }
    let kinds = report.byKind.filter { $0.requests > 0 }.map { kind, requests in
      "\(ReplayWords.kind(kind)) \(ReplayWords.number(requests))"
    }
    var table = TextTable(
      ["requests", "", "request", "route", "service", "answer", "first"], rightAligned: 2)
    let groups = report.sortedGroups
    for (change, count) in groups.prefix(self.groups) {
      let sides = ReplaySides(change, report.words)
      table.add(
        [
          ReplayWords.number(count.requests), share(count.requests), sides.request, sides.route,
          sides.service, sides.answer, first(count),
        ], colour: isColoured ? sides.colour : nil)
    }
    let rest = groups.dropFirst(self.groups)
    let others = rest.reduce(report.ungrouped) { $0 + $1.count.requests }
    let more =
      others == 0
      ? ""
      : "  and \(ReplayWords.number(others)) in \(ReplayWords.number(rest.count)) more groups\n"
    return "\(ReplayWords.number(report.changed)) (\(share(report.changed))) would be treated "
      + "otherwise under \(newFile) \(sides): \(kinds.joined(separator: ", "))\n" + table.text
      + more
  }

  private static func kind(_ kind: ChangeKinds) -> String {
    switch kind {
    case .route: "route"
    case .service: "service"
    case .limit: "limit verdict"
    case .statusClass: "status class"
    case _: "status unknown"
    }
  }

  private var splits: String {
    if report.splits.isEmpty { return "" }
    var table = TextTable(["route", "service", "went there", "", "would", ""], rightAligned: 0)
    for split in report.sortedSplits {
      let name = ReplayWords.printed(new.routes[Int(split.route)].name)
      for (index, part) in split.parts.enumerated() {
        let expected = split.requests * Int(part.share) / 1_000_000
        table.add(
          [
            index == 0 ? name : "", ReplayWords.printed(report.words.text(part.service)),
            ReplayWords.number(part.requests),
            ReplayWords.percent(part.requests, of: split.requests),
            ReplayWords.number(expected),
            ReplayWords.percent(Int(part.share), of: 1_000_000)
              + (split.isChange ? "" : ", no change"),
          ], colour: isColoured && split.isChange ? 33 : nil)
      }
    }
    return "services that are drawn for each request\n" + table.text
  }

  private static func percent(_ count: Int, of whole: Int) -> String {
    let tenths = whole == 0 ? 0 : 1_000 * count / whole
    return "\(tenths / 10).\(tenths % 10) %"
  }

  private var shadows: String {
    report.shadowed.sorted { $0.key < $1.key }.map { position, requests in
      let limit = ReplayWords.printed(new.rateLimits[Int(position)].name)
      return "limit \(limit) is in shadow and would refuse "
        + "\(ReplayWords.count(requests, "request"))\n"
    }.joined()
  }

  private var untold: String {
    if report.untold.isEmpty { return "" }
    var table = TextTable(["requests", "", "why", "first"], rightAligned: 2)
    for (why, count) in report.sortedUntold.prefix(groups) {
      table.add(
        [
          ReplayWords.number(count.requests), share(count.requests), reason(why), first(count),
        ])
    }
    let rest = report.untold.count - groups
    let more = rest > 0 ? "  and \(rest) more reasons\n" : ""
    let total = report.untoldRequests
    return "\(ReplayWords.number(total)) (\(share(total))) cannot be told from the log\n"
      + table.text + more
  }

  /// Why it cannot be told what becomes of a request.
  func reason(_ why: Untold) -> String {
    switch why {
    case .head: return "refused for its head, of which the log has nothing"
    case .cutPath: return "its path is cut in the log"
    case .cutHost: return "its host is cut in the log"
    case .noHost: return "the line has no host, and routes ask for one"
    case .conditions(let route):
      return asked(new.routes[Int(route)]) + ", which no log has"
    case .oldConditions(let route):
      guard let old else { return "" }
      return asked(old.routes[Int(route)]) + " in \(oldFile ?? ""), which no log has"
    case .body(let route):
      let name = ReplayWords.printed(new.routes[Int(route)].name)
      return "its body may be too large for route \(name), the log has no length of it"
    case .limit(let position):
      let limit = new.rateLimits[Int(position)]
      return "limit \(ReplayWords.printed(limit.name)) counts by "
        + "\(ReplayWords.printed(limit.keyText)), which the log does not tell"
    }
  }

  private func asked(_ route: RouteConfiguration) -> String {
    let fields = route.match.headers.map { "header \($0.name)" }
    let parameters = route.match.query.map { "query \($0.name)" }
    let names = (fields + parameters).joined(separator: ", ")
    return ReplayWords.printed("route \(route.name) asks for \(names)")
  }

  private var faults: String {
    if report.broken == 0 { return "" }
    let lines = report.faults.map { "  \(place($0.place)): \($0.fault.words)\n" }
    let rest = report.broken - report.faults.count
    return "\(ReplayWords.count(report.broken, "line")) could not be read\n" + lines.joined()
      + (rest > 0 ? "  and \(ReplayWords.number(rest)) more\n" : "")
  }

  private var notes: String { remarks.map { "note: \($0)\n" }.joined() }
}
