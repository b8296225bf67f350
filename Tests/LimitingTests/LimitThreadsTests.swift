// Why this file exists: exact across workers means: to the last request, with all of them at it at
// once. Under the thread sanitizer it also says that nobody reads what another is writing.

import Glibc
import Limiting
import Primitives
import Synchronization
import Testing

private struct Work: @unchecked Sendable {
  let body: @Sendable (Int) -> Void
}

private final class Start {
  let work: Work
  let index: Int
  init(_ work: Work, _ index: Int) {
    self.work = work
    self.index = index
  }
}

/// Runs the body on several threads and waits for all of them.
private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  var threads: [pthread_t] = []
  for index in 0..<count {
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(Work(body: body), index)).toOpaque()
    pthread_create(
      &thread, nil,
      { raw in
        let start = Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
        start.work.body(start.index)
        return nil
      }, start)
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
}

@Suite struct `A limit under several workers` {
  @Test(arguments: [
    LimitRule.tokenBucket(TokenBucket(count: 1, period: .seconds(3_600), burst: 5_000)),
    .slidingWindow(SlidingWindow(limit: 5_000, length: .seconds(3_600))),
  ])
  func `exactly as many requests pass as the limit says`(rule: LimitRule) {
    let limit = Limit.create(keys: 64)
    defer { limit.destroy() }
    let allowed = SharedWord.allocate()
    defer { allowed.deallocate() }
    onThreads(8) { _ in
      for _ in 0..<2_000 where limit.take(key(1), rule, now: at(1)).isAllowed { allowed.add(1) }
    }
    #expect(allowed.load() == 5_000)
  }

  @Test func `the first requests of a key that come at once find one place`() {
    let rule = LimitRule.tokenBucket(TokenBucket(count: 1, period: .seconds(3_600), burst: 3))
    let limit = Limit.create(keys: 4_096)
    defer { limit.destroy() }
    let allowed = SharedWord.allocate()
    defer { allowed.deallocate() }
    onThreads(4) { _ in
      for number in 0..<2_000 as Range<UInt64> {
        for _ in 0..<2 where limit.take(key(number), rule, now: at(1)).isAllowed {
          allowed.add(1)
        }
      }
    }
    #expect(allowed.load() == 6_000)
    #expect(limit.table.count == 2_000 && limit.table.evictions == 0)
  }

  @Test func `keys that move to another table beside requests are not charged too little`() {
    let rule = LimitRule.tokenBucket(TokenBucket(count: 1, period: .seconds(3_600), burst: 900))
    let first = Limit.create(keys: 64)
    let allowed = SharedWord.allocate()
    let tables = SharedWords.allocate(count: 1)
    let newest = UnsafeMutablePointer<Limit>.allocate(capacity: 20)
    newest.initialize(to: first)
    let keep = Kept(limits: newest)
    onThreads(5) { [tables] index in
      if index == 4 {
        for size in 1..<20 {
          let keys = size % 2 == 0 ? 64 : 640
          let next = keep.limits[size - 1].resized(keys: keys, rule, now: at(1))
          (keep.limits + size).initialize(to: next)
          tables[0].storeReleasing(UInt64(size))
        }
        return
      }
      for turn in 0..<4_000 {
        // Some workers are behind, and come by the old tables.
        let known = Int(tables[0].loadAcquiring())
        let limit = keep.limits[index % 2 == 0 ? known : max(0, known - 2)]
        if limit.take(key(UInt64(turn % 10)), rule, now: at(1)).isAllowed { allowed.add(1) }
      }
    }
    // A charge that a move overtakes is made again; each worker may be so unlucky in every move.
    #expect(allowed.load() <= 9_000 && allowed.load() >= 9_000 - 4 * 19)
    // A worker that was in the middle of placing a key when its table was left may leave it there:
    // nobody charges it there, and the newest table has it too.
    #expect(newest[19].table.count == 10)
    #expect((0..<19).allSatisfy { newest[$0].table.count <= 4 })
    for index in 0..<20 { newest[index].destroy() }
    newest.deallocate()
    tables.deallocate()
    allowed.deallocate()
  }
  private struct Kept: @unchecked Sendable { let limits: UnsafeMutablePointer<Limit> }

  @Test func `a sweep beside requests loses no charge and makes no key twice`() {
    let rule = LimitRule.tokenBucket(TokenBucket(count: 1, period: .seconds(3_600), burst: 9_000))
    let limit = Limit.create(keys: 64)
    defer { limit.destroy() }
    let (allowed, running) = (SharedWord.allocate(), SharedWord.allocate(3))
    defer {
      allowed.deallocate()
      running.deallocate()
    }
    onThreads(4) { index in
      if index == 3 {
        while running.load() > 0 { _ = limit.table.sweep(from: 0, places: 64, rule, now: at(1)) }
        return
      }
      for _ in 0..<4_000 where limit.take(key(1), rule, now: at(1)).isAllowed { allowed.add(1) }
      running.subtract(1)
    }
    #expect(allowed.load() == 9_000)
    #expect(limit.table.count == 1)
  }

  @Test(arguments: [1, 3, 64])
  func `a flood of new keys from all sides is counted to the last`(keys: Int) {
    let rule = LimitRule.tokenBucket(TokenBucket(count: 1, period: .seconds(3_600), burst: 1))
    let limit = Limit.create(keys: keys)
    defer { limit.destroy() }
    onThreads(4) { index in
      for number in 0..<2_000 as Range<UInt64> {
        _ = limit.take(key(number * 4 + UInt64(index)), rule, now: at(1))
      }
    }
    #expect(limit.table.count <= keys)
    #expect(limit.table.count + limit.table.evictions >= 8_000)
  }
}
