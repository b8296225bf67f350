// Why this file exists: an answer that ends its connection may reach a client that still sends. Who
// closes on it has the system answer its next byte with a reset, which takes along what it has not
// read yet (RFC 9112 section 9.6). How long such a connection lasts is decided here.
import Primitives

/// A connection on which everything has been said.
package struct Lingering {
  /// Bytes that are still to be read and thrown away.
  var left = Int32(Bounds.discardBytes)
  /// Of what was said, what the client had not acknowledged at the last look; 0 = there was none.
  var untaken: Int32 = 0

  package init() {}

  /// Bytes have been thrown away. False: no more of them.
  package mutating func discard(_ count: Int) -> Bool {
    left = Int32(clamping: Int(left) - count)
    return left > 0
  }

  /// Whether the connection has the time once more, asked when `Bounds.discardTime` is over. That
  /// counts while the client takes nothing: one that reads its answer has the time again, and once
  /// again behind the last byte. The first look only sees whether there is something to be taken.
  /// - Parameter untaken: bytes that the client has not acknowledged.
  /// - Parameter minRate: bytes a second (`limits.min_rate`) that it takes at least, or the rest;
  ///   0 = any.
  package mutating func goesOn(untaken: Int, minRate: UInt64) -> Bool {
    let before = Int(self.untaken)
    self.untaken = Int32(clamping: untaken)
    if before == 0 { return untaken > 0 }
    let seconds = UInt64(Bounds.discardTime.nanoseconds) / 1_000_000_000
    let least = minRate.multipliedReportingOverflow(by: seconds).partialValue
    return before - untaken >= min(before, max(1, Int(clamping: least)))
  }
}
