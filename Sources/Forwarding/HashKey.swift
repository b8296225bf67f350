// Why this file exists: keyed balancers send requests that have something in common to one backend;
// what that is, an operator says, and here it becomes a number.
import Balancing
import HTTPSemantics
public import Primitives
import Routing

/// What requests have in common that go to one backend (`balancer.key`). The names are the
/// snapshot's.
@frozen @usableFromInline
package enum HashKey {
  /// The balancer asks for no key.
  case none
  case clientIP
  /// In its normal form, without the query.
  case path
  /// What the request names as its host, wherever that stands.
  case host
  /// The field's name, in lower case.
  case field(ByteSlice)
  case cookie(ByteSlice)
  case query(ByteSlice)
}

extension Admission {
  /// The number that stands for the request's key: XXH64 of its bytes, as they are in the request;
  /// of an address, of its text; of a parameter, of what it means. Of several field lines, or of
  /// several parameters, each is hashed with the hash of the one before as seed. Nil when the
  /// request has no such part: then it goes to any backend.
  /// - Parameter hasAddress: the client has an address; one on a unix socket has none.
  /// - Parameter room: for the value of a parameter; nothing stays in it.
  @inline(__always)
  mutating func hash(
    _ key: HashKey, _ head: RequestHead, hasAddress: Bool, room: inout ByteWriter
  ) -> UInt64? {
    if case .none = key { return nil }
    return compute(key, head, hasAddress: hasAddress, &room)
  }

  /// Mutating, though nothing changes: else it would be given a copy of two hundred bytes.
  private mutating func compute(
    _ key: HashKey, _ head: RequestHead, hasAddress: Bool, _ room: inout ByteWriter
  ) -> UInt64? {
    switch key {
    case .none: return nil
    case .clientIP: return hasAddress ? Admission.hash(client.address) : nil
    case .path: return StableHash.of(ByteSlice(target.base, pathLength))
    case .host: return Admission.hash(facts.authority.slice(in: head.base))
    case .field(let name):
      var hash: UInt64?
      RequestPart.values(of: name, in: head) { hash = StableHash.of($0, seed: hash ?? 0) }
      return hash
    case .cookie(let name): return Admission.hash(RequestPart.cookie(name, in: head))
    case .query(let name): return hash(ofParameter: name, &room)
    }
  }

  private func hash(ofParameter name: ByteSlice, _ room: inout ByteWriter) -> UInt64? {
    var hash: UInt64?
    let start = room.cursor
    var parameters = QueryParameters(query)
    while parameters.next(named: name) {
      parameters.writeValue(into: &room)
      let value = ByteSlice(UnsafePointer(start), room.cursor - start)
      hash = StableHash.of(value, seed: hash ?? 0)
      room.rewind(to: start)
    }
    return hash
  }

  private static func hash(_ part: ByteSlice?) -> UInt64? {
    guard let part, !part.isEmpty else { return nil }
    return StableHash.of(part)
  }

  private static func hash(_ address: IPAddress) -> UInt64 {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: IPAddress.maximumTextLength) { text in
      guard let base = text.baseAddress else { return 0 }
      return StableHash.of(ByteSlice(base, address.write(to: base)))
    }
  }
}
