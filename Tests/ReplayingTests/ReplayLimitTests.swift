// Why this file exists: a replayed limit gives the verdicts of a live one: by the clock of the log,
// in the order in which requests began.
import Configuration
import Primitives
import Testing

@testable import Replaying

private let limited = "name: users, match: {path: /users/*}, service: users, rate_limits: [own]"
private let plain = "name: users, match: {path: /users/*}, service: users"

@Suite struct `Replayed rate limits` {
  private func refused(_ outcome: Outcome) -> [Int] {
    outcome.changes.filter { $0.change == "users/users 200 → users/users 429! rate_limited own" }
      .map(\.line)
  }

  @Test func `a bucket gives what it has and fills by the times of the log`() throws {
    let new = try gateway([limited], limits: ["own: {rate: 60/m, burst: 2, key: client_ip}"])
    let lines = [0, 0.1, 0.2, 1.05, 1.1, 5, 5, 5].map { logLine(at: $0) }
    #expect(refused(replay(lines, to: new)) == [3, 5, 8])
  }

  @Test func `clients are told apart`() throws {
    let new = try gateway([limited], limits: ["own: {rate: 1/h, key: client_ip}"])
    let lines = ["10.0.0.1", "10.0.0.2", "10.0.0.1", "2001:db8::1", "2001:db8::2"].map {
      logLine(client: $0)
    }
    #expect(refused(replay(lines, to: new)) == [3, 5])
  }

  @Test func `the order is that of the beginnings, not that of the lines`() throws {
    let new = try gateway([limited], limits: ["own: {rate: 1/h, key: client_ip}"])
    // The first line is of a request that took long, and began last.
    let lines = [logLine(at: 9), logLine(at: 8)]
    #expect(refused(replay(lines, to: new)) == [1])
    // A line that comes when its time is over is charged late, and told.
    let late = replay(lines, to: new, room: 0)
    #expect(refused(late) == [2] && late.report.late == 1)
  }

  @Test func `a sliding window, and one key for everybody`() throws {
    let new = try gateway(
      [limited], limits: ["own: {algorithm: sliding_window, rate: 2/m, key: global}"])
    let lines = [0, 1, 2, 65, 119, 121].map { logLine(at: $0, client: "10.0.0.\(Int($0) + 1)") }
    #expect(refused(replay(lines, to: new)) == [3, 4])
  }

  @Test func `the host with its port is a key, and so is the user agent`() throws {
    let hosts = try gateway([limited], limits: ["own: {rate: 1/h, key: 'header:Host'}"])
    let lines = ["a", "b", "a:1", "a"].map { logLine(host: $0) }
    #expect(refused(replay(lines, to: hosts)) == [4])
    let agents = try gateway([limited], limits: ["own: {rate: 1/h, key: 'header:User-Agent'}"])
    let others = ["x", "y", "x"].map { logLine(agent: $0) }
    #expect(refused(replay(others, to: agents)) == [3])
  }

