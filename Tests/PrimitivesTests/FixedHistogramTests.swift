// Why this file exists: a bucket off by one makes every quantile wrong, and nobody notices.
import Primitives
import Testing

@Suite struct FixedHistogramTests {
  @Test func `a value equal to a bound belongs below it`() {
    let bounds = HistogramBounds.create([10, 20, 50])
    defer { bounds.destroy() }
    #expect([0, 1, 10].map { bounds.bucket(of: $0) } == [0, 0, 0])
    #expect([11, 20].map { bounds.bucket(of: $0) } == [1, 1])
    #expect([21, 50].map { bounds.bucket(of: $0) } == [2, 2])
    #expect([51, UInt64.max].map { bounds.bucket(of: $0) } == [3, 3])
  }

  @Test(arguments: [1, 2, 3, 15, 16, 17, 63])
  func `searching agrees with looking at each bound in turn`(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let values = (1...count).map { UInt64($0) * 100 }
    let bounds = HistogramBounds.create(values)
    defer { bounds.destroy() }
    for _ in 0..<500 {
      let value = random.next() % UInt64(count * 100 + 200)
      #expect(bounds.bucket(of: value) == values.firstIndex { value <= $0 } ?? count)
    }
  }

  @Test func `counts and sum add up`() {
    let bounds = HistogramBounds.create([10, 20])
    let words = SharedWords.allocate(count: bounds.wordCount)
    defer {
      words.deallocate()
      bounds.destroy()
    }
    let histogram = FixedHistogram(bounds: bounds, first: words.counter(0))
    for value in [1, 10, 11, 20, 21, 1_000] as [UInt64] { histogram.record(value) }
    #expect((0...2).map { histogram.count(inBucket: $0) } == [2, 2, 2])
    #expect(histogram.sum == 1_063)
  }

  @Test func `bounds that do not rise trap`() async {
    await #expect(processExitsWith: .failure) { _ = HistogramBounds.create([1, 1]) }
    await #expect(processExitsWith: .failure) { _ = HistogramBounds.create([]) }
  }
}

@Suite struct SharedWordTests {
  @Test func `words start at zero, on a cache line of their own`() {
    let words = SharedWords.allocate(count: 9)
    defer { words.deallocate() }
    #expect((0..<9).allSatisfy { words[$0].load() == 0 })
    #expect(UInt(bitPattern: words.base) % 64 == 0)
  }

  @Test func `a word does what its names say`() {
    let word = SharedWord.allocate(5)
    defer { word.deallocate() }
    #expect(word.add(3) == 8)
    #expect(word.subtract(1) == 7)
    #expect(word.compareExchange(expected: 1, desired: 2) == 7)
    #expect(word.load() == 7)
    #expect(word.compareExchange(expected: 7, desired: 2) == 7)
    #expect(word.loadAcquiring() == 2)
    #expect(word.exchange(9) == 2)
    word.storeReleasing(1)
    #expect(word.load() == 1)
  }

  @Test func `a gauge may go below zero in one shard and still sum up`() {
    let words = SharedWords.allocate(count: 2)
    defer { words.deallocate() }
    words.counter(0).increment()
    words.counter(0).increment()
    words.counter(1).decrement()
    #expect(words.counter(0).value &+ words.counter(1).value == 1)
    words.counter(1).set(4)
    words.counter(1).add(2)
    words.counter(1).subtract(1)
    #expect(words.counter(1).value == 5)
  }
}
