// Why this file exists: how long a client that still sends has for its answer, by literal numbers.
import Primitives
import Testing

@testable import Forwarding

@Suite struct LingeringTests {
  /// What each look says, one every two seconds, given what the client has not taken by then.
  private func looks(_ untaken: [Int], writeIdle: Int64 = 30, minRate: UInt64 = 256) -> [Bool] {
    var lingering = Lingering()
    return untaken.indices.map { look in
      lingering.goesOn(
        untaken: untaken[look], writeIdle: .seconds(writeIdle), minRate: minRate,
        now: Instant(nanoseconds: UInt64(look + 1) * 2_000_000_000))
    }
  }

  @Test func `a client that has taken everything is closed on in time`() {
    #expect(looks([0]) == [false])
  }

  @Test func `a client that is reading has the time again, and once behind the last byte`() {
    #expect(looks([1_500_000, 900_000, 300_000, 0, 0]) == [true, true, true, true, false])
  }

  @Test func `one that pauses has as long as for any answer`() {
    #expect(looks([9, 9, 9, 9], writeIdle: 6) == [true, true, true, false])
    #expect(looks([9, 9, 8, 8, 8, 8], writeIdle: 6) == [true, true, true, true, true, false])
  }

  @Test func `over 20 s it takes what the lowest rate asks, or only holds the place`() {
    let slow = (0..<11).map { 1_000_000 - $0 * 511 }
    #expect(looks(slow) == Array(repeating: true, count: 10) + [false])
    let steady = (0..<11).map { 1_000_000 - $0 * 512 }
    #expect(looks(steady) == Array(repeating: true, count: 11))
    #expect(looks(slow, minRate: 0) == Array(repeating: true, count: 11))
  }

  @Test func `256 KiB are thrown away and no more`() {
    var lingering = Lingering()
    let parts = [262_143, 1, .max].map { lingering.discard($0) }
    #expect(parts == [true, false, false])
  }
}
