// Why this file exists: what a reload would change and what it would keep, as a value: `gateway
// diff` prints it, a reload says it, and neither knows a key by itself.

/// What becomes different when one configuration takes the place of another.
package struct ConfigurationDiff: Sendable, Equatable {
  /// In the order of the schema table; within a list that of the new file, then what is removed.
  package internal(set) var changes: [ConfigurationChange] = []
  package internal(set) var kept = ConfigurationKept()

  /// - Parameters: the typed documents of two valid files, `ConfigurationResult.values`.
  package init(from old: ConfigurationValue, to new: ConfigurationValue) {
    self.init(from: old, to: new, schema: .gateway)
  }

  /// What differs of the parts that need a restart, without a look at anything else: the routes may
  /// be many.
  package static func needingRestart(
    from old: ConfigurationValue, to new: ConfigurationValue
  ) -> [ConfigurationChange] {
    let parts = Set(
      Schema.gateway.rows.filter { $0.needsRestart == true }.map { row in
        String(row.path.prefix { $0 != "." })
      })
    return ConfigurationDiff(from: old.only(parts), to: new.only(parts)).needsRestart
  }

  init(from old: ConfigurationValue, to new: ConfigurationValue, schema: Schema) {
    var comparison = ConfigurationComparison(schema, old, new)
    comparison.run()
    changes = comparison.changes
    kept = comparison.kept
  }

  /// A reload would do nothing. So it is when files differ in comments, in writing a value in
  /// another way, or in an order that means nothing.
  package var isEmpty: Bool { changes.isEmpty }

  package var needsRestart: [ConfigurationChange] { changes.filter(\.needsRestart) }

  /// Without what a reload does not put to use.
  package var live: ConfigurationDiff {
    var live = self
    live.changes = changes.filter { !$0.needsRestart }
    return live
  }

  /// One line for each change, as `text` of it with its mark in front; for logs and answers.
  /// - Parameter limit: more than this are counted in a last line.
  package func lines(atMost limit: Int) -> [String] {
    var lines = changes.prefix(limit).map { "\($0.kind.mark) \($0.text)" }
    if changes.count > limit { lines.append("… and \(changes.count - limit) more") }
    return lines
  }

  /// `2 services, 1 route and 3 settings change; 1 change needs a restart`
  package var summary: String {
    if isEmpty { return "nothing changes" }
    var parts: [String] = []
    for part in ConfigurationChange.Part.allCases {
      let changes = changes.filter { $0.part == part }
      // Several settings of one service are one service that changes.
      let count = Set(changes.map { part == .setting ? $0.path : $0.subject }).count
      if count > 0 { parts.append(Counted.text(count, part.rawValue)) }
    }
    let isOne = changes.count == 1 || parts.count == 1 && parts[0].hasPrefix("1 ")
    let restarts = needsRestart.count
    let restart =
      restarts == 0
      ? "" : "; \(Counted.text(restarts, "change")) need\(restarts == 1 ? "s" : "") a restart"
    return Counted.list(parts) + (isOne ? " changes" : " change") + restart
  }
}

/// One difference between two configurations.
package struct ConfigurationChange: Sendable, Equatable {
  package enum Kind: String, Sendable {
    case added, removed, changed
    /// A route that is asked before or after others now, where only their order decides.
    case moved

    package var mark: String {
      switch self {
      case .added: "+"
      case .removed: "-"
      case .changed, .moved: "~"
      }
    }
  }

  /// What it is a change of.
  package enum Part: String, Sendable, CaseIterable {
    case listener, setting, service, backend, limit, route
  }

  package var kind: Kind
  package var part: Part
  /// Of the service, route or limit; a backend's or listener's address; empty for a setting. What
  /// comes from `${…}` is shown as it is written.
  package var name: String
  /// The backend's.
  package var service: String?
  /// `services.users.timeouts.connect`
  package var path: String
  /// As the file has it, or in words; nil when it is not there. Of a secret, that there is one.
  package var old: String?
  package var new: String?
  /// What is different: `1s → 2s`.
  package var words: String
  /// What a reload does about it.
  package var effect: String?
  package var needsRestart: Bool
  /// Where it stands; nil when it does not.
  package var oldLine: Int?
  package var newLine: Int?

  /// `route api`; for a setting its path.
  var subject: String {
    switch part {
    case .setting: path
    case .backend: "backend \(service ?? "")/\(name)"
    case .listener, .service, .limit, .route: "\(part.rawValue) \(name)"
    }
  }

  /// One line for people, without a mark: `backend users/10.0.0.2:9000: weight 1 → 3`.
  package var text: String {
    var pieces = words.isEmpty ? [] : [words]
    if let effect { pieces.append(effect) }
    if needsRestart { pieces.append("needs a restart") }
    return subject + ": " + pieces.joined(separator: "; ")
  }
}

/// What goes on over a reload, counted: by service and address a backend's connections, health and
/// breaker; by name, algorithm, key and period the counters of a limit.
package struct ConfigurationKept: Sendable, Equatable {
  package internal(set) var listeners = 0
  package internal(set) var backends = 0
  package internal(set) var limits = 0
  /// Nothing about them is different.
  package internal(set) var unchangedServices = 0
  package internal(set) var unchangedRoutes = 0

  /// `kept: 1 listener; connections, health and breakers of 3 backends`; nil when nothing is.
  package var text: String? { words.map { "kept: " + $0 } }

  /// The same without the word in front.
  package var words: String? {
    var pieces: [String] = []
    if listeners > 0 { pieces.append(Counted.text(listeners, "listener")) }
    if backends > 0 {
      let count = Counted.text(backends, "backend")
      pieces.append("connections, health and breaker\(backends == 1 ? "" : "s") of \(count)")
    }
    if limits > 0 { pieces.append("the counters of \(Counted.text(limits, "limit"))") }
    let unchanged = [(unchangedServices, "service"), (unchangedRoutes, "route")]
      .filter { $0.0 > 0 }.map { Counted.text($0.0, $0.1) }
    if !unchanged.isEmpty {
      let isOne = unchangedServices + unchangedRoutes == 1
      pieces.append("\(Counted.list(unchanged)) as \(isOne ? "it is" : "they are")")
    }
    return pieces.isEmpty ? nil : pieces.joined(separator: "; ")
  }
}

/// Numbers of things in words.
enum Counted {
  /// `1 route`, `2 routes`
  static func text(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  /// `a, b and c`
  static func list(_ parts: [String]) -> String {
    parts.count < 2
      ? parts.joined()
      : parts.dropLast().joined(separator: ", ") + " and \(parts[parts.count - 1])"
  }
}
