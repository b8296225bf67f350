// Why this file exists: a service has many keys that only make sense together: a probe that takes
// longer than its interval, a key to hash by and a policy that does not hash. CrossChecks.swift
// asks these questions for every service.
import Primitives

extension CrossChecks {
  mutating func checkService(_ service: ConfigurationValue.Named, _ sockets: [Socket]) {
    let path = services.name(service.name)
    var firstLines: [String: Int] = [:]
    for (index, backend) in (service.value.field("backends")?.elements ?? []).enumerated() {
      guard let value = backend.field("address"), case .address(let address)? = value.scalar
      else { continue }
      let place = path.key("backends").index(index).key("address")
      if let socket = sockets.first(where: { $0.address.isReached(by: address) }) {
        diagnostics.error(
          .loop, value.range, place,
          "address: '\(value.shown)' is \(socket.phrase): requests would come back to the gateway")
      }
      if let line = firstLines[address.text] {
        diagnostics.error(
          .duplicateAddress, value.range, place,
          "address: '\(value.shown)' is a backend of this service already; it is first given in "
            + "line \(line)")
      } else {
        firstLines[address.text] = value.line
      }
    }
    warnOfDrain(service, at: path)
    checkBalancer(service.value, at: path)
    checkHealth(service.value.field("health"), at: path.key("health"))
    checkBreaker(service.value.field("circuit_breaker"), at: path.key("circuit_breaker"))
    warnOfNoListener(to: service.value, at: path.key("health").key("failure_statuses"))
    checkPool(service.value.field("connections"), at: path.key("connections"))
    warnOfRepeats(
      service.value.field("retries")?.field("when"), at: path.key("retries").key("when"))
  }

  private mutating func checkPool(_ pool: ConfigurationValue?, at path: ConfigurationPath) {
    guard case .integer(let max)? = pool?.field("max")?.scalar, let idle = pool?.field("idle"),
      case .integer(let count)? = idle.scalar, count > max, idle.origin != .byDefault
    else { return }
    diagnostics.warning(
      .noEffect, idle.range, path.key("idle"),
      "idle: more connections are kept idle than 'max' allows to be open")
  }

  // MARK: Who is picked

  private mutating func warnOfDrain(
    _ service: ConfigurationValue.Named, at path: ConfigurationPath
  ) {
    let backends = service.value.field("backends")?.elements ?? []
    guard let first = backends.first?.field("drain"),
      backends.allSatisfy({ $0.field("drain")?.scalar == .boolean(true) })
    else { return }
    diagnostics.warning(
      .noEffect, first.range, path.key("backends").index(0).key("drain"),
      "drain: every backend of '\(service.name)' is drained, so its requests are answered 503",
      suggestion: "leave one without it")
  }

  private mutating func checkBalancer(
    _ service: ConfigurationValue, at path: ConfigurationPath
  ) {
    guard let balancer = service.field("balancer"), let policy = balancer.field("policy"),
      case .word(let word)? = policy.scalar
    else { return }
    let place = path.key("balancer")
    warnOfEncoding(balancer.field("key"), at: place.key("key"))
    if !(BalancerConfiguration.Policy(rawValue: word)?.isKeyed ?? false) {
      for key in ["key", "max_load"] {
        guard let value = balancer.field(key), value.origin != .byDefault,
          value.scalar != .word("none")
        else { continue }
        let what = "balancer.\(key): \(word) does not use it"
        let remedy = "write {policy: consistent_hash, \(key): \(value.shown)}, or maglev there"
        // What holds anyway may be said: so does a configuration that was written out.
        if value.scalar == .word("client_ip") {
          diagnostics.warning(.noEffect, value.range, place.key(key), what, suggestion: remedy)
        } else {
          diagnostics.error(.noEffect, value.range, place.key(key), what, suggestion: remedy)
        }
      }
    }
    guard word == "round_robin" else { return }
    for (index, backend) in (service.field("backends")?.elements ?? []).enumerated() {
      guard let weight = backend.field("weight"), weight.scalar != .integer(1) else { continue }
      diagnostics.warning(
        .noEffect, weight.range, path.key("backends").index(index).key("weight"),
        "weight: round_robin ignores it", suggestion: "write balancer: weighted_round_robin")
      return
    }
  }

  // MARK: Health

  private mutating func checkHealth(_ health: ConfigurationValue?, at path: ConfigurationPath) {
    guard let health else { return }
    let active = health.field("active")
    if let initial = health.field("initial"), initial.scalar == .word("down"),
      active?.scalar == .word("none")
    {
      diagnostics.error(
        .noEffect, initial.range, path.key("initial"),
        "health.initial: nothing would bring a backend up, because health.active is none",
        suggestion: "add health.active, or write up")
    }
    if let active { checkActive(active, at: path.key("active")) }
    if let passive = health.field("passive") { checkPassive(passive, at: path.key("passive")) }
    warnOfRepeats(health.field("failure_statuses"), at: path.key("failure_statuses"))
  }

