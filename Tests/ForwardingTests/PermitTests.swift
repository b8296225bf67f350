// Why this file exists: a count that is given back twice, or never, sends requests to the wrong
// backend for ever (regression 12).
import Primitives
import Testing

@testable import Forwarding

@Suite struct PermitTests {
  @Test func `what is taken is given back once, from the count and from the sum`() {
    let words = SharedWords.allocate(count: 2)
    var permit = Permit.take(words[0], total: words[1])
    var other = Permit.take(words[0])
    #expect(permit.isHeld && words[0].load() == 2 && words[1].load() == 1)
    permit.release()
    permit.release()
    #expect(!permit.isHeld && words[0].load() == 1 && words[1].load() == 0)
    other.release()
    #expect(words[0].load() == 0 && words[1].load() == 0)
    words.deallocate()
  }

  @Test func `no permit gives nothing back`() {
    var none = Permit.none
    none.release()
    #expect(!none.isHeld)
  }
}
