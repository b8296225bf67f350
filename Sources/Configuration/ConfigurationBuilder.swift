// Why this file exists: the typed document becomes the model. Nothing is judged here any more; a
// key is only read, by name, and a test sees to it that every row of the schema is.
import Primitives

/// Builds the model out of a document that has no errors.
struct ConfigurationBuilder {
  /// A value is not there: `gateway check` met a missing file that holds it, and only warned.
  struct Incomplete: Error {}

  let root: ConfigurationValue

  func build() throws(Incomplete) -> GatewayConfiguration {
    let limits = try root.mapping("limits")
    let services = try services()
    let bodySize = try limits.optionalBytes("body_size")
    return GatewayConfiguration(
      listeners: try listeners(), admin: try admin(), workers: try workers(), http: try http(),
      limits: LimitsConfiguration(
        connections: try limits.integer("connections"),
        headSize: Int(try limits.bytes("head_size")),
        headFields: try limits.integer("head_fields"), bodySize: bodySize,
        minRate: try limits.optionalBytes("min_rate")),
      timeouts: try clientTimeouts(), trustedProxies: try trustedProxies(),
      logging: try logging(),
      tracing: TracingConfiguration(trust: try root.mapping("tracing").word("trust")),
      shutdown: try shutdown(), services: services,
      routes: try routes(services, bodySize: bodySize))
  }

  // MARK: The process

  private func listeners() throws(Incomplete) -> [ListenerConfiguration] {
    var listeners: [ListenerConfiguration] = []
    for listener in try root.value("listeners").elements {
      let address = try listener.address("address")
      listeners.append(ListenerConfiguration(address: address, line: listener.line))
    }
    return listeners
  }

  private func admin() throws(Incomplete) -> AdminConfiguration? {
    let admin = try root.value("admin")
    if admin.scalar == .word("none") { return nil }
    return AdminConfiguration(
      address: try admin.address("address"),
      token: try admin.optionalText("token").map { Secret($0) }, line: admin.line)
  }

  private func workers() throws(Incomplete) -> WorkerCount {
    if try root.value("workers").scalar == .word("auto") { return .auto }
    return .exactly(try root.integer("workers"))
  }

  private func http() throws(Incomplete) -> HTTPConfiguration {
    let http = try root.mapping("http")
    return HTTPConfiguration(
      underscoreFields: try http.word("underscore_fields"),
      encodedSlash: try http.word("encoded_slash"))
  }

  private func clientTimeouts() throws(Incomplete) -> ClientTimeouts {
    let timeouts = try root.mapping("timeouts")
    return ClientTimeouts(
      head: try timeouts.duration("head"), bodyIdle: try timeouts.duration("body_idle"),
      writeIdle: try timeouts.duration("write_idle"),
      keepAlive: try timeouts.duration("keep_alive"),
      tunnelIdle: try timeouts.duration("tunnel_idle"))
  }

  private func trustedProxies() throws(Incomplete) -> [CIDR] {
    try root.value("trusted_proxies").elements.compactMap { element in
      if case .cidr(let range)? = element.scalar { range } else { nil }
    }
  }

  private func logging() throws(Incomplete) -> LoggingConfiguration {
    let logging = try root.mapping("logging")
    let access = try logging.mapping("access")
    let output: AccessLogConfiguration.Output
    switch try access.value("output").scalar {
    case .word("stdout"): output = .stdout
    case .word("stderr"): output = .stderr
    case .word("none"): output = .none
    case .text(let path): output = .file(path)
    default: throw Incomplete()
    }
    return LoggingConfiguration(
      level: try logging.word("level"),
      access: AccessLogConfiguration(
        output: output, sample: try access.share("sample"),
        slow: try access.optionalDuration("slow")))
  }

  private func shutdown() throws(Incomplete) -> ShutdownConfiguration {
    let shutdown = try root.mapping("shutdown")
    return ShutdownConfiguration(
      acceptGrace: try shutdown.duration("accept_grace"), drain: try shutdown.duration("drain"))
  }

