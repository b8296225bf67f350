// Why this file exists: switching protocols hands the connection over to bytes that we do not read.
// Which protocols may do that, and how they are named, is one small rule.
package import Primitives

/// Upgrade (RFC 9110 section 7.8).
package enum UpgradeRule {
  /// The index of the protocol in `allowed` that `offered` names, letter case aside; nil when it is
  /// none of them. `h2c` and `HTTP/…` never match, whatever the list says: they would take the
  /// requests behind them out of the gateway's hands.
  package static func select(
    _ offered: ByteSlice, allowed: UnsafeBufferPointer<ByteSlice>
  ) -> Int? {
    guard offered.count > 0, !isHTTP(offered) else { return nil }
    for index in 0..<allowed.count where ASCII.equalIgnoringCase(offered, allowed[index]) {
      return index
    }
    return nil
  }

  /// A name for HTTP itself.
  package static func isHTTP(_ name: ByteSlice) -> Bool {
    if ASCII.equalIgnoringCase(name, "h2c") || ASCII.equalIgnoringCase(name, "http") { return true }
    return name.count >= 5 && ASCII.equalIgnoringCase(ByteSlice(name.base, 5), "http/")
  }

  /// One protocol: a token, with a version after a slash if it has one. No list.
  package static func isOneProtocol(_ value: ByteSlice) -> Bool {
    var slashes = 0
    for index in 0..<value.count where !ASCII.isToken(value.base[index]) {
      guard value.base[index] == 0x2f, index > 0, index + 1 < value.count else { return false }
      slashes += 1
    }
    return value.count > 0 && slashes <= 1
  }
}
