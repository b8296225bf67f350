// Why this file exists: keys of a service that are each right and wrong together, and parts of
// requests that no request can have, are found by `gateway check` and answered with what to write.
import Configuration
import Primitives
import Testing

@Suite struct ServiceChecksTests {
  /// Severity, path, message and suggestion of everything said about a service with these keys.
  private func said(
    _ keys: String, backends: String = "[10.0.0.1:80]",
    _ outside: ConfigurationEnvironment = environment()
  ) -> [String] {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: \(backends), \(keys)}}
      routes: [{match: {path: /*}, service: a}]
      """
    return load(text, outside).diagnostics.map {
      "\($0.severity.rawValue) \($0.path.dropFirst("services.a.".count)): \($0.message); "
        + ($0.suggestion ?? "-")
    }
  }

  @Test(arguments: ["round_robin", "least_connections", "power_of_two", "peak_ewma"])
  func `a key for a policy that does not hash is an error`(policy: String) {
    #expect(
      said("balancer: {policy: \(policy), key: cookie:sid}") == [
        "error balancer.key: balancer.key: \(policy) does not use it; "
          + "write {policy: consistent_hash, key: cookie:sid}, or maglev there"
      ])
    #expect(
      said("balancer: {policy: \(policy), max_load: 125%}").map { $0.prefix(27) } == [
        "error balancer.max_load: ba"
      ])
    #expect(said("balancer: {policy: \(policy), max_load: none}") == [])
  }

  @Test func `a key and a bound for a policy that hashes are right`() {
    for policy in ["consistent_hash", "maglev"] {
      #expect(said("balancer: {policy: \(policy), key: path, max_load: 125%}") == [])
    }
  }

  @Test func `a key that names a parameter as it is sent, not as it is meant, is warned of`() {
    #expect(
      said("balancer: {policy: maglev, key: 'query:a%5Fb'}") == [
        "warning balancer.key: balancer.key: names in a query are compared decoded; this one is "
          + "met by a%255Fb; write query:a_b"
      ])
    #expect(said("balancer: {policy: maglev, key: 'cookie:a%5Fb'}") == [])
  }

  @Test func `weights with round robin are warned of once`() {
    let backends = "[{address: 10.0.0.1:80, weight: 1}, {address: 10.0.0.2:80, weight: 3}, "
      + "{address: 10.0.0.3:80, weight: 5}]"
    #expect(
      said("warm_up: none", backends: backends) == [
        "warning backends[1].weight: weight: round_robin ignores it; "
          + "write balancer: weighted_round_robin"
      ])
    #expect(said("balancer: least_connections", backends: backends) == [])
  }

  @Test func `a service that is drained wholly is warned of`() {
    let drained = "{address: 10.0.0.1:80, drain: true}"
    #expect(
      said("warm_up: none", backends: "[\(drained)]") == [
        "warning backends[0].drain: drain: every backend of 'a' is drained, so its requests are "
          + "answered 503; leave one without it"
      ])
    #expect(said("warm_up: none", backends: "[\(drained), 10.0.0.2:80]") == [])
    #expect(said("warm_up: none", backends: "[]") == [])
  }

  @Test func `a probe that may take longer than its interval is warned of`() {
    let start = "health.active: a question may take"
    #expect(
      said("health: {active: {path: /, interval: 2s, timeout: 3s}}") == [
        "warning health.active.timeout: \(start) 3s, longer than the interval of 2s; the next one "
          + "waits for it; write timeout: 2s"
      ])
    #expect(
      said("health: {active: {path: /, interval: 500ms}}") == [
        "warning health.active.interval: \(start) 1s, longer than the interval of 500ms; the next "
          + "one waits for it; write timeout: 500ms"
      ])
    #expect(said("health: {active: {path: /, interval: 1s}}") == [])
  }

  @Test func `an ejection longer than the longest is an error where both are written`() {
    #expect(
      said("health: {passive: {ejection: 30s, max_ejection: 10s}}") == [
        "error health.passive.ejection: health.passive.ejection: 30s is longer than max_ejection, "
          + "which is 10s; write max_ejection: 30s"
      ])
    #expect(said("health: {passive: {ejection: 7s, max_ejection: 7s}}") == [])
  }

  @Test func `a duration that was expanded is told as it stands in the file`() {
    let outside = environment(["A": "41s", "B": "13s"])
    #expect(
      said("health: {passive: {ejection: \"${A}\", max_ejection: \"${B}\"}}", outside) == [
        "error health.passive.ejection: health.passive.ejection: ${A} is longer than max_ejection, "
          + "which is ${B}; write max_ejection: ${A}"
      ])
    #expect(
      said("health: {active: {path: /, timeout: \"${A}\", interval: \"${B}\"}}", outside) == [
        "warning health.active.timeout: health.active: a question may take ${A}, longer than the "
          + "interval of ${B}; the next one waits for it; write timeout: ${B}"
      ])
  }

  @Test func `an open time longer than the longest is an error`() {
    #expect(
      said("circuit_breaker: {open: 20s, max_open: 5s}") == [
        "error circuit_breaker.open: circuit_breaker.open: 20s is longer than max_open, which is "
          + "5s; write max_open: 20s"
      ])
  }

  @Test(arguments: [("10s", 10), ("30s", 30), ("60s", 30)] as [(String, Int64)])
  func `where only the longest time is written, the usual one is no longer than that`(
    longest: String, expected: Int64
  ) throws {
    let keys = "health: {passive: {max_ejection: \(longest)}}"
    #expect(said(keys) == [])
    let text = "services: {a: {backends: [], circuit_breaker: {max_open: 1s}, \(keys)}}"
    let rest = "listeners: [{address: 127.0.0.1:1}]\nroutes: [{match: {path: /}, service: a}]\n"
    let result = load(rest + text)
    let service = try #require(result.configuration).services[0]
    #expect(service.health.passive?.ejection == .seconds(expected))
    #expect(service.circuitBreaker?.open == .seconds(1))
    let shown = EffectiveConfiguration.json(try #require(result.values))
    #expect(shown.replacing(" ", with: "").contains("\"ejection\":\"\(expected)s\""))
  }

  @Test(arguments: [("10s", 300), ("5m", 300), ("10m", 600)] as [(String, Int64)])
  func `where only the usual time is written, the longest is no shorter than that`(
    usual: String, expected: Int64
  ) throws {
    let keys = "health: {passive: {ejection: \(usual)}}, circuit_breaker: {open: 1h}"
    #expect(said(keys) == [])
    let text = minimal().replacing("9001]", with: "9001], \(keys)")
    let service = try configuration(text).services[0]
    #expect(service.health.passive?.maxEjection == .seconds(expected))
    #expect(service.circuitBreaker?.maxOpen == .seconds(3_600))
  }

  @Test(arguments: ["max_ejection", "ejection"])
  func `a default that gives way to a hidden value is hidden too`(key: String) throws {
    let text = minimal().replacing(
      "9001]", with: "9001], health: {passive: {\(key): '${TIME}'}}")
    let shown = EffectiveConfiguration.json(
      try #require(load(text, environment(["TIME": key == "ejection" ? "7m" : "7s"])).values))
    #expect(!shown.contains("7m") && !shown.contains("7s"))
  }

  @Test func `down at first without a check that brings it up is an error`() {
    #expect(
      said("health: {initial: down}") == [
        "error health.initial: health.initial: nothing would bring a backend up, because "
          + "health.active is none; add health.active, or write up"
      ])
    #expect(said("health: {initial: down, active: {path: /}}") == [])
  }

  @Test func `a breaker and a passive check that look at nothing are warned of`() {
    #expect(
      said("circuit_breaker: {consecutive_failures: none, failure_rate: none}") == [
        "warning circuit_breaker.failure_rate: circuit_breaker: nothing is looked at, so it never "
          + "opens; write circuit_breaker: none"
      ])
    #expect(
      said("health: {passive: {consecutive_failures: none, failure_rate: none}}") == [
        "warning health.passive.failure_rate: health.passive: nothing is looked at, so no backend "
          + "is ever ejected; write passive: none"
      ])
    #expect(
      said("circuit_breaker: {consecutive_failures: none, failure_rate: none, slow_call: 2s}")
        == [])
  }

  @Test func `keys of a detector that is off are warned of`() {
    #expect(
      said("circuit_breaker: {slow_call_rate: 50%}") == [
        "warning circuit_breaker.slow_call_rate: circuit_breaker.slow_call_rate: no request is "
          + "slow, because slow_call is none; add slow_call: 2s"
      ])
    #expect(
      said("health: {passive: {failure_rate: none, window: 5s}}") == [
        "warning health.passive.window: health.passive.window: no rate is looked at, because "
          + "failure_rate is none; -"
      ])
    #expect(said("circuit_breaker: {failure_rate: none, slow_call: 2s, window: 5s}") == [])
  }

  @Test func `failure statuses that nobody counts are warned of`() {
    let start = "health: {passive: none, failure_statuses: [500]}"
    #expect(said(start).map { $0.prefix(32) } == ["warning health.failure_statuses:"])
    #expect(said(start + ", circuit_breaker: {}") == [])
    #expect(
      said("health: {failure_statuses: [500, 502, 500]}") == [
        "warning health.failure_statuses[2]: health.failure_statuses: '500' is given twice; -"
      ])
  }

  // MARK: Parts of requests

  @Test(arguments: [
    ("2xx", "is neither a status nor a range; write 200-299"),
    ("200..299", "is neither a status nor a range; write 200-299"),
    ("20", "is neither a status nor a range; write one like 204 or 200-399"),
    ("200-", "is neither a status nor a range; write one like 204 or 200-399"),
    ("399-200", "is a range that ends before it begins; write 200-399"),
    ("100-399", "is out of bounds; write statuses from 200 to 599"),
    ("600", "is out of bounds; write statuses from 200 to 599"),
  ])
  func `a status that is none is answered with one`(status: String, words: String) {
    #expect(
      said("health: {active: {path: /, status: [\"\(status)\"]}}") == [
        "error health.active.status[0]: health.active.status: '\(status)' \(words)"
      ])
  }

  @Test func `a status of the client is no failure of the backend`() {
    #expect(
      said("health: {failure_statuses: [429]}") == [
        "error health.failure_statuses[0]: health.failure_statuses: '429' is out of bounds; "
          + "write statuses from 500 to 599"
      ])
  }

  @Test func `an active check without a status is an error`() {
    #expect(said("health: {active: {path: /, status: []}}").count == 1)
    #expect(said("health: {failure_statuses: []}") == [])
  }

  @Test(arguments: [
    ("healthz", "does not begin with a slash; write /healthz"),
    ("http://10.0.0.1/up?x", "is a URL, not a path; write /up?x"),
    ("https://10.0.0.1", "is a URL, not a path; write /"),
    ("/a b", "holds a space, a control or a non-ASCII character; write it percent-encoded, as %20"),
    ("/ü", "holds a space, a control or a non-ASCII character; write it percent-encoded, as %20"),
    ("/a#b", "holds a fragment, which is never sent; leave '#' out"),
  ])
  func `a target that no request can have is an error`(target: String, words: String) {
    #expect(
      said("health: {active: {path: \"\(target)\"}}") == [
        "error health.active.path: health.active.path: '\(target)' \(words)"
      ])
  }

  @Test(arguments: [
    (
      "ip",
      "is not known here; write one of client_ip, path, header:Name, cookie:Name or query:name"
    ),
    ("client-ip", "is not known here; did you mean 'client_ip'?"),
    ("headers:X-User", "is not known here; write header:X-User"),
    ("header:", "names nothing; write one like header:name"),
    ("header:X User", "is not the name of a field; write one like header:X-User"),
    ("cookie:a=b", "is not the name of a cookie; write one like cookie:sid"),
    ("query:a&b", "is not the name of a query parameter; write one like query:user"),
  ])
  func `a key that no request can have is an error`(key: String, words: String) {
    #expect(
      said("balancer: {policy: maglev, key: \"\(key)\"}") == [
        "error balancer.key: balancer.key: '\(key)' \(words)"
      ])
  }

  @Test func `words for nothing are answered with none`() {
    #expect(said("circuit_breaker: off").map { $0.suffix(12) } == ["; write none"])
    #expect(said("warm_up: off").map { $0.suffix(12) } == ["; write none"])
    #expect(said("health: {active: false}").map { $0.suffix(12) } == ["; write none"])
  }

  @Test func `a threshold out of bounds says what the bounds are`() {
    #expect(
      said("circuit_breaker: {half_open_requests: 0, failure_rate: 0%, min_requests: 0}").map {
        String($0.split(separator: ";")[1])
      } == [
        " write a number from 1 to 1000", " write a share from 1% to 100%",
        " write a number from 1 to 50000",
      ])
  }
}
