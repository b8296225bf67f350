// Why this file exists: a key that is read and ignored is a lie to the operator. Here every scalar
// row of the table is changed in turn, and the model must change with it.
import Testing

@testable import Configuration

@Suite struct EveryKeyTests {
  /// A document with every key; `@path@` stands for the value of the row.
  static let template = """
    listeners:
      - address: "@listeners[].address@"
    admin:
      address: "@admin.address@"
      token: "@admin.token@"
    workers: "@workers@"
    http:
      underscore_fields: "@http.underscore_fields@"
      encoded_slash: "@http.encoded_slash@"
    limits:
      connections: "@limits.connections@"
      head_size: "@limits.head_size@"
      head_fields: "@limits.head_fields@"
      body_size: "@limits.body_size@"
      min_rate: "@limits.min_rate@"
      loop_lag: "@limits.loop_lag@"
      memory: "@limits.memory@"
    timeouts:
      head: "@timeouts.head@"
      body_idle: "@timeouts.body_idle@"
      write_idle: "@timeouts.write_idle@"
      keep_alive: "@timeouts.keep_alive@"
      tunnel_idle: "@timeouts.tunnel_idle@"
    trusted_proxies: ["@trusted_proxies[]@"]
    logging:
      level: "@logging.level@"
      access:
        output: "@logging.access.output@"
        sample: "@logging.access.sample@"
        slow: "@logging.access.slow@"
    tracing:
      trust: "@tracing.trust@"
      export: "@tracing.export@"
      sample: "@tracing.sample@"
    shutdown:
      accept_grace: "@shutdown.accept_grace@"
      drain: "@shutdown.drain@"
    services:
      users:
        balancer:
          policy: "@services.*.balancer.policy@"
          key: "@services.*.balancer.key@"
          max_load: "@services.*.balancer.max_load@"
        backends:
          - address: "@services.*.backends[].address@"
            weight: "@services.*.backends[].weight@"
            drain: "@services.*.backends[].drain@"
        resolve_every: "@services.*.resolve_every@"
        host: "@services.*.host@"
        connections:
          max: "@services.*.connections.max@"
          idle: "@services.*.connections.idle@"
          idle_timeout: "@services.*.connections.idle_timeout@"
          queue: "@services.*.connections.queue@"
          queue_timeout: "@services.*.connections.queue_timeout@"
        timeouts:
          connect: "@services.*.timeouts.connect@"
          response: "@services.*.timeouts.response@"
          idle: "@services.*.timeouts.idle@"
          request: "@services.*.timeouts.request@"
        retries:
          attempts: "@services.*.retries.attempts@"
          when: ["@services.*.retries.when[]@"]
          budget: "@services.*.retries.budget@"
          budget_floor: "@services.*.retries.budget_floor@"
        health:
          active:
            path: "@services.*.health.active.path@"
            interval: "@services.*.health.active.interval@"
            timeout: "@services.*.health.active.timeout@"
            healthy_after: "@services.*.health.active.healthy_after@"
            unhealthy_after: "@services.*.health.active.unhealthy_after@"
            status: ["@services.*.health.active.status[]@"]
            host: "@services.*.health.active.host@"
          passive:
            consecutive_failures: "@services.*.health.passive.consecutive_failures@"
            failure_rate: "@services.*.health.passive.failure_rate@"
            min_requests: "@services.*.health.passive.min_requests@"
            window: "@services.*.health.passive.window@"
            ejection: "@services.*.health.passive.ejection@"
            max_ejection: "@services.*.health.passive.max_ejection@"
            max_ejected: "@services.*.health.passive.max_ejected@"
          panic_threshold: "@services.*.health.panic_threshold@"
          initial: "@services.*.health.initial@"
          failure_statuses: ["@services.*.health.failure_statuses[]@"]
        circuit_breaker:
          mode: "@services.*.circuit_breaker.mode@"
          consecutive_failures: "@services.*.circuit_breaker.consecutive_failures@"
          failure_rate: "@services.*.circuit_breaker.failure_rate@"
          slow_call: "@services.*.circuit_breaker.slow_call@"
          slow_call_rate: "@services.*.circuit_breaker.slow_call_rate@"
          min_requests: "@services.*.circuit_breaker.min_requests@"
          window: "@services.*.circuit_breaker.window@"
          open: "@services.*.circuit_breaker.open@"
          max_open: "@services.*.circuit_breaker.max_open@"
          half_open_requests: "@services.*.circuit_breaker.half_open_requests@"
        warm_up: "@services.*.warm_up@"
      other: {backends: []}
    rate_limits:
      users:
        algorithm: "@rate_limits.*.algorithm@"
        rate: "@rate_limits.*.rate@"
        key: ["@rate_limits.*.key[]@"]
        ipv6_prefix: "@rate_limits.*.ipv6_prefix@"
        missing_key: "@rate_limits.*.missing_key@"
        mode: "@rate_limits.*.mode@"
        max_keys: "@rate_limits.*.max_keys@"
        headers: "@rate_limits.*.headers@"
      other: {rate: 1/s, burst: "@rate_limits.*.burst@", key: global}
    routes:
      - name: "@routes[].name@"
        match:
          host: "@routes[].match.host@"
          path: "/front/x"
          methods: ["@routes[].match.methods[]@"]
          headers: {X-A: "@routes[].match.headers.*@"}
          query: {a: "@routes[].match.query.*@"}
        service: {users: "@routes[].service.*@", other: "@rest@"}
        rate_limits: ["@routes[].rate_limits[]@"]
        upgrades: ["@routes[].upgrades[]@"]
        strip_prefix: "@routes[].strip_prefix@"
        timeouts:
          connect: "@routes[].timeouts.connect@"
          response: "@routes[].timeouts.response@"
          idle: "@routes[].timeouts.idle@"
          request: "@routes[].timeouts.request@"
        body_size: "@routes[].body_size@"
        request_headers:
          set: {X-B: "@routes[].request_headers.set.*@"}
          remove: ["@routes[].request_headers.remove[]@"]
        response_headers:
          set: {X-C: "@routes[].response_headers.set.*@"}
          remove: ["@routes[].response_headers.remove[]@"]
      - {match: {path: "@routes[].match.path@"}, service: other}
      - match: {path: /third/*}
        redirect: {status: "@routes[].redirect.status@", location: "@routes[].redirect.location@"}
      - match: {path: /fourth}
        respond:
          status: "@routes[].respond.status@"
          body: "@routes[].respond.body@"
          content_type: "@routes[].respond.content_type@"
    """