  // MARK: Services

  private func services() throws(Incomplete) -> [ServiceConfiguration] {
    var services: [ServiceConfiguration] = []
    for named in try root.value("services").named {
      let service = named.value
      services.append(
        ServiceConfiguration(
          name: named.name, balancer: try service.word("balancer"),
          backends: try backends(service), host: try host(service), connections: try pool(service),
          timeouts: try timeouts(service), retries: try retries(service),
          line: named.nameRange.start.line))
    }
    return services
  }

  private func backends(
    _ service: ConfigurationValue
  ) throws(Incomplete) -> [BackendConfiguration] {
    var backends: [BackendConfiguration] = []
    for backend in try service.value("backends").elements {
      let address = try backend.address("address")
      backends.append(BackendConfiguration(address: address, line: backend.line))
    }
    return backends
  }

  private func host(_ service: ConfigurationValue) throws(Incomplete) -> HostMode {
    switch try service.value("host").scalar {
    case .word("preserve"): return .preserve
    case .word("backend"): return .backend
    case .text(let literal): return .literal(literal)
    default: throw Incomplete()
    }
  }

  private func pool(_ service: ConfigurationValue) throws(Incomplete) -> PoolConfiguration {
    let pool = try service.mapping("connections")
    return PoolConfiguration(
      max: try pool.optionalInteger("max"), idle: try pool.integer("idle"),
      idleTimeout: try pool.duration("idle_timeout"), queue: try pool.integer("queue"),
      queueTimeout: try pool.duration("queue_timeout"))
  }

  private func timeouts(_ service: ConfigurationValue) throws(Incomplete) -> ServiceTimeouts {
    let timeouts = try service.mapping("timeouts")
    return ServiceTimeouts(
      connect: try timeouts.duration("connect"), response: try timeouts.duration("response"),
      idle: try timeouts.duration("idle"), request: try timeouts.optionalDuration("request"))
  }

  private func retries(_ service: ConfigurationValue) throws(Incomplete) -> RetryConfiguration {
    let retries = try service.mapping("retries")
    var conditions: Set<RetryCondition> = []
    for element in try retries.value("when").elements {
      guard case .word(let word)? = element.scalar, let condition = RetryCondition(rawValue: word)
      else { throw Incomplete() }
      conditions.insert(condition)
    }
    return RetryConfiguration(
      attempts: try retries.integer("attempts"), when: conditions,
      budget: try retries.share("budget"), budgetFloor: try retries.rate("budget_floor"))
  }

  // MARK: Routes

  private func routes(
    _ services: [ServiceConfiguration], bodySize: UInt64?
  ) throws(Incomplete) -> [RouteConfiguration] {
    let elements = try root.value("routes").elements
    var positions: [String: Int] = [:]
    for (index, service) in services.enumerated() { positions[service.name] = index }
    var paths: [String] = []
    for route in elements { paths.append(try route.mapping("match").text("path")) }
    let names = RouteNames.complete(
      elements.map { $0.field("name")?.writtenText }, defaults: paths.map { "*" + $0 })
    var routes: [RouteConfiguration] = []
    for (index, route) in elements.enumerated() {
      guard let service = positions[try route.text("service")] else { throw Incomplete() }
      routes.append(
        RouteConfiguration(
          name: names[index], path: paths[index], service: service,
          upgrades: try route.value("upgrades").elements.compactMap(\.writtenText),
          timeouts: try overrides(route, services[service].timeouts),
          bodySize: route.field("body_size") == nil
            ? bodySize : try route.optionalBytes("body_size"),
          line: route.line))
    }
    return routes
  }

