// Why this file exists: some mistakes lie between two values that are each right: a route to a
// service that is not there, a gateway that is its own backend. They are looked for in the typed
// document, so that every complaint still knows its place.
import HTTPSemantics
import Primitives

struct CrossChecks {
  let root: ConfigurationValue
  var diagnostics: DiagnosticCollector

  init(_ root: ConfigurationValue, _ diagnostics: DiagnosticCollector) {
    self.root = root
    self.diagnostics = diagnostics
  }

  mutating func run() {
    let sockets = checkSockets()
    let services = root.field("services")?.named ?? []
    for service in services { checkService(service, sockets) }
    checkRoutes(services.map(\.name))
    checkTrust()
    // A route that could not be read may be the one that names the service.
    if !diagnostics.hasErrors { warnOfUnusedServices(services) }
  }

  let services = ConfigurationPath.root.key("services")

  // MARK: Sockets

  /// A socket that the gateway listens on.
  struct Socket {
    var what: String
    var address: NetworkAddress
    var line: Int
    /// nil for a default.
    var range: SourceRange?

    /// `the listener of line 3`
    var phrase: String { line > 0 ? "\(what) of line \(line)" : "\(what)'s default" }
  }

  private mutating func checkSockets() -> [Socket] {
    var sockets: [Socket] = []
    for (index, listener) in (root.field("listeners")?.elements ?? []).enumerated() {
      let path = ConfigurationPath.root.key("listeners").index(index).key("address")
      add("the listener", listener.field("address"), path, to: &sockets)
    }
    let admin = ConfigurationPath.root.key("admin").key("address")
    add("the admin listener", root.field("admin")?.field("address"), admin, to: &sockets)
    return sockets
  }

  private mutating func add(
    _ what: String, _ value: ConfigurationValue?, _ path: ConfigurationPath,
    to sockets: inout [Socket]
  ) {
    guard let value, case .address(let address)? = value.scalar else { return }
    let socket = Socket(what: what, address: address, line: value.line, range: value.range)
    if let other = sockets.first(where: { $0.address.collides(with: address) }) {
      // A default is nowhere in the file: the complaint goes to what stands there.
      diagnostics.error(
        .duplicateAddress, value.range ?? other.range, path,
        "\(path.short): \(value.range == nil ? socket.phrase : "'\(value.shown)'") is taken by "
          + other.phrase)
    }
    sockets.append(socket)
  }

  // MARK: Lists

  mutating func warnOfRepeats(_ list: ConfigurationValue?, at path: ConfigurationPath) {
    var seen: [ScalarValue] = []
    for (index, element) in (list?.elements ?? []).enumerated() {
      guard let scalar = element.scalar else { continue }
      if seen.contains(scalar) {
        diagnostics.warning(
          .repeatedValue, element.range, path.index(index),
          "\(path.short): '\(element.shown)' is given twice")
      }
      seen.append(scalar)
    }
  }

  // MARK: Routes

  private mutating func warnOfUnusedServices(_ services: [ConfigurationValue.Named]) {
    let used = Set(routes.compactMap { $0.field("service")?.scalar?.text })
    for service in services where !used.contains(service.name) {
      diagnostics.warning(
        .unusedService, service.nameRange, self.services.name(service.name),
        "no route names the service '\(service.name)'")
    }
  }

  private var routes: [ConfigurationValue] { root.field("routes")?.elements ?? [] }

  private mutating func checkRoutes(_ services: [String]) {
    var names: [String: Int] = [:]
    var paths: [String: Int] = [:]
    let known = Set(services)
    let slashes = root.field("http")?.field("encoded_slash")?.scalar
    for (index, route) in routes.enumerated() {
      let path = ConfigurationPath.root.key("routes").index(index)
      checkName(route, &names, at: path.key("name"))
      checkPath(route, &paths, slashes, at: path.key("match").key("path"))
      if let value = route.field("service"), let name = value.scalar?.text, !known.contains(name) {
        unknownService(value, services, at: path.key("service"))
      }
      warnOfRepeats(route.field("upgrades"), at: path.key("upgrades"))
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

  private mutating func checkPath(
    _ route: ConfigurationValue, _ paths: inout [String: Int], _ slashes: ScalarValue?,
    at path: ConfigurationPath
  ) {
    guard let value = route.field("match")?.field("path"), let pattern = value.scalar?.text
    else { return }
    if let line = paths[pattern] {
      diagnostics.warning(
        .unreachableRoute, value.range, path,
        "match.path: no request gets here; the route in line \(line) takes '\(value.shown)'")
    } else {
      paths[pattern] = value.line
    }
    let holdsSlash = pattern.contains("%2F") || pattern.contains("%5C")
    if holdsSlash, slashes == .word("reject") {
      diagnostics.warning(
        .unreachableRoute, value.range, path,
        "match.path: no request gets here; http.encoded_slash refuses a path with %2F or %5C")
    }
  }

  private mutating func unknownService(
    _ value: ConfigurationValue, _ services: [String], at path: ConfigurationPath
  ) {
    var suggestion: String?
    if value.isSecret || diagnostics.isCrowded {
      suggestion = nil
    } else if let near = NearestName.of(value.shown, among: services.prefix(1_000)) {
      suggestion = "did you mean '\(near)'?"
    } else if services.isEmpty {
      suggestion = "there are no services"
    } else {
      let more = services.count > 5 ? ", …" : ""
      suggestion = "the services are \(services.prefix(5).joined(separator: ", "))\(more)"
    }
    diagnostics.error(
      .unknownService, value.range, path, "service: there is no service '\(value.shown)'",
      suggestion: suggestion)
  }

  // MARK: Identity

  private mutating func checkTrust() {
    guard let trust = root.field("tracing")?.field("trust"),
      trust.scalar == .word("trusted_proxies"),
      let proxies = root.field("trusted_proxies"), proxies.elements.isEmpty
    else { return }
    diagnostics.warning(
      .noEffect, trust.range, .root.key("tracing").key("trust"),
      "tracing.trust: trusted_proxies is empty, so nobody is trusted")
  }
}

extension ScalarValue {
  var text: String? {
    if case .text(let text) = self { text } else { nil }
  }
}
