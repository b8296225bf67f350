// Why this file exists: a reload and `gateway diff` say what is different with one voice; what it
// says is tested by pairs of texts, and that it overlooks nothing by every key of the schema.
import Testing

@testable import Configuration

/// The difference between two texts without mistakes.
private func diff(
  _ old: String, _ new: String, _ environments: [ConfigurationEnvironment] = [],
  _ place: SourceLocation = #_sourceLocation
) throws -> ConfigurationDiff {
  let documents = try [old, new].enumerated().map { index, text in
    let result = load(text, environments.isEmpty ? environment() : environments[index])
    let words = DiagnosticRenderer.text(result, isColoured: false)
    #expect(result.isValid, "\(words)", sourceLocation: place)
    return try #require(result.values, sourceLocation: place)
  }
  return ConfigurationDiff(from: documents[0], to: documents[1])
}

private func lines(_ old: String, _ new: String) throws -> [String] {
  try diff(old, new).lines(atMost: 100)
}

/// A gateway with these backends of `a`, these further keys of it, and these routes.
private func gateway(
  _ more: String = "", backends: String = "10.0.0.1:80, 10.0.0.2:80", service: String = "",
  services: String = "", routes: String = "{name: r, match: {path: /*}, service: a}"
) -> String {
  """
  \(more)
  listeners: [{address: 127.0.0.1:8080}]
  services:
    a: {backends: [\(backends)]\(service.isEmpty ? "" : ", " + service)}
  \(services)
  routes: [\(routes)]

  """
}

@Suite struct ConfigurationDiffTests {
  // MARK: - Nothing overlooked

  /// What the changed value is found under: the row's path without what the operator chooses.
  private static func keys(_ row: SchemaRow) -> String {
    var path = row.path[...]
    for prefix in ["services.*.", "routes[].", "rate_limits.*."] where path.hasPrefix(prefix) {
      path = path.dropFirst(prefix.count)
    }
    for suffix in ["[]", ".*"] where path.hasSuffix(suffix) { path = path.dropLast(suffix.count) }
    return String(path)
  }

  @Test(arguments: EveryKeyTests.scalars.map(\.path))
  func `a key that changes is told`(path: String) throws {
    let row = try #require(EveryKeyTests.scalars.first { $0.path == path })
    let change = try diff(
      EveryKeyTests.document(), EveryKeyTests.document(path, EveryKeyTests.values(row).1))
    let identities = [
      "listeners[].address": ConfigurationChange.Part.listener,
      "services.*.backends[].address": .backend, "routes[].name": .route,
    ]
    if let part = identities[path] {
      #expect(Set(change.changes.map(\.kind)) == [.added, .removed])
      #expect(Set(change.changes.map(\.part)) == [part])
    } else if path == "routes[].match.path" {
      // The route has no name but its path.
      #expect(Set(change.changes.map(\.kind)) == [.added, .removed])
    } else {
      let keys = String(Self.keys(row).split(separator: "[]").last ?? "")
      let told = change.changes.filter { ".\($0.path)".contains(".\(keys.trimmed)") }
      #expect(!told.isEmpty, "\(change.lines(atMost: 9))")
      #expect(told.allSatisfy { $0.kind == .changed && $0.old != $0.new || row.isSecret })
    }
  }

