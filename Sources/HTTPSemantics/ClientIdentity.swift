// Why this file exists: limits, hashing, logs and backends must all mean the same client. Who that
// is depends on which of the hops in front of us are believed, and that is decided here.
public import Primitives

/// Who sent a request, seen through trusted proxies.
@frozen @usableFromInline
package struct ClientIdentity: Equatable, Sendable {
  /// The one address that everything goes by.
  @usableFromInline package var address: IPAddress
  /// The peer of the connection is a trusted proxy: what it says of the client is passed on.
  @usableFromInline package var peerIsTrusted: Bool

  @inlinable package init(address: IPAddress, peerIsTrusted: Bool) {
    self.address = address
    self.peerIsTrusted = peerIsTrusted
  }

  /// Decides who the client is. An untrusted peer is the client, and every X-Forwarded-*, Forwarded
  /// and X-Real-IP line of `head` is marked dropped. Behind a trusted peer the lines stay, and
  /// X-Forwarded-For, all its lines as one list, is walked from the right: trusted addresses are
  /// skipped, the first other one is the client. What cannot be read ends the walk, and the last
  /// address read stands. `facts` are those of the same head.
  package static func resolve(
    _ head: RequestHead, _ facts: RequestFacts, peer: IPAddress,
    trusted: UnsafeBufferPointer<CIDR>
  ) -> ClientIdentity {
    let peerIsTrusted = isTrusted(peer, trusted)
    guard facts.hasForwardingIdentity else {
      return ClientIdentity(address: peer, peerIsTrusted: peerIsTrusted)
    }
    guard peerIsTrusted else {
      for index in 0..<head.fieldCount
      where head.fields[index].kind.bit & FieldKind.forwardingIdentity != 0 {
        head.fields[index].drop()
      }
      return ClientIdentity(address: peer, peerIsTrusted: false)
    }
    return ClientIdentity(address: walk(head, peer, trusted), peerIsTrusted: true)
  }

  private static func walk(
    _ head: RequestHead, _ peer: IPAddress, _ trusted: UnsafeBufferPointer<CIDR>
  ) -> IPAddress {
    var client = peer
    var index = head.fieldCount
    while index > 0 {
      index -= 1
      guard case .xForwardedFor = head.fields[index].kind else { continue }
      var list = FieldList(head.value(index))
      while let member = list.nextFromRight() {
        guard let address = ForwardedAddress.parse(member) else { return client }
        client = address
        if !isTrusted(address, trusted) { return client }
      }
    }
    return client
  }

  /// `address` lies in one of the ranges.
  package static func isTrusted(
    _ address: IPAddress, _ ranges: UnsafeBufferPointer<CIDR>
  ) -> Bool {
    for range in ranges where range.contains(address) { return true }
    return false
  }
}

/// One member of X-Forwarded-For, as proxies write them.
enum ForwardedAddress {
  /// `a.b.c.d`, `a.b.c.d:port`, `v6`, `[v6]` or `[v6]:port`.
  static func parse(_ member: ByteSlice) -> IPAddress? {
    if let address = IPAddress.parse(member) { return address }
    if let endpoint = Endpoint.parse(member) { return endpoint.address }
    guard member.count > 2, member.base[0] == 0x5b, member.base[member.count - 1] == 0x5d else {
      return nil
    }
    let inside = ByteSlice(member.base + 1, member.count - 2)
    guard let address = IPAddress.parse(inside) else { return nil }
    for index in 0..<inside.count where inside.base[index] == 0x3a { return address }
    return nil
  }
}
