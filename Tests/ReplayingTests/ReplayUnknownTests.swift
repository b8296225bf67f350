// Why this file exists: most of a request is not in the log. Where a route asks for that, a replay
// says so, except where it follows from the route that took the request.
import Configuration
import Primitives
import Testing

@testable import Replaying

private let users = "name: users, match: {path: /users/*}, service: users"
private let canary =
  "name: canary, match: {path: /users/*, headers: {X-Canary: '1'}}, service: other"
private let query = "name: v2, match: {path: /users/*, query: {v: '2'}}, service: orders"

@Suite struct `What the log does not have` {
  @Test func `a route that asks for a field makes its requests untold, and no others`() throws {
    let new = try gateway([canary, users, "name: rest, match: {path: /*}, service: orders"])
    let lines = [logLine(), logLine("GET", "/x", route: "rest", service: "orders")]
    let outcome = replay(lines, to: new)
    #expect(outcome.changes == [])
    #expect(outcome.report.untold.mapValues(\.requests) == [.conditions(0): 1])
    // Where it comes behind the one that takes the request it does not matter.
    let exact = "name: exact, match: {path: /users/1}, service: users"
    let behind = replay([logLine(route: "exact")], to: try gateway([canary, exact]))
    #expect(behind.report.untoldRequests == 0 && behind.changes == [])
  }

  @Test func `the user agent is in the log, unless it is cut or was not text`() throws {
    let bots = "name: bots, match: {path: /*, headers: {User-Agent: bot/1}}, service: other"
    let new = try gateway([bots, "name: users, match: {path: /*}, service: users"])
    let agents = ["bot/1", "Bot/1", nil, "b\u{fffd}t/1", String(repeating: "b", count: 512)]
    let outcome = replay(agents.map { logLine(agent: $0) }, to: new)
    #expect(outcome.changes.map(\.line) == [1])
    #expect(outcome.changes[0].change == "users/users 200 → bots/other ?")
    #expect(outcome.report.untold.mapValues(\.requests) == [.conditions(0): 2])
    let older = logLine().replacing(",\"user_agent\":\"curl/8\"", with: "")
    #expect(replay([older], to: new).report.untoldRequests == 1)
  }

  @Test func `who was not taken by a route did not meet its conditions`() throws {
    let old = try gateway([canary, query, users])
    let moved = canary.replacing("service: other", with: "service: orders")
    let new = try gateway([moved, query, users])
    let lines = [
      logLine(), logLine(route: "canary", service: "other"),
      logLine(route: "v2", service: "orders"),
    ]
    let outcome = replay(lines, to: new, from: old)
    #expect(outcome.changes.map(\.change) == ["canary/other 200 → canary/orders ?"])
    #expect(outcome.report.untoldRequests == 0)
  }

  @Test func `of several conditions one was not met, and nobody knows which`() throws {
    let both = canary.replacing("X-Canary: '1'", with: "X-Canary: '1', X-Beta: '1'")
    let old = try gateway([both, users])
    #expect(
      replay([logLine()], to: try gateway([both, users]), from: old).report.untoldRequests == 0)
    #expect(
      replay([logLine()], to: try gateway([canary, users]), from: old).report.untoldRequests == 1)
    let more = both.replacing("X-Beta: '1'", with: "X-Beta: '1', X-More: '1'")
    #expect(
      replay([logLine()], to: try gateway([more, users]), from: old).report.untoldRequests == 0)
  }

  @Test func `a value that was there is there, and says nothing of another one`() throws {
    let old = try gateway([canary, users])
    let line = logLine(route: "canary", service: "other")
    let present = canary.replacing("'1'", with: "'*'")
    let outcome = replay([line], to: try gateway([present, users]), from: old)
    #expect(outcome.changes == [] && outcome.report.untoldRequests == 0)
    let second = canary.replacing("'1'", with: "'2'")
    #expect(replay([line], to: try gateway([second, users]), from: old).report.untoldRequests == 1)
  }

  @Test func `a condition that the old configuration does not have is untold`() throws {
    let outcome = replay([logLine()], to: try gateway([canary, users]), from: try gateway([users]))
    #expect(outcome.report.untold.mapValues(\.requests) == [.conditions(0): 1])
  }

  @Test func `a log of another configuration teaches nothing`() throws {
    let line = logLine(route: "elsewhere")
    let outcome = replay([line], to: try gateway([users]), from: try gateway([canary, users]))
    #expect(outcome.report.untold.mapValues(\.requests) == [.oldConditions(0): 1])
  }

  @Test func `what no route took met none of their conditions`() throws {
    let old = try gateway([canary])
    let line = logLine(route: nil, service: nil, status: 404, reason: "no_route")
    let outcome = replay([line], to: try gateway([canary, users]), from: old)
    #expect(outcome.changes.map(\.change) == ["-/- 404! no_route → users/users ?"])
  }

  @Test func `inferred fields do not stand in the way of rules`() throws {
    let old = try gateway([canary, query, users])
    // Its target and fields are made up from what is known, and its limits still count.
    let limited = query + ", rate_limits: [own]"
    let new = try gateway(
      [canary, limited, users], limits: ["own: {rate: 1/h, key: client_ip}"])
    let line = logLine(route: "v2", service: "orders")
    #expect(
      replay([line, line], to: new, from: old).changes.map(\.change) == [
        "v2/orders 200 → v2/orders 429! rate_limited own"
      ])
  }
}
