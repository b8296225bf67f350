// Why this file exists: which route takes a request is asked for every request and must cost the
// same with ten routes and with ten thousand.
package import HTTPSemantics
package import Primitives

/// Finds the route of a request. Candidates are ordered by host (exact, longer wildcard, any), then
/// path (exact, longer prefix), then the number of their other conditions, then their place in the
/// file; the first whose conditions are all met takes the request. Prefixes match on segment
/// borders only.
///
/// Built once, then only read, by any thread. Three tables with open addressing, at most half full:
/// hosts by their labels from the right, paths of one host by their segments from the left, and for
/// many routes on one path their conditions. What a hash finds is compared byte by byte, and the
/// hashes are keyed. A lookup looks no further into a host or a path than the longest pattern goes.
package struct RouteTable: @unchecked Sendable {
  /// Marks the absence of a bucket, a tier, an index.
  static var none: UInt32 { .max }

  /// One word, so that asking a table copies nothing.
  let memory: UnsafeMutablePointer<RouteMemory>

  init(_ memory: RouteMemory) {
    self.memory = .allocate(capacity: 1)
    self.memory.initialize(to: memory)
  }

  /// No route has any condition but its path: host and fields are not looked at.
  var asksForPathOnly: Bool { memory.pointee.asksForPathOnly }
  var tiers: UnsafeMutablePointer<HostTier> { memory.pointee.tiers }
  var tierCount: Int { memory.pointee.tierCount }
  var hosts: HostTable { memory.pointee.hosts }
  var paths: UnsafeMutablePointer<PathEntry> { memory.pointee.paths }
  var pathMask: Int { memory.pointee.pathMask }
  var buckets: UnsafeMutablePointer<Bucket> { memory.pointee.buckets }
  var bucketCount: Int { memory.pointee.bucketCount }
  var candidates: UnsafeMutablePointer<Candidate> { memory.pointee.candidates }
  var conditions: UnsafeMutablePointer<Condition> { memory.pointee.conditions }
  var index: ConditionIndex { memory.pointee.index }
  var bytes: UnsafeMutablePointer<UInt8> { memory.pointee.bytes }

  /// Builds a table; `key` makes its hashes ones that nobody outside can aim at. Every path begins
  /// with a slash, or is empty and a prefix. Allocates; for start-up and reload.
  package static func build(_ rules: [RouteRule], key: UInt64) -> RouteTable {
    var builder = RouteTableBuilder(key: key)
    return builder.build(rules)
  }

  /// Gives the memory back; nobody may look anything up any more.
  package func destroy() {
    tiers.deallocate()
    hosts.destroy()
    paths.deallocate()
    buckets.deallocate()
    candidates.deallocate()
    conditions.deallocate()
    index.destroy()
    bytes.deallocate()
    memory.deallocate()
  }

  // MARK: Lookup

  /// What `match(path:)` says when it cannot say.
  package static var asksForMore: Int32 { -2 }

  /// The route that takes a request with this path; -1 when none does. `asksForMore` when some
  /// route has other conditions: then `match(request)` has to be asked.
  package func match(path: ByteSlice) -> Int32 {
    guard asksForPathOnly else { return RouteTable.asksForMore }
    let bucket = deepest(path, in: tiers)
    if bucket == RouteTable.none { return -1 }
    // Numbers of routes have 24 bits.
    return Int32(truncatingIfNeeded: buckets[Int(bucket)].firstRoute)
  }

  /// The route that takes `request`; nil when none does.
  package func match(_ request: RouteRequest) -> UInt32? {
    var search = RouteSearch(self, request)
    while let bucket = search.next() {
      let taker = first(in: bucket, request)
      if taker != RouteTable.none { return candidates[Int(taker)].route }
    }
    return nil
  }

  /// The methods that routes would take the request with, were it not for its own.
  package func allowedMethods(_ request: RouteRequest) -> MethodSet {
    var allowed = MethodSet.none
    var search = RouteSearch(self, request)
    while let bucket = search.next() {
      let first = Int(bucket.pointee.first)
      for candidate in candidates + first..<candidates + first + Int(bucket.pointee.count)
      where unmet(candidate, request) == .none {
        allowed.formUnion(candidate.pointee.methods)
      }
    }
    return allowed
  }

  /// The first candidate of the bucket that takes the request, or none.
  private func first(in bucket: UnsafePointer<Bucket>, _ request: RouteRequest) -> UInt32 {
    if bucket.pointee.index != RouteTable.none { return firstIndexed(in: bucket, request) }
    let start = bucket.pointee.first
    for position in start..<start + bucket.pointee.count
    where obstacle(candidates + Int(position), request) == .none {
      return position
    }
    return RouteTable.none
  }

  /// The bucket of the longest pattern of this tier that the path fits, or none; shorter ones are
  /// linked to it.
  @inline(__always)
  func deepest(_ path: ByteSlice, in tier: UnsafePointer<HostTier>) -> UInt32 {
    guard path.count > 0, path.base[0] == 0x2f else { return RouteTable.none }
    var best = tier.pointee.everything
    let deepest = tier.pointee.deepest
    if deepest == 0 { return best }
    let depths = tier.pointee.depths
    var hash = tier.pointee.seed
    var depth = 0
    var start = 1
    while depth < deepest {
      var end = start
      while end < path.count, path.base[end] != 0x2f { end &+= 1 }  // bounded by count
      hash.combine(path.base + start, end &- start)
      depth &+= 1
      let isLast = end == path.count
      if depths >> UInt64(min(depth, 63)) & 1 != 0,
        let found = find(ByteSlice(path.base, end), hash.value, tier.pointee.number)
      {
        if isLast, found.pointee.exact != RouteTable.none { return found.pointee.exact }
        if found.pointee.prefix != RouteTable.none { best = found.pointee.prefix }
      }
      if isLast { break }
      start = end &+ 1
    }
    return best
  }

  /// The entry of exactly these bytes.
  private func find(
    _ path: ByteSlice, _ hash: UInt64, _ tier: UInt32
  ) -> UnsafeMutablePointer<PathEntry>? {
    var index = Int(truncatingIfNeeded: hash) & pathMask
    while true {
      let entry = paths + index
      if entry.pointee.isFree { return nil }
      if entry.pointee.hash == hash, entry.pointee.tier == tier,
        Int(entry.pointee.length) == path.count,
        ASCII.equalBytes(bytes + Int(entry.pointee.offset), path.base, path.count)
      {
        return entry
      }
      index = (index &+ 1) & pathMask  // ends: half of the entries are free
    }
  }
}

