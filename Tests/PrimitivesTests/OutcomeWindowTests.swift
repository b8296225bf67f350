// Why this file exists: a window of ten packed words must say the same as a list of all results.
import Primitives
import Testing

private final class Window {
  let words = SharedWords.allocate(count: OutcomeWindow.wordCount)
  var tenth: UInt64 = 1_000_000_000
  deinit { words.deallocate() }

  var window: OutcomeWindow { OutcomeWindow(first: words[0]) }

  static func at(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }
  func add(failed: Bool = false, slow: Bool = false, _ milliseconds: UInt64, times: Int = 1) {
    for _ in 0..<times {
      window.add(
        OutcomeCounts(failed: failed, slow: slow), tenth: tenth, now: Window.at(milliseconds))
    }
  }
  func sums(_ milliseconds: UInt64) -> [UInt64] {
    let sums = window.sums(tenth: tenth, now: Window.at(milliseconds))
    return [sums.total, sums.failed, sums.slow]
  }
}

@Suite struct OutcomeWindowTests {
  @Test func `a result counts in the tenth it falls into and the nine after it`() {
    let window = Window()
    window.add(failed: true, 500_999)
    #expect(window.sums(500_999) == [1, 1, 0])
    #expect(window.sums(509_999) == [1, 1, 0])
    #expect(window.sums(510_000) == [0, 0, 0])
  }

  @Test func `each kind is counted for itself`() {
    let window = Window()
    window.add(500_000)
    window.add(failed: true, 501_000)
    window.add(slow: true, 502_000)
    window.add(failed: true, slow: true, 503_000)
    #expect(window.sums(503_000) == [4, 2, 2])
  }

  @Test func `a bucket that is used again forgets its earlier turn`() {
    let window = Window()
    window.add(failed: true, 500_000, times: 7)
    window.add(516_000)
    #expect(window.sums(516_000) == [1, 0, 0])
    #expect(window.sums(516_000 + 524_287 * 16_000) == [0, 0, 0])
  }

  @Test func `after a gap longer than the window nothing of before is left`() {
    let window = Window()
    for second in 500..<510 as Range<UInt64> { window.add(failed: true, second * 1_000) }
    #expect(window.sums(509_000) == [10, 10, 0])
    #expect(window.sums(519_000) == [0, 0, 0])
    #expect(window.sums(700_000) == [0, 0, 0])
    window.add(700_000)
    #expect(window.sums(700_000) == [1, 0, 0])
  }

  @Test func `the clock's origin is an instant like any other`() {
    let window = Window()
    #expect(window.sums(0) == [0, 0, 0])
    window.add(failed: true, 0)
    window.add(9_999)
    #expect(window.sums(9_999) == [2, 1, 0])
    #expect(window.sums(10_000) == [1, 0, 0])
  }

  @Test func `a full bucket halves its counts: shares stay, later results still weigh`() {
    let window = Window()
    window.add(500_000, times: 16_384)
    #expect(window.sums(500_000) == [16_384, 0, 0])
    window.add(failed: true, slow: true, 500_000)
    #expect(window.sums(500_000) == [8_193, 1, 1])
    window.add(failed: true, 500_000, times: 50_000)
    let sums = window.sums(500_000)
    #expect(sums[0] >= 8_192 && sums[0] <= 16_384)
    #expect(Double(sums[1]) / Double(sums[0]) > 0.8)
  }

  @Test func `however busy, a window holds what may be asked of it`() {
    let window = Window()
    for second in 500..<510 as Range<UInt64> { window.add(second * 1_000, times: 16_385) }
    #expect(window.sums(509_000)[0] >= UInt64(OutcomeWindow.certainTotal))
  }

  @Test func `a result of a clock that is behind does not wipe out a newer turn`() {
    let window = Window()
    window.add(516_000, times: 5)
    window.add(failed: true, 500_000)
    #expect(window.sums(516_000) == [5, 0, 0])
  }

  @Test func `another length of the window begins afresh`() {
    let window = Window()
    window.add(failed: true, 500_000, times: 5)
    window.tenth = 2_000_000_000
    #expect(window.sums(500_000) == [0, 0, 0])
    window.add(500_000)
    #expect(window.sums(500_000) == [1, 0, 0])
  }

  @Test func `cleared, it is empty`() {
    let window = Window()
    for second in 500..<510 as Range<UInt64> { window.add(second * 1_000) }
    window.window.clear()
    #expect(window.sums(509_000) == [0, 0, 0])
  }

  @Test func `it agrees with a list of all results over a long random run`() {
    let window = Window()
    window.tenth = 70_000_000
    var random = Xoroshiro(seed: 11)
    var results: [(bucket: UInt64, failed: Bool, slow: Bool)] = []
    var at: UInt64 = 500_000
    for _ in 0..<20_000 {
      if random.below(4) == 0 { at += random.below(random.below(20) == 0 ? 3_000 : 60) }
      let bucket = at * 1_000_000 / window.tenth
      results.removeAll { bucket - $0.bucket >= 10 }
      let failed = random.below(3) == 0
      let slow = random.below(5) == 0
      window.add(failed: failed, slow: slow, at)
      results.append((bucket, failed, slow))
      #expect(
        window.sums(at) == [
          UInt64(results.count), UInt64(results.count { $0.failed }),
          UInt64(results.count { $0.slow }),
        ])
    }
  }

  @Test func `rates are reached at their value, and never by nothing`() {
    var sums = OutcomeSums()
    sums.total = 20
    #expect(sums.reaches(10, millionths: 500_000))
    #expect(!sums.reaches(9, millionths: 500_000))
    #expect(!sums.reaches(0, millionths: 0))
    #expect(!sums.reaches(20, millionths: 1_000_001))
  }
}
