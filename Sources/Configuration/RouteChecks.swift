// Why this file exists: a route has parts that must go together: a star to be filled and a prefix
// to fill it, shares that are a whole, fields that may be touched. CrossChecks.swift asks these
// questions for every route; which routes stand in each other's way is asked next door.
import HTTPSemantics
import Primitives

extension CrossChecks {
  var routes: [ConfigurationValue] { root.field("routes")?.elements ?? [] }

  mutating func checkRoutes(
    _ services: [ConfigurationValue.Named], _ limits: [ConfigurationValue.Named]
  ) {
    var names: [String: Int] = [:]
    let known = services.map(\.name)
    let set = Set(known)
    let limits = limits.map(\.name)
    let knownLimits = Set(limits)
    let http = root.field("http")
    for (index, route) in routes.enumerated() {
      let path = ConfigurationPath.root.key("routes").index(index)
      checkName(route, &names, at: path.key("name"))
      checkEncodedSlash(route, http?.field("encoded_slash")?.scalar, at: path)
      checkConditions(route, http?.field("underscore_fields")?.scalar, at: path.key("match"))
      checkServices(of: route, known, set, at: path.key("service"))
      checkRateLimits(of: route, limits, knownLimits, at: path.key("rate_limits"))
      checkPaths(of: route, at: path)
      checkAnswer(of: route, at: path)
      checkEdits(route.field("request_headers"), false, at: path.key("request_headers"))
      checkEdits(route.field("response_headers"), true, at: path.key("response_headers"))
      warnOfRepeats(route.field("upgrades"), at: path.key("upgrades"))
    }
    var overlaps = RouteOverlaps()
    overlaps.find(in: routes, &diagnostics)
  }

  mutating func warnOfUnusedServices(_ services: [ConfigurationValue.Named]) {
    var used: Set<String> = []
    for value in routes.compactMap({ $0.field("service") }) {
      if let name = value.scalar?.text { used.insert(name) }
      used.formUnion(value.named.map(\.name))
    }
    for service in services where !used.contains(service.name) {
      diagnostics.warning(
        .unusedService, service.nameRange, self.services.name(service.name),
        "no route names the service '\(service.name)'")
    }
  }

  private mutating func checkName(
    _ route: ConfigurationValue, _ names: inout [String: Int], at path: ConfigurationPath
  ) {
    guard let value = route.field("name"), let name = value.scalar?.text else { return }
    if let line = names[name] {
      diagnostics.error(
        .duplicateName, value.range, path,
        "name: '\(value.shown)' is the name of the route in line \(line) already")
    } else {
      names[name] = value.line
    }
  }

  // MARK: Conditions

  private mutating func checkEncodedSlash(
    _ route: ConfigurationValue, _ slashes: ScalarValue?, at path: ConfigurationPath
  ) {
    guard let value = route.field("match")?.field("path"), let pattern = value.scalar?.text,
      pattern.contains("%2F") || pattern.contains("%5C"), slashes == .word("reject")
    else { return }
    diagnostics.warning(
      .unreachableRoute, value.range, path.key("match").key("path"),
      "match.path: no request gets here; http.encoded_slash refuses a path with %2F or %5C")
  }

  private mutating func checkConditions(
    _ route: ConfigurationValue, _ underscores: ScalarValue?, at path: ConfigurationPath
  ) {
    guard let match = route.field("match") else { return }
    warnOfRepeats(match.field("methods"), at: path.key("methods"))
    for parameter in match.field("query")?.named ?? [] {
      warnOfEncoding(
        parameter.name, parameter.nameRange, at: path.key("query").name(parameter.name)
      ) { ScalarReader.isPrintable($0) && !$0.contains("\u{FFFD}") ? $0 : nil }
    }
    let headers = match.field("headers")?.named ?? []
    let place = path.key("headers")
    checkRepeatedNames(headers, at: place)
    for header in headers {
      let name = header.name.lowercased()
      if name == "host" {
        diagnostics.error(
          .noEffect, header.nameRange, place.name(header.name),
          "match.headers: the host is not compared here", suggestion: "write match.host")
      }
      if name.contains("_"), underscores != .word("keep") {
        diagnostics.warning(
          .unreachableRoute, header.nameRange, place.name(header.name),
          "match.headers: no request gets here; http.underscore_fields lets no '\(header.name)' "
            + "pass")
      }
    }
  }

  /// Names of fields differ only when they do so in lower case.
  private mutating func checkRepeatedNames(
    _ entries: [ConfigurationValue.Named], at path: ConfigurationPath
  ) {
    var seen: Set<String> = []
    for entry in entries where !seen.insert(entry.name.lowercased()).inserted {
      diagnostics.error(
        .duplicateKey, entry.nameRange, path.name(entry.name),
        "\(path.short): the field '\(PrintableText.of(entry.name, limit: 64))' is given twice")
    }
  }

  // MARK: Services

