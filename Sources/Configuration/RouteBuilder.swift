// Why this file exists: what the builder does for routes.
import Primitives

extension ConfigurationBuilder {
  func routes(
    _ services: [ServiceConfiguration], _ limits: [RateLimitConfiguration], bodySize: UInt64?
  ) throws(Incomplete) -> [RouteConfiguration] {
    let elements = try root.value("routes").elements
    var positions: [String: Int] = [:]
    for (index, service) in services.enumerated() { positions[service.name] = index }
    var limitPositions: [String: Int] = [:]
    for (index, limit) in limits.enumerated() { limitPositions[limit.name] = index }
    var matches: [MatchConfiguration] = []
    for route in elements { matches.append(try match(try route.mapping("match"))) }
    let names = RouteNames.complete(
      elements.map { $0.field("name")?.writtenText },
      defaults: matches.map { ($0.host ?? "*") + $0.path })
    var routes: [RouteConfiguration] = []
    for (index, route) in elements.enumerated() {
      routes.append(
        RouteConfiguration(
          name: names[index], match: matches[index],
          action: try action(route, services, positions),
          rateLimits: try rateLimits(of: route, limitPositions),
          upgrades: try route.value("upgrades").elements.compactMap(\.writtenText),
          stripPrefix: route.field("strip_prefix")?.writtenText,
          bodySize: route.field("body_size") == nil
            ? bodySize : try route.optionalBytes("body_size"),
          requestHeaders: try edits(route.mapping("request_headers")),
          responseHeaders: try edits(route.mapping("response_headers")),
          line: route.line))
    }
    return routes
  }

  private func match(_ match: ConfigurationValue) throws(Incomplete) -> MatchConfiguration {
    MatchConfiguration(
      host: match.field("host")?.writtenText, path: try match.text("path"),
      methods: match.field("methods")?.elements.compactMap(\.writtenText) ?? [],
      headers: conditions(match.field("headers")), query: conditions(match.field("query")))
  }

  private func conditions(_ value: ConfigurationValue?) -> [MatchCondition] {
    (value?.named ?? []).map { MatchCondition(name: $0.name, value: $0.value.writtenText) }
  }

  // MARK: What is done

  private func action(
    _ route: ConfigurationValue, _ services: [ServiceConfiguration], _ positions: [String: Int]
  ) throws(Incomplete) -> RouteAction {
    if let redirect = route.field("redirect") {
      guard case .word(let status)? = try redirect.value("status").scalar,
        let number = UInt16(status)
      else { throw Incomplete() }
      return .redirect(
        RedirectConfiguration(status: number, location: try redirect.text("location")))
    }
    if let respond = route.field("respond") {
      return .respond(
        RespondConfiguration(
          status: UInt16(try respond.integer("status")),
          body: try respond.optionalText("body") ?? "",
          contentType: try respond.text("content_type")))
    }
    let value = try route.value("service")
    var given: [(name: String, share: Share)] = []
    if let name = value.writtenText {
      given = [(name, .percent(100))]
    } else {
      for named in value.named {
        guard case .share(let share)? = named.value.scalar else { throw Incomplete() }
        given.append((named.name, share))
      }
    }
    var shares: [ServiceShare] = []
    for (name, share) in given {
      guard let service = positions[name] else { throw Incomplete() }
      shares.append(
        ServiceShare(
          service: service, share: share,
          timeouts: try overrides(route, services[service].timeouts)))
    }
    return .forward(shares)
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

  private func edits(_ value: ConfigurationValue) throws(Incomplete) -> FieldEdits {
    var fields: [FieldEdits.Field] = []
    for named in value.field("set")?.named ?? [] {
      guard let text = named.value.writtenText else { throw Incomplete() }
      fields.append(FieldEdits.Field(name: named.name, value: text))
    }
    let removed = try value.value("remove").elements.compactMap(\.writtenText)
    return FieldEdits(set: fields, remove: removed)
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
