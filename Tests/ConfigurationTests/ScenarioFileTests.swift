// Why this file exists: a scenario file is written by hand like a configuration, and its mistakes
// are answered in the same way; the sentences of its expectations too.
import Glibc
import Primitives
import Testing

@testable import Configuration

private let configured = """
  listeners: [{address: 127.0.0.1:8080}]
  services:
    users: {backends: [10.0.0.1:9000, "users.internal:9000"]}
    orders: {backends: [10.0.0.3:9000]}
  rate_limits: {per-client: {rate: 5/s, key: client_ip}}
  routes:
    - {name: my orders, match: {path: /orders}, service: orders, rate_limits: [per-client]}
    - {match: {path: /*}, service: users}

  """

private let plain = """
  config: g.yaml
  duration: 60s
  traffic:
    web: {rate: 10/s, requests: /}
  expect:
    - success >= 99.9%

  """

private func loadScenario(_ text: String, _ files: [String: String] = [:]) -> ScenarioResult {
  let all = ["s/x.yaml": text, "s/g.yaml": configured].merging(files) { $1 }
  return ScenarioLoader.load(path: "s/x.yaml", environment: environment()) { path in
    all[path].map { .success(Array($0.utf8)) } ?? .failure(.system(ENOENT))
  }
}

private func messages(_ text: String, _ files: [String: String] = [:]) -> String {
  loadScenario(text, files).messages.map { DiagnosticRenderer.text($0, isColoured: false) }.joined()
}

private func scenario(_ text: String) throws -> ScenarioConfiguration {
  try #require(loadScenario(text).scenario, "\(messages(text))")
}

@Suite struct `Scenario files` {
  @Test func `the least is a configuration, a length, a flow and an expectation`() throws {
    let scenario = try scenario(plain)
    #expect(scenario.duration == .seconds(60))
    #expect(scenario.seed == 1)
    #expect(scenario.flows[0].rate(at: .seconds(30)) == 10)
    #expect(scenario.flows[0].requests[0].path == "/")
    #expect(scenario.flows[0].patience == nil)
    #expect(scenario.expectations[0].figure == .success)
    #expect(scenario.configuration.services.map(\.name) == ["users", "orders"])
  }

  @Test func `a rate goes evenly from stage to stage, and stays at the last`() throws {
    let scenario = try scenario(
      plain.replacing(
        "rate: 10/s",
        with: "stages: [{at: 10s, rate: 100/s}, {at: 20s, rate: 200/s}, {at: 30s, rate: 0/s}]"))
    let flow = scenario.flows[0]
    #expect(flow.rate(at: .zero) == 100)
    #expect(flow.rate(at: .seconds(15)) == 150)
    #expect(flow.rate(at: .seconds(25)) == 100)
    #expect(flow.rate(at: .seconds(50)) == 0)
    #expect(flow.highestRate == 200)
  }

  @Test func `a behaviour says only what it changes`() throws {
    let scenario = try scenario(
      plain + """
        backends:
          - {backend: "*", latency: {median: 20ms, p99: 80ms}, capacity: none}
          - {backend: users/10.0.0.1:9000, from: 10s, until: 20s, connect: refuse, failures: 5%}

        """)
    let (first, second) = (scenario.behaviours[0], scenario.behaviours[1])
    #expect(first.latency == .logNormal(median: .milliseconds(20), p99: .milliseconds(80)))
    #expect(first.capacity == .unbounded)
    #expect(first.connect == nil && first.until == nil)
    #expect(second.subject == .one(service: "users", address: "10.0.0.1:9000"))
    #expect(second.connect == .refuse && second.failures == .percent(5))
    #expect(second.latency == nil && second.capacity == nil)
  }

