// Why this file exists: a limit that was read in another way than it was meant lets too much
// through, or too little; so every key is read exactly, and mistakes are named where they stand.
import Primitives
import Testing

@testable import Configuration

/// A file with these limits, and one route that names `names`.
private func file(_ limits: String, _ names: String) -> String {
  "rate_limits:\n" + limits.split(separator: "\n").map { "  \($0)\n" }.joined() + """
    listeners: [{address: 127.0.0.1:8080}]
    services: {a: {backends: []}}
    routes: [{match: {path: /*}, service: a, rate_limits: \(names)}]

    """
}

/// What is said: `line: severity: message; suggestion`, lines counted from the first limit.
private func complaints(_ limits: String, _ names: String) -> [String] {
  load(file(limits, names)).diagnostics.map { diagnostic in
    let suggestion = diagnostic.suggestion.map { "; \($0)" } ?? ""
    return "\(diagnostic.line - 1): \(diagnostic.severity): \(diagnostic.message)\(suggestion)"
  }
}

@Suite struct `Rate limits in a file` {
  @Test func `defaults are those of the contract`() throws {
    let limits = try configuration(file("a: {rate: 100/s, key: client_ip}", "[a]")).rateLimits
    #expect(
      limits == [
        RateLimitConfiguration(
          name: "a", algorithm: .tokenBucket, rate: Rate(count: 100, period: .seconds(1)),
          burst: 100, key: [.clientIP], ipv6Prefix: 64, missingKey: .share, mode: .enforce,
          maxKeys: 100_000, headers: true, line: 2)
      ])
  }

  @Test func `every key is read, and routes name limits by position in their order`() throws {
    let whole = try configuration(
      file(
        """
        first:
          rate: 50/10s
          burst: 7
          key: [client_ip, header:X-User, cookie:sid, query:k, route]
          ipv6_prefix: 48
          missing_key: skip
          mode: shadow
          max_keys: 1000
          headers: false
        second: {algorithm: sliding_window, rate: 600/m, key: global}
        """, "[second, first]"))
    let first = whole.rateLimits[0]
    #expect(first.rate == Rate(count: 50, period: .seconds(10)) && first.burst == 7)
    #expect(
      first.key == [.clientIP, .header("x-user"), .cookie("sid"), .query("k"), .route])
    #expect(first.ipv6Prefix == 48 && first.missingKey == .skip && first.mode == .shadow)
    #expect(first.maxKeys == 1_000 && !first.headers)
    #expect(first.keyText == "[client_ip, header:x-user, cookie:sid, query:k, route]")
    #expect(whole.rateLimits[1].algorithm == .slidingWindow && whole.rateLimits[1].burst == 600)
    #expect(whole.rateLimits[1].rateText == "600/m" && whole.rateLimits[1].keyText == "global")
    #expect(whole.routes[0].rateLimits == [1, 0])
  }

  @Test func `counters belong to name, algorithm, key and period, and to nothing else`() throws {
    func identity(_ limit: String) throws -> String {
      try configuration(file(limit, "[]")).rateLimits[0].identity
    }
    let base = try identity("a: {rate: 100/s, key: client_ip}")
    let same = [
      "a: {rate: 5/s, burst: 9, key: client_ip}", "a: {rate: 100/1s, key: [client_ip]}",
      "a: {rate: 1/s, key: client_ip, mode: shadow, headers: false, max_keys: 9, ipv6_prefix: 1}",
    ]
    for limit in same { #expect(try identity(limit) == base, "\(limit)") }
    #expect(
      try identity("a: {rate: 1/s, key: [client_ip, route]}")
        == identity("a: {rate: 1/s, key: [route, client_ip]}"))
    let others = [
      "b: {rate: 100/s, key: client_ip}", "a: {rate: 100/m, key: client_ip}",
      "a: {rate: 100/s, key: global}", "a: {rate: 100/s, key: [client_ip, route]}",
      "a: {algorithm: sliding_window, rate: 100/s, key: client_ip}",
    ]
    for limit in others { #expect(try identity(limit) != base, "\(limit)") }
  }

  @Test func `a route without limits has none`() throws {
    #expect(try configuration(minimal()).routes[0].rateLimits.isEmpty)
    #expect(try configuration(minimal()).rateLimits.isEmpty)
  }

  @Test func `a name that is no limit is an error with the nearest one`() {
    let limit = "per-client: {rate: 1/s, key: client_ip}"
    #expect(
      complaints(limit, "[per-cleint]") == [
        "4: error: rate_limits: there is no limit 'per-cleint'; did you mean 'per-client'?"
      ])
    #expect(
      complaints(limit, "[per-client, zzz]") == [
        "4: error: rate_limits: there is no limit 'zzz'; the limits are per-client"
      ])
    #expect(
      load("routes: [{match: {path: /*}, respond: {}, rate_limits: [a]}]\n" + rest).diagnostics
        .map { "\($0.message); \($0.suggestion ?? "")" } == [
          "rate_limits: there is no limit 'a'; there are no rate_limits; add it there"
        ])
  }
  private let rest = "listeners: [{address: 127.0.0.1:8080}]\nservices: {}\n"

  @Test func `a limit that nobody names is a warning, and so is one named twice`() {
    #expect(
      complaints("a: {rate: 1/s, key: global}\nb: {rate: 1/s, key: global}", "[b, b]") == [
        "1: warning: no route names the limit 'a'",
        "5: warning: rate_limits: 'b' is given twice",
      ])
    let twice = load(file("b: {rate: 1/s, key: global}", "[b, b]"))
    #expect(twice.configuration?.routes[0].rateLimits == [0])
  }

  @Test(arguments: [
    (
      "{rate: 1/s, key: clientip}",
      "1: error: key: 'clientip' is not known here; did you mean 'client_ip'?"
    ),
    (
      "{rate: 1/s, key: header}",
      "1: error: key: 'header' names nothing; write one like header:name"
    ),
    (
      "{rate: 1/s, key: path}",
      "1: error: key: 'path' is not known here; write one of client_ip, route, global, "
        + "header:Name, cookie:Name or query:name"
    ),
    ("{rate: 1/s, key: []}", "1: error: key needs at least 1 entry"),
    (
      "{rate: 1/s}",
      "1: error: the key 'key' is missing in rate_limits.a"
    ),
    (
      "{key: global}",
      "1: error: the key 'rate' is missing in rate_limits.a; write one such as 'rate: 100/s'"
    ),
    (
      "{rate: 100, key: global}",
      "1: error: rate: '100' has no unit; write 100/s or 100/m"
    ),
    (
      "{rate: 0/s, key: global}",
      "1: error: rate: '0/s' is out of bounds; write a count from 1 to 1000000000"
    ),
    (
      "{algorithm: sliding_window, rate: 1/s, burst: 2, key: global}",
      "1: error: burst: sliding_window has none; it allows the count in 'rate' at any time; "
        + "remove it, or write algorithm: token_bucket"
    ),
    (
      "{algorithm: sliding_window, rate: 1048576/s, key: global}",
      "1: error: rate: sliding_window counts at most 1048575 requests in a period; "
        + "use a shorter period, or write algorithm: token_bucket"
    ),
    (
      "{rate: 1/s, key: client_ip, ipv6_prefix: 129}",
      "1: error: ipv6_prefix: '129' is out of bounds; write a number from 1 to 128"
    ),
    (
      "{rate: 1/s, key: client_ip, mode: on}",
      "1: error: mode: 'on' is not known here; write one of off, shadow or enforce"
    ),
  ])
  func `a value that cannot be is an error that says what can`(limit: String, words: String) {
    #expect(complaints("a: \(limit)", "[a]") == [words])
  }

  @Test(arguments: [
    ("key: [client_ip, global]", "key: 'global' adds nothing to other parts; leave it out"),
    ("key: [client_ip, client_ip]", "key: 'client_ip' is given twice"),
    ("key: header:X, ipv6_prefix: 48", "ipv6_prefix: the key has no client_ip"),
    ("key: global, missing_key: skip", "missing_key: no request is without this key"),
    ("key: route, headers: true", "headers: nobody is told of what clients share"),
    (
      "key: 'query:a%5Fb'",
      "key: names in a query are compared decoded; this one is met by a%255Fb; "
        + "write query:a_b"
    ),
    (
      "key: [client_ip, 'query:%C3%A9']",
      "key: names in a query are compared decoded; this one is met by %25C3%25A9"
    ),
  ])
  func `what has no effect is a warning`(keys: String, words: String) {
    #expect(complaints("a: {rate: 1/s, \(keys)}", "[a]") == ["1: warning: \(words)"])
  }

  @Test func `a percent sign that encodes nothing is part of a name`() {
    #expect(complaints("a: {rate: 1/s, key: ['query:100%', 'query:a+%zz']}", "[a]") == [])
  }
}
