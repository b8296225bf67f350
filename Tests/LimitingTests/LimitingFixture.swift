// Why this file exists: instants by name, keys by number, and the obviously right limits that ours
// are compared with.

import Limiting
import Primitives

func at(_ seconds: Double) -> Instant {
  Instant(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1e9))
}

func key(_ number: UInt64) -> LimitKey {
  var hash = LimitKeyHash(secrets: (1, 2))
  hash.combine(word: number)
  return hash.key(shown: (number, 0))
}

/// A word that goes with the test.
final class Word {
  let word = SharedWord.allocate()
  deinit { word.deallocate() }
}

/// A limit that goes with the test.
final class Table {
  let limit: Limit
  var table: KeyTable { limit.table }
  init(_ keys: Int) { limit = .create(keys: keys) }
  deinit { limit.destroy() }
}

/// A bucket that is filled drop by drop: tokens in nanoseconds of filling, as a plain number.
struct NaiveBucket {
  let interval: UInt64
  let depth: UInt64
  var level: UInt64
  var last: Instant

  init(interval: UInt64, burst: UInt64, now: Instant) {
    self.interval = interval
    depth = interval * burst
    level = depth
    last = now
  }

  mutating func take(now: Instant) -> Bool {
    level = min(depth, level + (now.nanoseconds - last.nanoseconds))
    last = now
    if level < interval { return false }
    level -= interval
    return true
  }
}

/// A window with its history: every request that was allowed, by the window that it fell into.
struct NaiveWindow {
  let limit: UInt64
  let length: UInt64
  let first: Instant
  var counts: [UInt64: UInt64] = [:]

  func isRoom(_ now: Instant) -> Bool {
    let age = (now.nanoseconds - first.nanoseconds) / 1_000
    let number = age / length
    let before = number > 0 ? counts[number - 1, default: 0] : 0
    let covered = length - age % length
    return before * covered + (counts[number, default: 0] + 1) * length <= limit * length
  }

  mutating func take(now: Instant) -> Bool {
    if !isRoom(now) { return false }
    counts[(now.nanoseconds - first.nanoseconds) / 1_000 / length, default: 0] += 1
    return true
  }
}
