// Why this file exists: when health is ignored, and that its beginning and end are told once.
import Primitives
import Testing

@testable import Health

@Suite struct PanicTests {
  @Test func `below its threshold, not at it`() {
    #expect(!Panic.isDue(usable: 2, of: 4, millionths: 500_000))
    #expect(Panic.isDue(usable: 1, of: 4, millionths: 500_000))
    #expect(Panic.isDue(usable: 0, of: 1, millionths: 1))
    #expect(Panic.isDue(usable: 3, of: 4, millionths: 1_000_000))
  }

  @Test func `never at 0 %, and never without backends`() {
    #expect(!Panic.isDue(usable: 0, of: 4, millionths: 0))
    #expect(!Panic.isDue(usable: 0, of: 0, millionths: 1_000_000))
  }

  @Test func `its beginning and its end are told once, with how long it lasted`() {
    let word = SharedWord.allocate()
    defer { word.deallocate() }
    #expect(Panic.update(word, isDue: false, now: Pool.second(0)) == nil)
    #expect(Panic.update(word, isDue: true, now: Pool.second(1)) == .began)
    #expect(Panic.update(word, isDue: true, now: Pool.second(2)) == nil)
    #expect(Panic.lasts(word))
    #expect(Panic.since(word) == Pool.second(1))
    #expect(
      Panic.update(word, isDue: false, now: Pool.second(4)) == .ended(lasted: .seconds(3)))
    #expect(!Panic.lasts(word))
    #expect(Panic.since(word) == nil)
  }

  @Test func `of many who see it at once, one tells`() {
    let word = SharedWord.allocate()
    let begun = SharedWord.allocate()
    let ended = SharedWord.allocate()
    defer {
      for word in [word, begun, ended] { word.deallocate() }
    }
    onThreads(4) { thread in
      var random = Xoroshiro(seed: UInt64(thread))
      for _ in 0..<20_000 {
        switch Panic.update(word, isDue: random.below(2) == 0, now: Pool.second(1)) {
        case .began: begun.add(1)
        case .ended: ended.add(1)
        case nil: break
        }
      }
    }
    // Told alternately, so the numbers are the same, or one has begun and lasts.
    #expect(begun.load() == ended.load() + (Panic.lasts(word) ? 1 : 0))
  }
}
