// Why this file exists: the hosts of all routes become a tree by specificity at start-up, so that a
// lookup that finds nothing under one host knows where to go on.
import Primitives

/// Collects host patterns and numbers them; 0 is "any host".
struct HostTableBuilder {
  private let key: UInt64
  private var numbers: [RouteRule.Host: Int] = [.any: 0]
  private var patterns: [RouteRule.Host] = [.any]

  init(key: UInt64) { self.key = key }

  /// The tier of a pattern, a new one when there is none yet.
  mutating func tier(of host: RouteRule.Host) -> Int {
    if let number = numbers[host] { return number }
    numbers[host] = patterns.count
    patterns.append(host)
    return patterns.count - 1
  }

  /// The table, and for each tier the next wider one.
  func build() -> (hosts: HostTable, wider: [UInt32]) {
    var seed = KeyedHash(key: key)
    // Apart from the hashes of paths.
    seed.combine(word: 0x486f_7374)
    var entries = [HostEntry](
      repeating: .free, count: RouteTableBuilder.capacity(for: patterns.count))
    var text: [UInt8] = []
    var depths: UInt64 = 0
    var deepest = 0
    for (number, pattern) in patterns.enumerated() {
      guard let name = HostTableBuilder.name(of: pattern) else { continue }
      precondition(!name.isEmpty && name.count <= HostTable.longest, "not a host")
      let labels = name.split(separator: 0x2e, omittingEmptySubsequences: false)
      // A wildcard is looked up where its star's labels begin.
      depths |= 1 << UInt64(min(labels.count, 63))
      deepest = max(deepest, labels.count)
      let hash = HostTableBuilder.hash(labels, seed)
      var index = Int(truncatingIfNeeded: hash) & (entries.count - 1)
      while !entries[index].isFree {
        let entry = entries[index]
        let start = Int(entry.offset)
        if entry.hash == hash, text[start..<start + Int(entry.length)].elementsEqual(name) { break }
        index = (index + 1) & (entries.count - 1)
      }
      if entries[index].isFree {
        entries[index].hash = hash
        entries[index].offset = UInt32(text.count)
        entries[index].length = UInt32(name.count)
        text += name
      }
      if case .exact = pattern {
        entries[index].exact = UInt32(number)
      } else {
        entries[index].below = UInt32(number)
      }
    }
    let hosts = HostTable(
      entries: patterns.count > 1 ? memory(entries) : nil, mask: entries.count - 1,
      bytes: memory(text), seed: seed, depths: depths, deepest: deepest)
    return (hosts, patterns.map(wider))
  }

  /// The longest wildcard that takes every host of the pattern, else any.
  private func wider(_ pattern: RouteRule.Host) -> UInt32 {
    guard var name = HostTableBuilder.name(of: pattern)?[...] else { return RouteTable.none }
    while let dot = name.firstIndex(of: 0x2e) {
      name = name[(dot + 1)...]
      if let number = numbers[.below(Array(name))] { return UInt32(number) }
    }
    return 0
  }

  private static func name(of pattern: RouteRule.Host) -> [UInt8]? {
    switch pattern {
    case .any: nil
    case .exact(let name), .below(let name): name
    }
  }

  /// The hash as a lookup makes it, from the right.
  private static func hash(_ labels: [ArraySlice<UInt8>], _ seed: KeyedHash) -> UInt64 {
    var hash = seed
    for label in labels.reversed() {
      label.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an empty label") }
        hash.combineIgnoringCase(ByteSlice(base, buffer.count))
      }
    }
    return hash.value
  }
}