  private mutating func checkServices(
    of route: ConfigurationValue, _ services: [String], _ known: Set<String>,
    at path: ConfigurationPath
  ) {
    guard let value = route.field("service") else { return }
    if let name = value.scalar?.text, !known.contains(name) {
      return unknownService(value.shown, value.range, value.isSecret, services, at: path)
    }
    guard case .named(let shares) = value.content else { return }
    var total: UInt32 = 0
    for entry in shares {
      if !known.contains(entry.name) {
        unknownService(entry.name, entry.nameRange, false, services, at: path.name(entry.name))
      }
      if case .share(let share)? = entry.value.scalar { total += share.partsPerMillion }
    }
    // A share that could not be read has been complained about, and so has that there are none.
    if total != 1_000_000, !value.isPartial, !shares.isEmpty {
      let sum = QuantityText.share(Share(partsPerMillion: total))
      diagnostics.error(
        .outOfBounds, shares.first?.nameRange ?? value.range, path,
        "service: the shares are \(sum) together, not 100%")
    }
  }

  private mutating func unknownService(
    _ name: String, _ range: SourceRange?, _ isSecret: Bool, _ services: [String],
    at path: ConfigurationPath
  ) {
    let shown = PrintableText.of(name, limit: 64)
    let suggestion =
      isSecret || diagnostics.isCrowded
      ? nil
      : NearestName.suggestion(
        for: shown, among: services, called: "services", none: "there are no services")
    diagnostics.error(
      .unknownService, range, path, "service: there is no service '\(shown)'",
      suggestion: suggestion)
  }

  // MARK: What is done

  private mutating func checkPaths(of route: ConfigurationValue, at path: ConfigurationPath) {
    guard let pattern = route.field("match")?.field("path")?.scalar?.text else { return }
    if let value = route.field("strip_prefix"), let prefix = value.scalar?.text {
      let below = pattern == prefix || pattern.hasPrefix(prefix + "/")
      if !below {
        diagnostics.error(
          .badPath, value.range, path.key("strip_prefix"),
          "strip_prefix: the paths of '\(PrintableText.of(pattern, limit: 64))' do not begin with "
            + "'\(value.shown)'")
      }
    }
    if let value = route.field("redirect")?.field("location"), let location = value.scalar?.text,
      location.hasSuffix("*"), !pattern.hasSuffix("/*")
    {
      diagnostics.error(
        .badPath, value.range, path.key("redirect").key("location"),
        "redirect.location: nothing follows '\(PrintableText.of(pattern, limit: 64))' that could "
          + "stand for the star")
    }
  }

  private mutating func checkAnswer(of route: ConfigurationValue, at path: ConfigurationPath) {
    guard let action = ["redirect", "respond"].first(where: { route.field($0) != nil }) else {
      return
    }
    for key in ["upgrades", "strip_prefix", "timeouts", "body_size", "request_headers"] {
      guard let value = route.field(key), value.origin != .byDefault else { continue }
      diagnostics.warning(
        .noEffect, value.range, path.key(key),
        "\(key): \(action) answers by itself, and forwards nothing")
    }
    for entry in route.field("response_headers")?.field("set")?.named ?? []
    where EditableFields.localUse(entry.name) == .all {
      let own = ["redirect location": "location", "respond content-type": "content_type"]
      diagnostics.warning(
        .noEffect, entry.nameRange, path.key("response_headers").key("set").name(entry.name),
        "response_headers.set: the answer of \(action) gets no '\(entry.name)' from here",
        suggestion: own["\(action) \(entry.name.lowercased())"].map { "write \(action).\($0)" })
    }
    if let remove = route.field("response_headers")?.field("remove"), !remove.elements.isEmpty {
      diagnostics.warning(
        .noEffect, remove.range, path.key("response_headers").key("remove"),
        "response_headers.remove: \(action) answers by itself, and that answer keeps its fields")
    }
    guard let respond = route.field("respond"), let body = respond.field("body"),
      body.scalar != .word("none"), case .integer(let status)? = respond.field("status")?.scalar,
      [204, 205, 304].contains(status)
    else { return }
    diagnostics.error(
      .noEffect, body.range, path.key("respond").key("body"),
      "respond.body: an answer with status \(status) has no body")
  }

  private mutating func checkEdits(
    _ edits: ConfigurationValue?, _ inResponse: Bool, at path: ConfigurationPath
  ) {
    guard let edits else { return }
    let set = edits.field("set")?.named ?? []
    checkRepeatedNames(set, at: path.key("set"))
    for entry in set {
      checkEdit(entry.name, entry.nameRange, inResponse, at: path.key("set").name(entry.name))
    }
    let names = Set(set.map { $0.name.lowercased() })
    warnOfRepeats(edits.field("remove"), at: path.key("remove"))
    for (index, value) in (edits.field("remove")?.elements ?? []).enumerated() {
      guard let name = value.scalar?.text else { continue }
      let place = path.key("remove").index(index)
      checkEdit(name, value.range, inResponse, at: place)
      if names.contains(name.lowercased()) {
        diagnostics.warning(
          .noEffect, value.range, place,
          "remove: '\(value.shown)' is set too, which replaces every line of it")
      }
    }
  }

  private mutating func checkEdit(
    _ name: String, _ range: SourceRange?, _ inResponse: Bool, at path: ConfigurationPath
  ) {
    guard let refusal = EditableFields.refusal(of: name, inResponse: inResponse) else { return }
    // A bad name has been complained about by the decoder.
    if refusal == .notAName { return }
    diagnostics.error(
      .badName, range, path,
      "'\(PrintableText.of(name, limit: 64))' \(refusal.explanation)",
      suggestion: refusal == .host ? "write services.NAME.host" : nil)
  }
}
