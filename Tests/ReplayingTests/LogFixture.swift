// Why this file exists: a replay is tested from lines as the gateway writes them and configurations
// as operators write them.
import Configuration
import HTTPSemantics
import Primitives
import Testing

@testable import Replaying

/// One line of an access log, as the gateway writes it. `rest` overrides members by name.
func logLine(
  _ method: String = "GET", _ path: String = "/users/1", at seconds: Double = 0,
  route: String? = "users", service: String? = "users", status: Int = 200, reason: String? = nil,
  host: String? = "api.example.com", client: String? = "10.0.0.1", agent: String? = "curl/8",
  bytesIn: Int = 0, limit: String? = nil
) -> String {
  func text(_ value: String?) -> String { value.map { "\"\($0)\"" } ?? "null" }
  let microseconds = Int((seconds * 1_000_000).rounded())
  let minutes = microseconds / 60_000_000
  let (second, fraction) = (microseconds / 1_000_000 % 60, microseconds % 1_000_000)
  func digits(_ value: Int, _ count: Int) -> String {
    String(repeating: "0", count: count - "\(value)".count) + "\(value)"
  }
  let time = "2026-11-25T00:\(digits(minutes, 2)):\(digits(second, 2)).\(digits(fraction, 6))Z"
  let members = [
    "\"time\":\"\(time)\",\"level\":\"info\",\"msg\":\"request\"",
    "\"request_id\":\"id-\(microseconds)\"",
    "\"trace_id\":null,\"span_id\":null,\"client_ip\":\(text(client)),\"method\":\(text(method))",
    "\"host\":\(text(host)),\"path\":\(text(path)),\"protocol\":\"HTTP/1.1\"",
    "\"route\":\(text(route)),\"service\":\(text(service)),\"backend\":null,\"attempts\":1",
    "\"status\":\(status),\"reason\":\(text(reason)),\"bytes_in\":\(bytesIn),\"bytes_out\":90",
    "\"latency_ms\":1.204,\"upstream_ms\":0.917,\"queue_ms\":0.000,\"connect_ms\":0.100",
    "\"user_agent\":\(text(agent))\(limit.map { ",\"limit\":\"\($0)\"" } ?? "")",
  ]
  return "{\(members.joined(separator: ","))}"
}

/// A whole configuration around these routes.
func gateway(
  _ routes: [String], limits: [String] = [], top: String = "",
  _ place: SourceLocation = #_sourceLocation
) throws -> GatewayConfiguration {
  let limitText =
    limits.isEmpty ? "" : "rate_limits:\n" + limits.map { "  \($0)\n" }.joined()
  let text = """
    listeners: [{address: "127.0.0.1:8080"}]
    \(top)
    services:
      users: {backends: ["10.9.0.1:80"]}
      orders: {backends: ["10.9.0.2:80"]}
      other: {backends: ["10.9.0.3:80"]}
    \(limitText)
    routes:
    \(routes.map { "  - {\($0)}\n" }.joined())
    """
  let nothing = ConfigurationEnvironment(
    variable: { _ in nil }, file: { _ in .failure(.system(2)) })
  let result = ConfigurationLoader.load(
    Array(text.utf8), fileName: "test.yaml", environment: nothing)
  let words = DiagnosticRenderer.text(result, isColoured: false)
  return try #require(result.configuration, "\(words)", sourceLocation: place)
}

/// One changed request.
struct Seen: Equatable {
  var line: Int
  /// `GET api.example.com/users/*`
  var request: String
  /// `users/users 200 → other/other ?`, with a dash for nothing and `limit` behind a 429.
  var change: String
}

/// What a replay found.
struct Outcome {
  var report: ReplayReport
  var changes: [Seen]
}

func replay(
  _ lines: [String], to new: GatewayConfiguration, from old: GatewayConfiguration? = nil,
  room: Int = ArrivalQueue.usualRoom
) -> Outcome {
  final class Log { var changes: [Seen] = [] }
  let log = Log()
  var replay = Replay(new: new, old: old, room: room) { change, _, place, words in
    func side(_ side: Side) -> String {
      func word(_ number: Int32) -> String { number == 0 ? "-" : words.text(number) }
      let limit = side.limit == 0 ? "" : " \(words.text(side.limit))"
      let answer =
        switch side.answer {
        case .status(let status): "\(status)"
        case .unknown: "?"
        case .local(let status, let reason): "\(status)! \(reason.word)"
        }
      let text = "\(word(side.route))/\(word(side.service)) \(answer)\(limit)"
      return text.hasSuffix(" ") ? String(text.dropLast()) : text
    }
    log.changes.append(
      Seen(
        line: Int(place.number),
        request:
          "\(words.text(change.method)) \(words.text(change.host))\(words.text(change.pattern))",
        change: "\(side(change.old)) → \(side(change.new))"))
  }
  defer { replay.destroy() }
  for (index, line) in lines.enumerated() {
    Array(line.utf8).withUnsafeBufferPointer { bytes in
      let empty: StaticString = ""
      let slice = ByteSlice(bytes.baseAddress ?? empty.utf8Start, bytes.count)
      replay.take(slice, at: LinePlace(file: 0, number: Int64(index + 1)))
    }
  }
  replay.finish()
  return Outcome(report: replay.report, changes: log.changes)
}
