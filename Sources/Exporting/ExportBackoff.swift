// Why this file exists: a collector that is down is asked again, ever more seldom; and what it does
// not take for too long is given up, because what comes now is worth more.
import Primitives

/// When a batch that was not taken is sent again.
struct ExportBackoff {
  /// After the first failure; doubled with each that follows, a tenth more or less.
  static let first = Duration.milliseconds(500)
  static let longest = Duration.seconds(30)
  /// The longest time that a collector may ask for.
  static let longestAsked = Duration.seconds(60)
  /// A batch that was refused for so long is given up.
  static let patience = Duration.seconds(60)

  private var failures = 0
  /// When the present batch failed first.
  private var since: Instant?

  /// - Parameter asked: the time that the collector has named.
  /// - Returns: how long nothing is to be sent, and whether the batch is given up.
  mutating func failed(
    now: Instant, asked: Duration?, random: inout Xoroshiro
  ) -> (wait: Duration, givesUp: Bool) {
    let begun = since ?? now
    let doubled = Duration(nanoseconds: Self.first.nanoseconds << Int64(min(failures, 10)))
    let own = random.spread(min(doubled, Self.longest), atMost: Self.longest)
    failures += 1
    let givesUp = now - begun >= Self.patience
    since = givesUp ? nil : begun
    return (asked.map { min($0, Self.longestAsked) } ?? own, givesUp)
  }

  mutating func succeeded() { self = ExportBackoff() }
}
