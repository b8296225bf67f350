// Why this file exists: building a route table is ordinary work at start-up; keeping it apart
// leaves the lookup readable on one screen.
import Primitives

/// Fills the memory of a `RouteTable`.
struct RouteTableBuilder {
  private let paths: [RoutePath]
  private let key: UInt64
  private let capacity: Int

  init(_ paths: [RoutePath], key: UInt64) {
    precondition(paths.count < 1 << 24, "more routes than a configuration file can hold")
    self.paths = paths
    self.key = key
    var capacity = 8
    while capacity < paths.count * 2 { capacity *= 2 }
    self.capacity = capacity
  }

  func build() -> RouteTable {
    let entries = UnsafeMutablePointer<RouteEntry>.allocate(capacity: capacity)
    entries.initialize(repeating: .free, count: capacity)
    let byteCount = paths.reduce(0) { $0 + $1.path.count }
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(byteCount, 1))
    var used = 0
    var depths: UInt64 = 0
    var deepest = 0
    var everything = RouteEntry.none
    for item in paths {
      precondition(item.route != RouteEntry.none)
      if item.path.isEmpty {
        precondition(item.isPrefix, "an exact path is not empty")
        everything = min(everything, item.route)
        continue
      }
      precondition(item.path[0] == 0x2f, "a path begins with a slash")
      let (hash, depth) = RouteTableBuilder.hash(item.path, key)
      depths |= 1 << UInt64(min(depth, 63))
      deepest = max(deepest, depth)
      let entry = place(item.path, hash, in: entries, bytes, &used)
      if item.isPrefix {
        entry.pointee.prefix = min(entry.pointee.prefix, item.route)
      } else {
        entry.pointee.exact = min(entry.pointee.exact, item.route)
      }
    }
    return RouteTable(
      entries: entries, entryMask: capacity - 1, bytes: bytes, unused: KeyedHash(key: key),
      depths: depths, deepest: deepest, everything: everything)
  }

  /// The entry of `path`, a new one when there is none yet.
  private func place(
    _ path: [UInt8], _ hash: UInt64, in entries: UnsafeMutablePointer<RouteEntry>,
    _ bytes: UnsafeMutablePointer<UInt8>, _ used: inout Int
  ) -> UnsafeMutablePointer<RouteEntry> {
    var index = Int(truncatingIfNeeded: hash) & (capacity - 1)
    while !entries[index].isFree {
      let entry = entries[index]
      let stored = UnsafeBufferPointer(start: bytes + Int(entry.offset), count: Int(entry.length))
      if entry.hash == hash, stored.elementsEqual(path) { return entries + index }
      index = (index + 1) & (capacity - 1)
    }
    for (at, byte) in path.enumerated() { (bytes + used + at).initialize(to: byte) }
    entries[index].hash = hash
    entries[index].offset = UInt32(used)
    entries[index].length = UInt32(path.count)
    used += path.count
    return entries + index
  }

  /// The hash as a lookup makes it, segment by segment, and the number of segments.
  private static func hash(_ path: [UInt8], _ key: UInt64) -> (hash: UInt64, depth: Int) {
    var hash = KeyedHash(key: key)
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
