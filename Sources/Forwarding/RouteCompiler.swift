// Why this file exists: routes are the part of a snapshot with the most shapes; SnapshotBuilder
// asks this file to bring each into the form in which a request reads it.
import Configuration
import HTTPSemantics
import Primitives
import Routing

/// Compiles the routes of one configuration.
struct RouteCompiler {
  private let configuration: GatewayConfiguration
  private let registry: SharedRegistry
  private let arena: Arena
  /// Every number that was given, with the position of its route. A route has one for each service
  /// that its requests may go to: they are counted apart.
  private(set) var numbers: [(number: Int, position: Int)] = []
  private(set) var limits: LimitCompiler

  init(
    _ configuration: GatewayConfiguration, _ registry: SharedRegistry, _ arena: Arena,
    _ limits: LimitCompiler
  ) {
    self.limits = limits
    self.configuration = configuration
    self.registry = registry
    self.arena = arena
  }

  mutating func entry(_ route: RouteConfiguration, position: Int) -> RouteEntry {
    let shares = route.services
    var services = shares.map { configuration.services[$0.service].name }
    // A route that answers by itself is counted without a service.
    if services.isEmpty { services = [""] }
    let own = services.map { registry.route(route.name, service: $0) }
    numbers += own.map { ($0, position) }
    let name = arena.copy(route.name)
    return RouteEntry(
      name: name, nameIsPlain: ASCII.isPlain(name), number: Int32(own[0]),
      service: shares.count == 1 ? Int32(shares[0].service) : -1,
      plan: plan(route, shares.first),
      upgrades: arena.copy(route.upgrades.map { arena.copy($0) }),
      extras: extras(route, shares, own))
  }

  /// The conditions of a route, as the table takes them.
  static func rule(_ route: RouteConfiguration, number: UInt32) -> RouteRule {
    guard case .success(let pattern) = PathPattern.parse(route.match.path) else {
      preconditionFailure("a path pattern that was not checked: \(route.match.path)")
    }
    var methods = route.match.methods.isEmpty ? MethodSet.every : MethodSet.none
    for name in route.match.methods {
      guard let method = MethodSet.named(name) else {
        preconditionFailure("a method that was not checked: \(name)")
      }
      methods.formUnion(method)
    }
    return RouteRule(
      host: host(route.match.host), path: pattern.path, isPrefix: pattern.isPrefix,
      methods: methods, fields: route.match.headers.map(condition),
      parameters: route.match.query.map(condition), route: number)
  }

  private static func host(_ text: String?) -> RouteRule.Host {
    guard let text else { return .any }
    guard case .success(let pattern) = HostPattern.parse(text) else {
      preconditionFailure("a host pattern that was not checked: \(text)")
    }
    return pattern.isWildcard ? .below(pattern.name) : .exact(pattern.name)
  }

  private static func condition(_ condition: MatchCondition) -> RouteCondition {
    RouteCondition(name: Array(condition.name.utf8), value: condition.value.map { Array($0.utf8) })
  }

  // MARK: Plans

  private func plan(_ route: RouteConfiguration, _ share: ServiceShare?) -> ExchangePlan {
    var plan = ExchangePlan()
    plan.bodyIdle = configuration.timeouts.bodyIdle
    plan.writeIdle = configuration.timeouts.writeIdle
    plan.tunnelIdle = configuration.timeouts.tunnelIdle
    plan.minRate = configuration.limits.minRate ?? 0
    plan.bodyLimit = route.bodySize ?? .max
    guard let share else { return plan }
    let service = configuration.services[share.service]
    plan.connectTimeout = share.timeouts.connect
    plan.responseTimeout = share.timeouts.response
    plan.backendIdle = share.timeouts.idle
    plan.requestTimeout = share.timeouts.request
    plan.queueTimeout = service.connections.queueTimeout
    plan.retryAttempts = UInt8(service.retries.attempts)
    plan.retryKinds = service.retries.when.reduce(into: []) { $0.insert(retryKind($1)) }
    return plan
  }

  private func retryKind(_ condition: RetryCondition) -> RetryKinds {
    switch condition {
    case .connect: .connect
    case .reusedReset: .reusedReset
    case .reset: .reset
    case .timeout: .timeout
    case .status502: .status502
    case .status503: .status503
    case .status504: .status504
    }
  }

