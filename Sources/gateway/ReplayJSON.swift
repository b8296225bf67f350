// Why this file exists: the same report for programs, which decide by it whether a reload may go
// ahead, and every changed request by itself for whoever asks.

import Admin
import Configuration
import HTTPSemantics
import Primitives
import Replaying

extension ReplayWords {
  /// One JSON object with a line end behind it.
  /// - Parameter isLine: it follows others, one for each changed request.
  func json(isLine: Bool) -> String {
    var json = JSONWriter()
    json.beginObject()
    if isLine { json.member("kind", "summary") }
    json.member("requests", report.requests)
    json.member("from", report.requests == 0 ? nil : DiagnosticLog.time(report.firstTime))
    json.member("to", report.requests == 0 ? nil : DiagnosticLog.time(report.lastTime))
    json.member("changed", report.changed)
    json.key("changed_by_kind")
    json.beginObject()
    for (kind, requests) in report.byKind { json.member(kind.words[0], requests) }
    json.endObject()
    writeGroups(in: &json)
    writeSplits(in: &json)
    writeUntold(in: &json)
    json.key("shadow_limits")
    json.beginArray()
    for (position, requests) in report.shadowed.sorted(by: { $0.key < $1.key }) {
      json.beginObject()
      json.member("name", new.rateLimits[Int(position)].name)
      json.member("requests", requests)
      json.endObject()
    }
    json.endArray()
    writeLines(in: &json)
    json.key("notes")
    json.beginArray()
    for remark in remarks { json.string(remark) }
    json.endArray()
    json.endObject()
    return String(decoding: json.finished, as: UTF8.self)
  }

  private func writeGroups(in json: inout JSONWriter) {
    let groups = report.sortedGroups
    json.key("groups")
    json.beginArray()
    for (change, count) in groups.prefix(self.groups) {
      json.beginObject()
      json.member("requests", count.requests)
      json.write(change, report.words, isGrouped: true)
      writeFirst(count, in: &json)
      json.endObject()
    }
    json.endArray()
    json.member("groups_total", groups.count)
    json.member("ungrouped", report.ungrouped)
  }

  private func writeFirst(_ count: ReplayCount, in json: inout JSONWriter) {
    json.key("first")
    json.beginObject()
    write(count.place, in: &json)
    json.member("request_id", count.requestID.isEmpty ? nil : count.requestID)
    json.endObject()
  }

  private func write(_ place: LinePlace, in json: inout JSONWriter) {
    json.member("file", names[Int(place.file)])
    json.member("line", place.number)
  }

