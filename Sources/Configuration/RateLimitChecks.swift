// Why this file exists: a rate limit has keys that only make sense together, and names that must be
// there; CrossChecks.swift asks these questions for every limit and for every route that names one.
import Primitives

extension CrossChecks {
  private var limitsPath: ConfigurationPath { .root.key("rate_limits") }

  /// A sliding window has so much room to count in.
  private static let mostInWindow: UInt32 = 1_048_575

  mutating func checkRateLimits(_ limits: [ConfigurationValue.Named]) {
    for limit in limits {
      let path = limitsPath.name(limit.name)
      checkAlgorithm(limit.value, at: path)
      checkKey(limit.value, at: path)
    }
  }

  private mutating func checkAlgorithm(_ limit: ConfigurationValue, at path: ConfigurationPath) {
    guard limit.field("algorithm")?.scalar == .word("sliding_window") else { return }
    if let burst = limit.field("burst") {
      diagnostics.error(
        .noEffect, burst.range, path.key("burst"),
        "burst: sliding_window has none; it allows the count in 'rate' at any time",
        suggestion: "remove it, or write algorithm: token_bucket")
    }
    guard let rate = limit.field("rate"), case .rate(let value)? = rate.scalar else { return }
    if value.count > CrossChecks.mostInWindow {
      diagnostics.error(
        .outOfBounds, rate.range, path.key("rate"),
        "rate: sliding_window counts at most \(CrossChecks.mostInWindow) requests in a period",
        suggestion: "use a shorter period, or write algorithm: token_bucket")
    }
  }

  private mutating func checkKey(_ limit: ConfigurationValue, at path: ConfigurationPath) {
    guard let key = limit.field("key") else { return }
    warnOfRepeats(key, at: path.key("key"))
    let parts = key.elements
    for (index, part) in parts.enumerated() {
      warnOfEncoding(part, at: path.key("key").index(index))
    }
    if parts.count > 1, let index = parts.firstIndex(where: { $0.scalar == .word("global") }) {
      diagnostics.warning(
        .noEffect, parts[index].range, path.key("key").index(index),
        "key: 'global' adds nothing to other parts", suggestion: "leave it out")
    }
    let words = parts.compactMap { part -> String? in
      if case .word(let word)? = part.scalar { word } else { nil }
    }
    let isShared = words.count == parts.count && !words.contains("client_ip")
    if !words.contains("client_ip") {
      warn("ipv6_prefix", of: limit, "the key has no client_ip", at: path)
    }
    if isShared {
      warn("missing_key", of: limit, "no request is without this key", at: path)
      warn("headers", of: limit, "nobody is told of what clients share", at: path)
    }
  }

  private mutating func warn(
    _ name: String, of limit: ConfigurationValue, _ why: String, at path: ConfigurationPath
  ) {
    guard let value = limit.field(name), value.origin != .byDefault,
      value.scalar != .boolean(false)
    else { return }
    diagnostics.warning(.noEffect, value.range, path.key(name), "\(name): \(why)")
  }

  // MARK: Routes

  mutating func checkRateLimits(
    of route: ConfigurationValue, _ limits: [String], _ known: Set<String>,
    at path: ConfigurationPath
  ) {
    guard let list = route.field("rate_limits") else { return }
    warnOfRepeats(list, at: path)
    for (index, value) in list.elements.enumerated() {
      guard let name = value.scalar?.text, !known.contains(name) else { continue }
      unknownLimit(value, limits, at: path.index(index))
    }
  }

  private mutating func unknownLimit(
    _ value: ConfigurationValue, _ limits: [String], at path: ConfigurationPath
  ) {
    let suggestion =
      value.isSecret || diagnostics.isCrowded
      ? nil
      : NearestName.suggestion(
        for: value.shown, among: limits, called: "limits",
        none: "there are no rate_limits; add it there")
    diagnostics.error(
      .unknownLimit, value.range, path,
      "rate_limits: there is no limit '\(value.shown)'", suggestion: suggestion)
  }

  mutating func warnOfUnusedLimits(_ limits: [ConfigurationValue.Named]) {
    var used: Set<String> = []
    for route in routes {
      used.formUnion((route.field("rate_limits")?.elements ?? []).compactMap(\.scalar?.text))
    }
    for limit in limits where !used.contains(limit.name) {
      diagnostics.warning(
        .unusedLimit, limit.nameRange, limitsPath.name(limit.name),
        "no route names the limit '\(limit.name)'")
    }
  }
}
