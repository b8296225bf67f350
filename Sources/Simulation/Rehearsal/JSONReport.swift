// Why this file exists: the same for programs: one JSON object, its members always in one order.

import Configuration
import Primitives

package enum JSONReport {
  package static func text(_ run: RunResult) -> String {
    let records = run.records
    var out = JSONText()
    out.object {
      $0.member("scenario", run.name)
      $0.member("seed", Int(run.scenario.seed))
      $0.member("duration_s", seconds(run.scenario.duration))
      $0.member("met", records.isMet)
      $0.member("requests", records.sent)
      $0.member("attempts", records.attempts)
      $0.member("most_at_a_time", records.mostUnderWay)
      $0.array("expectations", records.judgements) { out, judgement in
        out.member("that", judgement.expectation.text)
        out.member("from_s", seconds(judgement.expectation.from))
        out.member("until_s", judgement.expectation.until.map(seconds))
        out.member("met", judgement.isMet)
        out.member("value", judgement.number.value)
        out.member("bound", judgement.number.bound)
        out.member("unit", judgement.number.unit)
        out.member("measured", judgement.measured)
        out.member("failures", judgement.failures)
      }
      $0.array("flows", records.flows) { out, flow in
        out.member("flow", flow.name)
        out.member("requests", flow.sent)
        out.member("repeats", flow.repeats)
        ended(flow.ended, &out)
      }
      $0.array("routes", records.routes) { out, route in
        out.member("route", route.name)
        out.member("requests", route.ended.count)
        ended(route.ended, &out)
      }
      $0.array("limits", records.limits) { out, limit in
        out.member("limit", limit.name)
        out.member("refused", limit.refused)
        out.member("in_shadow", limit.wouldRefuse)
      }
      $0.array("backends", records.backends) { out, backend in
        out.member("service", backend.service)
        out.member("address", backend.address)
        out.member("attempts", backend.attempts)
        out.member("attempts_while_down", backend.attemptsWhileDown)
        out.member("refused", backend.missed)
        out.member("most_at_work", backend.inFlightMost)
        out.member("most_in_line", backend.waitingMost)
        latency(backend.latency, &out)
        changes("states", backend.states, &out)
        changes("breaker", backend.breaker, &out)
      }
      $0.array("timeline", records.timeline) { out, entry in
        out.member("at_s", seconds(entry.at))
        out.member("side", entry.side.rawValue)
        out.member("text", entry.text)
      }
      $0.array("slices", Array(records.slices.enumerated())) { out, slice in
        out.member("from_s", Double(slice.offset) * seconds(records.width))
        out.member("requests", slice.element.sent)
        ended(slice.element.ended, &out)
        // In the order of the backends.
        out.member("attempts", slice.element.attempts)
      }
    }
    return out.text + "\n"
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.nanoseconds / 1_000_000) / 1_000
  }

  private static func ended(_ ended: EndsRecord, _ out: inout JSONText) {
    out.object("ends") { out in
      for (index, count) in ended.ends.enumerated() where count > 0 {
        out.member(EndKind.words[index], count)
      }
    }
    latency(ended.latency, &out)
  }

  private static func latency(_ latency: LatencyHistogram, _ out: inout JSONText) {
    for (name, thousandths) in [("p50", 500), ("p90", 900), ("p99", 990), ("max", 1_000)] {
      out.member(
        "\(name)_ms",
        latency.quantile(thousandths).map { Double($0.nanoseconds / 1_000) / 1_000 })
    }
  }

  private static func changes(
    _ name: String, _ changes: [StateChange], _ out: inout JSONText
  ) {
    out.array(name, changes) { out, change in
      out.member("at_s", seconds(change.at))
      out.member("state", change.state)
    }
  }
}

/// A JSON text (RFC 8259) from left to right; arrays hold objects.
struct JSONText {
  private(set) var text = ""
  private var needsComma = false

  mutating func object(_ name: String? = nil, _ body: (inout JSONText) -> Void) {
    begin(name)
    text += "{"
    needsComma = false
    body(&self)
    text += "}"
    needsComma = true
  }

  mutating func array<Element>(
    _ name: String, _ elements: [Element], _ body: (inout JSONText, Element) -> Void
  ) {
    begin(name)
    text += "["
    needsComma = false
    for element in elements { object { body(&$0, element) } }
    text += "]"
    needsComma = true
  }

  mutating func member(_ name: String, _ value: String?) {
    begin(name)
    if let value { quote(value) } else { text += "null" }
  }
  mutating func member(_ name: String, _ value: Int) {
    begin(name)
    text += "\(value)"
  }
  mutating func member(_ name: String, _ value: Double?) {
    begin(name)
    text += value.map { "\($0)" } ?? "null"
  }
  mutating func member(_ name: String, _ values: [UInt32]) {
    begin(name)
    text += "[" + values.map { "\($0)" }.joined(separator: ",") + "]"
  }
  mutating func member(_ name: String, _ value: Bool) {
    begin(name)
    text += value ? "true" : "false"
  }

  private mutating func begin(_ name: String?) {
    if needsComma { text += "," }
    if let name {
      quote(name)
      text += ":"
    }
    needsComma = true
  }

  private mutating func quote(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }
}
