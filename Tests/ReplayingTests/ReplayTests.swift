// Why this file exists: what a replay predicts of routes, services and answers, line by line.
import Configuration
import Primitives
import Testing

@testable import Replaying

private let users = "name: users, match: {path: /users/*}, service: users"
private let orders = "name: orders, match: {path: /orders/*}, service: orders"

@Suite struct `What another configuration does with recorded requests` {
  @Test func `nothing is told of requests that stay as they were`() throws {
    let lines = [
      logLine(), logLine("POST", "/users/2", status: 503, reason: "no_backend"),
      logLine("GET", "/x", route: nil, service: nil, status: 404, reason: "no_route"),
      logLine(status: 499, reason: "client_abort"),
      logLine(status: 504, reason: "upstream_timeout"),
    ]
    for old in [nil, try gateway([users])] {
      let outcome = replay(lines, to: try gateway([users, orders]), from: old)
      #expect(outcome.changes == [] && !outcome.report.hasChanges)
      #expect(outcome.report.requests == 5 && outcome.report.untoldRequests == 0)
    }
  }

  @Test func `another route with the same service is a change of the route alone`() throws {
    let new = try gateway([users, "name: one, match: {path: /users/1}, service: users"])
    let outcome = replay([logLine(), logLine("GET", "/users/2", at: 1)], to: new)
    #expect(
      outcome.changes == [
        Seen(
          line: 1, request: "GET api.example.com/users/1",
          change: "users/users 200 → one/users 200")
      ])
    #expect(outcome.report.groups.keys.map(\.kinds) == [.route])
  }

  @Test func `of another service nobody knows the answer`() throws {
    let outcome = replay(
      [logLine()], to: try gateway([users.replacing("service: users", with: "service: other")]))
    #expect(outcome.changes.map(\.change) == ["users/users 200 → users/other ?"])
    #expect(outcome.report.groups.keys.map(\.kinds) == [[.service, .statusUnknown]])
  }

  @Test func `what no route takes any more is 404, what a method lost is 405`() throws {
    let new = try gateway(["name: users, match: {path: /users/1, methods: [GET]}, service: users"])
    let lines = [logLine(), logLine("POST"), logLine("GET", "/users/2")]
    let outcome = replay(lines, to: new)
    #expect(
      outcome.changes == [
        Seen(
          line: 2, request: "POST api.example.com/users/…",
          change: "users/users 200 → -/- 405! method_not_allowed"),
        Seen(
          line: 3, request: "GET api.example.com/users/…",
          change: "users/users 200 → -/- 404! no_route"),
      ])
  }

  @Test func `redirects and fixed answers are the gateway's own, and a class of status`() throws {
    let new = try gateway([
      "name: users, match: {path: /users/1}, redirect: {status: 308, location: /n}",
      "name: gone, match: {path: /users/2}, respond: {status: 410, body: gone}",
    ])
    let outcome = replay([logLine(), logLine("GET", "/users/2")], to: new)
    #expect(
      outcome.changes.map(\.change) == [
        "users/users 200 → users/- 308!", "users/users 200 → gone/- 410!",
      ])
    // 301 and 308 are one class: the same client goes to the same place.
    let redirected = logLine(service: nil, status: 301)
    #expect(replay([redirected], to: new).changes == [])
    let forwarded = replay([redirected], to: try gateway([users]))
    #expect(forwarded.changes.map(\.change) == ["users/- 301! → users/users ?"])
  }

  @Test func `a host is matched as the gateway matches it`() throws {
    let new = try gateway([
      "name: wild, match: {host: '*.example.com', path: /*}, service: other",
      "name: exact, match: {host: api.example.com, path: /*}, service: users",
      "name: any, match: {path: /*}, service: orders",
    ])
    let hosts = ["API.example.com:8080", "x.Example.com", "example.com", "a.b.example.com."]
    let lines = hosts.map { logLine(route: "?", service: "?", host: $0) }
    let found = replay(lines, to: new).changes.map { $0.change.split(separator: "→ ")[1] }
    #expect(found == ["exact/users ?", "wild/other ?", "any/orders ?", "wild/other ?"])
  }

  @Test func `a body that was allowed may be too large now`() throws {
    let new = try gateway([users + ", body_size: 1KiB"], top: "limits: {head_size: 4KiB}")
    // Its head and body together are not above the limit, or above any head and the limit.
    let lines = [1_024, 4_096 + 1_025, 4_096].map { logLine("POST", bytesIn: $0) }
    let outcome = replay(lines, to: new)
    #expect(
      outcome.changes == [
        Seen(
          line: 2, request: "POST api.example.com/users/*",
          change: "users/users 200 → users/users 413! body_too_large")
      ])
    #expect(outcome.report.untold.mapValues(\.requests) == [.body(0): 1])
    // What went through a tunnel is no body.
    #expect(replay([logLine(status: 101, bytesIn: 50_000)], to: new).changes == [])
    // What another limit let pass is not above that one.
    let old = try gateway([users + ", body_size: 1KiB"])
    #expect(replay(lines, to: new, from: old).changes == [])
  }

  @Test func `how long a refused body was nobody knows, except that it was too long`() throws {
    let line = logLine("POST", status: 413, reason: "body_too_large", bytesIn: 12)
    func new(_ size: String) throws -> GatewayConfiguration {
      try gateway([users + ", body_size: \(size)"])
    }
    let unknown = replay([line], to: try new("4KiB"))
    #expect(unknown.report.untold.keys.map { $0 } == [.body(0)])
    let old = try new("1KiB")
    #expect(replay([line], to: try new("4KiB"), from: old).report.untoldRequests == 1)
    #expect(replay([line], to: try new("512B"), from: old).changes == [])
    #expect(
      replay([line], to: try new("none"), from: old).changes.map(\.change) == [
        "users/users 413! body_too_large → users/users ?"
      ])
  }

  @Test func `a path that was kept may be refused now`() throws {
    let line = logLine("GET", "/users/a%2Fb")
    #expect(
      replay([line], to: try gateway([users], top: "http: {encoded_slash: keep}")).changes == [])
    #expect(
      replay([line], to: try gateway([users])).changes.map(\.change) == [
        "users/users 200 → -/- 400! bad_request"
      ])
  }

  @Test func `what was refused before any route was asked stays so, as far as that is known`()
    throws
  {
    let lines = [
      logLine("CONNECT", "?", route: nil, service: nil, status: 405, reason: "method_not_allowed"),
      logLine("?", "?", route: nil, service: nil, status: 408, reason: "head_timeout"),
      logLine("?", "?", route: nil, service: nil, status: 400, reason: "bad_request"),
    ].map { $0.replacing("\"?\"", with: "null") }
    let alone = replay(lines, to: try gateway([users]))
    #expect(alone.report.untold.mapValues(\.requests) == [.head: 1])
    let old = try gateway([orders])
    #expect(replay(lines, to: try gateway([users]), from: old).report.untoldRequests == 0)
    let wider = try gateway([users], top: "limits: {head_size: 64KiB}")
    #expect(replay(lines, to: wider, from: old).report.untoldRequests == 1)
  }

  @Test func `OPTIONS * is routed as the root, and Max-Forwards answers whatever the routes are`()
    throws
  {
    let root = try gateway(["name: root, match: {path: /}, service: users"])
    let star = logLine("OPTIONS", "*", route: "root", service: "users")
    #expect(replay([star], to: root).changes == [])
    let ended = logLine("OPTIONS", "/nowhere", route: nil, service: nil)
    #expect(replay([ended], to: root).changes == [])
  }

  @Test func `a path or host that the log has cut is not told`() throws {
    let long = logLine("GET", "/users/" + String(repeating: "x", count: 2_041))
    let host = logLine(host: String(repeating: "x", count: 255))
    let report = replay([long, host], to: try gateway([users])).report
    #expect(report.untold.mapValues(\.requests) == [.cutPath: 1, .cutHost: 1])
  }

  @Test func `an older line without a host is told where nobody asks for one`() throws {
    let line = logLine().replacing("\"host\":\"api.example.com\",", with: "")
    #expect(replay([line], to: try gateway([users])).changes == [])
    let hosted = try gateway([users, "name: h, match: {host: a.b, path: /*}, service: other"])
    #expect(replay([line], to: hosted).report.untold.keys.map { $0 } == [.noHost])
  }

  // MARK: Against the old configuration

  @Test func `the old configuration counts, and a log that is not of it is told`() throws {
    let old = try gateway([users, orders])
    let new = try gateway([users])
    let lines = [
      logLine("GET", "/orders/1", route: "orders", service: "orders", status: 302),
      logLine("GET", "/orders/2", route: "stale", service: "stale", status: 500),
    ]
    let outcome = replay(lines, to: new, from: old)
    #expect(
      outcome.changes.map(\.change) == [
        "orders/orders 302 → -/- 404! no_route", "orders/orders ? → -/- 404! no_route",
      ])
    #expect(outcome.report.mismatched.requests == 1)
    #expect(outcome.report.mismatched.place.number == 2)
    #expect(outcome.changes[0].request == "GET api.example.com/orders/*")
  }

  // MARK: Splits

  private let split = "name: users, match: {path: /users/*}, service: {users: 75%, other: 25%}"

  @Test func `a drawn service is compared in shares, not request by request`() throws {
    func lines(_ users: Int, _ others: Int) -> [String] {
      (0..<users).map { logLine(at: Double($0)) }
        + (0..<others).map { logLine(at: Double($0), service: "other") }
    }
    let new = try gateway([split])
    let fits = replay(lines(290, 110), to: new).report
    #expect(fits.changed == 0 && !fits.hasChanges)
    #expect(fits.sortedSplits[0].parts.map(\.requests) == [290, 110])
    #expect(fits.sortedSplits[0].parts.map(\.share) == [750_000, 250_000])
    // Four standard deviations are 35.
    #expect(!replay(lines(335, 65), to: new).report.hasChanges)
    #expect(replay(lines(340, 60), to: new).report.hasChanges)
    // With the old shares known there is nothing to measure.
    #expect(!replay(lines(400, 0), to: new, from: new).report.hasChanges)
    let old = try gateway([split.replacing("75%", with: "76%").replacing("25%", with: "24%")])
    #expect(replay(lines(3, 1), to: new, from: old).report.hasChanges)
  }

  @Test func `a service that the new split does not have is a change`() throws {
    let outcome = replay([logLine(service: "orders")], to: try gateway([split]))
    #expect(outcome.changes.map(\.change) == ["users/orders 200 → users/users 75 %, other 25 % ?"])
    let back = replay(
      [logLine(), logLine(service: "other")], to: try gateway([users]), from: try gateway([split]))
    #expect(back.changes.map(\.change) == ["users/other 200 → users/users ?"])
  }

  // MARK: Counting

  @Test func `groups count what is alike and keep the first of it`() throws {
    let new = try gateway([orders])
    let lines = [
      logLine("GET", "/users/1", at: 3), logLine("GET", "/users/2", at: 2, status: 204),
      logLine("POST", "/users/3", at: 1), logLine("GET", "/users/4", status: 500),
    ]
    let report = replay(lines, to: new).report
    #expect(report.changed == 4)
    let groups = report.sortedGroups
    #expect(groups.map(\.count.requests) == [2, 1, 1])
    #expect(groups[0].count.place.number == 1 && groups[0].count.requestID == "id-3000000")
    #expect(report.byKind.map(\.requests) == [4, 4, 0, 4, 0])
  }

  @Test func `however many hosts there are, groups have a bound`() throws {
    let lines = (0..<10_050).map { logLine(host: "h\($0).example.com") }
    let report = replay(lines, to: try gateway([orders])).report
    #expect(report.changed == 10_050 && report.groups.count == 10_000 && report.ungrouped == 50)
  }

  @Test func `broken lines are counted, the first are told, and the rest is replayed`() throws {
    var lines = (0..<8).map { "broken \($0)" }
    lines += ["", "  ", #"{"msg":"started"}"#, logLine()]
    let report = replay(lines, to: try gateway([orders])).report
    #expect(report.lines == 12 && report.broken == 8 && report.others == 3)
    #expect(report.faults.map(\.place.number) == [1, 2, 3, 4, 5])
    #expect(report.changed == 1 && report.requests == 1)
  }
}
