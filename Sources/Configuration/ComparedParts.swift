// Why this file exists: what has a name keeps it over a reload, so its entries are compared by name
// or address, and what becomes of each is said: drained, warmed up, opened, closed.
import Primitives

extension ConfigurationComparison {
  // MARK: Listeners

  mutating func compareListeners(_ pair: Pair, _ node: Schema.Node, at place: Place) {
    let all = Paired.by(
      ComparedName.address, pair.old?.elements ?? [], pair.new?.elements ?? [])
    for (old, new) in all {
      guard let listener = new ?? old else { continue }
      let place = place.owner(.listener, ComparedName.shownAddress(listener))
      let pair = Pair(old, new)
      if old == nil {
        add(.added, pair, at: place, new: ShownValue.text(listener), words: "opened")
      } else if new == nil {
        add(
          .removed, pair, at: place, old: ShownValue.text(listener),
          words: "closed; its connections end with their next answer")
      } else {
        kept.listeners += 1
        compareKeys(pair, node.entry[0], at: place, but: ["address"])
      }
    }
  }

  // MARK: Services

  mutating func compareServices(_ pair: Pair, _ node: Schema.Node, at place: Place) {
    let all = Paired.by({ $0.name }, pair.old?.named ?? [], pair.new?.named ?? [])
    for (old, new) in all {
      guard let service = new ?? old else { continue }
      let place = place.owner(.service, service.name)
      let pair = Pair(old?.value, new?.value)
      let backends = service.value.field("backends")?.elements ?? []
      if old == nil {
        add(
          .added, pair, at: place, new: ShownValue.text(service.value),
          words: ComparedName.list(backends.map(ComparedName.shownAddress)))
      } else if new == nil {
        add(
          .removed, pair, at: place, old: ShownValue.text(service.value),
          words: ComparedName.leaving(backends.count))
      } else {
        let before = changes.count
        for key in node.entry[0].keys {
          let (values, place) = (pair.field(key.row.key), place.key(key.row))
          if key.row.key == "backends" {
            compareBackends(values, of: service, key, at: place)
          } else {
            compare(values, key, at: place)
          }
        }
        if changes.count == before { kept.unchangedServices += 1 }
      }
    }
  }

  /// - Parameter service: as it is in the new file.
  private mutating func compareBackends(
    _ pair: Pair, of service: ConfigurationValue.Named, _ node: Schema.Node, at place: Place
  ) {
    let all = Paired.by(
      ComparedName.address, pair.old?.elements ?? [], pair.new?.elements ?? [])
    let joinsOthers = all.contains { $0.old != nil && $0.new != nil }
    for (old, new) in all {
      guard let backend = new ?? old else { continue }
      let name = ComparedName.shownAddress(backend)
      let place = place.owner(.backend, name, of: service.name)
      let pair = Pair(old, new)
      if old == nil {
        add(
          .added, pair, at: place, new: ShownValue.text(backend),
          words: beginning(of: backend, in: service.value, joinsOthers: joinsOthers))
      } else if new == nil {
        add(
          .removed, pair, at: place, old: ShownValue.text(backend),
          words: ComparedName.leaving)
      } else {
        kept.backends += 1
        compareBackend(pair, warmUp(of: service.value), node.entry[0], at: place)
      }
    }
  }

  private mutating func compareBackend(
    _ pair: Pair, _ warmUp: String?, _ node: Schema.Node, at place: Place
  ) {
    for key in node.keys where key.row.key != "address" {
      var place = place.key(key.row)
      if key.row.key == "drain" {
        let again = ["gets requests again", warmUp].compactMap { $0 }.joined(separator: ", ")
        place.effect =
          pair.new?.field("drain")?.scalar == .boolean(true) ? ComparedName.leaving : again
      }
      compare(pair.field(key.row.key), key, at: place)
    }
  }

  private func warmUp(of service: ConfigurationValue) -> String? {
    guard case .duration(let time)? = service.field("warm_up")?.scalar else { return nil }
    return "warms up over \(QuantityText.duration(time))"
  }

