// Why this file exists: a record that is read half written names one request and measures another.
import Glibc
import Primitives
import Synchronization
import Testing

/// Two threads at one record until the reader has seen enough.
private final class Contest: Sendable {
  let words = SharedWords.allocate(count: SharedRecord.wordCount)
  let isOver = Atomic(false)

  var record: SharedRecord { SharedRecord(words[0]) }

  func write() {
    var number: UInt64 = 0
    while !isOver.load(ordering: .relaxed) {
      number += 1
      record.write((number, number &* 3, ~number, number))
    }
  }
}

@Suite struct SharedRecordTests {
  @Test func `there is nothing to be read before the first writing, and then the last`() {
    let words = SharedWords.allocate(count: 2 * SharedRecord.wordCount)
    defer { words.deallocate() }
    let (first, second) = (SharedRecord(words[0]), SharedRecord(words[SharedRecord.wordCount]))
    #expect(first.read() == nil)
    second.write((1, 2, 3, 4))
    #expect(first.read() == nil)
    #expect(try! #require(second.read()) == (1, 2, 3, 4))
    second.write((.max, 0, .max, 0))
    #expect(try! #require(second.read()) == (.max, 0, .max, 0))
  }

  @Test func `a reader beside the writer never sees half of one writing and half of another`() {
    let contest = Contest()
    var thread = pthread_t()
    let started = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Contest>.fromOpaque(argument.unsafelyUnwrapped).takeUnretainedValue().write()
        return nil
      }, Unmanaged.passUnretained(contest).toOpaque())
    #expect(started == 0)
    var seen = 0
    var last: UInt64 = 0
    var torn = 0
    while seen < 100_000 {
      guard let (first, second, third, fourth) = contest.record.read() else {
        sched_yield()
        continue
      }
      seen += 1
      if second != first &* 3 || third != ~first || fourth != first || first < last { torn += 1 }
      last = first
    }
    contest.isOver.store(true, ordering: .relaxed)
    pthread_join(thread, nil)
    contest.words.deallocate()
    #expect(torn == 0)
  }
}