  private func overrides(
    _ route: ConfigurationValue, _ inherited: ServiceTimeouts
  ) throws(Incomplete) -> ServiceTimeouts {
    let written = try route.mapping("timeouts")
    var timeouts = inherited
    if written.field("connect") != nil { timeouts.connect = try written.duration("connect") }
    if written.field("response") != nil { timeouts.response = try written.duration("response") }
    if written.field("idle") != nil { timeouts.idle = try written.duration("idle") }
    if written.field("request") != nil {
      timeouts.request = try written.optionalDuration("request")
    }
    return timeouts
  }
}

/// Names for the routes that were given none.
enum RouteNames {
  /// Names that were given stay as they are; a default that is taken already gets `#2`, `#3` and so
  /// on.
  static func complete(_ given: [String?], defaults: [String]) -> [String] {
    var taken = Set(given.compactMap { $0 })
    var next: [String: Int] = [:]
    return zip(given, defaults).map { name, base in
      if let name { return name }
      var candidate = base
      var number = next[base] ?? 1
      while !taken.insert(candidate).inserted {
        number += 1
        candidate = "\(base)#\(number)"
      }
      next[base] = number
      return candidate
    }
  }
}

// MARK: - Reading by key

extension ConfigurationValue {
  fileprivate typealias Incomplete = ConfigurationBuilder.Incomplete

  fileprivate func value(_ key: String) throws(Incomplete) -> ConfigurationValue {
    guard let value = field(key) else { throw Incomplete() }
    return value
  }

  fileprivate func mapping(_ key: String) throws(Incomplete) -> ConfigurationValue {
    let value = try value(key)
    guard case .mapping = value.content else { throw Incomplete() }
    return value
  }

  /// The text of a scalar that is no word.
  fileprivate var writtenText: String? {
    if case .text(let text)? = scalar { text } else { nil }
  }

  fileprivate func text(_ key: String) throws(Incomplete) -> String {
    guard let text = try value(key).writtenText else { throw Incomplete() }
    return text
  }

  /// nil for a word, which can only be `none`.
  fileprivate func optionalText(_ key: String) throws(Incomplete) -> String? {
    try isNone(key) ? nil : try text(key)
  }

  fileprivate func word<Word: RawRepresentable<String>>(
    _ key: String
  ) throws(Incomplete) -> Word {
    guard case .word(let text)? = try value(key).scalar, let word = Word(rawValue: text) else {
      throw Incomplete()
    }
    return word
  }

  private func isNone(_ key: String) throws(Incomplete) -> Bool {
    try value(key).scalar == .word("none")
  }

  fileprivate func integer(_ key: String) throws(Incomplete) -> Int {
    guard case .integer(let number)? = try value(key).scalar else { throw Incomplete() }
    return Int(number)
  }

  fileprivate func optionalInteger(_ key: String) throws(Incomplete) -> Int? {
    try isNone(key) ? nil : try integer(key)
  }

  fileprivate func bytes(_ key: String) throws(Incomplete) -> UInt64 {
    guard case .bytes(let number)? = try value(key).scalar else { throw Incomplete() }
    return number
  }

  fileprivate func optionalBytes(_ key: String) throws(Incomplete) -> UInt64? {
    try isNone(key) ? nil : try bytes(key)
  }

  fileprivate func duration(_ key: String) throws(Incomplete) -> Duration {
    guard case .duration(let duration)? = try value(key).scalar else { throw Incomplete() }
    return duration
  }

  fileprivate func optionalDuration(_ key: String) throws(Incomplete) -> Duration? {
    try isNone(key) ? nil : try duration(key)
  }

  fileprivate func share(_ key: String) throws(Incomplete) -> Share {
    guard case .share(let share)? = try value(key).scalar else { throw Incomplete() }
    return share
  }

  fileprivate func rate(_ key: String) throws(Incomplete) -> Rate {
    guard case .rate(let rate)? = try value(key).scalar else { throw Incomplete() }
    return rate
  }

  fileprivate func address(_ key: String) throws(Incomplete) -> NetworkAddress {
    guard case .address(let address)? = try value(key).scalar else { throw Incomplete() }
    return address
  }
}