  /// How a backend that was not there gets its first requests.
  private func beginning(
    of backend: ConfigurationValue, in service: ConfigurationValue, joinsOthers: Bool
  ) -> String {
    if backend.field("drain")?.scalar == .boolean(true) { return "drained from the start" }
    let health = service.field("health")
    var pieces: [String] = []
    if health?.field("initial")?.scalar == .word("down") {
      pieces.append("gets requests once a health check has passed")
    }
    if joinsOthers, let warmUp = warmUp(of: service) { pieces.append(warmUp) }
    return pieces.isEmpty ? "gets its share at once" : pieces.joined(separator: ", ")
  }

  // MARK: Limits

  mutating func compareLimits(_ pair: Pair, _ node: Schema.Node, at place: Place) {
    let all = Paired.by({ $0.name }, pair.old?.named ?? [], pair.new?.named ?? [])
    for (old, new) in all {
      guard let limit = new ?? old else { continue }
      var place = place.owner(.limit, limit.name)
      let pair = Pair(old?.value, new?.value)
      let shown = ShownValue.text(limit.value)
      if old == nil {
        add(.added, pair, at: place, new: shown, words: shown)
      } else if new == nil {
        add(.removed, pair, at: place, old: shown, words: shown)
      } else {
        let isSame = LimitIdentity(old?.value) == LimitIdentity(new?.value)
        if isSame { kept.limits += 1 }
        place.effect = isSame ? "its counters go on" : "its counters begin anew"
        compareKeys(pair, node.entry[0], at: place)
      }
    }
  }

  /// What a limit's counters belong to, beside its name.
  private struct LimitIdentity: Equatable {
    var algorithm: ScalarValue?
    var keys: Set<ScalarValue>
    var period: Duration?

    init(_ limit: ConfigurationValue?) {
      algorithm = limit?.field("algorithm")?.scalar
      keys = Set((limit?.field("key")?.entries ?? []).compactMap(\.scalar))
      if case .rate(let rate)? = limit?.field("rate")?.scalar { period = rate.period }
    }
  }

  // MARK: Routes

  mutating func compareRoutes(_ pair: Pair, _ node: Schema.Node, at place: Place) {
    let old = ComparedRoute.all(pair.old?.elements ?? [])
    let new = ComparedRoute.all(pair.new?.elements ?? [])
    var both: [(old: ComparedRoute, new: ComparedRoute)] = []
    for (before, after) in Paired.by({ $0.name }, old, new) {
      guard let route = after ?? before else { continue }
      let place = place.owner(.route, route.shownName)
      let pair = Pair(before?.value, after?.value)
      if let before, let after {
        both.append((before, after))
        let count = changes.count
        compareKeys(pair, node.entry[0], at: place, but: ["name"])
        if changes.count == count { kept.unchangedRoutes += 1 }
      } else if before == nil {
        add(.added, pair, at: place, new: ShownValue.text(route.value), words: route.description)
      } else {
        add(.removed, pair, at: place, old: ShownValue.text(route.value), words: route.description)
      }
    }
    for move in RouteMoves.find(both) {
      let place = place.owner(.route, move.route.shownName)
      add(.moved, Pair(move.old, move.route.value), at: place, words: move.words)
    }
  }
}

/// What entries are called.
enum ComparedName {
  /// What identifies a listener or backend.
  static func address(_ entry: ConfigurationValue) -> String {
    if case .address(let address)? = entry.field("address")?.scalar { address.text } else { "" }
  }

  /// The same for people.
  static func shownAddress(_ entry: ConfigurationValue) -> String {
    entry.field("address").map { $0.isSecret ? ShownValue.text($0) : address(entry) } ?? ""
  }

  /// The first few.
  static func list(_ names: [String]) -> String {
    if names.isEmpty { return "without backends" }
    let rest = names.count - 3
    return rest <= 1
      ? names.joined(separator: ", ")
      : names.prefix(3).joined(separator: ", ") + " and \(rest) more"
  }

  static let leaving = "gets no new requests, finishes those it has"

  /// What becomes of the backends of a service that is gone.
  static func leaving(_ count: Int) -> String {
    switch count {
    case 0: "it has no backends"
    case 1: "its backend \(leaving)"
    default: "its \(count) backends get no new requests, finish those they have"
    }
  }
}
