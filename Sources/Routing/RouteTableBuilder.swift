// Why this file exists: building a route table is ordinary work at start-up; keeping it apart
// leaves the lookup readable on one screen.
import HTTPSemantics
import Primitives

/// Fills the memory of a `RouteTable`.
struct RouteTableBuilder {
  private let key: UInt64
  private var text: [UInt8] = []
  private var tiers: [HostTier] = []
  private var entries: [PathEntry] = []
  private var buckets: [Bucket] = []
  private var candidates: [Candidate] = []
  private var conditions: [Condition] = []
  private var index: ConditionIndexBuilder

  init(key: UInt64) {
    self.key = key
    index = ConditionIndexBuilder(key: key)
  }

  /// Routes of one host and one path.
  private struct Place: Hashable {
    var tier: Int
    var path: [UInt8]
    var isPrefix: Bool
  }

  mutating func build(_ rules: [RouteRule]) -> RouteTable {
    precondition(rules.count < 1 << 24, "more routes than a configuration file can hold")
    var hosts = HostTableBuilder(key: key)
    var groups: [Place: [RouteRule]] = [:]
    var order: [Place] = []
    for rule in rules {
      precondition(rule.route != RouteTable.none)
      precondition(rule.path.isEmpty ? rule.isPrefix : rule.path[0] == 0x2f, "not a path")
      let place = Place(
        tier: hosts.tier(of: rule.host), path: rule.path, isPrefix: rule.isPrefix)
      if groups[place] == nil { order.append(place) }
      groups[place, default: []].append(rule)
    }
    let table = hosts.build()
    for (number, wider) in table.wider.enumerated() {
      var seed = KeyedHash(key: key)
      if number > 0 { seed.combine(word: UInt64(number)) }
      tiers.append(
        HostTier(
          number: UInt32(number), wider: wider, everything: RouteTable.none, deepest: 0, depths: 0,
          seed: seed))
    }
    entries = Array(repeating: .free, count: RouteTableBuilder.capacity(for: order.count))
    for place in order { add(place, groups[place] ?? []) }
    link(order)
    let asksForPathOnly =
      table.hosts.entries == nil
      && candidates.allSatisfy {
        $0.methods == .every && $0.fieldConditions | $0.parameterConditions == 0
      }
    return RouteTable(
      RouteMemory(
        tiers: memory(tiers), tierCount: tiers.count, hosts: table.hosts, paths: memory(entries),
        pathMask: entries.count - 1, buckets: memory(buckets), bucketCount: buckets.count,
        candidates: memory(candidates), conditions: memory(conditions), index: index.build(),
        bytes: memory(text), asksForPathOnly: asksForPathOnly))
  }

  /// A power of two, so that at most half of the entries are used.
  static func capacity(for count: Int) -> Int {
    var capacity = 8
    while capacity < count * 2 { capacity *= 2 }
    return capacity
  }

  // MARK: Buckets

  private mutating func add(_ place: Place, _ group: [RouteRule]) {
    let rules = group.sorted { ($1.weight, $0.route) < ($0.weight, $1.route) }
    let number = UInt32(buckets.count)
    let first = UInt32(candidates.count)
    for rule in rules {
      candidates.append(
        Candidate(
          route: rule.route, firstCondition: UInt32(conditions.count),
          fieldConditions: UInt32(rule.fields.count),
          parameterConditions: UInt32(rule.parameters.count), methods: rule.methods))
      for condition in rule.fields + rule.parameters { add(condition) }
    }
    buckets.append(
      Bucket(
        first: first, count: UInt32(rules.count), firstRoute: rules[0].route,
        shorter: RouteTable.none, index: index.add(rules, first: first), tier: UInt32(place.tier)))
    if place.path.isEmpty {
      tiers[place.tier].everything = number
    } else {
      let entry = self.entry(of: place)
      if place.isPrefix { entries[entry].prefix = number } else { entries[entry].exact = number }
    }
  }

  private mutating func add(_ condition: RouteCondition) {
    let name = keep(condition.name)
    let value = keep(condition.value ?? [])
    conditions.append(
      Condition(
        nameOffset: name, nameLength: UInt32(condition.name.count), valueOffset: value,
        valueLength: UInt32(condition.value?.count ?? 0), isPresence: condition.value == nil))
  }

  private mutating func keep(_ bytes: [UInt8]) -> UInt32 {
    let offset = UInt32(text.count)
    text += bytes
    return offset
  }

  /// The entry of a path, a new one when there is none yet.
  private mutating func entry(of place: Place) -> Int {
    let (hash, depth) = RouteTableBuilder.hash(place.path, tiers[place.tier].seed)
    tiers[place.tier].depths |= 1 << UInt64(min(depth, 63))
    tiers[place.tier].deepest = max(tiers[place.tier].deepest, depth)
    var index = Int(truncatingIfNeeded: hash) & (entries.count - 1)
    while !entries[index].isFree {
      if isEntry(index, of: place, hash) { return index }
      index = (index + 1) & (entries.count - 1)
    }
    entries[index] = PathEntry(
      hash: hash, offset: keep(place.path), length: UInt32(place.path.count),
      tier: UInt32(place.tier), exact: RouteTable.none, prefix: RouteTable.none)
    return index
  }

  private func isEntry(_ index: Int, of place: Place, _ hash: UInt64) -> Bool {
    let entry = entries[index]
    guard entry.hash == hash, entry.tier == UInt32(place.tier),
      Int(entry.length) == place.path.count
    else { return false }
    return text[Int(entry.offset)...].starts(with: place.path)
  }

  /// Tells every bucket which one comes after it on the way to `/*`.
  private mutating func link(_ places: [Place]) {
    var prefixes: [Place: UInt32] = [:]
    for (number, place) in places.enumerated() where place.isPrefix {
      prefixes[place] = UInt32(number)
    }
    for (number, place) in places.enumerated() {
      var shorter = Place(tier: place.tier, path: place.path, isPrefix: true)
      if place.isPrefix {
        if place.path.isEmpty { continue }
        RouteTableBuilder.dropSegment(&shorter.path)
      }
      while true {
        if let found = prefixes[shorter] {
          buckets[number].shorter = found
          break
        }
        if shorter.path.isEmpty { break }
        RouteTableBuilder.dropSegment(&shorter.path)
      }
    }
  }

  private static func dropSegment(_ path: inout [UInt8]) {
    path.removeLast(path.count - (path.lastIndex(of: 0x2f) ?? 0))
  }

  /// The hash as a lookup makes it, segment by segment, and the number of segments.
  private static func hash(_ path: [UInt8], _ seed: KeyedHash) -> (hash: UInt64, depth: Int) {
    var hash = seed
    var depth = 0
    path.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var start = 1
      while start <= buffer.count {
        let end = buffer[start...].firstIndex(of: 0x2f) ?? buffer.count
        hash.combine(base + start, end - start)
        depth += 1
        start = end + 1
      }
    }
    return (hash.value, depth)
  }
}

/// A copy in memory that stays until it is deallocated.
func memory<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
  let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
  for (index, element) in elements.enumerated() { (copy + index).initialize(to: element) }
  return copy
}
