// Why this file exists: the bucket is one number and a formula; a bucket with drops in it says
// whether the formula is right.

import Limiting
import Primitives
import Testing

@Suite struct `A token bucket` {
  /// 10 a second, 3 at once.
  let bucket = TokenBucket(count: 10, period: .seconds(1), burst: 3)
  let held = Word()
  var word: SharedWord { held.word }

  @Test func `allows its burst at once and then one in every interval`() {
    for left in [2, 1, 0] {
      let verdict = bucket.take(word, now: at(0))
      #expect(verdict.isAllowed && verdict.remaining == UInt64(left))
    }
    #expect(!bucket.take(word, now: at(0)).isAllowed)
    #expect(!bucket.take(word, now: at(0.099)).isAllowed)
    #expect(bucket.take(word, now: at(0.1)).isAllowed)
    #expect(!bucket.take(word, now: at(0.1)).isAllowed)
  }

  @Test func `a refusal takes nothing and says exactly how long to wait`() {
    for _ in 0..<3 { _ = bucket.take(word, now: at(0)) }
    let before = word.load()
    let refused = bucket.take(word, now: at(0.04))
    #expect(refused.wait == .milliseconds(60))
    #expect(word.load() == before)
    #expect(!bucket.take(word, now: at(0.04) + refused.wait + .nanoseconds(-1)).isAllowed)
    #expect(bucket.take(word, now: at(0.04) + refused.wait).isAllowed)
  }

  @Test func `is never fuller than its burst, however long nobody came`() {
    _ = bucket.take(word, now: at(0))
    for left in [2, 1, 0] {
      #expect(bucket.take(word, now: at(3_600)).remaining == UInt64(left))
    }
    #expect(!bucket.take(word, now: at(3_600)).isAllowed)
  }

  @Test func `says when it will be full again`() {
    #expect(bucket.take(word, now: at(0)).reset == .milliseconds(100))
    #expect(bucket.take(word, now: at(0.05)).reset == .milliseconds(150))
    #expect(bucket.idleIn(word.load(), now: at(0.05)) == 150_000_000)
    #expect(bucket.idleIn(word.load(), now: at(0.2)) == 0)
    #expect(bucket.used(word.load(), now: at(0.05)) == 2)
  }

  @Test func `who was emptied under a slower rate waits no longer than the present one asks`() {
    let slow = TokenBucket(count: 60, period: .seconds(3_600), burst: 10)
    for _ in 0..<10 { _ = slow.take(word, now: at(0)) }
    let fast = TokenBucket(count: 6_000, period: .seconds(3_600), burst: 10)
    let refused = fast.take(word, now: at(1))
    #expect(!refused.isAllowed && refused.wait == .milliseconds(600))
    #expect(fast.used(word.load(), now: at(1)) == 10)
    #expect(fast.take(word, now: at(1.6)).isAllowed)
    #expect(!fast.take(word, now: at(1.6)).isAllowed)
  }

  @Test func `a worker whose time is behind forgives nothing`() {
    for _ in 0..<3 { _ = bucket.take(word, now: at(10)) }
    let before = word.load()
    #expect(!bucket.take(word, now: at(0.5)).isAllowed)
    #expect(word.load() == before)
  }

  @Test func `a token given back can be taken again, and no more than was taken`() {
    for _ in 0..<3 { _ = bucket.take(word, now: at(0)) }
    bucket.giveBack(word)
    #expect(bucket.take(word, now: at(0)).isAllowed)
    #expect(!bucket.take(word, now: at(0)).isAllowed)
    word.store(5)
    bucket.giveBack(word)
    #expect(word.load() == 5)
  }

  @Test func `a clock that stands behind another worker's allows less, never more`() {
    for _ in 0..<3 { _ = bucket.take(word, now: at(1)) }
    #expect(!bucket.take(word, now: at(0.9)).isAllowed)
    #expect(bucket.take(word, now: at(1.1)).isAllowed)
  }

  @Test(arguments: [(3, 1), (7, 60), (1, 3_600), (1_000_000, 1), (4_000_000_000, 1)])
  func `rounding never allows more than the rate`(count: UInt32, seconds: Int64) {
    let bucket = TokenBucket(count: count, period: .seconds(seconds), burst: 1)
    let filled = UInt64(count).multipliedReportingOverflow(by: bucket.interval)
    #expect(!filled.overflow && filled.partialValue >= UInt64(seconds) * 1_000_000_000)
  }

  @Test func `a bucket deeper than any clock is as deep as it can be`() {
    let deep = TokenBucket(count: 1, period: .seconds(1 << 32), burst: .max)
    #expect(deep.take(word, now: at(0)).isAllowed)
    #expect(deep.take(word, now: at(0)).isAllowed == (deep.depth >= 2 * deep.interval))
  }

  @Test(arguments: 1...20)
  func `agrees with a bucket that has drops in it`(seed: UInt64) {
    var random = Xoroshiro(seed: seed)
    let burst = UInt32(random.below(9) + 1)
    let count = UInt32(random.below(50) + 1)
    let bucket = TokenBucket(count: count, period: .seconds(1), burst: burst)
    var now = at(0)
    var naive = NaiveBucket(interval: bucket.interval, burst: UInt64(burst), now: now)
    var refusals = 0
    for _ in 0..<5_000 {
      now = now + .nanoseconds(Int64(random.below(2 * bucket.interval)))
      let verdict = bucket.take(word, now: now)
      #expect(verdict.isAllowed == naive.take(now: now))
      #expect(verdict.isAllowed == (verdict.remaining > 0) || verdict.remaining == 0)
      if verdict.isAllowed {
        #expect(verdict.remaining == naive.level / bucket.interval)
        #expect((verdict.wait == .zero) == (verdict.remaining > 0))
      } else {
        refusals += 1
        #expect(UInt64(verdict.wait.nanoseconds) == bucket.interval - naive.level)
      }
    }
    #expect(refusals > 0)
  }
}

@Suite struct `Whole seconds for a client` {
  private func verdict(_ wait: Duration, _ reset: Duration, allowed: Bool = false) -> LimitVerdict {
    LimitVerdict(isAllowed: allowed, remaining: 0, wait: wait, reset: reset)
  }

  /// Regression 14: `Retry-After: 0` for a wait of 0.4 s.
  @Test func `a wait of 0.4 seconds is one second, never none`() {
    #expect(verdict(.milliseconds(400), .zero).retryAfterSeconds == 1)
    #expect(verdict(.zero, .zero).retryAfterSeconds == 1)
    #expect(verdict(.milliseconds(1_001), .zero).retryAfterSeconds == 2)
    #expect(verdict(.seconds(2), .zero).retryAfterSeconds == 2)
  }

  @Test func `a refused client is told no later time than Retry-After`() {
    let refused = verdict(.milliseconds(1_400), .seconds(60))
    #expect(refused.resetSeconds == 2 && refused.retryAfterSeconds == 2)
    #expect(verdict(.zero, .milliseconds(59_001), allowed: true).resetSeconds == 60)
  }
}
