// Why this file exists: a buffer lost is memory lost for ever, a buffer given twice is two writers
// in one place.
import Primitives
import Testing

@Suite struct BufferPoolTests {
  @Test(arguments: [
    (0, 4_096), (1, 4_096), (4_096, 4_096), (4_097, 8_192), (8_192, 8_192), (16_385, 32_768),
    (65_536, 65_536), (65_537, 131_072), (131_072, 131_072),
  ])
  func `a buffer is the smallest size that holds what is asked`(asked: Int, size: Int) {
    var pool = BufferPool.create()
    let buffer = pool.take(atLeast: asked)
    #expect(buffer.capacity == size)
    buffer.base[0] = 1
    buffer.base[size - 1] = 1
    #expect(pool.bytesOut == size && pool.buffersOut == 1)
    pool.give(buffer)
    #expect(pool.bytesOut == 0 && pool.buffersOut == 0 && pool.bytesKept == size)
    pool.destroy()
  }

  @Test func `a buffer given back is taken again`() {
    var pool = BufferPool.create()
    let first = pool.take(atLeast: 5_000)
    let base = first.base
    pool.give(first)
    let second = pool.take(atLeast: 8_000)
    #expect(second.base == base)
    let third = pool.take(atLeast: 8_000)
    #expect(third.base != base)
    pool.give(second)
    pool.give(third)
    #expect(pool.bytesKept == 16_384)
    pool.trim()
    #expect(pool.bytesKept == 0)
    pool.destroy()
  }

  @Test func `a burst's memory is not kept beyond the cap`() {
    var pool = BufferPool.create(keptPerClass: 16_384)
    let buffers = (0..<50).map { _ in pool.take(atLeast: 4_096) }
    #expect(pool.bytesOut == 50 * 4_096)
    for buffer in buffers { pool.give(buffer) }
    #expect(pool.bytesOut == 0)
    #expect(pool.bytesKept == 16_384)
    pool.destroy()
  }

  @Test func `taking and giving at random never hands out one buffer twice`() {
    var random = Xoroshiro(seed: 31)
    var pool = BufferPool.create(keptPerClass: 64 << 10)
    var out: [PooledBuffer] = []
    for _ in 0..<5_000 {
      if random.next() % 2 == 0, out.count < 40 {
        let buffer = pool.take(atLeast: Int(random.below(131_073)))
        #expect(!out.contains { $0.base == buffer.base })
        out.append(buffer)
      } else if !out.isEmpty {
        pool.give(out.remove(at: Int(random.below(UInt64(out.count)))))
      }
      #expect(pool.bytesOut == out.reduce(0) { $0 + $1.capacity })
    }
    for buffer in out { pool.give(buffer) }
    pool.destroy()
  }

  @Test func `a buffer larger than the largest traps`() async {
    await #expect(processExitsWith: .failure) {
      var pool = BufferPool.create()
      _ = pool.take(atLeast: 131_073)
    }
  }
}
