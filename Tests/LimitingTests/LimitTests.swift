// Why this file exists: keys come from clients: as many as they like. What the table holds, whom it
// lets go, and that nobody slips through.

import Limiting
import Primitives
import Testing

private let tenAtOnce = LimitRule.tokenBucket(
  TokenBucket(count: 1, period: .seconds(1), burst: 10))

@Suite struct `A limit` {
  @Test func `keys do not share what they have`() {
    let held = Table(100)
    for number in 0..<50 as Range<UInt64> {
      for _ in 0..<10 {
        #expect(held.limit.take(key(number), tenAtOnce, now: at(0)).isAllowed)
      }
      #expect(!held.limit.take(key(number), tenAtOnce, now: at(0)).isAllowed)
    }
    #expect(held.table.count == 50 && held.table.evictions == 0)
  }

  /// Regression 16: the table of keys grows without bound.
  @Test func `a flood of new keys takes no more places than there are, and is counted`() {
    let held = Table(1_000)
    for number in 0..<20_000 as Range<UInt64> {
      #expect(held.limit.take(key(number), tenAtOnce, now: at(0)).isAllowed)
    }
    #expect(held.table.capacity == 1_000)
    #expect(held.table.count <= 1_000)
    #expect(held.table.count + held.table.evictions == 20_000)
  }

