// Why this file exists: the workers are told what to refuse at the right moment and the operator
// once, however long it lasts.

import Forwarding
import Primitives
import Testing

@testable import Configuration
@testable import gateway

@Suite struct `The watch over overload` {
  private final class World {
    var resident = 0
    var lag: [OverloadLevel] = []
    /// What the watch did, as text, in order.
    let notes = LogLines()

    func watch(memory: UInt64?, loopLag: Duration?) -> OverloadWatch {
      let notes = notes
      let workers = OverloadWatch.Workers(
        shed: { notes.add("shed \($0)") }, trim: { notes.add("trim") }, lagLevels: { self.lag })
      return OverloadWatch(
        limits(memory: memory, loopLag: loopLag), workers, notes.logger(),
        residentBytes: { self.resident })
    }

    func limits(memory: UInt64?, loopLag: Duration?) -> LimitsConfiguration {
      LimitsConfiguration(
        connections: 1, headSize: 1, headFields: 1, bodySize: nil, minRate: nil,
        loopLag: loopLag, memory: memory)
    }
  }

  private func at(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test func `memory is told once on entry and once on exit`() {
    let world = World()
    let watch = world.watch(memory: 1_000, loopLag: nil)
    world.resident = 1_000
    watch.look(now: at(0))
    #expect(world.notes.take() == [])
    world.resident = 1_100
    for time in stride(from: UInt64(100), through: 900, by: 100) { watch.look(now: at(time)) }
    #expect(
      world.notes.take() == [
        "shed connections",
        "warning: memory is above limits.memory: shedding with 503 overloaded",
      ])
    world.resident = 1_300
    watch.look(now: at(1_000))
    #expect(world.notes.take() == ["shed requests"])
    world.resident = 500
    watch.look(now: at(1_050))
    #expect(world.notes.take() == ["shed connections"])
    watch.look(now: at(2_050))
    #expect(
      world.notes.take() == [
        "shed nothing",
        "notice: memory is below limits.memory again: shedding has ended",
      ])
  }

  @Test func `while there is too much memory, unused memory is given back every second`() {
    let world = World()
    let watch = world.watch(memory: 1_000, loopLag: nil)
    world.resident = 2_000
    watch.look(now: at(0))
    _ = world.notes.take()
    for time in stride(from: UInt64(100), through: 3_000, by: 100) { watch.look(now: at(time)) }
    #expect(world.notes.take() == ["trim", "trim", "trim"])
  }

  @Test func `another limit takes the place of the old one and of what it refused`() {
    let world = World()
    let watch = world.watch(memory: 1_000, loopLag: nil)
    world.resident = 1_500
    watch.look(now: at(0))
    _ = world.notes.take()
    watch.follow(world.limits(memory: 2_000, loopLag: nil))
    watch.look(now: at(100))
    #expect(
      world.notes.take() == [
        "shed nothing", "notice: limits.memory is another one: shedding has ended",
      ])
    world.resident = 2_100
    watch.look(now: at(200))
    #expect(world.notes.take().first == "shed connections")
    watch.follow(world.limits(memory: nil, loopLag: nil))
    #expect(world.notes.take().first == "shed nothing")
    watch.look(now: at(300))
    #expect(world.notes.take() == [])
  }

  @Test func `a late worker is told once on entry and once on exit`() {
    let world = World()
    let watch = world.watch(memory: nil, loopLag: .milliseconds(100))
    world.lag = [.nothing, .connections]
    watch.look(now: at(0))
    world.lag = [.nothing, .requests]
    watch.look(now: at(100))
    #expect(
      world.notes.take() == [
        "warning: event loop is later than limits.loop_lag: shedding with 503 overloaded"
      ])
    world.lag = [.nothing, .nothing]
    watch.look(now: at(200))
    watch.look(now: at(300))
    #expect(world.notes.take() == ["notice: event loop keeps up again: shedding has ended"])
  }
}
