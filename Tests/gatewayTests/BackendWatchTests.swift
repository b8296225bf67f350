// Why this file exists: each change of a backend's state is told once, with its cause, and what has
// not changed is not told.

import Forwarding
import Health
import Primitives
import Testing

@testable import Configuration
@testable import gateway

private func configuration(_ backends: String, warmUp: String = "none") throws
  -> GatewayConfiguration
{
  let text = """
    listeners: [{address: 127.0.0.1:8080}]
    services: {s: {backends: [\(backends)], warm_up: \(warmUp)}}
    routes: [{match: {path: /*}, service: s}]

    """
  return try configuration(text: text)
}

private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

@Suite struct `The watch over backends` {
  private let lines = LogLines()
  private let registry = SharedRegistry(workers: 1)

  private func watch() -> BackendWatch { BackendWatch(lines.logger(withFields: true)) }

  private func snapshot(_ configuration: GatewayConfiguration) -> OwnedSnapshot {
    var builder = SnapshotBuilder(
      registry: registry, names: [:], hashKey: 1, now: Instant(nanoseconds: 1_000))
    return builder.build(configuration)
  }

  @Test func `a change is told once with its cause, by a level that fits`() throws {
    let configuration = try configuration("127.0.0.1:1, 127.0.0.1:2")
    let snapshot = snapshot(configuration)
    let health = snapshot.pointer.pointee.backends[1].shared.health
    let watch = watch()
    watch.follow(snapshot.pointer, configuration, now: at(1))
    watch.look(now: at(1))
    #expect(lines.take() == [])
    health.probeFailed(.status(503), now: at(2))
    watch.look(now: at(2))
    watch.look(now: at(3))
    #expect(
      lines.take() == [
        "warning: backend is down backend=127.0.0.1:2 cause=probe_failed: status 503 service=s "
          + "was=up"
      ])
    health.probePassed(now: at(4))
    watch.look(now: at(4))
    watch.look(now: at(5))
    #expect(
      lines.take() == [
        "notice: backend is up backend=127.0.0.1:2 cause=probe_passed service=s was=down"
      ])
    health.drain(.drainedByAdmin, now: at(6))
    watch.look(now: at(6))
    #expect(
      lines.take() == [
        "notice: backend is draining backend=127.0.0.1:2 cause=drained_by_admin service=s was=up"
      ])
    withExtendedLifetime(snapshot) {}
  }

  @Test func `warming up is told when it begins and when time has ended it`() throws {
    let configuration = try configuration("127.0.0.1:1", warmUp: "10s")
    let snapshot = snapshot(configuration)
    let health = snapshot.pointer.pointee.backends[0].shared.health
    let watch = watch()
    health.probeFailed(.timeout, now: at(1))
    watch.follow(snapshot.pointer, configuration, now: at(2))
    health.probePassed(now: at(20))
    watch.look(now: at(20))
    watch.look(now: at(29))
    watch.look(now: at(30))
    watch.look(now: at(31))
    #expect(
      lines.take() == [
        "notice: backend is warming backend=127.0.0.1:1 cause=probe_passed service=s was=down",
        "notice: backend is up backend=127.0.0.1:1 cause=warmed_up service=s was=warming",
      ])
    withExtendedLifetime(snapshot) {}
  }

  @Test func `a state that lasts over a change of configuration is not told again`() throws {
    let one = try configuration("127.0.0.1:1")
    let before = snapshot(one)
    let health = before.pointer.pointee.backends[0].shared.health
    let watch = watch()
    watch.follow(before.pointer, one, now: at(1))
    health.probeFailed(.timeout, now: at(2))
    watch.look(now: at(2))
    #expect(lines.take().count == 1)
    let two = try configuration("127.0.0.1:2, 127.0.0.1:1")
    let after = snapshot(two)
    watch.follow(after.pointer, two, now: at(3))
    watch.look(now: at(3))
    #expect(lines.take() == [])
    health.probePassed(now: at(4))
    watch.look(now: at(4))
    #expect(lines.take().count == 1)
    withExtendedLifetime((before, after)) {}
  }

  @Test func `what changed just before a new configuration is told after it`() throws {
    let one = try configuration("127.0.0.1:1")
    let before = snapshot(one)
    let watch = watch()
    watch.follow(before.pointer, one, now: at(1))
    before.pointer.pointee.backends[0].shared.health.probeFailed(.timeout, now: at(2))
    watch.follow(before.pointer, one, now: at(2))
    watch.look(now: at(2))
    #expect(lines.take().count == 1)
    withExtendedLifetime(before) {}
  }
}
