// Why this file exists: which route takes a path is asked for every request and must cost the same
// with ten routes and with ten thousand.
package import Primitives

/// One path condition and the route it belongs to.
package struct RoutePath: Equatable, Sendable {
  /// In normal form; for a prefix what stands before `/*`, so empty for `/*` itself.
  package var path: [UInt8]
  package var isPrefix: Bool
  /// The route's place in the file.
  package var route: UInt32

  package init(path: [UInt8], isPrefix: Bool, route: UInt32) {
    self.path = path
    self.isPrefix = isPrefix
    self.route = route
  }
}

/// Finds the route of a path: an exact path before any prefix, a longer prefix before a shorter
/// one, of equals the one with the lower number. Prefixes match on segment borders only.
///
/// Built once, then only read, by any thread. Memory is a table of entries, open addressing, at
/// most half full, and the bytes of all paths. A lookup hashes the path once, segment by segment,
/// and asks the table only at depths where some pattern ends; what it finds is compared byte by
/// byte.
package struct RouteTable: @unchecked Sendable {
  let entries: UnsafeMutablePointer<RouteEntry>
  let entryMask: Int
  let bytes: UnsafeMutablePointer<UInt8>
  /// The hash of nothing, by the table's key.
  let unused: KeyedHash
  /// Bit d: some pattern has d segments. Bit 63: 63 or more.
  let depths: UInt64
  /// Segments of the longest pattern; what lies below in a path is not looked at.
  let deepest: Int
  /// The route of `/*`.
  let everything: UInt32

  /// Builds a table; `key` makes its hashes ones that nobody outside can aim at. Every path begins
  /// with a slash, or is empty and a prefix. Allocates; for start-up and reload.
  package static func build(_ paths: [RoutePath], key: UInt64) -> RouteTable {
    RouteTableBuilder(paths, key: key).build()
  }

  /// Gives the memory back; nobody may look anything up any more.
  package func destroy() {
    entries.deallocate()
    bytes.deallocate()
  }

  /// The route that takes `path`, which is in normal form and without query; nil when none does.
  package func match(_ path: ByteSlice) -> UInt32? {
    guard path.count > 0, path.base[0] == 0x2f else { return nil }
    var best = everything
    if deepest == 0 { return best == RouteEntry.none ? nil : best }
    var hash = unused
    var depth = 0
    var start = 1
    while depth < deepest {
      var end = start
      while end < path.count, path.base[end] != 0x2f { end &+= 1 }  // bounded by count
      hash.combine(path.base + start, end &- start)
      depth &+= 1
      let isLast = end == path.count
      if depths >> UInt64(min(depth, 63)) & 1 != 0,
        let found = find(ByteSlice(path.base, end), hash.value)
      {
        if isLast, found.pointee.exact != RouteEntry.none { return found.pointee.exact }
        if found.pointee.prefix != RouteEntry.none { best = found.pointee.prefix }
      }
      if isLast { break }
      start = end &+ 1
    }
    return best == RouteEntry.none ? nil : best
  }

  /// The entry of exactly these bytes.
  private func find(_ path: ByteSlice, _ hash: UInt64) -> UnsafeMutablePointer<RouteEntry>? {
    var index = Int(truncatingIfNeeded: hash) & entryMask
    while true {
      let entry = entries + index
      if entry.pointee.isFree { return nil }
      if entry.pointee.hash == hash, Int(entry.pointee.length) == path.count,
        ASCII.equalBytes(bytes + Int(entry.pointee.offset), path.base, path.count)
      {
        return entry
      }
      index = (index &+ 1) & entryMask  // ends: half of the entries are free
    }
  }
}

/// What the table knows of one path: 32 bytes.
struct RouteEntry {
  var hash: UInt64
  var offset: UInt32
  var length: UInt32
  /// The route of exactly this path.
  var exact: UInt32
  /// The route of this path and everything below.
  var prefix: UInt32

  static var none: UInt32 { .max }
  static var free: RouteEntry {
    RouteEntry(hash: 0, offset: 0, length: 0, exact: none, prefix: none)
  }
  var isFree: Bool { exact == RouteEntry.none && prefix == RouteEntry.none }
}
