// Why this file exists: what admission found out becomes what a reader wants to know: which route,
// why not the others, and where the request goes then; once for people, once for programs.

import Admin
import Configuration
import Forwarding
import HTTPSemantics
import Limiting
import Primitives
import Routing

/// A backend as an explanation shows it.
struct ExplainedBackend {
  var address: String
  var isEligible: Bool
  /// Why not, or what else is worth knowing; nil = nothing.
  var note: String?
}

/// The answer to "where does this request go, and why?"
struct Explanation {
  /// More near misses than this are only counted.
  static let shownMisses = 10

  let request: ExplainedRequest
  let configuration: GatewayConfiguration
  /// As messages call it.
  let file: String
  let verdict: ExplainedVerdict
  /// It comes from a running gateway: what is left of limits means something.
  let knowsCounters: Bool
  /// The backends of the service at this position of the configuration.
  let backends: (Int) -> [ExplainedBackend]

  /// Some route takes the request.
  var isMatched: Bool { verdict.routes.taker != nil }

  var route: RouteConfiguration? {
    verdict.routes.taker.map { configuration.routes[Int($0)] }
  }

  // MARK: Limits

  /// The limits of the route, in the order in which they are asked, with what each says.
  var limits: [(limit: RateLimitConfiguration, verdict: LimitVerdict?)] {
    guard let route, verdict.limits.count == route.rateLimits.count else { return [] }
    return zip(route.rateLimits, verdict.limits).map { (configuration.rateLimits[$0], $1) }
  }

  // MARK: Near misses

  /// A route that does not take the request, and the first of its conditions that is not met.
  struct Miss {
    var route: RouteConfiguration
    var condition: String
    var name: String?
    var expected: String
    /// nil = the request has nothing there.
    var found: String?
  }

  /// In the order in which the routes are asked; then those with another host, then those with a
  /// path that is partly the same.
  var misses: [Miss] {
    let routes = verdict.routes
    let unmet = routes.unmet.compactMap { miss($0) }
    let host = verdict.host.isEmpty ? nil : verdict.host
    var hosts: [Miss] = []
    for number in routes.otherHost.sorted() {
      let route = configuration.routes[Int(number)]
      let expected = route.match.host ?? "*"
      hosts.append(Miss(route: route, condition: "host", expected: expected, found: host))
    }
    var paths: [(miss: Miss, shared: Int)] = []
    for number in routes.otherPath.sorted() {
      let route = configuration.routes[Int(number)]
      let shared = sharedSegments(route.match.path)
      if shared == 0 { continue }
      let pattern = route.match.path
      let miss = Miss(route: route, condition: "path", expected: pattern, found: verdict.path)
      paths.append((miss, shared))
    }
    // Stable: of equally near ones the first in the file stands first.
    paths.sort { $0.shared > $1.shared }
    return unmet + hosts + paths.map(\.miss)
  }

  private func miss(_ miss: RouteExplanation.Miss) -> Miss? {
    let route = configuration.routes[Int(miss.route)]
    switch miss.obstacle {
    case .none: return nil
    case .method:
      return Miss(
        route: route, condition: "method",
        expected: route.match.methods.joined(separator: ", "), found: request.method)
    case .field(let position):
      let condition = route.match.headers[position]
      let values = verdict.fields.filter { $0.name == condition.name.lowercased() }.map(\.value)
      return Miss(
        route: route, condition: "header", name: condition.name, expected: condition.value ?? "*",
        found: values.isEmpty ? nil : values.joined(separator: ", "))
    case .parameter(let position):
      let condition = route.match.query[position]
      return Miss(
        route: route, condition: "query", name: condition.name, expected: condition.value ?? "*",
        found: verdict.query.isEmpty ? nil : verdict.query)
    }
  }

  /// How many segments a pattern has in common with the path, from the left; letter case and a
  /// slash at the end aside, which is where people go wrong.
  private func sharedSegments(_ pattern: String) -> Int {
    let path = verdict.path.lowercased().split(separator: "/")
    let other = (pattern.hasSuffix("/*") ? String(pattern.dropLast(2)) : pattern).lowercased()
      .split(separator: "/")
    return zip(path, other).prefix { $0 == $1 }.count
  }

  /// Routes that would take the request too, with the reason why they come later.
  var later: [(route: RouteConfiguration, why: String)] {
    guard let taker = route else { return [] }
    return verdict.routes.later.map { number in
      let route = configuration.routes[Int(number)]
      return (route, Explanation.why(route, comesAfter: taker))
    }
  }

  private static func why(
    _ route: RouteConfiguration, comesAfter taker: RouteConfiguration
  ) -> String {
    if route.match.host != taker.match.host { return "its host is less specific" }
    if route.match.path != taker.match.path { return "its path is less specific" }
    return route.match.weight < taker.match.weight
      ? "it has fewer conditions" : "it comes later in the file"
  }

