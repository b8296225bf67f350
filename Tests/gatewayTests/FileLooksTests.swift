// Why this file exists: whether what lies in the file is new, and whole, is decided by contents and
// time alone; every way in which an editor writes is played here with literal instants.

import Primitives
import Testing

@testable import gateway

private func ms(_ milliseconds: UInt64) -> Instant {
  Instant(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
}

@Suite struct `Looks at the configuration file` {
  private var looks = FileLooks(loaded: "a", now: ms(0))

  @Test mutating func `come every two seconds when nothing is noticed`() {
    #expect(looks.next == ms(2_000))
    #expect(looks.saw(.content("a"), now: ms(2_000)) == .nothing)
    #expect(looks.next == ms(4_000))
  }

  @Test mutating func `find a new content, and load it when it is the same a debounce later`() {
    looks.noticed(now: ms(1_000))
    #expect(looks.next == ms(1_000))
    #expect(looks.saw(.content("b"), now: ms(1_000)) == .nothing)
    #expect(looks.next == ms(1_250))
    #expect(looks.saw(.content("b"), now: ms(1_250)) == .load)
    looks.loaded("b")
    #expect(looks.saw(.content("b"), now: ms(1_500)) == .nothing)
    #expect(looks.next == ms(3_500))
  }

  @Test mutating func `wait on while the content changes`() {
    #expect(looks.saw(.content("b"), now: ms(1_000)) == .nothing)
    #expect(looks.saw(.content("bc"), now: ms(1_250)) == .nothing)
    #expect(looks.saw(.content("bcd"), now: ms(1_500)) == .nothing)
    #expect(looks.saw(.content("bcd"), now: ms(1_749)) == .nothing)
    #expect(looks.next == ms(1_750))
    #expect(looks.saw(.content("bcd"), now: ms(1_750)) == .load)
  }

  @Test mutating func `do not take two early looks for a debounce`() {
    #expect(looks.saw(.content("b"), now: ms(1_000)) == .nothing)
    looks.noticed(now: ms(1_001))
    #expect(looks.next == ms(1_250))
    #expect(looks.saw(.content("b"), now: ms(1_100)) == .nothing)
  }

  @Test mutating func `are no more than one for each debounce, however much is noticed`() {
    _ = looks.saw(.content("a"), now: ms(1_000))
    for moment in 1_001..<1_200 {
      looks.noticed(now: ms(UInt64(moment)))
      #expect(looks.next == ms(1_250))
    }
  }

  @Test mutating func `find nothing when a change is taken back meanwhile`() {
    #expect(looks.saw(.content("b"), now: ms(1_000)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(1_250)) == .nothing)
    #expect(looks.next == ms(3_250))
    // And begin anew when it comes again.
    #expect(looks.saw(.content("b"), now: ms(1_400)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(1_649)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(1_650)) == .load)
  }

  @Test mutating func `never load an empty file, tell of it once, and load what follows`() {
    #expect(looks.saw(.empty, now: ms(1_000)) == .nothing)
    #expect(looks.saw(.empty, now: ms(1_250)) == .tell)
    #expect(looks.saw(.empty, now: ms(3_250)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(4_000)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(4_250)) == .load)
  }

  @Test mutating func `do not tell of a file that is empty or away for a moment only`() {
    #expect(looks.saw(.empty, now: ms(1_000)) == .nothing)
    #expect(looks.saw(.unreadable("gone"), now: ms(1_249)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(1_400)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(1_650)) == .load)
  }

  @Test mutating func `tell once that it cannot be read, and do not load what is in use again`() {
    #expect(looks.saw(.unreadable("gone"), now: ms(1_000)) == .nothing)
    #expect(looks.saw(.unreadable("gone"), now: ms(1_250)) == .tell)
    #expect(looks.saw(.content("a"), now: ms(2_000)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(2_250)) == .nothing)
    #expect(looks.next == ms(4_250))
    #expect(looks.saw(.unreadable("gone"), now: ms(5_000)) == .nothing)
    #expect(looks.saw(.unreadable("gone"), now: ms(5_250)) == .tell)
  }

  @Test mutating func `load a content that was refused once only, and the one before it again`() {
    _ = looks.saw(.content("b"), now: ms(1_000))
    #expect(looks.saw(.content("b"), now: ms(1_250)) == .load)
    looks.loaded("b")
    #expect(looks.saw(.content("b"), now: ms(3_250)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(5_250)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(5_500)) == .load)
  }

  @Test mutating func `do not load what somebody else has loaded meanwhile`() {
    #expect(looks.saw(.content("b"), now: ms(1_000)) == .nothing)
    looks.loaded("b")
    #expect(looks.saw(.content("b"), now: ms(1_250)) == .nothing)
  }

  @Test mutating func `load what was loaded before when somebody has found no file meanwhile`() {
    looks.couldNotLoad()
    #expect(looks.saw(.unreadable("gone"), now: ms(1_000)) == .nothing)
    #expect(looks.saw(.unreadable("gone"), now: ms(1_250)) == .tell)
    #expect(looks.saw(.content("a"), now: ms(2_000)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(2_250)) == .load)
    looks.loaded("a")
    #expect(looks.saw(.content("a"), now: ms(4_250)) == .nothing)
  }

  @Test mutating func `load what was there before a look found the loaded one again`() {
    #expect(looks.saw(.content("b"), now: ms(1_000)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(1_250)) == .load)
    #expect(looks.saw(.content("a"), now: ms(2_000)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(3_000)) == .nothing)
    #expect(looks.saw(.content("b"), now: ms(3_250)) == .load)
  }

  @Test mutating func `load it too when no look has missed the file, or one has told of it`() {
    looks.couldNotLoad()
    #expect(looks.saw(.content("a"), now: ms(1_000)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(1_250)) == .load)
    looks.loaded("a")
    #expect(looks.saw(.unreadable("gone"), now: ms(2_000)) == .nothing)
    #expect(looks.saw(.unreadable("gone"), now: ms(2_250)) == .tell)
    looks.couldNotLoad()
    #expect(looks.saw(.unreadable("gone"), now: ms(4_250)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(5_000)) == .nothing)
    #expect(looks.saw(.content("a"), now: ms(5_250)) == .load)
  }

  @Test mutating func `know what was loaded, though something else is to be`() {
    #expect(looks.isLoaded(.content("a")) && !looks.isLoaded(.empty))
    _ = looks.saw(.content("b"), now: ms(1_000))
    #expect(looks.saw(.content("b"), now: ms(1_250)) == .load)
    #expect(looks.isLoaded(.content("a")) && !looks.isLoaded(.content("b")))
    looks.loaded("b")
    #expect(looks.isLoaded(.content("b")) && !looks.isLoaded(.content("a")))
    looks.couldNotLoad()
    #expect(!looks.isLoaded(.content("b")))
  }
}
