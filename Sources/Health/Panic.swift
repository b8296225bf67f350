// Why this file exists: when nearly all backends are out, it is likelier that the checks are wrong,
// or that the few who are left will break down, than that all the others are dead. Then health is
// ignored. Breakers are not, and neither is an operator who drains.
package import Primitives

/// The service's word for it: bit 63 while it lasts, below it when it began in milliseconds.
package enum Panic {
  /// What changed.
  package enum Change: Equatable, Sendable {
    case began
    /// - Parameter lasted: how long.
    case ended(lasted: Duration)
  }

  private static let lasts: UInt64 = 1 << 63

  /// Below its threshold, not at it. A pool of nobody does not panic: there is nobody to send to.
  /// - Parameter usable: backends that health lets take requests.
  /// - Parameter total: backends that are not draining. Those were taken out on purpose, which says
  ///   nothing of the others.
  /// - Parameter millionths: `panic_threshold` in millionths; 0 = never.
  package static func isDue(usable: Int, of total: Int, millionths: UInt32) -> Bool {
    total > 0 && usable * 1_000_000 < total * Int(millionths)
  }

  /// Whether it lasts, as was last said.
  package static func lasts(_ word: SharedWord) -> Bool { word.load() & lasts != 0 }

  /// Says how it stands. The change is told to one caller only, however many come at once.
  package static func update(_ word: SharedWord, isDue: Bool, now: Instant) -> Change? {
    let old = word.load()
    if (old & lasts != 0) == isDue { return nil }
    let milliseconds = now.nanoseconds / 1_000_000
    let new = isDue ? lasts | milliseconds : 0
    if word.compareExchange(expected: old, desired: new) != old { return nil }
    if isDue { return .began }
    let began = Instant(nanoseconds: (old & ~lasts) * 1_000_000)
    return .ended(lasted: max(.zero, now - began))
  }

  /// Since when; nil = it does not last.
  package static func since(_ word: SharedWord) -> Instant? {
    let old = word.load()
    return old & lasts == 0 ? nil : Instant(nanoseconds: (old & ~lasts) * 1_000_000)
  }
}