/// The tables behind a `RouteTable`.
struct RouteMemory {
  var tiers: UnsafeMutablePointer<HostTier>
  var tierCount: Int
  var hosts: HostTable
  var paths: UnsafeMutablePointer<PathEntry>
  var pathMask: Int
  var buckets: UnsafeMutablePointer<Bucket>
  var bucketCount: Int
  var candidates: UnsafeMutablePointer<Candidate>
  var conditions: UnsafeMutablePointer<Condition>
  var index: ConditionIndex
  var bytes: UnsafeMutablePointer<UInt8>
  var asksForPathOnly: Bool
}

/// All buckets whose host and path fit a request, in the order in which they are asked.
struct RouteSearch {
  private let table: RouteTable
  private let path: ByteSlice
  private var tier: UInt32
  private var bucket: UInt32

  init(_ table: RouteTable, _ request: RouteRequest) {
    self.init(table, path: request.path, tier: table.hosts.tier(of: request.host))
  }

  /// From this tier on.
  init(_ table: RouteTable, path: ByteSlice, tier: UInt32) {
    self.table = table
    self.path = path
    self.tier = tier
    bucket = table.deepest(path, in: table.tiers + Int(tier))
  }

  mutating func next() -> UnsafePointer<Bucket>? {
    while bucket == RouteTable.none {
      tier = table.tiers[Int(tier)].wider
      if tier == RouteTable.none { return nil }
      bucket = table.deepest(path, in: table.tiers + Int(tier))
    }
    defer { bucket = table.buckets[Int(bucket)].shorter }
    return UnsafePointer(table.buckets + Int(bucket))
  }
}

/// The routes of one host pattern; the first tier is that of the routes without one.
struct HostTier {
  var number: UInt32
  /// The most specific tier that takes all hosts of this one too.
  var wider: UInt32
  /// The bucket of `/*`.
  var everything: UInt32
  /// Segments of the longest pattern; what lies below in a path is not looked at.
  var deepest: Int
  /// Bit d: some pattern has d segments. Bit 63: 63 or more.
  var depths: UInt64
  /// The hash of nothing, by the table's key and for this tier.
  var seed: KeyedHash
}

/// What the table knows of one path of one tier: 40 bytes.
struct PathEntry {
  var hash: UInt64
  var offset: UInt32
  var length: UInt32
  var tier: UInt32
  /// The bucket of exactly this path.
  var exact: UInt32
  /// The bucket of this path and everything below.
  var prefix: UInt32

  static var free: PathEntry {
    PathEntry(
      hash: 0, offset: 0, length: 0, tier: 0, exact: RouteTable.none, prefix: RouteTable.none)
  }
  var isFree: Bool { exact == RouteTable.none && prefix == RouteTable.none }
}

/// The routes of one host pattern and one path pattern: candidates one behind the other.
struct Bucket {
  var first: UInt32
  var count: UInt32
  /// The route of the first candidate.
  var firstRoute: UInt32
  /// The bucket of the next shorter pattern of the same tier that takes every path of this one.
  var shorter: UInt32
  /// Its place in `ConditionIndex`, for many candidates with conditions; else none.
  var index: UInt32
  var tier: UInt32
}

/// One route in its bucket.
struct Candidate {
  var route: UInt32
  var firstCondition: UInt32
  var fieldConditions: UInt32
  var parameterConditions: UInt32
  var methods: MethodSet
}
