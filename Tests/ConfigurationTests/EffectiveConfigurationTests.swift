// Why this file exists: what is shown of a configuration is complete, can be read as a
// configuration again, and holds no secret.

import Testing

@testable import Configuration

private func load(_ text: String) -> ConfigurationResult {
  let environment = ConfigurationEnvironment(
    variable: { $0 == "WORD" ? "hunter2" : nil }, file: { _ in .success(Array("swordfish".utf8)) })
  return ConfigurationLoader.load(Array(text.utf8), fileName: "test", environment: environment)
}

private let text = """
  listeners: [{address: 127.0.0.1:8080}]
  admin: {address: 127.0.0.1:9901, token: hunter2}
  services:
    users:
      backends: [10.0.0.1:80, {address: 10.0.0.2:80, weight: 3}]
      balancer: {policy: consistent_hash, key: header:X-User, max_load: 125%}
      circuit_breaker: {failure_rate: 12.5%}
      health: {active: {path: /healthz, status: [200-299, 404]}}
  trusted_proxies: [10.0.0.0/8]
  tracing: {export: "http://collector:4318/v1/traces", sample: 0.5%}
  routes:
    - {match: {path: /*}, service: users}
    - {match: {path: /a}, respond: {status: 200, body: "x ${WORD} y"}}
    - {match: {path: /b}, respond: {status: 200, body: "${file:/run/secrets/b}"}}

  """

@Suite struct `A configuration as it is in effect` {
  @Test func `shows every value with its unit, and no secret`() throws {
    let result = load(text)
    let shown = EffectiveConfiguration.json(try #require(result.values))
    for part in [
      "\"address\": \"127.0.0.1:8080\"", "\"keep_alive\": \"75s\"", "\"head_size\": \"32KiB\"",
      "\"min_rate\": \"256B/s\"", "\"weight\": 3", "\"key\": \"header:x-user\"",
      "\"max_load\": \"125%\"", "\"failure_rate\": \"12.5%\"", "\"200-299\"", "\"404\"",
      "\"budget_floor\": \"10/s\"", "\"10.0.0.0/8\"",
      "\"export\": \"http://collector:4318/v1/traces\"", "\"sample\": \"0.5%\"",
      "\"token\": \"(redacted)\"",
      "\"body\": \"(redacted)\"",
    ] { #expect(shown.contains(part), "\(part) in\n\(shown)") }
    #expect(!shown.contains("hunter2") && !shown.contains("swordfish"))
  }

  @Test func `is a configuration that means the same`() throws {
    let plain = text.replacing("token: hunter2", with: "token: none")
      .replacing("x ${WORD} y", with: "x").replacing("${file:/run/secrets/b}", with: "y")
    let values = try #require(load(plain).values)
    let shown = EffectiveConfiguration.json(values)
    let again = load(shown)
    #expect(again.isValid, "\(DiagnosticRenderer.text(again, isColoured: false))")
    #expect(EffectiveConfiguration.json(try #require(again.values)) == shown)
  }

  @Test func `is a configuration that means the same, also of a balancer without a key`() throws {
    // Found by fuzzing: the default of a key that the policy does not use was written out, and was
    // an error when it was read.
    let short = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {users: {backends: [10.0.0.1:80]}}
      routes: [{match: {path: /*}, service: users}]

      """
    let shown = EffectiveConfiguration.json(try #require(load(short).values))
    let again = load(shown)
    #expect(again.isValid, "\(DiagnosticRenderer.text(again, isColoured: false))")
    #expect(EffectiveConfiguration.json(try #require(again.values)) == shown)
  }

  @Test func `shows that there is no token when there is none`() throws {
    let values = try #require(load(text.replacing("token: hunter2", with: "token: none")).values)
    #expect(EffectiveConfiguration.json(values).contains("\"token\": \"none\""))
  }
}
