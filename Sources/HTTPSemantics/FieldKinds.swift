// Why this file exists: of most fields the rules ask only whether a line came and whether a second
// one did. Two words answer that for every kind at once.
import Primitives

/// Which kinds of field lines a head has.
struct FieldKinds {
  /// Kinds of which a line came, one bit each.
  private(set) var seen: UInt64 = 0
  /// Kinds of which more than one came.
  private(set) var repeated: UInt64 = 0

  @inline(__always)
  mutating func note(_ bit: UInt64) {
    repeated |= seen & bit
    seen |= bit
  }

  @inline(__always)
  func has(_ kind: FieldKind) -> Bool { seen & kind.bit != 0 }

  @inline(__always)
  func hasAny(_ kinds: UInt64) -> Bool { seen & kinds != 0 }

  @inline(__always)
  func isRepeated(_ kind: FieldKind) -> Bool { repeated & kind.bit != 0 }

  /// The position of the first line of a kind that came.
  @inline(__always)
  static func first(_ kind: FieldKind, _ fields: UnsafePointer<Field>, _ count: Int) -> Int {
    for index in 0..<count where fields[index].kind.rawValue == kind.rawValue { return index }
    preconditionFailure("no line of a kind that was seen")
  }
}

/// Sets of kinds, one bit each.
extension FieldKind {
  /// What ends at this hop (RFC 9110 section 7.6.1), in either direction.
  static var hopByHop: UInt64 {
    transferEncoding.bit | connection.bit | upgrade.bit | te.bit | keepAlive.bit
      | proxyConnection.bit | proxyAuthenticate.bit | proxyAuthorization.bit | http2Settings.bit
  }
  /// Says who the client is; believed only from a trusted peer.
  static var forwardingIdentity: UInt64 {
    forwarded.bit | xForwardedFor.bit | xForwardedProto.bit | xForwardedHost.bit
      | xForwardedOther.bit | xRealIP.bit
  }
}