  private func writeSplits(in json: inout JSONWriter) {
    json.key("splits")
    json.beginArray()
    for split in report.sortedSplits {
      json.beginObject()
      json.member("route", new.routes[Int(split.route)].name)
      json.member("requests", split.requests)
      json.member("changes", split.isChange)
      json.key("services")
      json.beginArray()
      for part in split.parts {
        json.beginObject()
        json.member("name", report.words.text(part.service))
        json.member("recorded", part.requests)
        json.member("share_percent", Double(part.share) / 10_000)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }

  private func writeUntold(in json: inout JSONWriter) {
    json.key("untold")
    json.beginObject()
    json.member("requests", report.untoldRequests)
    json.key("reasons")
    json.beginArray()
    for (why, count) in report.sortedUntold.prefix(groups) {
      json.beginObject()
      json.member("requests", count.requests)
      json.member("why", reason(why))
      writeFirst(count, in: &json)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  private func writeLines(in json: inout JSONWriter) {
    json.key("lines")
    json.beginObject()
    json.member("total", report.lines)
    json.member("about_no_request", report.others)
    json.member("unreadable", report.broken)
    json.key("first_unreadable")
    json.beginArray()
    for (place, fault) in report.faults {
      json.beginObject()
      write(place, in: &json)
      json.member("why", fault.words)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  /// What a reader has to know to judge the rest.
  var remarks: [String] {
    var remarks: [String] = []
    let isSampled = (old ?? new).logging.access.sample < .percent(100)
    if isSampled, !new.rateLimits.isEmpty {
      remarks.append(
        "the access log has a sample of the successes only: limits saw less than there was")
    }
    if old == nil, report.untold.contains(where: { $0.key.isOfConditions }) {
      remarks.append(
        "with --against and the configuration that the log was written under, more can be told")
    }
    if report.mismatched.requests > 0, let oldFile {
      let count = ReplayWords.count(report.mismatched.requests, "request")
      remarks.append(
        "\(count) went another way by the log than by \(oldFile), the first at "
          + "\(place(report.mismatched.place)): was the log written under it?")
    }
    if let old, old.trustedProxies != new.trustedProxies {
      remarks.append("trusted_proxies differ: the log has clients as the old ones showed them")
    }
    if report.late > 0 {
      remarks.append(
        "\(ReplayWords.count(report.late, "request")) began long before the lines around: "
          + "limits saw them late")
    }
    return remarks
  }
}

extension Untold {
  fileprivate var isOfConditions: Bool {
    if case .conditions = self { true } else { false }
  }
}

extension JSONWriter {
  /// The members of a change.
  fileprivate mutating func write(_ change: ReplayChange, _ words: WordTable, isGrouped: Bool) {
    let word = { (number: Int32) in number == 0 ? nil : words.text(number) }
    member("method", word(change.method))
    member("host", word(change.host))
    member("path_pattern", word(change.pattern))
    key("changes")
    beginArray()
    for kind in change.kinds.words { string(kind) }
    endArray()
    for (name, side) in [("old", change.old), ("new", change.new)] {
      key(name)
      beginObject()
      member("route", word(side.route))
      member("service", word(side.service))
      write(side.answer, isGrouped)
      member("limit", word(side.limit))
      endObject()
    }
  }

  private mutating func write(_ answer: SideAnswer, _ isGrouped: Bool) {
    var exact: UInt16?
    var reason: Reason?
    var byClass: UInt16?
    switch answer {
    case .unknown: break
    case .status(let status):
      byClass = status / 100
      if !isGrouped || status == 499 { exact = status }
    case .local(let status, let why):
      byClass = status / 100
      exact = status
      reason = why == .none ? nil : why
    }
    key("status")
    if let exact { integer(exact) } else { null() }
    member("status_class", byClass.map { "\($0)xx" })
    member("reason", reason.map { "\($0.word)" })
  }
}

/// Prints changed requests as they are found, many at a time.
final class ChangeListing {
  private static let pieceSize = 64 * 1024
  private let words: ReplayWords
  private let format: CheckCommand.Format
  private var waiting = ""

  init(_ words: ReplayWords, _ format: CheckCommand.Format) {
    self.words = words
    self.format = format
  }

  func add(_ change: ReplayChange, _ line: LogLine, _ place: LinePlace, _ table: WordTable) {
    let id = line.requestID.slice?.text
    let path = line.path.slice?.text ?? ""
    switch format {
    case .json:
      var json = JSONWriter()
      json.beginObject()
      json.member("kind", "request")
      json.member("file", words.names[Int(place.file)])
      json.member("line", place.number)
      json.member("request_id", id)
      json.member("path", path)
      json.write(change, table, isGrouped: false)
      json.endObject()
      waiting += String(decoding: json.finished, as: UTF8.self)
    case .text:
      let sides = ReplaySides(change, table)
      let method = line.method.slice?.text ?? ""
      let host = line.host.slice?.text ?? ""
      let request = ReplayWords.printed("\(method) \(host)\(path)")
      let parts = [
        "\(words.place(place))\(id.map { " " + ReplayWords.printed($0) } ?? "")", request,
        "route \(sides.route)", "service \(sides.service)", sides.answer(isGrouped: false),
      ]
      let text = parts.joined(separator: "; ")
      waiting +=
        words.isColoured ? "\u{1B}[\(sides.colour)m\(text)\u{1B}[0m\n" : text + "\n"
    }
    if waiting.utf8.count >= ChangeListing.pieceSize { flush() }
  }

  func flush() {
    if waiting.isEmpty { return }
    Output.write(waiting)
    waiting = ""
  }
}
