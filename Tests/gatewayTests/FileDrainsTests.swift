// Why this file exists: the file and the admin listener both drain and ready; which of them holds
// must not depend on what else changes.

import Forwarding
import Health
import Primitives
import Testing

@testable import Configuration
@testable import gateway

private func configuration(_ backends: String, top: String = "") throws -> GatewayConfiguration {
  try configuration(
    text: """
      listeners: [{address: 127.0.0.1:8080}]
      services: {s: {backends: [\(backends)]}}
      routes: [{match: {path: /*}, service: s}]
      \(top)

      """)
}

@Suite struct `What the file drains` {
  private let registry = SharedRegistry(workers: 1)
  private let drains = FileDrains()
  private let now = Instant(nanoseconds: 1_000_000_000)
  private static let drained = "{address: 'users:1', drain: true}, 127.0.0.1:2"
  private static let undrained = "{address: 'users:1'}, 127.0.0.1:2"

  private func snapshot(
    _ configuration: GatewayConfiguration, _ addresses: [UInt32] = [0x0A00_0001]
  ) -> OwnedSnapshot {
    var builder = SnapshotBuilder(
      registry: registry, names: ["users": addresses.map(IPAddress.init(v4:))], hashKey: 1,
      now: now)
    return builder.build(configuration)
  }

  /// Follows a configuration; gives what is drained then, and whether something has changed.
  private func follow(_ snapshot: OwnedSnapshot, _ configuration: GatewayConfiguration) -> String {
    let hasChanged = drains.follow(snapshot.pointer, configuration, now: now)
    let labels = snapshot.pointer.pointee.backends(of: 0)
      .filter { $0.shared.health.gate.isDraining }.map(\.label.text)
    return labels.joined(separator: " ") + (hasChanged ? " changed" : "")
  }

  private func health(_ index: Int, _ snapshot: OwnedSnapshot) -> BackendHealth {
    snapshot.pointer.pointee.backends[index].shared.health
  }

  @Test func `an order to ready holds until the file has said otherwise and drains anew`() throws {
    let drained = try configuration(Self.drained)
    let first = snapshot(drained)
    #expect(follow(first, drained) == "10.0.0.1:1 changed")
    health(0, first).ready(now: now)
    let other = try configuration(Self.drained, top: "workers: 2")
    let second = snapshot(other)
    #expect(follow(second, other) == "")
    let undrained = try configuration(Self.undrained)
    let third = snapshot(undrained)
    #expect(follow(third, undrained) == "")
    let fourth = snapshot(drained)
    #expect(follow(fourth, drained) == "10.0.0.1:1 changed")
    withExtendedLifetime((first, second, third, fourth)) {}
  }

  @Test func `another address of a name is drained, and the one before stays readied`() throws {
    let drained = try configuration(Self.drained)
    let first = snapshot(drained)
    #expect(follow(first, drained) == "10.0.0.1:1 changed")
    health(0, first).ready(now: now)
    let second = snapshot(drained, [0x0A00_0001, 0x0A00_0002])
    #expect(follow(second, drained) == "10.0.0.2:1 changed")
    withExtendedLifetime((first, second)) {}
  }

  @Test func `an order to drain holds whatever the file says`() throws {
    let undrained = try configuration(Self.undrained)
    let first = snapshot(undrained)
    #expect(follow(first, undrained) == "")
    health(0, first).drain(.drainedByAdmin, now: now)
    let drained = try configuration(Self.drained)
    let second = snapshot(drained)
    #expect(follow(second, drained) == "10.0.0.1:1")
    let third = snapshot(undrained)
    #expect(follow(third, undrained) == "10.0.0.1:1")
    withExtendedLifetime((first, second, third)) {}
  }

  @Test func `an order to drain what the file drains already holds when the file lets go`() throws {
    let drained = try configuration(Self.drained)
    let first = snapshot(drained)
    #expect(follow(first, drained) == "10.0.0.1:1 changed")
    health(0, first).drain(.drainedByAdmin, now: now)
    let undrained = try configuration(Self.undrained)
    let second = snapshot(undrained)
    #expect(follow(second, undrained) == "10.0.0.1:1")
    health(0, second).ready(now: now)
    let third = snapshot(undrained)
    #expect(follow(third, undrained) == "")
    withExtendedLifetime((first, second, third)) {}
  }

  @Test func `what the file no longer drains is readied`() throws {
    let drained = try configuration(Self.drained)
    let first = snapshot(drained)
    #expect(follow(first, drained) == "10.0.0.1:1 changed")
    let undrained = try configuration(Self.undrained)
    let second = snapshot(undrained)
    #expect(follow(second, undrained) == " changed")
    withExtendedLifetime((first, second)) {}
  }

  @Test func `a backend that comes back is new`() throws {
    let drained = try configuration(Self.drained)
    let first = snapshot(drained)
    #expect(follow(first, drained) == "10.0.0.1:1 changed")
    health(0, first).ready(now: now)
    let without = try configuration("127.0.0.1:2")
    let second = snapshot(without)
    #expect(follow(second, without) == "")
    let third = snapshot(drained)
    #expect(follow(third, drained) == "10.0.0.1:1 changed")
    withExtendedLifetime((first, second, third)) {}
  }
}
