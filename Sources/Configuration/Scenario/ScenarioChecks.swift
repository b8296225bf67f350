// Why this file exists: some mistakes of a scenario lie between two values, or between it and the
// configuration that it plays: a backend that is not there, a flow that ends before it begins.
import HTTPSemantics
import Primitives

struct ScenarioChecks {
  let root: ConfigurationValue
  var diagnostics: DiagnosticCollector
  private(set) var expectations: [Expectation] = []
  private let length: Duration?

  init(_ root: ConfigurationValue, _ diagnostics: DiagnosticCollector) {
    self.root = root
    self.diagnostics = diagnostics
    length = root.time("duration")
  }

  mutating func run(_ files: inout ScenarioFiles) {
    let first = load("config", of: root, at: .root, &files)
    var known = first.map { [$0] } ?? []
    var last = Duration.zero
    for (index, change) in (root.field("changes")?.elements ?? []).enumerated() {
      let path = ConfigurationPath.root.key("changes").index(index)
      checkOrder(change, after: &last, at: path, isFirst: index == 0)
      if let other = load("config", of: change, at: path, &files) { known.append(other) }
    }
    for flow in root.field("traffic")?.named ?? [] {
      checkFlow(flow.value, at: ConfigurationPath.root.key("traffic").name(flow.name))
    }
    // Without the configuration nobody knows which backends there are.
    checkBehaviours(first == nil ? nil : known.backendNames)
    checkExpectations(first == nil ? nil : known)
  }

  // MARK: Configurations

  private mutating func load(
    _ key: String, of value: ConfigurationValue, at path: ConfigurationPath,
    _ files: inout ScenarioFiles
  ) -> GatewayConfiguration? {
    guard let written = value.field(key), let name = written.writtenText else { return nil }
    switch files.load(name) {
    case .failure(let problem):
      diagnostics.error(
        .unreadable, written.range, path.key(key),
        "\(key): \(PrintableText.of(files.path(of: name), limit: 256)) cannot be read: "
          + problem.message, suggestion: "it is looked for in the folder of the scenario")
      return nil
    case .success(let result):
      guard let configuration = result.configuration else {
        diagnostics.error(
          .noEffect, written.range, path.key(key),
          "\(key): '\(written.shown)' is not a valid configuration",
          suggestion: "its own messages follow")
        return nil
      }
      checkPlayable(configuration, written, at: path.key(key))
      return configuration
    }
  }

  /// Sockets of the file system are not simulated.
  private mutating func checkPlayable(
    _ configuration: GatewayConfiguration, _ written: ConfigurationValue,
    at path: ConfigurationPath
  ) {
    let hasPort = configuration.listeners.contains {
      if case .endpoint(let endpoint) = $0.address.form { endpoint.port > 0 } else { false }
    }
    if !hasPort {
      diagnostics.error(
        .noEffect, written.range, path,
        "config: '\(written.shown)' has no listener with a port, which is where traffic comes in")
    }
    for service in configuration.services {
      for backend in service.backends {
        guard case .unix = backend.address.form else { continue }
        diagnostics.error(
          .noEffect, written.range, path,
          "config: the backend \(service.name)/\(backend.label) is a unix socket, which cannot be "
            + "simulated", suggestion: "play a copy of the configuration with host:port")
      }
    }
  }

  // MARK: Times

  private mutating func checkOrder(
    _ value: ConfigurationValue, after last: inout Duration, at path: ConfigurationPath,
    isFirst: Bool
  ) {
    guard let at = value.time("at") else { return }
    if !isFirst && at <= last {
      diagnostics.error(
        .outOfBounds, value.field("at")?.range, path.key("at"),
        "at: '\(value.field("at")?.shown ?? "")' is not later than the one before",
        suggestion: "put them in the order of time")
    }
    warnIfBehindEnd(at, value.field("at"), at: path.key("at"))
    last = max(last, at)
  }

  private mutating func warnIfBehindEnd(
    _ time: Duration, _ value: ConfigurationValue?, at path: ConfigurationPath
  ) {
    guard let length, let value, time >= length, value.origin != .byDefault else { return }
    diagnostics.warning(
      .noEffect, value.range, path,
      "\(path.short): '\(value.shown)' is not before the end of the scenario")
  }

