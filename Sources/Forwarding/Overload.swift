// Why this file exists: a process that takes more than it can bear serves nobody. Two measures, how
// late an event loop is and how much memory is resident, are judged here against their limits, with
// a memory of their own so that the verdict does not flicker.
package import Primitives

/// What is refused with 503 `overloaded`. Connections go first: whoever is in already has cost the
/// most.
@frozen @usableFromInline
package enum OverloadLevel: UInt8, CaseIterable, Sendable {
  case nothing
  case connections
  /// Connections too.
  case requests

  /// As a word that threads share; one that is none of them is nothing.
  package init(word: UInt64) {
    self = OverloadLevel(rawValue: UInt8(truncatingIfNeeded: word)) ?? .nothing
  }
}

/// One measure and its limit.
///
///     nothing ──above──▶ connections ──above for `patience`, or far above──▶ requests
///     requests ──not above──▶ connections ──well below for `calm`──▶ nothing
package struct OverloadGuard: Sendable {
  package private(set) var level = OverloadLevel.nothing
  private let limit: UInt64
  /// When the level last changed, or the measure was last at odds with leaving it.
  private var since = Instant(nanoseconds: 0)

  /// Refusing connections gets this long to help before requests are refused as well.
  package static var patience: Duration { .seconds(1) }
  /// The measure has to be well below its limit for this long.
  package static var calm: Duration { .seconds(1) }

  /// In the unit of the measure.
  package init(limit: UInt64) { self.limit = limit }

  /// A quarter above the limit there is no time to be patient.
  private var farAbove: UInt64 { limit &+ limit / 4 }  // limits are below 2^60
  private var wellBelow: UInt64 { limit - limit / 10 }

  /// Takes a measurement; true when the level has changed.
  package mutating func judge(_ value: UInt64, now: Instant) -> Bool {
    let next: OverloadLevel
    switch level {
    case .nothing: next = value > farAbove ? .requests : value > limit ? .connections : .nothing
    case .connections: next = fromConnections(value, now)
    case .requests: next = value > limit ? .requests : .connections
    }
    guard next != level else { return false }
    level = next
    since = now
    return true
  }

  private mutating func fromConnections(_ value: UInt64, _ now: Instant) -> OverloadLevel {
    if value > farAbove { return .requests }
    if value > limit { return now - since >= OverloadGuard.patience ? .requests : .connections }
    if value < wellBelow {
      return now - since >= OverloadGuard.calm ? .nothing : .connections
    }
    // Near the limit on the good side: neither patience nor calm is running out.
    since = now
    return .connections
  }
}

/// How late an event loop comes to what it has planned, as a running mean over time.
package struct LagAverage: Sendable {
  /// Nanoseconds.
  package private(set) var value: UInt64 = 0

  /// A stall counts for as long as it lasted against this: one of a tenth of the limit's length is
  /// forgiven, a row of them is not.
  package static var memory: UInt64 { 250_000_000 }

  /// libuv's timers and epoll_wait(2) count whole milliseconds: a loop with nothing to do comes up
  /// to one late to what it has planned.
  package static var grain: UInt64 { 1_000_000 }

  /// What is left is as good as none.
  package var isQuiet: Bool { value < LagAverage.grain }

  package init() {}

  /// A plan was carried out `late` nanoseconds late; `span` nanoseconds have passed since the one
  /// before, its lateness included. The grain of an idle loop's wait is no lateness: nothing kept
  /// it, and nobody waited.
  package mutating func add(late: UInt64, span: UInt64, isIdle: Bool) {
    let late = isIdle ? late - min(late, LagAverage.grain) : late
    // A minute is enough of both; the products stay below 2^63.
    let nanoseconds = Double(min(late, 60_000_000_000))
    let weight = Double(span) / Double(span &+ LagAverage.memory)  // spans are below 2^62
    value = UInt64(max(0, Double(value) + (nanoseconds - Double(value)) * weight))
  }

  package mutating func forget() { value = 0 }
}
