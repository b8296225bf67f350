// Why this file exists: how long a client that still sends has for its answer, by literal numbers.
import Testing

@testable import Forwarding

@Suite struct LingeringTests {
  /// What each look says, given what the client has not taken by then.
  private func looks(_ untaken: [Int], minRate: UInt64 = 256) -> [Bool] {
    var lingering = Lingering()
    return untaken.map { lingering.goesOn(untaken: $0, minRate: minRate) }
  }

  @Test func `a client that has taken everything is closed on in time`() {
    #expect(looks([0]) == [false])
  }

  @Test func `a client that is reading has the time again, and once behind the last byte`() {
    #expect(looks([1_500_000, 900_000, 300_000, 0, 0]) == [true, true, true, true, false])
  }

  @Test func `a client that takes nothing is closed on at the second look`() {
    #expect(looks([1_000, 1_000], minRate: 0) == [true, false])
  }

  @Test func `one that takes less than the lowest rate asks in 2 s only holds the place`() {
    #expect(looks([10_000, 9_489]) == [true, false])
    #expect(looks([10_000, 9_488]) == [true, true])
    #expect(looks([10_000, 9_999], minRate: 0) == [true, true])
    #expect(looks([100, 0]) == [true, true], "there was no more")
    #expect(looks([100, 1]) == [true, false])
  }

  @Test func `256 KiB are thrown away and no more`() {
    var lingering = Lingering()
    let parts = [262_143, 1, .max].map { lingering.discard($0) }
    #expect(parts == [true, false, false])
  }
}
