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
    let rateLimits = try rateLimits()
    let bodySize = try limits.optionalBytes("body_size")
    return GatewayConfiguration(
      listeners: try listeners(), admin: try admin(), workers: try workers(), http: try http(),
      limits: LimitsConfiguration(
        connections: try limits.integer("connections"),
        headSize: Int(try limits.bytes("head_size")),
        headFields: try limits.integer("head_fields"), bodySize: bodySize,
        minRate: try limits.optionalBytes("min_rate"),
        loopLag: try limits.optionalDuration("loop_lag"),
        memory: try limits.optionalBytes("memory")),
      timeouts: try clientTimeouts(), trustedProxies: try trustedProxies(),
      logging: try logging(),
      tracing: try tracing(),
      shutdown: try shutdown(), services: services,
      rateLimits: rateLimits, routes: try routes(services, rateLimits, bodySize: bodySize))
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

  private func tracing() throws(Incomplete) -> TracingConfiguration {
    let tracing = try root.mapping("tracing")
    return TracingConfiguration(
      trust: try tracing.word("trust"), export: try tracing.optionalURL("export"),
      sample: try tracing.share("sample"))
  }

  private func shutdown() throws(Incomplete) -> ShutdownConfiguration {
    let shutdown = try root.mapping("shutdown")
    return ShutdownConfiguration(
      acceptGrace: try shutdown.duration("accept_grace"), drain: try shutdown.duration("drain"))
  }
}
