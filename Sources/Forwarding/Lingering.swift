// Why this file exists: an answer that ends its connection may reach a client that still sends. Who
// closes on it has the system answer its next byte with a reset, which takes along what it has not
// read yet (RFC 9112 section 9.6). How long such a connection lasts is decided here.
package import Primitives

/// A connection on which everything has been said.
package struct Lingering {
  /// Bytes that are still to be read and thrown away.
  private var left = Bounds.discardBytes
  /// What was said and the client has not taken yet.
  private var taking = ProgressMeter()

  package init() {}

  /// Bytes have been thrown away. False: no more of them.
  package mutating func discard(_ count: Int) -> Bool {
    left = max(0, left - count)
    return left > 0
  }

  /// Whether the connection has the time once more, asked when `Bounds.discardTime` is over. A
  /// client that has taken everything has it once; before, it is one that takes an answer, with the
  /// limits of those.
  /// - Parameter untaken: bytes that the client has not acknowledged.
  /// - Parameter writeIdle: how long it may take nothing (`timeouts.write_idle`).
  /// - Parameter minRate: bytes a second that it takes at least (`limits.min_rate`); 0 = any.
  package mutating func goesOn(
    untaken: Int, writeIdle: Duration, minRate: UInt64, now: Instant
  ) -> Bool {
    if untaken == 0 {
      let wasTaking = taking.isRunning
      taking = ProgressMeter()
      return wasTaking
    }
    taking.start(total: 0, now: now)
    let verdict = taking.verdict(
      total: 0, held: UInt64(untaken), idle: writeIdle, minRate: minRate, now: now)
    return verdict == .good
  }
}
