// Why this file exists: one walk over two typed documents and the schema finds what is different.
// It knows a few lists whose entries have a name (services, backends, routes …) and no other key:
// what a later row adds is compared without anybody thinking of it.

/// Compares two valid documents.
struct ConfigurationComparison {
  private let schema: Schema
  private let old: ConfigurationValue
  private let new: ConfigurationValue
  private(set) var changes: [ConfigurationChange] = []
  var kept = ConfigurationKept()

  init(_ schema: Schema, _ old: ConfigurationValue, _ new: ConfigurationValue) {
    self.schema = schema
    self.old = old
    self.new = new
  }

  mutating func run() { compare(Pair(old, new), schema.root, at: Place()) }

  /// What stands at one place in both files; nil where nothing does.
  struct Pair {
    var old: ConfigurationValue?
    var new: ConfigurationValue?

    init(_ old: ConfigurationValue?, _ new: ConfigurationValue?) {
      self.old = old
      self.new = new
    }

    func field(_ key: String) -> Pair { Pair(old?.field(key), new?.field(key)) }
  }

  /// Where the walk is, and whose values it compares.
  struct Place {
    var part = ConfigurationChange.Part.setting
    var name = ""
    var service: String?
    var path = ConfigurationPath.root
    /// From what has the name on.
    var key = ConfigurationPath.root
    var needsRestart = false
    /// What a reload does about every change below.
    var effect: String?

    func key(_ row: SchemaRow) -> Place {
      var place = self
      place.path = path.key(row.key)
      place.key = key.key(row.key)
      place.needsRestart = row.needsRestart ?? needsRestart
      return place
    }

    func name(_ name: String) -> Place {
      var place = self
      place.path = path.name(name)
      place.key = key.name(name)
      return place
    }

    /// What the operator gave a name, or that is known by its address.
    func owner(_ part: ConfigurationChange.Part, _ name: String, of service: String? = nil) -> Place
    {
      var place = self.name(name)
      place.part = part
      place.name = name
      place.service = service
      place.key = .root
      return place
    }
  }

  // MARK: Any value

  mutating func compare(_ pair: Pair, _ node: Schema.Node, at place: Place) {
    switch node.row.path {
    case "listeners": return compareListeners(pair, node, at: place)
    case "services": return compareServices(pair, node, at: place)
    case "rate_limits": return compareLimits(pair, node, at: place)
    case "routes": return compareRoutes(pair, node, at: place)
    default: break
    }
    switch (node.row.kind, pair.old?.content, pair.new?.content) {
    case (.mapping, .mapping?, .mapping?): compareKeys(pair, node, at: place)
    case (.named(_, .reference), _, _): compareWhole(pair, node, at: place)
    case (.named(_, let names), _, _): compareNames(pair, names, node, at: place)
    default: compareWhole(pair, node, at: place)
    }
  }

  mutating func compareKeys(
    _ pair: Pair, _ node: Schema.Node, at place: Place, but identity: Set<String> = []
  ) {
    for key in node.keys where !identity.contains(key.row.key) {
      compare(pair.field(key.row.key), key, at: place.key(key.row))
    }
  }

  /// Of names that mean nothing but themselves: fields, parameters.
  private mutating func compareNames(
    _ pair: Pair, _ names: SchemaNames, _ node: Schema.Node, at place: Place
  ) {
    let identity: (ConfigurationValue.Named) -> String = { named in
      names == .fields ? named.name.lowercased() : named.name
    }
    let all = Paired.by(identity, pair.old?.named ?? [], pair.new?.named ?? [])
    for (old, new) in all {
      let name = new?.name ?? old?.name ?? ""
      compare(Pair(old?.value, new?.value), node.entry[0], at: place.name(name))
    }
  }

  private mutating func compareWhole(_ pair: Pair, _ node: Schema.Node, at place: Place) {
    if SameValue.holds(pair.old, pair.new, node) { return }
    add(
      .changed, pair, at: place, old: pair.old.map { ShownValue.text($0) },
      new: pair.new.map { ShownValue.text($0) },
      words: ShownValue.difference(pair.old, pair.new, node))
  }

