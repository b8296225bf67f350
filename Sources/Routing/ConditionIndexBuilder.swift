// Why this file exists: which condition a route is best filed under is found out once, when the
// table is built.
import Primitives

/// Collects the candidates of buckets that have many with conditions.
struct ConditionIndexBuilder {
  private let key: UInt64
  private var buckets: [IndexedBucket] = []
  private var lists: [UInt32] = []
  /// Under which hash, and what is found there.
  private var filed: [(hash: UInt64, entry: IndexEntry)] = []

  init(key: UInt64) { self.key = key }

  /// A condition as it is filed.
  private struct Filing: Hashable {
    var isParameter: Bool
    /// Of a field, in lower case.
    var name: [UInt8]
    var value: [UInt8]?
  }

  /// Files the candidates from position `first` on, which are in the order in which they are asked;
  /// gives the bucket's number here, or none when there are too few.
  mutating func add(_ rules: [RouteRule], first: UInt32) -> UInt32 {
    let options = rules.map(ConditionIndexBuilder.filings)
    guard options.count(where: { !$0.isEmpty }) > ConditionIndex.threshold else {
      return RouteTable.none
    }
    var sharing: [Filing: Int] = [:]
    for filing in options.joined() { sharing[filing, default: 0] += 1 }
    var members: [Filing: [UInt32]] = [:]
    var plain: [UInt32] = []
    for (offset, filings) in options.enumerated() {
      let position = first + UInt32(offset)
      // A value before mere presence where both are as rare.
      let rarest = filings.min {
        (sharing[$0] ?? 0, $0.value == nil ? 1 : 0) < (sharing[$1] ?? 0, $1.value == nil ? 1 : 0)
      }
      if let rarest {
        members[rarest, default: []].append(position)
      } else {
        plain.append(position)
      }
    }
    var seed = KeyedHash(key: key)
    // Apart from the hashes of paths and of other buckets.
    seed.combine(word: 0x436f_6e64)
    seed.combine(word: UInt64(buckets.count))
    buckets.append(
      IndexedBucket(
        seed: seed, plainFirst: UInt32(lists.count), plainCount: UInt32(plain.count),
        fieldLengths: members.keys.reduce(0) { lengths, filing in
          filing.isParameter ? lengths : lengths | 1 << UInt64(filing.name.count & 63)
        },
        usesParameters: members.keys.contains { $0.isParameter }))
    lists += plain
    file(members, seed)
    return UInt32(buckets.count - 1)
  }

  private mutating func file(_ members: [Filing: [UInt32]], _ seed: KeyedHash) {
    var names: [Filing: IndexEntry] = [:]
    for (filing, positions) in members {
      let first = UInt32(lists.count)
      lists += positions
      let name = Filing(isParameter: filing.isParameter, name: filing.name, value: nil)
      var entry = names[name] ?? .free
      if let value = filing.value {
        entry.hasValues = true
        let own = IndexEntry(
          hash: 0, first: first, count: UInt32(positions.count), hasValues: false, isUsed: true)
        filed.append((ConditionIndexBuilder.hash(seed, filing, value), own))
      } else {
        entry.first = first
        entry.count = UInt32(positions.count)
      }
      names[name] = entry
    }
    for (name, entry) in names {
      filed.append((ConditionIndexBuilder.hash(seed, name, nil), entry))
    }
  }

  mutating func build() -> ConditionIndex {
    var entries = [IndexEntry](
      repeating: .free, count: RouteTableBuilder.capacity(for: filed.count))
    for (hash, entry) in filed {
      var index = Int(truncatingIfNeeded: hash) & (entries.count - 1)
      while entries[index].isUsed, entries[index].hash != hash {
        index = (index + 1) & (entries.count - 1)
      }
      entries[index] = entries[index].isUsed ? merged(entries[index], entry) : entry
      entries[index].hash = hash
      entries[index].isUsed = true
    }
    return ConditionIndex(
      buckets: memory(buckets), entries: memory(entries), mask: entries.count - 1,
      lists: memory(lists))
  }

  /// Two conditions with one hash are found together.
  private mutating func merged(_ left: IndexEntry, _ right: IndexEntry) -> IndexEntry {
    let positions = [left, right].flatMap { lists[Int($0.first)..<Int($0.first + $0.count)] }
    let first = UInt32(lists.count)
    lists += positions.sorted()
    return IndexEntry(
      hash: left.hash, first: first, count: UInt32(positions.count),
      hasValues: left.hasValues || right.hasValues, isUsed: true)
  }

  private static func filings(_ rule: RouteRule) -> [Filing] {
    rule.fields.map { field in
      Filing(isParameter: false, name: field.name.map(ASCII.lowercased), value: field.value)
    } + rule.parameters.map { Filing(isParameter: true, name: $0.name, value: $0.value) }
  }

  /// The hash as a lookup makes it.
  private static func hash(_ seed: KeyedHash, _ filing: Filing, _ value: [UInt8]?) -> UInt64 {
    // One byte more, so that an empty text has an address too.
    (filing.name + [0]).withUnsafeBufferPointer { name in
      ((value ?? []) + [0]).withUnsafeBufferPointer { text in
        let slice = ByteSlice(name.baseAddress.unsafelyUnwrapped, name.count - 1)
        var hash =
          filing.isParameter
          ? ConditionIndex.hash(seed, parameterName: slice, isPlain: true)
          : ConditionIndex.hash(seed, fieldName: slice)
        guard value != nil else { return hash.value }
        let content = ByteSlice(text.baseAddress.unsafelyUnwrapped, text.count - 1)
        if filing.isParameter {
          DecodedBytes.combine(content, isPlain: true, into: &hash)
        } else {
          hash.combine(content)
        }
        return hash.value
      }
    }
  }
}