  // MARK: Words

  /// The outcome as one word: for programs.
  var outcome: String {
    switch verdict.outcome {
    case .forward: "forward"
    case .redirect: "redirect"
    case .respond: "respond"
    case .answerAsRecipient: "answer"
    case .refuse: "refuse"
    }
  }

  /// The status that the client gets, where it is not a backend's.
  var status: UInt16? {
    switch verdict.outcome {
    case .forward: nil
    case .redirect(let status, _), .respond(let status): status
    case .answerAsRecipient: 200
    case .refuse(let reason, let detail): reason.status(detail)
    }
  }

  var reason: (word: String, detail: String?)? {
    guard case .refuse(let reason, let detail) = verdict.outcome else { return nil }
    return ("\(reason.word)", detail == .none ? nil : "\(detail.word)")
  }

  /// Refused for its method before any route is asked.
  var isConnect: Bool { request.method == "CONNECT" }

  /// For Allow with 405.
  var allowed: [String] {
    guard case .refuse(.methodNotAllowed, _) = verdict.outcome else { return [] }
    if isConnect { return "\(FinalRecipientAnswer.allow)".split(separator: ", ").map { "\($0)" } }
    return MethodSet.names.filter { name in
      MethodSet.named(name).map { !$0.isDisjoint(with: verdict.routes.allowed) } ?? false
    }
  }
}

// MARK: - For programs

extension Explanation {
  /// One JSON object with a line end behind it.
  var json: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("request")
    json.beginObject()
    json.member("method", request.method)
    json.member("host", known(verdict.host))
    json.member("path", known(verdict.path))
    json.member("query", known(verdict.query))
    json.member("client_ip", verdict.client.map { "\($0)" })
    json.endObject()
    json.member("outcome", outcome)
    json.key("status")
    if let status { json.integer(status) } else { json.null() }
    json.member("reason", reason?.word)
    json.member("detail", reason?.detail)
    json.key("route")
    if let route { place(route, in: &json) { _ in } } else { json.null() }
    writeMisses(in: &json)
    writeOutcome(in: &json)
    json.endObject()
    return json.finished
  }

  private func known(_ text: String) -> String? { text.isEmpty ? nil : text }

  private func place(
    _ route: RouteConfiguration, in json: inout JSONWriter, _ more: (inout JSONWriter) -> Void
  ) {
    json.beginObject()
    json.member("name", route.name)
    json.member("file", file)
    json.member("line", route.line)
    more(&json)
    json.endObject()
  }

  private func writeMisses(in json: inout JSONWriter) {
    let misses = misses
    json.key("near_misses")
    json.beginArray()
    for miss in misses.prefix(Explanation.shownMisses) {
      place(miss.route, in: &json) { json in
        json.member("condition", miss.condition)
        if let name = miss.name { json.member("of", name) }
        json.member("expected", miss.expected)
        json.member("found", miss.found)
      }
    }
    json.endArray()
    json.member("near_misses_total", misses.count)
    json.key("later")
    json.beginArray()
    for other in later.prefix(Explanation.shownMisses) {
      place(other.route, in: &json) { $0.member("why", other.why) }
    }
    json.endArray()
  }

  private func writeLimits(in json: inout JSONWriter) {
    json.key("limits")
    json.beginArray()
    for (limit, verdict) in limits {
      json.beginObject()
      json.member("name", limit.name)
      json.limit(limit)
      json.member("counts", verdict != nil)
      if knowsCounters, let verdict {
        json.member("passes", verdict.isAllowed)
        json.member("remaining", verdict.remaining)
      }
      json.endObject()
    }
    json.endArray()
  }

  private func writeOutcome(in json: inout JSONWriter) {
    if !allowed.isEmpty {
      json.key("allow")
      json.beginArray()
      for method in allowed { json.string(method) }
      json.endArray()
    }
    if case .redirect(_, let location) = verdict.outcome { json.member("location", location) }
    if !limits.isEmpty { writeLimits(in: &json) }
    guard let route, outcome == "forward" else { return }
    json.member("target", verdict.target)
    json.key("services")
    json.beginArray()
    for share in route.services {
      json.beginObject()
      json.member("name", configuration.services[share.service].name)
      json.member("share_percent", Double(share.share.partsPerMillion) / 10_000)
      let balancer = configuration.services[share.service].balancer.policy
      json.member("balancer", balancer.rawValue)
      json.key("backends")
      json.beginArray()
      for backend in backends(share.service) {
        json.beginObject()
        json.member("address", backend.address)
        json.member("eligible", backend.isEligible)
        json.member("note", backend.note)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }
}