  // MARK: What was found

  mutating func add(
    _ kind: ConfigurationChange.Kind, _ pair: Pair, at place: Place, old: String? = nil,
    new: String? = nil, words: String, effect: String? = nil
  ) {
    let key = place.part == .setting ? "" : place.key.text
    changes.append(
      ConfigurationChange(
        kind: kind, part: place.part, name: place.name, service: place.service,
        path: place.path.text, old: old, new: new,
        words: [key, words].filter { !$0.isEmpty }.joined(separator: " "),
        effect: effect ?? place.effect, needsRestart: place.needsRestart,
        oldLine: line(pair.old), newLine: line(pair.new)))
  }

  private func line(_ value: ConfigurationValue?) -> Int? {
    // A default stands nowhere.
    value.flatMap { $0.line == 0 ? nil : $0.line }
  }
}

/// Two lists whose entries have an identity.
enum Paired {
  /// Entries of both in the order of the new list, then those that only the old one has. Where an
  /// identity is there several times, each stands for itself.
  static func by<Entry>(
    _ identity: (Entry) -> String, _ old: [Entry], _ new: [Entry]
  ) -> [(old: Entry?, new: Entry?)] {
    var waiting: [String: [Int]] = [:]
    for (index, entry) in old.enumerated().reversed() {
      waiting[identity(entry), default: []].append(index)
    }
    var isMet = [Bool](repeating: false, count: old.count)
    var pairs: [(old: Entry?, new: Entry?)] = new.map { entry in
      guard let index = waiting[identity(entry)]?.popLast() else { return (nil, entry) }
      isMet[index] = true
      return (old[index], entry)
    }
    for (index, entry) in old.enumerated() where !isMet[index] { pairs.append((entry, nil)) }
    return pairs
  }
}

/// Whether two values are one to a gateway, however they are written.
enum SameValue {
  static func holds(
    _ left: ConfigurationValue?, _ right: ConfigurationValue?, _ node: Schema.Node
  ) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    switch node.row.kind {
    case .mapping:
      guard case .mapping = left.content, case .mapping = right.content else {
        return left.scalar != nil && left.scalar == right.scalar
      }
      return node.keys.allSatisfy { key in
        holds(left.field(key.row.key), right.field(key.row.key), key)
      }
    case .named(_, let names): return hold(entries(left, names), entries(right, names), node)
    case .list:
      if left.isWord || right.isWord { return left.scalar == right.scalar }
      return hold(left.entries, right.entries, node)
    default: return left.scalar == right.scalar
    }
  }

  /// A list of plain values is a set of them; entries with keys stand in an order.
  private static func hold(
    _ left: [ConfigurationValue], _ right: [ConfigurationValue], _ node: Schema.Node
  ) -> Bool {
    let scalars = (left.compactMap(\.scalar), right.compactMap(\.scalar))
    if scalars.0.count == left.count && scalars.1.count == right.count {
      return Set(scalars.0) == Set(scalars.1)
    }
    return left.count == right.count
      && zip(left, right).allSatisfy { holds($0, $1, node.entry[0]) }
  }

  private static func hold(
    _ left: [String: ConfigurationValue], _ right: [String: ConfigurationValue],
    _ node: Schema.Node
  ) -> Bool {
    left.count == right.count
      && left.allSatisfy { name, value in holds(value, right[name], node.entry[0]) }
  }

  /// One name alone is that name with everything.
  private static func entries(
    _ value: ConfigurationValue, _ names: SchemaNames
  ) -> [String: ConfigurationValue] {
    if names == .reference, case .text(let name)? = value.scalar {
      var whole = value
      whole.content = .scalar(.share(.percent(100)))
      return [name: whole]
    }
    let named = value.named.map { (names == .fields ? $0.name.lowercased() : $0.name, $0.value) }
    return Dictionary(named) { first, _ in first }
  }
}

extension ConfigurationValue {
  fileprivate var isWord: Bool {
    if case .word? = scalar { true } else { false }
  }

  /// Of a list; one value alone is a list of it.
  var entries: [ConfigurationValue] { scalar == nil ? elements : [self] }
}
