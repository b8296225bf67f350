// Why this file exists: thousands of routes on one path that differ in a field or a parameter (a
// tenant, a version) must not be asked one after the other. Each is filed under one of its
// conditions, and a request asks only for those that its own fields and parameters name.
import HTTPSemantics
import Primitives

/// Candidates by one of their conditions: the one that fewest others of the bucket share. What is
/// found is asked in full, so two conditions with one hash cost time and nothing else.
struct ConditionIndex {
  /// So many candidates with conditions are faster asked than looked up.
  static var threshold: Int { 8 }

  let buckets: UnsafeMutablePointer<IndexedBucket>
  let entries: UnsafeMutablePointer<IndexEntry>
  let mask: Int
  /// Positions of candidates; every list in the order in which they are asked.
  let lists: UnsafeMutablePointer<UInt32>

  func destroy() {
    buckets.deallocate()
    entries.deallocate()
    lists.deallocate()
  }

  func find(_ hash: UInt64) -> UnsafePointer<IndexEntry>? {
    var index = Int(truncatingIfNeeded: hash) & mask
    while entries[index].isUsed {
      if entries[index].hash == hash { return UnsafePointer(entries + index) }
      index = (index &+ 1) & mask  // ends: half of the entries are free
    }
    return nil
  }

  /// The hash of a condition's name, to go on with a value.
  static func hash(_ seed: KeyedHash, fieldName: ByteSlice) -> KeyedHash {
    var hash = seed
    hash.combine(word: 0)
    hash.combineIgnoringCase(fieldName)
    return hash
  }

  /// - Parameter isPlain: nothing in the name is encoded.
  static func hash(
    _ seed: KeyedHash, parameterName: ByteSlice, isPlain: Bool = false
  ) -> KeyedHash {
    var hash = seed
    hash.combine(word: 1)
    DecodedBytes.combine(parameterName, isPlain: isPlain, into: &hash)
    return hash
  }
}

struct IndexedBucket {
  /// Makes the hashes of this bucket its own.
  var seed: KeyedHash
  /// The candidates without conditions on fields and parameters.
  var plainFirst: UInt32
  var plainCount: UInt32
  /// Bit n modulo 64: some name of a field has n bytes. What has another length is not looked up.
  var fieldLengths: UInt64
  var usesParameters: Bool
}

struct IndexEntry {
  var hash: UInt64
  var first: UInt32
  var count: UInt32
  /// Of a name: some condition asks for a value of it.
  var hasValues: Bool
  var isUsed: Bool

  static var free: IndexEntry {
    IndexEntry(hash: 0, first: 0, count: 0, hasValues: false, isUsed: false)
  }
}

extension RouteTable {
  /// The first candidate of an indexed bucket that takes the request, or none.
  func firstIndexed(in bucket: UnsafePointer<Bucket>, _ request: RouteRequest) -> UInt32 {
    let indexed = index.buckets + Int(bucket.pointee.index)
    var best = RouteTable.none
    improve(&best, indexed.pointee.plainFirst, indexed.pointee.plainCount, request)
    let lengths = indexed.pointee.fieldLengths
    if lengths != 0 {
      for position in 0..<request.fieldCount {
        let field = request.fields + position
        if lengths >> UInt64(field.pointee.nameLength & 63) & 1 == 0 { continue }
        let name = field.pointee.name.slice(in: request.base)
        var hash = ConditionIndex.hash(indexed.pointee.seed, fieldName: name)
        guard let named = index.find(hash.value) else { continue }
        improve(&best, named.pointee.first, named.pointee.count, request)
        if !named.pointee.hasValues { continue }
        hash.combine(field.pointee.value.slice(in: request.base))
        improve(&best, withHash: hash.value, request)
      }
    }
    if indexed.pointee.usesParameters {
      var parameters = QueryParameters(request.query)
      while parameters.next() {
        var hash = ConditionIndex.hash(indexed.pointee.seed, parameterName: parameters.name)
        guard let named = index.find(hash.value) else { continue }
        improve(&best, named.pointee.first, named.pointee.count, request)
        if !named.pointee.hasValues { continue }
        DecodedBytes.combine(parameters.value, into: &hash)
        improve(&best, withHash: hash.value, request)
      }
    }
    return best
  }

  private func improve(_ best: inout UInt32, withHash hash: UInt64, _ request: RouteRequest) {
    guard let found = index.find(hash) else { return }
    improve(&best, found.pointee.first, found.pointee.count, request)
  }

  /// Takes the first candidate of the list that is asked before `best` and takes the request.
  private func improve(
    _ best: inout UInt32, _ first: UInt32, _ count: UInt32, _ request: RouteRequest
  ) {
    for place in Int(first)..<Int(first) + Int(count) {
      let position = index.lists[place]
      if position >= best { return }
      if obstacle(candidates + Int(position), request) == .none {
        best = position
        return
      }
    }
  }
}
