// Why this file exists: repeats multiply the load on a service that is already in trouble; a budget
// bounds them to a share of the requests that came by themselves (the retry budget of Finagle and
// tower: deposits that live for ten seconds, and a floor so that a quiet service can repeat at
// all). One truth per process: all workers draw from the same words.
public import Primitives

/// The settings of one service.
@frozen @usableFromInline
package struct RetryBudgetRule: Sendable {
  /// Repeats allowed per million requests: the settings' own unit, so that none becomes 0.
  @usableFromInline package var partsPerMillion: UInt32
  /// Repeats in any ten seconds that are allowed whatever the traffic.
  @usableFromInline package var floor: UInt32

  @inlinable package init(partsPerMillion: UInt32, floor: UInt32) {
    self.partsPerMillion = partsPerMillion
    self.floor = floor
  }

  /// No repeat at all.
  @inlinable package static var none: RetryBudgetRule {
    RetryBudgetRule(partsPerMillion: 0, floor: 0)
  }
}

/// Counts of the last ten seconds, one word a second: 24 bits of the second, 24 of requests and 16
/// of repeats. Counts stop at their largest value instead of wrapping.
@frozen @usableFromInline
package struct RetryBudget {
  package static let seconds = 10
  package static var span: Duration { .seconds(Int64(seconds)) }
  /// A power of two above ten, so that a slot is never read while it is still in the span.
  private static let slots = 16
  @usableFromInline let words: SharedWords

  private static let requestOne: UInt64 = 1 << 16
  private static let requestMask: UInt64 = 0xFF_FFFF << 16
  private static let retryMask: UInt64 = 0xFFFF

  package static func create() -> RetryBudget { RetryBudget(words: .allocate(count: slots)) }

  private init(words: SharedWords) { self.words = words }

  package func destroy() { words.deallocate() }

  private static func second(_ now: Instant) -> UInt64 {
    now.nanoseconds / 1_000_000_000 & 0xFF_FFFF
  }

  /// Counts a request that came by itself.
  package func deposit(now: Instant) {
    add(RetryBudget.requestOne, mask: RetryBudget.requestMask, now: now)
  }

  /// Takes one repeat out of the budget, if it is there. Two workers that ask in the same instant
  /// may both take the last one: the bound is a share of thousands, and a lock would cost every
  /// request.
  package func withdraw(_ rule: RetryBudgetRule, now: Instant) -> Bool {
    let current = RetryBudget.second(now)
    var requests: UInt64 = 0
    var retries: UInt64 = 0
    for slot in 0..<RetryBudget.slots {
      let word = words[slot].load()
      let age = (current &- (word >> 40)) & 0xFF_FFFF
      if age >= UInt64(RetryBudget.seconds) { continue }
      requests += (word & RetryBudget.requestMask) >> 16
      retries += word & RetryBudget.retryMask
    }
    let allowed =
      requests * UInt64(rule.partsPerMillion) / 1_000_000 + UInt64(rule.floor)
    if retries >= allowed { return false }
    add(1, mask: RetryBudget.retryMask, now: now)
    return true
  }

  private func add(_ amount: UInt64, mask: UInt64, now: Instant) {
    let current = RetryBudget.second(now)
    let word = words[Int(current) & (RetryBudget.slots - 1)]
    var old = word.load()
    while true {
      if old >> 40 == current && old & mask == mask { return }
      let fresh = old >> 40 == current ? old + amount : current << 40 | amount
      let found = word.compareExchange(expected: old, desired: fresh)
      if found == old { return }
      old = found
    }
  }
}