  @Test func `an unknown key reads as a compiler's error does`() {
    #expect(
      messages(plain.replacing("duration:", with: "duratoin:")) == """
        s/x.yaml:2:1: error: unknown key 'duratoin' at the top level; did you mean 'duration'?
            2 | duratoin: 60s
              | ^~~~~~~~

        """)
  }

  @Test(arguments: [
    (
      "- success >= 99.9%", "- sucess >= 99.9%",
      "6:5: error: expect: 'sucess' is no figure; did you mean 'success'?"
    ),
    (
      "- success >= 99.9%", "- flow wbe success >= 99.9%",
      "6:10: error: expect: 'wbe' is no flow of this scenario; did you mean 'web'?"
    ),
    (
      "- success >= 99.9%", "- reason rate_limit <= 1%",
      "6:12: error: expect: 'rate_limit' is no reason word; did you mean 'rate_limited'?"
    ),
    (
      "- success >= 99.9%", "- backend user/10.0.0.1:9000 <= 5 requests",
      "6:13: error: expect: 'user/10.0.0.1:9000' is no backend of the configuration; did you mean"
        + " 'users/10.0.0.1:9000'?"
    ),
    (
      "- success >= 99.9%", "- success >= 99.9",
      "6:16: error: expect: '99.9' has no unit; write 99.9%"
    ),
    (
      "- success >= 99.9%", "- p99 = 300ms",
      "6:9: error: expect: '=' is no comparison; write one of <=, >=, < or >"
    ),
    (
      "- success >= 99.9%", "- p99 <= 300ms while down",
      "6:24: error: expect: 'down' is a state of a backend"
    ),
    (
      "- success >= 99.9%", "- route \"my order\" success >= 99.9%",
      "6:11: error: expect: 'my order' is no route of the configuration; did you mean "
        + "'my orders'?\n"
        + "    6 |   - route \"my order\" success >= 99.9%\n      |           ^~~~~~~~~~\n"
    ),
    (
      "- success >= 99.9%", "- flow web limit perclient >= 90%",
      "6:20: error: expect: 'perclient' is no limit of the configuration; did you mean"
        + " 'per-client'?"
    ),
    (
      "- success >= 99.9%", "- backend 10.0.0.1:9000 <= 5 requests",
      "6:13: error: expect: '10.0.0.1:9000' is no backend of the configuration; did you mean"
        + " 'users/10.0.0.1:9000'?"
    ),
    (
      "- success >= 99.9%", "- success>=99.9%",
      "6:5: error: expect: 'success>=99.9%' is no figure; put spaces around the comparison"
    ),
    (
      "- success >= 99.9%", "- per-client >= 90%",
      "6:5: error: expect: 'per-client' is no figure; write 'limit per-client'"
    ),
    (
      "- success >= 99.9%", "- p99 of web <= 300ms",
      "6:9: error: expect: 'of' is no comparison; write 'flow NAME' or 'route NAME' in front"
    ),
    (
      "- success >= 99.9%", "- route */* attempts <= 120%",
      "6:15: error: expect: 'attempts' is not counted by route; leave out what is before it"
    ),
    ("- success >= 99.9%", "- success >=", "error: expect: ends where a bound should be"),
    (
      "- success >= 99.9%", "- {that: success >= 1%, from: 20s, until: 10s}",
      "error: until: '10s' is not later than 'from'"
    ),
    ("g.yaml", "h.yaml", "1:9: error: config: s/h.yaml cannot be read: No such file"),
    (
      "expect:", "backends: [{backend: user}]\nexpect:",
      "5:22: error: backend: 'user' is not in the configuration; did you mean 'users'?"
    ),
    (
      "expect:", "backends: [{backend: users, latency: {from: 5ms}}]\nexpect:",
      "error: latency: 'from' needs 'to'"
    ),
    (
      "rate: 10/s", "rate: 10/s, stages: [{at: 0s, rate: 1/s}]",
      "error: 'stages' cannot stand beside 'rate'"
    ),
    (
      "rate: 10/s", "stages: [{at: 5s, rate: 1/s}, {at: 5s, rate: 2/s}]",
      "error: at: '5s' is not later than the one before"
    ),
  ])
  func `a mistake is told where it stands, with what to write`(
    old: String, new: String, expected: String
  ) {
    let text = plain.replacing(old, with: new)
    #expect(loadScenario(text).scenario == nil)
    #expect(messages(text).contains(expected), "\(messages(text))")
  }

  @Test func `routes, limits and backends of an unreadable configuration are no mistakes`() {
    let text =
      plain.replacing("g.yaml", with: "h.yaml")
      + "  - route any success >= 1%\n  - limit any <= 1%\n  - backend a/b <= 1%\n"
    #expect(loadScenario(text).messages.flatMap(\.diagnostics).count == 1, "\(messages(text))")
  }

  @Test func `flow and route stand in front in either order, quotes around a name`() throws {
    for text in [
      "flow web route \"my orders\" p99 <= 1s", "route \"my orders\" flow web p99 <= 1s",
    ] {
      let read = try scenario(plain.replacing("success >= 99.9%", with: text)).expectations[0]
      #expect(read.flow == "web")
      #expect(read.route == "my orders")
      #expect(read.figure == .quantile(990))
      #expect(read.text == text)
    }
  }

  @Test func `a configuration with a mistake has its own messages`() {
    let broken = configured.replacing("service: orders", with: "service: oders")
    let text = messages(plain, ["s/g.yaml": broken])
    #expect(text.contains("s/x.yaml:1:9: error: config: 'g.yaml' is not a valid configuration"))
    #expect(text.contains("s/g.yaml:7:"))
    #expect(text.contains("did you mean 'orders'?"))
  }

  @Test func `what cannot be simulated is an error`() {
    let unix = configured.replacing("10.0.0.3:9000", with: "unix:/run/orders.sock")
    #expect(messages(plain, ["s/g.yaml": unix]).contains("which cannot be simulated"))
  }

  @Test func `a backend that only a change brings may be named`() throws {
    let later = configured.replacing("10.0.0.3:9000", with: "10.0.0.4:9000")
    let text =
      plain
      + "changes: [{at: 5s, config: later.yaml}]\nbackends: [{backend: orders/10.0.0.4:9000}]\n"
    let result = loadScenario(text, ["s/later.yaml": later])
    #expect(result.scenario?.changes.map(\.name) == ["later.yaml"])
  }

  @Test(arguments: [
    (
      "success >= 99.9%", Configuration.Expectation.Figure.success,
      Configuration.Expectation.Bound.share(.percent(0))
    ),
    ("p999 < 2s", .quantile(999), .time(.seconds(2))),
    ("max <= 30s", .quantile(1_000), .time(.seconds(30))),
    ("status 5xx <= 10 requests", .status(500...599), .count(10)),
    ("requests > 1000", .requests, .count(1_000)),
    ("limit per-client >= 90%", .limit("per-client"), .share(.percent(90))),
    ("attempts <= 120%", .attempts, .share(.percent(120))),
    (
      "backend users/users.internal:9000 <= 5 requests while down",
      .backend(service: "users", address: "users.internal:9000"), .count(5)
    ),
  ])
  func `an expectation reads like a sentence`(
    text: String, figure: Configuration.Expectation.Figure, bound: Configuration.Expectation.Bound
  ) throws {
    let read = try scenario(plain.replacing("success >= 99.9%", with: text)).expectations[0]
    #expect(read.figure == figure)
    #expect(read.text == text)
    #expect(read.whileDown == text.hasSuffix("while down"))
    if figure == .success {
      #expect(read.bound == .share(Share(partsPerMillion: 999_000)))
    } else {
      #expect(read.bound == bound)
    }
  }

  @Test func `every row has a meaning, and its defaults and examples are valid`() throws {
    for row in Schema.scenario.rows {
      #expect(row.doc.hasSuffix("."), "\(row.path)")
      var texts = row.example.map { [$0] } ?? []
      if case .byDefault(let text) = row.presence { texts.append(text) }
      for text in texts { _ = try ScalarReader.read(text, as: row) }
      if !row.key.isEmpty {
        let path = "`\(ConfigurationReference.written(row.path))`"
        #expect(ScenarioReference.markdown().contains(path), "\(row.path)")
        #expect(JSONSchemaWriter.scenario.contains("\"\(row.key)\": {"), "\(row.path)")
      }
    }
  }

  @Test func `the scenario in docs/simulating.md loads beside the shipped configuration`() throws {
    let page = try projectText("docs/simulating.md")
    let block = try #require(page.firstMatch(of: /```yaml\n((?s).*?)```/)).1
    let environment = environment()
    let result = ScenarioLoader.load(path: "config/x.yaml", environment: environment) { path in
      if path == "config/x.yaml" { return .success(Array(block.utf8)) }
      return Result { () throws(FileProblem) in try ConfigurationFile.read(projectPath(path)) }
    }
    #expect(result.scenario != nil)
    #expect(result.messages.flatMap(\.diagnostics).isEmpty)
  }

  /// A sample that does not load is worse than none.
  @Test(arguments: [
    "backend-dies", "breaker", "client-over-limit", "cold-cache", "deploy-with-drain", "flapping",
    "retry-storm", "scale", "slow-backend", "thundering-herd",
  ])
  func `a shipped scenario loads without a message, and tells its story first`(
    name: String
  ) throws {
    let path = projectPath("config/examples/scenarios/\(name).yaml")
    let result = ScenarioLoader.load(path: path, environment: environment())
    #expect(result.scenario != nil)
    #expect(result.messages.flatMap(\.diagnostics).isEmpty)
    #expect(try projectText("config/examples/scenarios/\(name).yaml").hasPrefix("# "))
  }
}
