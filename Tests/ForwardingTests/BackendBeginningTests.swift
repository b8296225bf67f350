// Why this file exists: what a backend starts with decides whether it gets requests before anything
// is known about it, and what it had must survive a change of the configuration.

import Configuration
import Health
import Primitives
import Testing

@testable import Forwarding

private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

@Suite struct `The beginning of a backend` {
  private let registry = SharedRegistry(workers: 1)

  private func snapshot(
    _ backends: String, _ more: String = "", at now: Instant
  ) throws -> OwnedSnapshot {
    let configuration = try mainService("warm_up: 10s\n" + more, backends: backends)
    var builder = SnapshotBuilder(registry: registry, names: [:], hashKey: 1, now: now)
    return builder.build(configuration)
  }

  /// The states of a snapshot's backends, in the order of the file.
  private func states(_ snapshot: OwnedSnapshot, at now: Instant) -> [String] {
    (0..<snapshot.pointer.pointee.backendCount).map { index in
      let health = snapshot.pointer.pointee.backends[index].shared.health
      let report = health.observe(now: now, warmUp: .seconds(10))
      return "\(report.state.word) \(report.cause.word)"
    }
  }

  @Test func `where all are new nobody warms up`() throws {
    let snapshot = try snapshot("10.0.0.1:1, 10.0.0.2:1", at: at(5))
    #expect(states(snapshot, at: at(5)) == ["up initial", "up initial"])
  }

  @Test func `who joins others warms up, and they go on as they were`() throws {
    let before = try snapshot("10.0.0.1:1, 10.0.0.2:1", at: at(5))
    before.pointer.pointee.backends[0].shared.health.probeFailed(.timeout, now: at(6))
    let after = try snapshot("10.0.0.3:1, 10.0.0.1:1, 10.0.0.2:1", at: at(7))
    #expect(
      states(after, at: at(8)) == ["warming added", "down probe_failed: timeout", "up initial"])
    withExtendedLifetime(before) {}
  }

  @Test func `with initial down and a check it is down until that has passed`() throws {
    let down = "health: {initial: down, active: {path: /}}"
    let before = try snapshot("10.0.0.1:1", down, at: at(5))
    #expect(states(before, at: at(5)) == ["down initial"])
    before.pointer.pointee.backends[0].shared.health.probePassed(now: at(6))
    let after = try snapshot("10.0.0.1:1, 10.0.0.2:1", down, at: at(20))
    #expect(states(after, at: at(20)) == ["up warmed_up", "down initial"])
    withExtendedLifetime(before) {}
  }

  @Test func `a backend that is there already does not fall back to initial`() throws {
    let before = try snapshot("10.0.0.1:1", at: at(5))
    let after = try snapshot(
      "10.0.0.1:1", "health: {initial: down, active: {path: /}}", at: at(6))
    #expect(states(after, at: at(6)) == ["up initial"])
    withExtendedLifetime(before) {}
  }
}