  private mutating func checkActive(_ active: ConfigurationValue, at path: ConfigurationPath) {
    let interval = active.field("interval")
    let timeout = active.field("timeout")
    if let interval, let timeout, let longest = interval.duration, let time = timeout.duration,
      time > longest
    {
      let isDefault = timeout.origin == .byDefault
      diagnostics.warning(
        .noEffect, isDefault ? interval.range : timeout.range,
        path.key(isDefault ? "interval" : "timeout"),
        "health.active: a question may take \(timeout.told(time)), longer than the "
          + "interval of \(interval.told(longest)); the next one waits for it",
        suggestion: "write timeout: \(interval.told(longest))")
    }
    warnOfRepeats(active.field("status"), at: path.key("status"))
  }

  private mutating func checkPassive(_ passive: ConfigurationValue, at path: ConfigurationPath) {
    checkOrder("ejection", "max_ejection", of: passive, "health.passive", at: path)
    if isOff("consecutive_failures", passive), isOff("failure_rate", passive),
      let rate = passive.field("failure_rate")
    {
      diagnostics.warning(
        .noEffect, rate.range, path.key("failure_rate"),
        "health.passive: nothing is looked at, so no backend is ever ejected",
        suggestion: "write passive: none")
    }
    warnOfWindow(passive, ["failure_rate"], "health.passive", at: path)
  }

  /// Nobody asks what a failure is.
  private mutating func warnOfNoListener(
    to service: ConfigurationValue, at path: ConfigurationPath
  ) {
    guard let health = service.field("health"), health.field("passive")?.scalar == .word("none"),
      service.field("circuit_breaker")?.scalar == .word("none"),
      let statuses = health.field("failure_statuses"), statuses.origin != .byDefault
    else { return }
    diagnostics.warning(
      .noEffect, statuses.range, path,
      "health.failure_statuses: neither health.passive nor circuit_breaker is there to count them")
  }

  // MARK: Circuit breaker

  private mutating func checkBreaker(_ breaker: ConfigurationValue?, at path: ConfigurationPath) {
    guard let breaker else { return }
    checkOrder("open", "max_open", of: breaker, "circuit_breaker", at: path)
    let isSlowOff = isOff("slow_call", breaker)
    if isSlowOff, let rate = breaker.field("slow_call_rate"), rate.origin != .byDefault {
      diagnostics.warning(
        .noEffect, rate.range, path.key("slow_call_rate"),
        "circuit_breaker.slow_call_rate: no request is slow, because slow_call is none",
        suggestion: "add slow_call: 2s")
    }
    if isSlowOff, isOff("consecutive_failures", breaker), isOff("failure_rate", breaker),
      let rate = breaker.field("failure_rate")
    {
      diagnostics.warning(
        .noEffect, rate.range, path.key("failure_rate"),
        "circuit_breaker: nothing is looked at, so it never opens",
        suggestion: "write circuit_breaker: none")
    }
    warnOfWindow(breaker, ["failure_rate", "slow_call"], "circuit_breaker", at: path)
  }

  // MARK: Between keys

  private func isOff(_ key: String, _ part: ConfigurationValue) -> Bool {
    part.field(key)?.scalar == .word("none")
  }

  /// A window without a rate to take over it.
  private mutating func warnOfWindow(
    _ part: ConfigurationValue, _ rates: [String], _ what: String, at path: ConfigurationPath
  ) {
    guard rates.allSatisfy({ isOff($0, part) }), !isOff("consecutive_failures", part)
    else { return }
    for key in ["min_requests", "window"] {
      guard let value = part.field(key), value.origin != .byDefault else { continue }
      diagnostics.warning(
        .noEffect, value.range, path.key(key),
        "\(what).\(key): no rate is looked at, because \(rates.joined(separator: " and ")) "
          + "\(rates.count == 1 ? "is" : "are") none")
    }
  }

  /// The first of two durations is the shorter one.
  private mutating func checkOrder(
    _ shorter: String, _ longer: String, of part: ConfigurationValue, _ what: String,
    at path: ConfigurationPath
  ) {
    guard let first = part.field(shorter), let last = part.field(longer),
      let least = first.duration, let most = last.duration, least > most
    else { return }
    // Both are written: the default of either would have given way.
    let text = (first.told(least), last.told(most))
    diagnostics.error(
      .outOfBounds, first.range, path.key(shorter),
      "\(what).\(shorter): \(text.0) is longer than \(longer), which is \(text.1)",
      suggestion: "write \(longer): \(text.0)")
  }
}

extension ConfigurationValue {
  fileprivate var duration: Duration? {
    if case .duration(let duration)? = scalar { duration } else { nil }
  }

  /// The duration for a message: of one that was expanded, what stands in the file.
  fileprivate func told(_ duration: Duration) -> String {
    isSecret ? shown : QuantityText.duration(duration)
  }
}
