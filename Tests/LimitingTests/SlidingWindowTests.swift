// Why this file exists: two counts stand for a list of instants; the list says whether they do so
// as the formula promises, and how long a refused client really has to wait.

import Limiting
import Primitives
import Testing

@Suite struct `A sliding window` {
  /// 4 in any 10 seconds.
  let window = SlidingWindow(limit: 4, length: .seconds(10))
  let held = Word()
  var word: SharedWord { held.word }
  let first = at(0)

  private func take(_ seconds: Double) -> LimitVerdict {
    window.take(word, first: first, now: at(seconds))
  }

  @Test func `allows its limit and no more`() {
    for left in [3, 2, 1, 0] { #expect(take(1).remaining == UInt64(left)) }
    #expect(!take(9.9).isAllowed)
  }

  @Test func `the window before counts with the part that the span still covers`() {
    for _ in 0..<4 { #expect(take(9).isAllowed) }
    // 4 * 0.9 = 3.6 are still there.
    #expect(!take(11).isAllowed)
    // 4 * 0.75 = 3.
    #expect(take(12.5).isAllowed)
    #expect(!take(12.5).isAllowed)
    #expect(take(15).isAllowed)
  }

  @Test func `a window that nobody used leaves nothing behind`() {
    for _ in 0..<4 { _ = take(9) }
    for _ in 0..<4 { #expect(take(20).isAllowed) }
  }

  /// Regression 17: the rest of the window is announced as the wait.
  @Test func `the wait is until enough of the window before has left, not until its end`() {
    for _ in 0..<4 { _ = take(9) }
    let refused = take(11)
    #expect(refused.wait == .milliseconds(1_500))
    #expect(!take(12.4999).isAllowed)
    #expect(take(12.5).isAllowed)
  }

  @Test func `when this window alone is full the wait reaches into the next one`() {
    for _ in 0..<4 { _ = take(2) }
    // 8 s to the end of the window, and a quarter of the next one.
    #expect(take(2).wait == .milliseconds(10_500))
  }

  @Test func `a request given back makes room, also when its window is the one before`() {
    for _ in 0..<4 { _ = take(1) }
    window.giveBack(word)
    #expect(take(1).isAllowed)
    #expect(!take(1).isAllowed)
    #expect(take(12.5).isAllowed)
    window.giveBack(word)
    window.giveBack(word)
    #expect(take(12.5).remaining == 0)
    for _ in 0..<9 { window.giveBack(word) }
    #expect(window.used(word.load(), first: first, now: at(12.5)) == 0)
  }

  @Test func `a worker whose clock stands behind counts in the newer window`() {
    #expect(take(10.001).isAllowed)
    #expect(take(9.999).isAllowed)
    #expect(window.used(word.load(), first: first, now: at(10.001)) == 2)
  }

  @Test func `says when the key counts for nothing any more`() {
    _ = take(3)
    #expect(window.idleIn(word.load(), first: first, now: at(3)) == 17_000_000_000)
    #expect(window.idleIn(word.load(), first: first, now: at(13)) == 7_000_000_000)
    #expect(window.idleIn(word.load(), first: first, now: at(20)) == 0)
  }

  @Test func `the greatest limit and the longest span do not overflow`() {
    let most = SlidingWindow(limit: SlidingWindow.mostInWindow, length: .seconds(1 << 33))
    #expect(most.take(word, first: first, now: at(1)).isAllowed)
    word.store(UInt64(SlidingWindow.mostInWindow) << 20 | UInt64(SlidingWindow.mostInWindow))
    #expect(!most.take(word, first: first, now: at(1)).isAllowed)
  }

  @Test(arguments: 1...20)
  func `agrees with a list of what was allowed, and its wait is exact`(seed: UInt64) {
    var random = Xoroshiro(seed: seed)
    let limit = UInt32(random.below(12) + 1)
    let window = SlidingWindow(limit: limit, length: .milliseconds(10))
    var now = at(0)
    var naive = NaiveWindow(limit: UInt64(limit), length: 10_000, first: now)
    var refusals = 0
    for _ in 0..<3_000 {
      now = now + .microseconds(Int64(random.below(20_000 / UInt64(limit) + 1)))
      let verdict = window.take(word, first: at(0), now: now)
      #expect(verdict.isAllowed == naive.take(now: now))
      if verdict.isAllowed { continue }
      refusals += 1
      #expect(naive.isRoom(now + verdict.wait))
      #expect(!naive.isRoom(now + verdict.wait + .microseconds(-1)))
    }
    #expect(refusals > 0)
  }
}
