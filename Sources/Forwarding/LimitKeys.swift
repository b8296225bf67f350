// Why this file exists: which requests count together. The parts of a request that a limit names
// become one key: a hash that nobody outside can aim at, and a few bytes for people.
package import Configuration
import HTTPSemantics
import Limiting
package import Primitives
import Routing

/// The key of one request at one limit.
struct MadeKey {
  var hash: LimitKey
  /// It tells clients apart, and the request had all of it.
  var isOwn: Bool
}

/// What people are shown of a key, in the two words that a table keeps for it. Both 0: some part
/// was missing, or there is nothing to show.
///
/// Of a key with a text: the first four bytes of the first text, their number above them, and in
/// the second word the address if the key has one (its first 64 bits for v6). Of a key with an
/// address alone: the whole address. Of `route` alone: the route's number, plus one.
package enum ShownKey {
  static func text(_ text: ByteSlice, address: IPAddress?) -> (UInt64, UInt64) {
    let count = min(text.count, 4)
    var word = UInt64(count) << 32
    for index in 0..<count { word |= UInt64(text.base[index]) << UInt64(8 &* index) }  // below 32
    guard let address else { return (word, 0) }
    return (word | (address.isV4 ? 1 << 40 : 1 << 41), address.isV4 ? address.low : address.high)
  }

  static func address(_ address: IPAddress) -> (UInt64, UInt64) {
    (address.high, address.isV4 ? address.low | 0xffff << 32 : address.low)
  }

  /// Of a key with a text: its beginning, and the address that it has beside.
  package static func text(
    _ shown: (UInt64, UInt64), of limit: RateLimitConfiguration
  ) -> (text: String, address: IPAddress?)? {
    let hasText = limit.key.contains { $0.isClients && $0 != .clientIP }
    let count = Int(shown.0 >> 32 & 7)
    if count == 0 || !hasText { return nil }
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: shown.0 >> UInt64(8 * $0)) }
    let text = String(decoding: bytes, as: UTF8.self)
    if shown.0 >> 40 & 1 == 1 {
      return (text, IPAddress(v4: UInt32(truncatingIfNeeded: shown.1)))
    }
    return (text, shown.0 >> 41 & 1 == 1 ? IPAddress(high: shown.1, low: 0) : nil)
  }

  /// Of a key with an address and no text.
  package static func address(
    _ shown: (UInt64, UInt64), of limit: RateLimitConfiguration
  ) -> IPAddress? {
    let hasText = limit.key.contains { $0.isClients && $0 != .clientIP }
    if hasText || shown == (0, 0) || !limit.key.contains(.clientIP) { return nil }
    return IPAddress(high: shown.0, low: shown.1)
  }

  /// Of `route` alone: the index of the route in the metrics' layout.
  package static func route(
    _ shown: (UInt64, UInt64), of limit: RateLimitConfiguration
  ) -> Int? {
    limit.key.contains { $0.isClients } || shown.1 == 0 ? nil : Int(shown.1)
  }
}

/// Of an admission where it is, as of the head: neither is copied for a limit.
extension UnsafePointer where Pointee == Admission {
  /// nil: the request does not count at this limit.
  /// - Parameter room: for parts that are put together or decoded; nothing stays in it.
  func limitKey(
    _ limit: UnsafePointer<LimitEntry>, _ head: UnsafePointer<RequestHead>,
    _ snapshot: UnsafePointer<Snapshot>, hasAddress: Bool, room: inout ByteWriter
  ) -> MadeKey? {
    var hash = limit.pointee.hash
    var address: IPAddress?
    var text: ByteSlice?
    var number: UInt64 = 0
    var isWhole = true
    let start = room.cursor
    for part in limit.pointee.parts {
      switch part {
      case .clientIP where hasAddress:
        let masked = limit.pointee.clientAddress(pointee.client.address)
        address = masked
        hash.combine(word: masked.isV4 ? 1 : 2)
        hash.combine(word: masked.high)
        hash.combine(word: masked.low)
        continue
      case .route:
        let entry = snapshot.pointee.routes + Int(pointee.route)
        number = UInt64(entry.pointee.number) + 1
        hash.combine(entry.pointee.name)
        continue
      case .global: continue
      case .clientIP, .host, .field, .cookie, .query: break
      }
      guard let value = value(of: part, head, &room) else {
        if !limit.pointee.sharesMissing { return nil }
        hash.combine(word: 0)
        isWhole = false
        continue
      }
      hash.combine(word: 3)
      hash.combine(value)
      if text == nil { text = value }
    }
    var shown: (UInt64, UInt64) = (0, number)
    if let text, isWhole {
      shown = ShownKey.text(text, address: address)
    } else if let address, isWhole {
      shown = ShownKey.address(address)
    } else if !isWhole {
      shown = (0, 0)
    }
    room.rewind(to: start)
    return MadeKey(hash: hash.key(shown: shown), isOwn: isWhole && limit.pointee.isClients)
  }

  /// The text of a part; nil = the request has none. Several field lines of one name are joined in
  /// `room`; the values of parameters are too, each as it is meant.
  private func value(
    of part: LimitKeyPart, _ head: UnsafePointer<RequestHead>, _ room: inout ByteWriter
  ) -> ByteSlice? {
    switch part {
    case .clientIP, .route, .global: return nil
    case .host:
      let host = pointee.facts.authority.slice(in: head.pointee.base)
      return host.isEmpty ? nil : host
    case .field(let name): return joined(name, head, &room)
    case .cookie(let name): return RequestPart.cookie(name, in: head.pointee, isNominatedToo: true)
    case .query(let name): return joined(parameter: name, &room)
    }
  }

  private func joined(parameter name: ByteSlice, _ room: inout ByteWriter) -> ByteSlice? {
    let start = room.cursor
    var parameters = QueryParameters(pointee.query)
    while parameters.next(named: name) {
      if room.cursor > start { room.append(", ") }
      parameters.writeValue(into: &room)
    }
    return room.cursor > start ? ByteSlice(UnsafePointer<UInt8>(start), room.cursor - start) : nil
  }

  private func joined(
    _ name: ByteSlice, _ head: UnsafePointer<RequestHead>, _ room: inout ByteWriter
  ) -> ByteSlice? {
    var first: ByteSlice?
    var isSeveral = false
    let start = room.cursor
    RequestPart.sentValues(of: name, in: head.pointee) { value in
      guard let only = first else {
        first = value
        return
      }
      if !isSeveral { room.append(only) }
      isSeveral = true
      room.append(", ")
      room.append(value)
    }
    return isSeveral ? ByteSlice(UnsafePointer<UInt8>(start), room.cursor - start) : first
  }
}

extension LimitEntry {
  /// The address, or the network, that counts as one client.
  func clientAddress(_ address: IPAddress) -> IPAddress {
    if address.isV4 { return address }
    return IPAddress(high: address.high & v6Mask.high, low: address.low & v6Mask.low)
  }
}