  /// Where the values of the kind do not go together with those of other keys.
  static let special = [
    "limits.memory": ("3MiB", "5MiB"),
    "routes[].strip_prefix": ("/front", "/front/x"),
    "routes[].respond.status": ("201", "202"),
    "services.*.balancer.policy": ("consistent_hash", "maglev"),
    "services.*.balancer.max_load": ("130%", "150%"),
    "services.*.health.passive.ejection": ("1s", "2s"),
    "services.*.circuit_breaker.open": ("1s", "2s"),
  ]

  /// A value for the row, and another one.
  static func values(_ row: SchemaRow) -> (String, String) {
    if let values = special[row.path] { return values }
    return kindValues(row)
  }

  private static func kindValues(_ row: SchemaRow) -> (String, String) {
    switch row.kind {
    case .mapping, .named, .list: preconditionFailure("scalars only")
    case .word: (row.words[0].text, row.words[row.words.count - 1].text)
    case .boolean: ("true", "false")
    case .integer: ("3", "5")
    case .duration: ("3s", "5s")
    case .size: ("3KiB", "5KiB")
    case .byteRate: ("3KiB/s", "5KiB/s")
    case .share: ("3%", "5%")
    case .rate: ("3/s", "5/s")
    case .address(.admin): ("1.1.1.1:1", "1.1.1.1:2")
    case .address(.listen): ("2.2.2.2:1", "2.2.2.2:2")
    case .address(.connect): ("3.3.3.3:1", "3.3.3.3:2")
    case .cidr: ("1.1.1.1", "2.2.2.2")
    case .authority: ("one", "two")
    case .filePath: ("/one", "/two")
    case .pathPattern: ("/one", "/two/*")
    case .pathPrefix, .location: ("/one", "/two")
    case .hostPattern: ("one", "*.two")
    case .method: ("GET", "LOCK")
    case .fieldName: ("One", "Two")
    case .mediaType: ("one/one", "two/two")
    case .httpURL: ("http://one/x", "http://two:1/y")
    case .matchText, .template, .body: ("one", "two")
    case .requestTarget: ("/one", "/two?x=1")
    case .requestKey: ("header:one", "cookie:two")
    case .status: ("500", "501-502")
    case .upgradeToken: ("one", "two")
    case .name: ("users", "other")
    case .text: ("one", "two")
    }
  }

  static let scalars = Schema.gateway.rows.filter { row in
    switch row.kind {
    case .mapping, .named, .list: false
    default: true
    }
  }

  static func document(_ path: String? = nil, _ value: String = "") -> String {
    var pieces = template.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    for index in stride(from: 1, to: pieces.count, by: 2) {
      if pieces[index] == "rest" { pieces[index] = path == "routes[].service.*" ? "95%" : "97%" }
      guard let row = scalars.first(where: { $0.path == pieces[index] }) else { continue }
      pieces[index] = row.path == path ? value : values(row).0
    }
    return pieces.joined()
  }

  @Test func `the template holds every scalar of the table`() {
    for row in Self.scalars {
      #expect(Self.template.contains("@\(row.path)@"), "\(row.path)")
    }
  }

  @Test(arguments: scalars.map(\.path))
  func `changing a key changes the configuration`(path: String) throws {
    let row = try #require(Self.scalars.first { $0.path == path })
    let base = try configuration(Self.document())
    let changed = try configuration(Self.document(path, Self.values(row).1))
    #expect(base != changed, "\(path) is read and ignored")
  }

  @Test func `every word of every key is understood by the model`() {
    for row in Self.scalars {
      for word in row.words {
        var text = Self.document(row.path, word.text)
        if row.path == "services.*.balancer.policy" {
          // Not every policy takes the other keys.
          text = text.replacing("      key: \"header:one\"\n", with: "\n")
            .replacing("max_load: \"130%\"", with: "max_load: none")
        }
        #expect(load(text).configuration != nil, "\(row.path): \(word.text): \(printed(text))")
      }
    }
  }
}
