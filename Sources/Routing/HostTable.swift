// Why this file exists: a host is matched from its right end, label by label, because that is where
// wildcards are anchored.
import Primitives

/// Host patterns by their labels from the right.
struct HostTable {
  /// No name is longer (RFC 1035 section 2.3.4); what is, belongs to no pattern.
  static var longest: Int { 255 }

  /// nil: no route asks for a host.
  let entries: UnsafeMutablePointer<HostEntry>?
  let mask: Int
  let bytes: UnsafeMutablePointer<UInt8>
  let seed: KeyedHash
  /// Bit n: some pattern has n labels. Bit 63: 63 or more.
  let depths: UInt64
  /// Labels of the longest pattern.
  let deepest: Int

  func destroy() {
    entries?.deallocate()
    bytes.deallocate()
  }

  /// The most specific tier for a host, letter case and a final dot ignored; 0 is that of the
  /// routes that ask for none.
  func tier(of name: ByteSlice) -> UInt32 {
    guard let entries, name.count > 0 else { return 0 }
    let host = HostTable.withoutFinalDot(name)
    guard host.count <= HostTable.longest else { return 0 }
    var best: UInt32 = 0
    /// Bytes that its star stands for.
    var inFront = 0
    var hash = seed
    var labels = 0
    var end = host.count
    while labels < deepest {
      var start = end
      while start > 0, host.base[start &- 1] != 0x2e { start &-= 1 }
      hash.combineIgnoringCase(ByteSlice(host.base + start, end &- start))
      labels &+= 1
      if depths >> UInt64(min(labels, 63)) & 1 != 0,
        let found = find(ByteSlice(host.base + start, host.count &- start), hash.value, entries)
      {
        if start == 0, found.pointee.exact != RouteTable.none { return found.pointee.exact }
        if start > 0, found.pointee.below != RouteTable.none {
          best = found.pointee.below
          inFront = start
        }
      }
      if start == 0 { break }
      end = start &- 1
    }
    return HostTable.areLabels(ByteSlice(host.base, inFront)) ? best : 0
  }

  /// Whether there is something before each dot: no label is empty (RFC 1035 section 2.3.1).
  private static func areLabels(_ labels: ByteSlice) -> Bool {
    var before: UInt8 = 0x2e
    for index in 0..<labels.count {
      let byte = labels.base[index]
      if byte == 0x2e && before == 0x2e { return false }
      before = byte
    }
    return true
  }

  /// `example.com.` names the same host as `example.com` (RFC 1034 section 3.1).
  static func withoutFinalDot(_ name: ByteSlice) -> ByteSlice {
    let hasDot = name.count > 1 && name.base[name.count &- 1] == 0x2e
    return hasDot ? ByteSlice(name.base, name.count &- 1) : name
  }

  private func find(
    _ suffix: ByteSlice, _ hash: UInt64, _ entries: UnsafeMutablePointer<HostEntry>
  ) -> UnsafeMutablePointer<HostEntry>? {
    var index = Int(truncatingIfNeeded: hash) & mask
    while true {
      let entry = entries + index
      if entry.pointee.isFree { return nil }
      if entry.pointee.hash == hash, Int(entry.pointee.length) == suffix.count,
        ASCII.equalIgnoringCase(
          ByteSlice(bytes + Int(entry.pointee.offset), suffix.count), suffix)
      {
        return entry
      }
      index = (index &+ 1) & mask  // ends: half of the entries are free
    }
  }
}

/// A host pattern without its star.
struct HostEntry {
  var hash: UInt64
  var offset: UInt32
  var length: UInt32
  /// The tier of exactly this host.
  var exact: UInt32
  /// The tier of all hosts below it.
  var below: UInt32

  static var free: HostEntry {
    HostEntry(hash: 0, offset: 0, length: 0, exact: RouteTable.none, below: RouteTable.none)
  }
  var isFree: Bool { exact == RouteTable.none && below == RouteTable.none }
}
