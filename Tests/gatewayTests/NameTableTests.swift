// Why this file exists: when names are asked, and what counts as a change, at literal instants.

import Primitives
import Testing

@testable import gateway

/// Half of all values: no jitter at all.
private struct Middle: RandomNumberGenerator {
  mutating func next() -> UInt64 { 1 << 63 }
}

/// A table at one place, so that an expectation may change it.
private final class Table {
  private var table = NameTable()
  private var random = Middle()

  func watch(_ names: [String: Duration], at milliseconds: UInt64 = 0) {
    table.watch(names, now: instant(milliseconds))
  }
  func due(at milliseconds: UInt64) -> [String] { table.takeDue(now: instant(milliseconds)) }
  func answered(_ name: String, _ last: [UInt32], at milliseconds: UInt64 = 0) -> NameEvent? {
    table.answered(name, last.map(address), now: instant(milliseconds), random: &random)
  }
  func failed(_ name: String, at milliseconds: UInt64 = 0) -> NameEvent? {
    table.failed(name, "no answer", now: instant(milliseconds), random: &random)
  }
  var nextDue: Instant { table.nextDue }
  var isWaitingForFirst: Bool { table.isWaitingForFirst }
  var addresses: [String: [IPAddress]] { table.addresses }
}

private func instant(_ milliseconds: UInt64) -> Instant {
  Instant(nanoseconds: milliseconds * 1_000_000)
}
private func address(_ last: UInt32) -> IPAddress { IPAddress(v4: 0x0A00_0000 | last) }

@Suite struct `A table of names` {
  @Test func `asks a new name at once, and again after its time`() {
    let table = Table()
    table.watch(["a": .seconds(10), "b": .seconds(20)], at: 5)
    #expect(table.due(at: 5) == ["a", "b"])
    #expect(table.due(at: 100) == [], "both are being asked")
    #expect(table.nextDue == .distantFuture)
    #expect(table.answered("a", [1], at: 100) == .found(addresses: [address(1)]))
    #expect(table.nextDue == instant(10_100))
    #expect(table.isWaitingForFirst)
    #expect(table.answered("b", [2], at: 200) != nil)
    #expect(!table.isWaitingForFirst)
    #expect(table.due(at: 10_099) == [])
    #expect(table.due(at: 10_100) == ["a"])
    #expect(table.addresses == ["a": [address(1)], "b": [address(2)]])
  }

  @Test func `takes another order, and an address told twice, for the same answer`() {
    let table = Table()
    table.watch(["a": .seconds(10)])
    #expect(table.answered("a", [2, 1]) == .found(addresses: [address(1), address(2)]))
    #expect(table.answered("a", [1, 2]) == nil)
    #expect(table.answered("a", [2, 1, 2]) == nil)
    #expect(
      table.answered("a", [3, 2]) == .changed(added: [address(3)], removed: [address(1)]))
    #expect(table.addresses == ["a": [address(2), address(3)]])
  }

  @Test func `lists IPv4 before IPv6`() {
    var table = NameTable()
    var random = Middle()
    table.watch(["a": .seconds(1)], now: instant(0))
    let six = IPAddress(high: 0x2001_0DB8 << 32, low: 1)
    let event = table.answered("a", [six, address(1)], now: instant(0), random: &random)
    #expect(event == .found(addresses: [address(1), six]))
  }

  @Test func `tells a failure once, keeps the last answer, and tells the recovery`() {
    let table = Table()
    table.watch(["a": .seconds(10)])
    _ = table.answered("a", [1, 2])
    #expect(table.failed("a") == .failing(why: "no answer", kept: 2))
    #expect(table.failed("a") == nil)
    #expect(table.answered("a", []) == nil, "an answer without addresses is a failure too")
    #expect(table.addresses == ["a": [address(1), address(2)]])
    #expect(table.answered("a", [2, 1]) == .recovered)
    #expect(table.answered("a", [2, 1]) == nil)
    #expect(table.failed("a") == .failing(why: "no answer", kept: 2))
    #expect(table.answered("a", [2]) == .changed(added: [], removed: [address(1)]))
  }

  @Test func `tries a failing name soon, then at its own pace, at the latest after 30 seconds`() {
    for (every, waits) in [
      (Duration.seconds(2), [250, 500, 1_000, 2_000, 2_000] as [UInt64]),
      (.milliseconds(100), [100, 100, 100, 100]),
      (.seconds(3_600), [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]),
    ] {
      let table = Table()
      table.watch(["a": every])
      var now: UInt64 = 0
      for wait in waits {
        #expect(table.due(at: now) == ["a"])
        _ = table.failed("a", at: now)
        now += wait
        #expect(table.nextDue == instant(now))
      }
      #expect(table.addresses == [:])
    }
  }

  @Test func `forgets names that are not watched any more, and keeps what it knows of others`() {
    let table = Table()
    table.watch(["a": .seconds(10), "b": .seconds(10)])
    _ = table.due(at: 0)
    _ = table.answered("a", [1])
    table.watch(["a": .seconds(1), "c": .seconds(5)], at: 400)
    #expect(table.answered("b", [2]) == nil, "its answer comes too late")
    #expect(table.addresses == ["a": [address(1)]])
    #expect(table.due(at: 400) == ["c"])
    #expect(table.nextDue == instant(1_400), "a shorter time counts from now on")
  }

  @Test func `spreads its questions by a tenth`() {
    var random = Xoroshiro(seed: 9)
    var table = NameTable()
    table.watch(["a": .seconds(10)], now: instant(0))
    var earliest = UInt64.max
    var latest: UInt64 = 0
    for _ in 0..<1_000 {
      _ = table.answered("a", [address(1)], now: instant(0), random: &random)
      earliest = min(earliest, table.nextDue.nanoseconds)
      latest = max(latest, table.nextDue.nanoseconds)
    }
    #expect(earliest >= 9_000_000_000 && earliest < 9_100_000_000)
    #expect(latest <= 11_000_000_000 && latest > 10_900_000_000)
  }
}
