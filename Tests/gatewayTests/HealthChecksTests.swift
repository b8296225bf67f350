// Why this file exists: from a configuration to what is asked of whom, from results to the words
// that workers read; a backend whose check is taken away may not stay out for ever.

import Balancing
import EventLoop
import Forwarding
import Glibc
import Health
import Primitives
import Probing
import Telemetry
import Testing

@testable import Configuration
@testable import gateway

/// A configuration of one service with these lines.
private func configuration(_ service: String) throws -> GatewayConfiguration {
  let text = """
    listeners: [{address: 127.0.0.1:8080}]
    services:
      s: {\(service)}
    routes: [{match: {path: /*}, service: s}]

    """
  return try configuration(text: text)
}

private struct World {
  let registry = SharedRegistry(workers: 1)
  let names = ["both.example": [IPAddress(v4: 0x7f00_0001), IPAddress(v4: 0x7f00_0002)]]

  func snapshot(_ configuration: GatewayConfiguration) -> OwnedSnapshot {
    var builder = SnapshotBuilder(
      registry: registry, names: names, hashKey: 1, now: Instant(nanoseconds: 1_000))
    return builder.build(configuration)
  }

  func checked(_ service: String) throws -> [CheckedBackend] {
    let configuration = try configuration(service)
    let snapshot = snapshot(configuration)
    return withExtendedLifetime(snapshot) {
      CheckedBackend.all(in: snapshot.pointer, configuration)
    }
  }
}

@Suite struct `Health checks of a configuration` {
  @Test func `a backend is asked what the file says`() throws {
    let checked = try World().checked(
      """
      backends: [127.0.0.1:9001], health: {active: {path: /up?x=1, interval: 3s, timeout: 250ms,
      healthy_after: 4, unhealthy_after: 5, status: [200, 300-302], host: check.example}}
      """)
    let target = try #require(checked.first?.target)
    #expect(checked.count == 1)
    #expect(target.identity == ProbeTarget.Identity(service: "s", backend: "127.0.0.1:9001"))
    let endpoint = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 9_001)
    #expect(target.address == .tcp(endpoint))
    #expect(target.isInitiallyUp)
    #expect(
      target.check
        == ProbeCheck(
          question: ProbeCheck.Question(
            path: "/up?x=1", host: "check.example",
            statuses: StatusRanges([200...200, 300...302])),
          schedule: ProbeSchedule(interval: .seconds(3)), timeout: .milliseconds(250),
          thresholds: ProbeThresholds(healthyAfter: 4, unhealthyAfter: 5)))
  }

  @Test func `without a host the backend's address is named, as it is written in the file`()
    throws
  {
    let checked = try World().checked(
      "backends: [both.example:81, 'unix:/run/b.sock'], health: {active: {path: /}}")
    #expect(
      checked.map(\.target.identity.backend)
        == ["127.0.0.1:81", "127.0.0.2:81", "unix:/run/b.sock"])
    #expect(
      checked.map(\.target.check.question.host)
        == ["both.example:81", "both.example:81", "localhost"])
    #expect(checked.last?.target.address == .unix("/run/b.sock"))
  }

  @Test func `a service without an active check has no targets`() throws {
    #expect(try World().checked("backends: [127.0.0.1:9001]").isEmpty)
    #expect(
      try World().checked("backends: [], health: {active: {path: /}}").isEmpty)
  }

  @Test func `failed checks take a backend out, and it is back when it is checked no more`()
    throws
  {
    let world = World()
    let loop = try Loop.create()
    let gone = try ListeningSocket.tcp(
      Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 0), reusePort: false)
    // A program that another test is just starting may hold it open up to its exec.
    shutdown(gone.descriptor, Int32(SHUT_RDWR))
    gone.close()
    let address = "\(gone.boundEndpoint)"
    let active = try configuration(
      "backends: ['\(address)'], health: {active: {path: /, interval: 10ms}}")
    let before = world.snapshot(active)
    let health = before.pointer.pointee.backends[0].shared.health
    var changes = 0
    let checks = HealthChecks(loop, seed: 1, places: 4) { changes += 1 }
    checks.follow(before.pointer, active)
    #expect(checks.samples.map(\.count) == [0, 0, 0])
    let deadline = Loop.clock() + .seconds(20)
    while !health.gate.isDown, Loop.clock() < deadline { loop.runOnce(waiting: true) }
    #expect(health.gate.isDown && health.gate.refusesConnections)
    #expect(changes == 1)
    #expect(checks.samples.map(\.result) == ["pass", "fail", "skipped"])
    #expect(checks.samples.map { $0.count > 0 } == [false, true, false])
    #expect(checks.report(service: "s", backend: address)?.isUp == false)

    // The same backend under a configuration that keeps the check: it stays down.
    let same = world.snapshot(active)
    checks.follow(same.pointer, active)
    #expect(health.gate.isDown)
    #expect(checks.samples.first { $0.result == "fail" }?.count ?? 0 >= 3)

    let passive = try configuration("backends: ['\(address)']")
    let after = world.snapshot(passive)
    checks.follow(after.pointer, passive)
    #expect(health.gate.admits(now: Loop.clock()))
    #expect(checks.samples.isEmpty)
    #expect(checks.report(service: "s", backend: address) == nil)
    checks.stop()
    #expect(loop.destroy() == 0)
    withExtendedLifetime((before, same, after)) {}
  }

  @Test func `a backend known to be down is not presumed up by a new check`() throws {
    let world = World()
    let plain = try configuration("backends: [127.0.0.1:9001]")
    let snapshot = world.snapshot(plain)
    snapshot.pointer.pointee.backends[0].shared.health.probeFailed(
      .timeout, now: Instant(nanoseconds: 5))
    let checked = try world.checked(
      "backends: [127.0.0.1:9001], health: {active: {path: /}}")
    #expect(checked.first?.target.isInitiallyUp == false)
    withExtendedLifetime(snapshot) {}
  }
}