  @Test func `the same text is no difference`() throws {
    let same = try diff(EveryKeyTests.document(), EveryKeyTests.document())
    #expect(same.isEmpty && same.summary == "nothing changes")
    #expect(
      same.kept
        == ConfigurationKept(
          listeners: 1, backends: 1, limits: same.kept.limits, unchangedServices: 2,
          unchangedRoutes: 4))
  }

  @Test func `another way to write the same is no difference`() throws {
    #expect(
      try lines(
        gateway(
          "timeouts: {head: 1000ms}\ntrusted_proxies: [10.0.0.0/8, 127.0.0.1]",
          backends: "10.0.0.1:80, 10.0.0.2:80", service: "balancer: maglev",
          routes: """
            {match: {path: /b, headers: {X-A: "1", X-B: "2"}}, service: a}, \
            {match: {path: /a, methods: [GET, PUT]}, service: {a: 100%}}
            """),
        gateway(
          "# A comment.\ntrusted_proxies: [127.0.0.1/32, 10.0.0.0/8]\ntimeouts: {head: 1s}",
          backends: "{address: 10.0.0.2:80}, {address: 10.0.0.1:80, weight: 1, drain: false}",
          service: "balancer: {policy: maglev, key: client_ip}",
          routes: """
            {match: {path: /a, methods: [PUT, GET]}, service: a, timeouts: {}}, \
            {match: {path: /b, headers: {x-b: "2", x-a: "1"}}, service: a}
            """)) == [])
  }

  // MARK: - Words

  @Test func `settings are told with their path, the old and the new value`() throws {
    let change = try diff(
      gateway("workers: 2\ntrusted_proxies: [10.0.0.0/8]"),
      gateway(
        "limits: {head_size: 64KiB, body_size: none}\ntrusted_proxies: [10.0.0.0/8, 10.1.1.1]"))
    #expect(
      change.lines(atMost: 9) == [
        "~ workers: 2 → auto; needs a restart", "~ limits.head_size: 32KiB → 64KiB",
        "~ limits.body_size: 10MiB → none",
        "~ trusted_proxies: [10.0.0.0/8] → [10.0.0.0/8, 10.1.1.1]",
      ])
    #expect(change.summary == "4 settings change; 1 change needs a restart")
    #expect(change.needsRestart.map(\.path) == ["workers"])
  }

  @Test func `of a long list is told what is added and what is removed`() throws {
    let many = (1...40).map { "10.0.\($0).0/24" }.joined(separator: ", ")
    #expect(
      try lines(
        gateway("trusted_proxies: [\(many), 10.1.0.0/16]"),
        gateway("trusted_proxies: [10.2.0.0/16, \(many)]"))
        == ["~ trusted_proxies: 10.2.0.0/16 added, 10.1.0.0/16 removed"])
  }

  @Test func `listeners are opened and closed, others are kept`() throws {
    let old = "routes: []\nservices: {}\nlisteners: "
    let change = try diff(
      old + "[{address: 127.0.0.1:1}, {address: 127.0.0.1:2}]\n",
      old + "[{address: unix:/x}, {address: 127.0.0.1:2}]\n")
    #expect(
      change.lines(atMost: 9) == [
        "+ listener unix:/x: opened",
        "- listener 127.0.0.1:1: closed; its connections end with their next answer",
      ])
    #expect(change.kept.text == "kept: 1 listener")
  }

  @Test func `backends are told apart by address, and what becomes of them is said`() throws {
    let change = try diff(
      gateway(
        backends: "10.0.0.1:80, {address: 10.0.0.2:80, weight: 2}, 10.0.0.3:80",
        service: "balancer: maglev"),
      gateway(
        backends: """
          10.0.0.4:80, {address: 10.0.0.3:80, drain: true}, 10.0.0.2:80, \
          {address: 10.0.0.5:80, drain: true}
          """,
        service: "balancer: maglev, warm_up: 30s"))
    #expect(
      change.lines(atMost: 9) == [
        "+ backend a/10.0.0.4:80: warms up over 30s",
        """
        ~ backend a/10.0.0.3:80: drain false → true; gets no new requests, finishes those it has
        """,
        "~ backend a/10.0.0.2:80: weight 2 → 1",
        "+ backend a/10.0.0.5:80: drained from the start",
        "- backend a/10.0.0.1:80: gets no new requests, finishes those it has",
        "~ service a: warm_up none → 30s",
      ])
    #expect(
      change.kept.text
        == "kept: 1 listener; connections, health and breakers of 2 backends; 1 route as it is")
    #expect(change.summary == "1 service and 5 backends change")
  }

  @Test(arguments: [
    ("10.0.0.2:80", "10.0.0.2:80, 10.0.0.3:80", "", "gets its share at once"),
    ("10.0.0.2:80", "10.0.0.3:80", "warm_up: 5s", "gets its share at once"),
    (
      "10.0.0.2:80", "10.0.0.2:80, 10.0.0.3:80",
      "warm_up: 5s, health: {active: {path: /}, initial: down}",
      "gets requests once a health check has passed, warms up over 5s"
    ),
  ])
  func `a new backend begins as its service says`(
    old: String, new: String, service: String, words: String
  ) throws {
    let change = try diff(
      gateway(backends: old, service: service), gateway(backends: new, service: service))
    #expect(change.changes.first { $0.kind == .added }?.words == words)
  }

  @Test func `a backend that is drained no more gets requests again`() throws {
    let old = gateway(backends: "{address: 10.0.0.1:80, drain: true}", service: "warm_up: 1m")
    #expect(
      try lines(old, old.replacing("true", with: "false"))
        == [
          "~ backend a/10.0.0.1:80: drain true → false; gets requests again, warms up over 1m"
        ])
  }

  @Test func `services come and go with their backends`() throws {
    let routes = "{name: r, match: {path: /*}, service: a}, {match: {path: /b}, service: b}"
    let old = gateway(services: "  b: {backends: [10.0.1.1:80, 10.0.1.2:80]}", routes: routes)
    let new = gateway(
      services:
        "  c: {backends: [10.1.1.1:80, 10.1.1.2:80, 10.1.1.3:80, 10.1.1.4:80, 10.1.1.5:80]}",
      routes: routes.replacing("b}", with: "c}"))
    #expect(
      try lines(old, new) == [
        "+ service c: 10.1.1.1:80, 10.1.1.2:80, 10.1.1.3:80 and 2 more",
        "- service b: its 2 backends get no new requests, finish those they have",
        "+ route */c: to c", "- route */b: to b",
      ])
  }

  @Test func `a part that was off is shown as it is written`() throws {
    #expect(
      try lines(gateway(), gateway(service: "circuit_breaker: {failure_rate: 20%, open: 5s}"))
        == ["~ service a: circuit_breaker none → {failure_rate: 20%, open: 5s}"])
  }

  @Test func `a limit keeps its counters where algorithm, key and period stay`() throws {
    func limits(_ lines: String) -> String {
      gateway(
        "rate_limits: {\(lines)}",
        routes: "{name: r, match: {path: /*}, service: a, rate_limits: [l]}")
    }
    let old = limits("l: {rate: 100/s, key: [client_ip, route]}, gone: {rate: 1/m, key: global}")
    let change = try diff(
      old,
      limits(
        "l: {rate: 200/s, mode: shadow, key: [route, client_ip]}, new: {rate: 1/m, key: route}"))
    #expect(
      change.lines(atMost: 9) == [
        "~ limit l: rate 100/s → 200/s; its counters go on",
        "~ limit l: mode enforce → shadow; its counters go on",
        "+ limit new: {rate: 1/m, key: [route]}", "- limit gone: {rate: 1/m, key: [global]}",
      ])
    #expect(change.kept.limits == 1)
    for (other, words) in [
      ("rate: 100/m, key: [client_ip, route]", "rate 100/s → 100/m"),
      ("rate: 100/s, key: client_ip", "key [client_ip, route] → [client_ip]"),
      (
        "algorithm: sliding_window, rate: 100/s, key: [client_ip, route]",
        "algorithm token_bucket → sliding_window"
      ),
    ] {
      let change = try diff(old, limits("l: {\(other)}, gone: {rate: 1/m, key: global}"))
      #expect(
        change.lines(atMost: 9) == ["~ limit l: \(words); its counters begin anew"])
      // The other one.
      #expect(change.kept.limits == 1)
    }
  }

  // MARK: - Routes

  @Test func `routes are told apart by name`() throws {
    let old = """
      {name: x, match: {path: /x/*}, service: a, timeouts: {request: 5s}}, \
      {name: y, match: {path: /y, methods: [GET]}, service: a}, \
      {match: {path: /old/*}, redirect: {status: 308, location: /x/*}}
      """
    let new = """
      {name: x, match: {host: h.org, path: /z/*}, service: a, request_headers: {set: {X-T: u v}}}, \
      {name: z, match: {path: /y, methods: [GET, PUT], query: {q: "1"}}, service: a}, \
      {match: {path: /pong}, respond: {status: 204}}
      """
    #expect(
      try lines(gateway(routes: old), gateway(routes: new)) == [
        "~ route x: match.host (any host, also none) → h.org", "~ route x: match.path /x/* → /z/*",
        "~ route x: timeouts.request 5s → (its service's)",
        "~ route x: request_headers.set.X-T (none) → 'u v'",
        "+ route z: GET, PUT */y with 1 more condition to a", "+ route */pong: respond 204",
        "- route y: GET */y to a", "- route */old/*: redirect 308 to /x/*",
      ])
  }

  @Test func `the order of routes is a difference only where it decides`() throws {
    func route(_ name: String, _ match: String) -> String {
      "{name: \(name), match: {path: /p, \(match)}, service: a}"
    }
    let a = route("a", "headers: {A: \"1\"}")
    let b = route("b", "headers: {B: \"1\"}")
    let c = route("c", "query: {c: \"1\"}")
    let other = route("other", "headers: {A: \"2\"}")
    let exact = "{name: exact, match: {path: /q}, service: a}"
    func moves(_ old: [String], _ new: [String]) throws -> [String] {
      try lines(
        gateway(routes: old.joined(separator: ", ")), gateway(routes: new.joined(separator: ", ")))
    }
    #expect(try moves([a, b, c], [a, b, c]) == [])
    // Less specific or never met by one request: nothing depends on who stands first.
    #expect(try moves([a, exact, b], [exact, a, b]) == [])
    #expect(try moves([a, other], [other, a]) == [])
    #expect(try moves([a, b], [b, a]) == ["~ route b: asked before a now"])
    #expect(try moves([a, b, c], [b, c, a]) == ["~ route a: asked after b and c now"])
    #expect(try moves([a, b, c], [c, a, b]) == ["~ route c: asked before a and b now"])
    #expect(
      try moves([a, b, c, other], [other, b, a, c])
        == ["~ route other: asked before b and c now", "~ route b: asked before a now"])
  }

  @Test func `of thousands of routes in another order that much is told`() throws {
    let routes = (0..<1_000).map {
      "{name: r\($0), match: {path: /p, headers: {X-\($0): \"\"}}, service: a}"
    }
    let old = gateway(routes: routes.joined(separator: ", "))
    let new = gateway(routes: routes.reversed().joined(separator: ", "))
    #expect(
      try lines(old, new)
        == ["~ route r999: stands in another order with 999 equally specific routes"])
  }

  // MARK: - Secrets

  @Test func `what stands in for a secret is compared and never shown`() throws {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      admin: {token: "${TOKEN}"}
      services:
        a: {backends: ["${HOST}:80", "${OTHER:-hidden-default}:80"], host: "${LITERAL}"}
      routes:
        - name: "${NAME}"
          match: {path: "/${PATH}", headers: {X-Key: "${KEY}"}}
          service: a
          request_headers: {set: {Authorization: "Basic ${KEY}"}}

      """
    let names = ["TOKEN", "HOST", "LITERAL", "NAME", "PATH", "KEY"]
    let environments = ["hidden-a", "hidden-b"].map { value in
      environment(Dictionary(uniqueKeysWithValues: names.map { ($0, value) }))
    }
    let change = try diff(
      text, text.replacing("OTHER:-hidden", with: "OTHER:-hidden2"), environments)
    #expect(
      change.lines(atMost: 9) == [
        "~ admin.token: (redacted): what it stands for differs",
        "+ backend a/${HOST}:80: gets its share at once",
        "+ backend a/${OTHER:-…}:80: gets its share at once",
        "- backend a/${HOST}:80: gets no new requests, finishes those it has",
        "- backend a/${OTHER:-…}:80: gets no new requests, finishes those it has",
        "~ service a: host ${LITERAL}: what it stands for differs",
        "+ route ${NAME}: */${PATH} with 1 more condition to a",
        "- route ${NAME}: */${PATH} with 1 more condition to a",
      ])
    #expect(!change.text(isColoured: false).contains("hidden"))
    #expect(!change.json.contains("hidden"))
    #expect(try diff(text, text, [environments[0], environments[0]]).isEmpty)
  }

  @Test func `a value steers no terminal`() throws {
    let change = try diff(
      gateway(routes: "{name: r, match: {path: /p}, respond: {body: \"a\"}}"),
      gateway(routes: "{name: r, match: {path: /p}, respond: {body: \"b\\e[2J\\n\"}}"))
    #expect(change.lines(atMost: 9) == ["~ route r: respond.body a → b\\u{1b}[2J\\n"])
  }

  @Test func `values that differ further on than is shown are told so`() throws {
    let long = String(repeating: "x", count: 100)
    #expect(
      try lines(
        gateway(routes: "{name: r, match: {path: /p}, respond: {body: \(long)}}"),
        gateway(routes: "{name: r, match: {path: /p}, respond: {body: \(long)y}}"))
        == ["~ route r: respond.body \(long.prefix(64))…: it differs further on"])
  }

  // MARK: - Readers

  @Test func `people get colours by kind, what is kept and a summary`() throws {
    let change = try diff(gateway(), gateway("workers: 3", backends: "10.0.0.2:80, 10.0.0.3:80"))
    #expect(
      change.text(isColoured: false) == """
        ~ workers: auto → 3; needs a restart
        + backend a/10.0.0.3:80: gets its share at once
        - backend a/10.0.0.1:80: gets no new requests, finishes those it has
        kept: 1 listener; connections, health and breaker of 1 backend; 1 route as it is
        1 setting and 2 backends change; 1 change needs a restart

        """)
    let coloured = change.text(isColoured: true)
    #expect(coloured.contains("\u{1B}[33m~ workers: auto → 3; needs a restart\u{1B}[0m\n"))
    #expect(coloured.contains("\u{1B}[32m+ backend") && coloured.contains("\u{1B}[31m- backend"))
  }

  @Test func `programs get every change with its place in both files`() throws {
    let change = try diff(
      gateway(), gateway("workers: 3", backends: "10.0.0.2:80").replacing("10.0.0.1:80, ", with: "")
    )
    #expect(
      change.json == """
        {
          "changes": [
            {
              "kind": "changed",
              "part": "setting",
              "name": "",
              "service": null,
              "path": "workers",
              "old": "auto",
              "new": "3",
              "effect": null,
              "needs_restart": true,
              "old_line": null,
              "new_line": 1,
              "text": "workers: auto → 3; needs a restart"
            },
            {
              "kind": "removed",
              "part": "backend",
              "name": "10.0.0.1:80",
              "service": "a",
              "path": "services.a.backends[\\"10.0.0.1:80\\"]",
              "old": "{address: 10.0.0.1:80}",
              "new": null,
              "effect": null,
              "needs_restart": false,
              "old_line": 4,
              "new_line": null,
              "text": "backend a/10.0.0.1:80: gets no new requests, finishes those it has"
            }
          ],
          "kept": {
            "listeners": 1,
            "backends": 1,
            "limits": 0,
            "unchanged_services": 0,
            "unchanged_routes": 1
          },
          "summary": "1 setting and 1 backend change; 1 change needs a restart"
        }

        """)
  }

  @Test func `what waits for a restart is told apart from what a reload changes`() throws {
    let documents = try [
      gateway("admin: {token: a}"),
      gateway("workers: 3\nadmin: {address: 127.0.0.1:1, token: b}", backends: "10.0.0.9:80"),
    ].map { try #require(load($0, environment()).values) }
    let all = ConfigurationDiff(from: documents[0], to: documents[1])
    let waiting = ConfigurationDiff.needingRestart(from: documents[0], to: documents[1])
    #expect(waiting.map(\.path) == ["admin.address", "workers"])
    #expect(waiting == all.needsRestart)
    #expect(all.live.changes == all.changes.filter { !$0.needsRestart })
    #expect(all.live.changes.contains { $0.path == "admin.token" })
    #expect(all.live.kept == all.kept)
  }

  @Test func `a log gets no more lines than it asks for`() throws {
    let many = (1...50).map { "10.0.1.\($0):80" }.joined(separator: ", ")
    let change = try diff(gateway(), gateway(backends: many))
    #expect(change.lines(atMost: 3).count == 4)
    #expect(change.lines(atMost: 3).last == "… and 49 more")
  }

  @Test func `the reference says what needs a restart`() throws {
    let reference = try projectText("docs/configuration.md")
    let rows = Schema.gateway.rows.filter { $0.needsRestart == true }
    #expect(rows.map(\.path).contains("workers"))
    for row in rows {
      #expect(row.doc.hasSuffix("needs a restart."))
      #expect(reference.contains(row.doc.split(separator: "\n")[0]), "\(row.path)")
    }
  }
}

extension String {
  /// Without the dot that a list's entry leaves in front.
  fileprivate var trimmed: String { hasPrefix(".") ? String(dropFirst()) : self }
}
