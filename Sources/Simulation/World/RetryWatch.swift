// Why this file exists: repeats are promised to be a part of the requests of the last ten seconds,
// so the world counts both, knowing nothing of seconds and slots.

import Configuration
import Primitives

/// The instants of the last things of a kind, in a ring.
struct RecentInstants {
  private var instants: [UInt64] = []
  private var next = 0
  private static let kept = 8_192

  mutating func add(_ instant: Instant) {
    if instants.count < RecentInstants.kept {
      instants.append(instant.nanoseconds)
    } else {
      instants[next] = instant.nanoseconds
      next = (next + 1) % RecentInstants.kept
    }
  }

  var count: Int { instants.count }
  /// Some are forgotten.
  var isFull: Bool { instants.count == RecentInstants.kept }

  /// The newest is number 0.
  subscript(age: Int) -> Instant {
    Instant(nanoseconds: instants[(next + instants.count - 1 - age) % instants.count])
  }

  /// How many were at `start` or later, as far as they came in order; nil when some of them may be
  /// forgotten.
  func count(since start: Instant) -> Int? {
    var count = 0
    while count < instants.count, self[count] >= start { count += 1 }
    return count == RecentInstants.kept ? nil : count
  }
}

/// The budget of one service.
struct RetryWatch {
  /// Repeats for each request, and in ten seconds whatever the requests.
  private var share = 0.0
  private var floor = 0.0
  /// Requests that may have come within the span: under way, and when the others ended.
  private var underWay = 0
  private var ended = RecentInstants()
  private var repeats = RecentInstants()

  private static let span = Duration.seconds(10)

  /// Takes the most that any of the configurations allows.
  mutating func know(_ configured: RetryConfiguration) {
    share = max(share, Double(configured.budget.partsPerMillion) / 1_000_000)
    floor = max(floor, Double(configured.budgetFloor.count(in: RetryWatch.span)))
  }

  mutating func began() { underWay += 1 }

  mutating func ended(at now: Instant) {
    underWay -= 1
    ended.add(now)
  }

  /// A repeat has reached a backend. False when that is one too many: a second is what the counting
  /// in whole ones may forget early or late.
  /// - Parameter lag: what a worker may lag behind.
  mutating func repeated(pickedAt: Instant, lag: Duration) -> Bool {
    repeats.add(pickedAt)
    let most = pickedAt.nanoseconds
    let short = min(most, UInt64((RetryWatch.span - .seconds(1)).nanoseconds))
    let long = min(most, UInt64((RetryWatch.span + .seconds(1) + lag).nanoseconds))
    guard let requests = ended.count(since: Instant(nanoseconds: most - long)),
      let count = repeats.count(since: Instant(nanoseconds: most - short))
    else { return true }
    return Double(count) <= share * Double(requests + underWay) + floor
  }
}