  /// Groups are whole; what was asked for need not be.
  @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 17, 23, 100, 1_001])
  func `there is room for as many keys as were asked for, and not for one more`(keys: Int) {
    let held = Table(keys)
    #expect(held.table.capacity == keys && held.limit.hasRoom(for: keys))
    let flood = UInt64(20 * keys)
    for number in 0..<flood { _ = held.limit.take(key(number), tenAtOnce, now: at(0)) }
    #expect(held.table.count == UInt64(keys), "all of them are used")
    #expect(held.table.evictions == flood - UInt64(keys))
    #expect(held.limit.busiest(2 * keys, tenAtOnce, now: at(0)).count == keys)
    // As good as new, all of them: their places are free, and no other ones.
    var position = 0
    repeat { position = held.table.sweep(from: position, places: 64, tenAtOnce, now: at(60)) }
    while position != 0
    #expect(held.table.count == 0)
    for number in 0..<flood { _ = held.limit.take(key(number), tenAtOnce, now: at(60)) }
    #expect(held.table.count == UInt64(keys))
  }

  @Test func `the only place there is counts`() {
    let held = Table(1)
    for _ in 0..<10 { #expect(held.limit.take(key(1), tenAtOnce, now: at(0)).isAllowed) }
    #expect(!held.limit.take(key(1), tenAtOnce, now: at(0)).isAllowed)
    #expect(held.limit.take(key(2), tenAtOnce, now: at(0)).isAllowed)
    #expect(held.table.evictions == 1)
    let next = held.limit.resized(keys: 2, tenAtOnce, now: at(0))
    defer { next.destroy() }
    #expect(next.look(key(2), tenAtOnce, now: at(0)).remaining == 9 && next.table.capacity == 2)
  }

  @Test func `the table fills to three quarters before anybody has to go`() {
    let held = Table(10_000)
    for number in 0..<7_500 as Range<UInt64> {
      _ = held.limit.take(key(number), tenAtOnce, now: at(0))
    }
    #expect(held.table.evictions == 0)
  }

  @Test func `keys that count for nothing any more go first, and are no loss`() {
    let held = Table(1_000)
    for number in 0..<800 as Range<UInt64> {
      _ = held.limit.take(key(number), tenAtOnce, now: at(0))
    }
    // A second later all of them are as good as new; one is not.
    for _ in 0..<10 { _ = held.limit.take(key(7), tenAtOnce, now: at(0.5)) }
    for number in 10_000..<10_700 as Range<UInt64> {
      _ = held.limit.take(key(number), tenAtOnce, now: at(2))
    }
    #expect(held.table.evictions == 0)
    #expect(!held.limit.take(key(7), tenAtOnce, now: at(0.5)).isAllowed)
  }

  @Test func `of keys that all count the one that is nearest to being forgotten goes`() {
    // Two groups of eight: every key has all sixteen places.
    let held = Table(16)
    for number in 0..<16 as Range<UInt64> {
      for _ in 0...(number == 3 ? 0 : 5) {
        _ = held.limit.take(key(number), tenAtOnce, now: at(0))
      }
    }
    _ = held.limit.take(key(99), tenAtOnce, now: at(0))
    #expect(held.table.evictions == 1)
    #expect(held.limit.take(key(3), tenAtOnce, now: at(0)).remaining == 9)
  }

  @Test func `a charge given back is there again; a key that is gone gets nothing`() {
    let held = Table(16)
    for _ in 0..<10 { _ = held.limit.take(key(1), tenAtOnce, now: at(0)) }
    held.limit.giveBack(key(1), tenAtOnce)
    held.limit.giveBack(key(2), tenAtOnce)
    #expect(held.limit.take(key(1), tenAtOnce, now: at(0)).isAllowed)
    #expect(!held.limit.take(key(1), tenAtOnce, now: at(0)).isAllowed)
    #expect(held.table.count == 1)
  }

  @Test func `a sweep forgets only who counts for nothing`() {
    let held = Table(1_000)
    for number in 0..<100 as Range<UInt64> {
      for _ in 0...(number % 2) { _ = held.limit.take(key(number), tenAtOnce, now: at(0)) }
    }
    var position = 0
    repeat { position = held.table.sweep(from: position, places: 64, tenAtOnce, now: at(1)) }
    while position != 0
    #expect(held.table.count == 50)
    #expect(held.limit.take(key(1), tenAtOnce, now: at(1)).remaining == 8)
  }

  @Test func `the busiest keys come first, with what they were shown as`() {
    let held = Table(1_000)
    for number in 1...9 as ClosedRange<UInt64> {
      for _ in 0..<number { _ = held.limit.take(key(number), tenAtOnce, now: at(0)) }
    }
    for _ in 0..<12 { _ = held.limit.take(key(50), tenAtOnce, now: at(0)) }
    let busiest = held.limit.busiest(3, tenAtOnce, now: at(0))
    #expect(busiest.map(\.shown.0) == [50, 9, 8])
    #expect(busiest.map(\.used) == [10, 9, 8])
    #expect(busiest[0].allowed == 10 && busiest[0].refused == 2)
    #expect(held.limit.busiest(3, tenAtOnce, now: at(60)).isEmpty)
  }

  @Test func `rate and burst may change while the counters stay`() {
    let held = Table(16)
    for _ in 0..<10 { _ = held.limit.take(key(1), tenAtOnce, now: at(0)) }
    let twenty = LimitRule.tokenBucket(TokenBucket(count: 1, period: .seconds(1), burst: 20))
    #expect(held.limit.take(key(1), twenty, now: at(0)).remaining == 9)
  }

  @Test func `keys go over to a table of another size with all that they have used`() {
    let small = Limit.create(keys: 100)
    for number in 0..<60 as Range<UInt64> {
      for _ in 0..<(number % 10) { _ = small.take(key(number), tenAtOnce, now: at(0)) }
    }
    let large = small.resized(keys: 1_000, tenAtOnce, now: at(0))
    defer {
      small.destroy()
      large.destroy()
    }
    #expect(small.table.count == 0 && large.table.count == 54)
    #expect(large.hasRoom(for: 1_000) && !large.hasRoom(for: 100))
    for number in 0..<60 as Range<UInt64> {
      // Who still comes to the old table is charged at the new one.
      let old = small.take(key(number), tenAtOnce, now: at(0))
      #expect(old.isAllowed && old.remaining == 9 - number % 10)
    }
    #expect(small.table.count == 0)
    #expect(large.busiest(1, tenAtOnce, now: at(0))[0].allowed == 10)
  }

  @Test func `in a smaller table those stay that have used most`() {
    let large = Limit.create(keys: 1_000)
    for number in 0..<400 as Range<UInt64> {
      for _ in 0..<(number < 8 ? 9 : 1) { _ = large.take(key(number), tenAtOnce, now: at(0)) }
    }
    let small = large.resized(keys: 100, tenAtOnce, now: at(0))
    defer {
      small.destroy()
      large.destroy()
    }
    #expect(small.table.count + small.table.evictions == 400 && small.table.count <= 100)
    let evicted = small.table.evictions
    let smaller = small.resized(keys: 50, tenAtOnce, now: at(0))
    defer { smaller.destroy() }
    #expect(smaller.table.evictions >= evicted + 50, "they are counted on")
    for number in 0..<8 as Range<UInt64> {
      #expect(small.look(key(number), tenAtOnce, now: at(0)).remaining == 1)
    }
  }

  @Test func `keys of other parts are other keys`() {
    func hashed(_ parts: String...) -> LimitKey {
      var hash = LimitKeyHash(secrets: (3, 4))
      for part in parts {
        var bytes = Array(part.utf8) + [0]
        hash.combine(ByteSlice(&bytes, part.utf8.count))
      }
      return hash.key(shown: (0, 0))
    }
    #expect(hashed("ab", "c") == hashed("ab", "c"))
    #expect(hashed("ab", "c") != hashed("a", "bc"))
    #expect(hashed("ab", "c") != hashed("abc"))
    #expect(hashed("a") != hashed("a", ""))
  }

  @Test(arguments: [
    tenAtOnce, .slidingWindow(SlidingWindow(limit: 10, length: .seconds(10))),
  ])
  func `agrees with one naive counter for each key`(rule: LimitRule) {
    let held = Table(512)
    var random = Xoroshiro(seed: 11)
    var words: [UInt64: (word: Word, first: Instant)] = [:]
    var now = at(0)
    for _ in 0..<20_000 {
      now = now + .milliseconds(Int64(random.below(20)))
      let number = random.below(100)
      if words[number] == nil { words[number] = (Word(), now) }
      let (held1, first) = words[number]!
      let mine = rule.take(held1.word, first: first, now: now)
      #expect(held.limit.take(key(number), rule, now: now) == mine)
    }
    #expect(held.table.evictions == 0)
  }
}