  @Test func `what was refused and is not any more is a change, of which nobody knows the answer`()
    throws
  {
    let line = logLine(status: 429, reason: "rate_limited", limit: "own")
    let outcome = replay([line], to: try gateway([plain]))
    #expect(
      outcome.changes.map(\.change) == ["users/users 429! rate_limited own → users/users ?"])
    #expect(outcome.report.groups.keys.map(\.kinds) == [[.limit, .statusUnknown]])
    let again = try gateway([limited], limits: ["own: {rate: 1/h, key: client_ip}"])
    #expect(replay([logLine(), line], to: again).changes == [])
  }

  @Test func `a refused request counts nowhere, and one that was shed was not asked`() throws {
    let new = try gateway(
      [limited.replacing("[own]", with: "[wide, own]")],
      limits: ["wide: {rate: 2/h, key: global}", "own: {rate: 1/h, key: client_ip}"])
    let lines = [
      logLine(), logLine(at: 1), logLine(at: 2, client: "10.0.0.2"),
      logLine(at: 3, status: 503, reason: "overloaded", client: "10.0.0.3"),
      logLine(at: 4, client: "10.0.0.4"),
    ]
    #expect(
      replay(lines, to: new).changes.map(\.change) == [
        "users/users 200 → users/users 429! rate_limited own",
        "users/users 200 → users/users 429! rate_limited wide",
      ])
  }

  @Test func `a limit in shadow refuses nobody and is counted`() throws {
    let new = try gateway([limited], limits: ["own: {rate: 1/h, key: client_ip, mode: shadow}"])
    let outcome = replay([logLine(), logLine(), logLine()], to: new)
    #expect(outcome.changes == [] && outcome.report.shadowed == [0: 2])
  }

  @Test func `redirects are limited too`() throws {
    let new = try gateway(
      ["name: users, match: {path: /*}, redirect: {status: 301, location: /n}, rate_limits: [own]"],
      limits: ["own: {rate: 1/h, key: client_ip}"])
    let line = logLine(service: nil, status: 301)
    #expect(
      replay([line, line], to: new).changes.map(\.change) == [
        "users/- 301! → users/- 429! rate_limited own"
      ])
  }

  // MARK: What the log does not have

  @Test func `a limit by a field is not told, and never in the way of one that is`() throws {
    let both = limited.replacing("[own]", with: "[user, own]")
    let new = try gateway(
      [both],
      limits: ["user: {rate: 1/h, key: 'header:X-User'}", "own: {rate: 2/h, key: client_ip}"])
    let outcome = replay([logLine(), logLine(), logLine()], to: new)
    #expect(refused(outcome) == [3])
    #expect(outcome.report.untold.mapValues(\.requests) == [.limit(0): 2])
    #expect(!outcome.report.untold.isEmpty && outcome.report.changed == 1)
  }

  @Test func `a limit by a field that stays the same does what it did`() throws {
    let limits = ["own: {rate: 1/h, key: 'header:X-User'}"]
    let old = try gateway([limited], limits: limits)
    let lines = [logLine(), logLine(status: 429, reason: "rate_limited", limit: "own")]
    let same = replay(
      lines,
      to: try gateway([limited, "name: n, match: {path: /n}, service: other"], limits: limits),
      from: old)
    #expect(same.changes == [] && same.report.untoldRequests == 0)
    let other = try gateway([limited], limits: ["own: {rate: 2/h, key: 'header:X-User'}"])
    let outcome = replay(lines, to: other, from: old)
    #expect(outcome.report.untold.mapValues(\.requests) == [.limit(0): 2])
    #expect(outcome.changes == [])
    // Where it goes is told all the same.
    let moved = limited.replacing("service: users", with: "service: other")
    let elsewhere = replay(
      lines, to: try gateway([moved], limits: ["own: {rate: 2/h, key: 'header:X-User'}"]), from: old
    )
    #expect(
      elsewhere.changes.map(\.change) == [
        "users/users 200 → users/other ?", "users/users 429! rate_limited own → users/other ?",
      ])
  }

  @Test func `a client is not the same under other trusted proxies`() throws {
    let limits = ["own: {rate: 1/h, key: client_ip}"]
    let old = try gateway([limited], limits: limits)
    let new = try gateway([limited], limits: limits, top: "trusted_proxies: [10.0.0.0/8]")
    let report = replay([logLine(), logLine(at: 1)], to: new, from: old).report
    #expect(report.untold.mapValues(\.requests)[.limit(0)] ?? 0 > 0)
  }

  @Test func `an older line without a client is not told`() throws {
    let new = try gateway([limited], limits: ["own: {rate: 1/h, key: client_ip}"])
    let line = logLine().replacing("\"client_ip\":\"10.0.0.1\",", with: "")
    let report = replay([line, line], to: new).report
    #expect(report.untold.mapValues(\.requests) == [.limit(0): 2] && report.changed == 0)
    // Nobody's address is that of a client over a unix socket: they count together.
    let unix = replay([logLine(client: nil), logLine(client: nil)], to: new)
    #expect(refused(unix) == [2])
  }

  @Test func `both configurations are charged, from the same beginning`() throws {
    let old = try gateway([limited], limits: ["own: {rate: 2/h, key: client_ip}"])
    let new = try gateway([limited], limits: ["own: {rate: 3/h, key: client_ip}"])
    let lines = (0..<4).map { logLine(at: Double($0)) }
    // The log passed all: it was another gateway's, or its bucket was fuller.
    #expect(
      replay(lines, to: new, from: old).changes.map(\.change) == [
        "users/users 429! rate_limited own → users/users ?"
      ])
  }
}