  // MARK: Extras

  private mutating func extras(
    _ route: RouteConfiguration, _ shares: [ServiceShare], _ numbers: [Int]
  ) -> UnsafePointer<RouteExtras>? {
    let isPlain =
      shares.count == 1 && route.stripPrefix == nil && route.requestHeaders.isEmpty
      && route.responseHeaders.isEmpty && route.rateLimits.isEmpty
    if isPlain { return nil }
    let limits = limits.limits(of: route, configuration)
    let extras = RouteExtras(
      limits: limits, limitRoom: RouteExtras.room(for: limits),
      choices: choices(route, shares, numbers), answer: answer(route),
      stripLength: route.stripPrefix?.utf8.count ?? 0,
      request: edits(route.requestHeaders), response: edits(route.responseHeaders))
    return arena.copy([extras]).baseAddress
  }

  private func choices(
    _ route: RouteConfiguration, _ shares: [ServiceShare], _ numbers: [Int]
  ) -> UnsafeBufferPointer<ServiceChoice> {
    if shares.count < 2 { return UnsafeBufferPointer(start: nil, count: 0) }
    var threshold: UInt64 = 0
    let choices = zip(shares, numbers).map { share, number in
      threshold += UInt64(share.share.partsPerMillion)
      return ServiceChoice(
        threshold: threshold, service: Int32(share.service), number: Int32(number),
        plan: plan(route, share))
    }
    return arena.copy(choices)
  }

  private func answer(_ route: RouteConfiguration) -> RouteAnswer {
    let nothing = arena.copy("")
    var answer = RouteAnswer(
      status: 0, isRedirect: false, location: nothing, takesRest: false, locationHasQuery: false,
      patternLength: 0, body: nothing, contentType: nothing)
    switch route.action {
    case .forward: break
    case .redirect(let redirect):
      guard case .success(let location) = RedirectLocation.parse(redirect.location) else {
        preconditionFailure("a location that was not checked: \(redirect.location)")
      }
      answer.status = redirect.status
      answer.isRedirect = true
      answer.location = bytes(location.prefix)
      answer.takesRest = location.takesRest
      answer.locationHasQuery = location.hasQuery
      answer.patternLength = RouteCompiler.rule(route, number: 0).path.count
    case .respond(let respond):
      answer.status = respond.status
      answer.body = arena.copy(respond.body)
      answer.contentType = arena.copy(respond.contentType)
    }
    return answer
  }

  private func edits(_ edits: FieldEdits) -> HeadEdits {
    let uses = [EditableFields.LocalUse.none, .faults, .all].map { use in
      edits.set.filter { EditableFields.localUse($0.name) == use }
    }
    let lines = uses.joined().map { field in
      FieldLine(name: arena.copy(field.name), pieces: pieces(field.value))
    }
    let all = lines.flatMap { Array($0.pieces) }
    let names = lines.reduce(0) { $0 + $1.name.count + 4 }
    let literals = all.reduce(0) { $0 + ($1.isLiteral ? $1.literal.count : 0) }
    return HeadEdits(
      dropped: arena.copy((edits.remove + edits.set.map(\.name)).map { arena.copy($0) }),
      lines: arena.copy(lines), faultLines: uses[0].count,
      answerLines: uses[0].count + uses[1].count, literalSize: names + literals,
      longUses: all.count(where: { !$0.isLiteral }))
  }

  private func pieces(_ value: String) -> UnsafeBufferPointer<TemplatePiece> {
    guard case .success(let template) = FieldTemplate.parse(value) else {
      preconditionFailure("a value that was not checked: \(value)")
    }
    return arena.copy(
      template.pieces.map { piece in
        switch piece {
        case .literal(let text):
          TemplatePiece(isLiteral: true, variable: .path, literal: bytes(text))
        case .variable(let variable):
          TemplatePiece(isLiteral: false, variable: variable, literal: bytes([]))
        }
      })
  }

  private func bytes(_ bytes: [UInt8]) -> ByteSlice {
    let copy = arena.copy(bytes)
    return ByteSlice(copy.baseAddress.unsafelyUnwrapped, copy.count)
  }
}
