// Why this file exists: an explanation for people is a small tree: the request, the route, what
// came near, and what happens then.

import Configuration
import HTTPSemantics
import Limiting

/// Lines with children.
struct TextTree {
  var text: String
  var children: [TextTree] = []

  init(_ text: String, _ children: [TextTree] = []) {
    self.text = text
    self.children = children
  }

  /// With branches drawn in front; ends in a line end.
  var drawn: String { text + "\n" + children.enumerated().map(branch).joined() }

  private func branch(_ index: Int, _ child: TextTree) -> String {
    let isLast = index == children.count - 1
    let lines = child.drawn.split(separator: "\n")
    return lines.enumerated().map { number, line in
      let mark = number == 0 ? (isLast ? "└─ " : "├─ ") : (isLast ? "   " : "│  ")
      return mark + line + "\n"
    }.joined()
  }
}

extension Explanation {
  /// For people.
  var text: String { tree.drawn }

  private var tree: TextTree {
    var tree = TextTree("\(request.method) \(request.url)")
    if !verdict.path.isEmpty {
      let host = verdict.host.isEmpty ? "no host" : "host \(verdict.host)"
      var facts = [host, "path \(verdict.path)"]
      if !verdict.query.isEmpty { facts.append("query \(verdict.query)") }
      if let client = verdict.client { facts.append("client \(client)") }
      tree.children.append(TextTree("read as \(facts.joined(separator: ", "))"))
    }
    tree.children.append(TextTree(routeLine))
    let misses = misses
    if !misses.isEmpty {
      var lines = misses.prefix(Explanation.shownMisses).map { TextTree(line($0)) }
      let rest = misses.count - lines.count
      if rest > 0 { lines.append(TextTree("and \(rest) more")) }
      tree.children.append(TextTree("not taken by", lines))
    }
    let later = later
    if !later.isEmpty {
      var lines = later.prefix(Explanation.shownMisses).map {
        TextTree("\(name($0.route)): \($0.why)")
      }
      let rest = later.count - lines.count
      if rest > 0 { lines.append(TextTree("and \(rest) more")) }
      tree.children.append(TextTree("would be taken too by", lines))
    }
    let limits = limits
    if !limits.isEmpty {
      tree.children.append(TextTree("limited by", limits.map { TextTree(line($0, $1)) }))
    }
    tree.children.append(outcomeTree)
    return tree
  }

  private var routeLine: String {
    if let route { return "taken by \(name(route))" }
    switch verdict.outcome {
    case .refuse(.noRoute, _): return "no route takes it"
    case .refuse(.methodNotAllowed, _) where !isConnect:
      return "no route takes it with this method"
    case .forward, .redirect, .respond, .answerAsRecipient, .refuse:
      return "no route is asked"
    }
  }

  private func name(_ route: RouteConfiguration) -> String {
    "\(route.name) (\(file):\(route.line))"
  }

  private func line(_ miss: Miss) -> String {
    let what = miss.name.map { "\(miss.condition) \($0)" } ?? miss.condition
    let isPresence = miss.expected == "*" && miss.name != nil
    let quoted = miss.condition == "method" ? miss.expected : "'\(miss.expected)'"
    let wanted = isPresence ? "there" : quoted
    let subject = miss.condition == "query" ? "the query is " : "is "
    let found = miss.found.map { "'\($0)'" } ?? (miss.condition == "query" ? "empty" : "not there")
    return "\(name(miss.route)): \(what) must be \(wanted), \(subject)\(found)"
  }

  private func line(_ limit: RateLimitConfiguration, _ verdict: LimitVerdict?) -> String {
    let burst = limit.algorithm == .tokenBucket ? ", \(limit.burst) at once" : " in any such period"
    var text = "\(limit.name): \(limit.rateText)\(burst), by \(limit.keyText)"
    switch limit.mode {
    case .off: return text + "; it is off"
    case .shadow: text += "; in shadow, it refuses nobody"
    case .enforce: break
    }
    return verdict == nil ? text + "; the request has no such key and does not count" : text
  }

  private var outcomeTree: TextTree {
    switch verdict.outcome {
    case .forward:
      return TextTree("forwarded as \(verdict.target)", (route?.services ?? []).map(serviceTree))
    case .redirect(let status, let location):
      return TextTree("answered \(status), location \(location)")
    case .respond(let status): return TextTree("answered \(status) by the route")
    case .answerAsRecipient: return TextTree("answered 200 by the gateway: Max-Forwards is 0")
    case .refuse(let reason, let detail):
      let words = detail == .none ? "\(reason.word)" : "\(reason.word), \(detail.word)"
      let allow = allowed.isEmpty ? "" : "; allowed: \(allowed.joined(separator: ", "))"
      return TextTree("answered \(reason.status(detail)) \(words)\(allow)")
    }
  }

  private func serviceTree(_ share: ServiceShare) -> TextTree {
    let service = configuration.services[share.service]
    let part = Double(share.share.partsPerMillion) / 10_000
    let percent = part == part.rounded() ? "\(Int(part))" : "\(part)"
    let split = part == 100 ? "" : "\(percent) % of the requests, "
    let backends = backends(share.service).map { backend in
      let state = backend.isEligible ? "eligible" : "not eligible"
      return TextTree(
        "\(backend.address): \(state)" + (backend.note.map { ", \($0)" } ?? ""))
    }
    let lines = backends.isEmpty ? [TextTree("it has no backends")] : backends
    return TextTree("service \(service.name): \(split)\(service.balancer.policy.rawValue)", lines)
  }
}