  private mutating func checkSpan(_ value: ConfigurationValue, at path: ConfigurationPath) {
    let from = value.time("from") ?? .zero
    warnIfBehindEnd(from, value.field("from"), at: path.key("from"))
    guard let until = value.time("until"), until <= from else { return }
    diagnostics.error(
      .outOfBounds, value.field("until")?.range, path.key("until"),
      "until: '\(value.field("until")?.shown ?? "")' is not later than 'from'",
      suggestion: "both count from the beginning of the scenario")
  }

  // MARK: Parts

  private mutating func checkFlow(_ flow: ConfigurationValue, at path: ConfigurationPath) {
    checkSpan(flow, at: path)
    var last = Duration.zero
    for (index, stage) in (flow.field("stages")?.elements ?? []).enumerated() {
      checkOrder(
        stage, after: &last, at: path.key("stages").index(index), isFirst: index == 0)
    }
  }

  private mutating func checkBehaviours(_ backends: [String]?) {
    for (index, behaviour) in (root.field("backends")?.elements ?? []).enumerated() {
      let path = ConfigurationPath.root.key("backends").index(index)
      checkSpan(behaviour, at: path)
      if let latency = behaviour.field("latency") { checkLatency(latency, at: path.key("latency")) }
      guard let backends, let name = behaviour.field("backend"), let text = name.writtenText
      else { continue }
      let services = backends.map { String($0.prefix { $0 != "/" }) }
      let isKnown: Bool
      switch BackendSubject(text) {
      case .all: isKnown = true
      case .service(let service): isKnown = services.contains(service)
      case .one: isKnown = backends.contains(text)
      }
      if isKnown { continue }
      diagnostics.error(
        .unknownService, name.range, path.key("backend"),
        "backend: '\(name.shown)' is not in the configuration",
        suggestion: BackendSubject.suggestion(for: text, among: backends + services.uniqued))
    }
  }

  private mutating func checkLatency(_ latency: ConfigurationValue, at path: ConfigurationPath) {
    for (low, high) in [("median", "p99"), ("from", "to")] {
      let (least, most) = (latency.time(low), latency.time(high))
      if least == nil && most != nil {
        diagnostics.error(
          .missingKey, latency.field(high)?.range, path.key(low),
          "latency: '\(high)' needs '\(low)'", suggestion: "write \(low) too")
      } else if low == "from" && least != nil && most == nil {
        diagnostics.error(
          .missingKey, latency.field(low)?.range, path.key(high), "latency: 'from' needs 'to'",
          suggestion: "or write one duration alone")
      } else if let least, let most, most < least || low == "median" && least == .zero {
        diagnostics.error(
          .outOfBounds, latency.field(high)?.range, path.key(high),
          "\(high): '\(latency.field(high)?.shown ?? "")' must be above '\(low)', that above 0s")
      }
    }
  }

  // MARK: Expectations

  private mutating func checkExpectations(_ configurations: [GatewayConfiguration]?) {
    let names = ExpectationReader.Names(
      flows: (root.field("traffic")?.named ?? []).map(\.name),
      routes: configurations?.routeNames, limits: configurations?.limitNames,
      backends: configurations?.backendNames,
      reasons: Reason.allCases.dropFirst().map { "\($0.word)" } + ScenarioReasons.own)
    for (index, value) in (root.field("expect")?.elements ?? []).enumerated() {
      let path = ConfigurationPath.root.key("expect").index(index)
      checkSpan(value, at: path)
      guard let that = value.field("that"), let text = that.writtenText else { continue }
      do throws(ExpectationProblem) {
        var expectation = try ExpectationReader.read(text, names)
        expectation.from = value.time("from") ?? .zero
        expectation.until = value.time("until")
        expectations.append(expectation)
      } catch {
        diagnostics.error(
          .badText, place(of: error, in: text, that.range), path.key("that"),
          "expect: \(error.message)", suggestion: error.suggestion)
      }
    }
  }

  /// The words meant, when the text stands in the file as it is read; else all of it.
  private func place(
    of problem: ExpectationProblem, in text: String, _ range: SourceRange?
  ) -> SourceRange? {
    guard let range, let width = range.width else { return range }
    let quotes = width - text.unicodeScalars.count
    guard quotes == 0 || quotes == 2 else { return range }
    let start = range.start.moved(by: quotes / 2 + problem.offset)
    return SourceRange(start, start.moved(by: problem.length))
  }
}

extension ConfigurationValue {
  fileprivate func time(_ key: String) -> Duration? {
    if case .duration(let duration)? = field(key)?.scalar { duration } else { nil }
  }
}
