// Why this file exists: the order of a shutdown, at literal instants.

import Primitives
import Testing

@testable import gateway

@Suite struct `A shutdown` {
  private func at(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  private func sequence(grace: Int64, drain: Int64) -> ShutdownSequence {
    ShutdownSequence(acceptGrace: .milliseconds(grace), drain: .milliseconds(drain))
  }

  @Test func `without a grace drains at once`() {
    var shutdown = sequence(grace: 0, drain: 8_000)
    #expect(shutdown.signal(now: at(100)) == [.announce, .beginDrain(deadline: at(8_100))])
    #expect(shutdown.phase == .draining(until: at(8_100)))
  }

  @Test func `announces first and accepts until the grace is over`() {
    var shutdown = sequence(grace: 500, drain: 8_000)
    #expect(shutdown.signal(now: at(100)) == [.announce])
    #expect(shutdown.nextTick(after: at(100)) == at(600))
    #expect(shutdown.tick(now: at(599), isDrained: true) == [])
    #expect(shutdown.tick(now: at(600), isDrained: true) == [.beginDrain(deadline: at(8_600))])
  }

  @Test func `does not ask whether all is drained before it drains`() {
    func refuse() -> Bool {
      Issue.record("asked too early")
      return true
    }
    var shutdown = sequence(grace: 500, drain: 8_000)
    #expect(shutdown.tick(now: at(50), isDrained: refuse()) == [])
    _ = shutdown.signal(now: at(100))
    #expect(shutdown.tick(now: at(200), isDrained: refuse()) == [])
  }

  @Test func `ends as soon as all is drained`() {
    var shutdown = sequence(grace: 0, drain: 8_000)
    _ = shutdown.signal(now: at(0))
    #expect(shutdown.nextTick(after: at(0)) == at(20))
    #expect(shutdown.tick(now: at(20), isDrained: false) == [])
    #expect(shutdown.tick(now: at(40), isDrained: true) == [.stop])
    #expect(shutdown.nextTick(after: at(40)) == .distantFuture)
  }

  @Test func `ends at the deadline whatever is left`() {
    var shutdown = sequence(grace: 0, drain: 8_000)
    _ = shutdown.signal(now: at(0))
    #expect(shutdown.nextTick(after: at(7_990)) == at(8_000))
    #expect(shutdown.tick(now: at(7_999), isDrained: false) == [])
    #expect(shutdown.tick(now: at(8_000), isDrained: false) == [.stop])
  }

  @Test(arguments: [0, 500] as [Int64])
  func `a second signal means now, and a third nothing`(grace: Int64) {
    var shutdown = sequence(grace: grace, drain: 8_000)
    _ = shutdown.signal(now: at(0))
    #expect(shutdown.signal(now: at(1)) == [.stop])
    #expect(shutdown.signal(now: at(2)) == [])
    #expect(shutdown.tick(now: at(9_000), isDrained: true) == [])
  }

  @Test func `leaves spans what is left of the drain, within bounds`() {
    var shutdown = sequence(grace: 0, drain: 1_500)
    #expect(shutdown.timeForSpans(now: at(0)) == .zero)
    _ = shutdown.signal(now: at(0))
    _ = shutdown.tick(now: at(300), isDrained: true)
    #expect(shutdown.timeForSpans(now: at(300)) == .milliseconds(1_200))
    #expect(shutdown.timeForSpans(now: at(1_500)) == .milliseconds(500), "a moment at least")
    var long = sequence(grace: 0, drain: 60_000)
    _ = long.signal(now: at(0))
    _ = long.tick(now: at(20), isDrained: true)
    #expect(long.timeForSpans(now: at(20)) == .seconds(2), "a collector that hangs is left")
  }

  @Test func `does not wait for spans when it is asked twice`() {
    var shutdown = sequence(grace: 0, drain: 8_000)
    _ = shutdown.signal(now: at(0))
    _ = shutdown.signal(now: at(10))
    #expect(shutdown.timeForSpans(now: at(10)) == .zero)
  }
}
