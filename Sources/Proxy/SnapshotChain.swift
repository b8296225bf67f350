// Why this file exists: the control loop's side of changing everything under running workers: makes
// a snapshot, puts it on the chain, and gives memory and numbers back when the last worker and the
// last exchange have left them. It waits for nobody; it looks again when it is asked.
package import Configuration
import Forwarding
package import Primitives
import Telemetry

/// What is in use, as the control loop knows it.
package struct LiveConfiguration {
  package var configuration: GatewayConfiguration
  /// The addresses of every host name among the backends; a name that is missing has none.
  package var names: [String: [IPAddress]]
  /// One more for every configuration that was read; other addresses leave it as it is.
  package var generation: UInt64

  package init(
    _ configuration: GatewayConfiguration, names: [String: [IPAddress]], generation: UInt64
  ) {
    self.configuration = configuration
    self.names = names
    self.generation = generation
  }
}

/// All snapshots that somebody may still read, and the changes between them. Control loop only.
final class SnapshotChain {
  let registry: SharedRegistry
  /// Of each worker the last change that it has taken over, on a cache line of its own.
  let adopted: SharedWords
  private(set) var live: LiveConfiguration
  private(set) var current: OwnedSnapshot
  /// In the order of the chain; the last is the newest.
  private var changes: [OwnedChange]
  /// Snapshots that are not the newest, with the change that took their place.
  private var retired: [(snapshot: OwnedSnapshot, by: UInt64)] = []
  private let hashKey: UInt64
  private var readable: [MetricsShard]
  private var room: MetricsRoom

  init(
    _ live: LiveConfiguration, workers: Int, hashKey: UInt64, now: Instant,
    listeners: ListenerChanges = ListenerChanges()
  ) {
    self.live = live
    self.hashKey = hashKey
    registry = SharedRegistry(workers: workers)
    adopted = .allocate(count: 8 * workers)
    var builder = SnapshotBuilder(
      registry: registry, names: live.names, hashKey: hashKey, now: now)
    current = builder.build(live.configuration)
    room = MetricsRoom(
      routes: registry.routeNumbers + 1, services: registry.serviceNumbers + 1,
      backends: registry.backendNumbers)
    let room = room
    readable = MetricsShard.create(room, workers: workers)
    changes = [
      OwnedChange(
        sequence: 1, current, registry, of: live.configuration,
        forgotten: SnapshotIdentities(), shards: readable, listeners: listeners)
    ]
    changes[0].shards = []
    for worker in 0..<workers { acknowledged(worker).store(1) }
  }

  /// What the workers begin with.
  var first: ChangeRef { changes[0].pointer }

  private func acknowledged(_ worker: Int) -> SharedWord { adopted[8 * worker] }

  // MARK: Changing

  /// Makes the snapshot of this configuration and these addresses the one that requests begin on
  /// from now on. The workers are to be woken afterwards. Of one generation there is one
  /// configuration.
  func adopt(
    _ next: LiveConfiguration, now: Instant, listeners: ListenerChanges = ListenerChanges()
  ) {
    collect()
    let sharesRules = next.generation == live.generation
    live = next
    var builder = SnapshotBuilder(
      registry: registry, names: live.names, hashKey: hashKey, now: now)
    let snapshot = builder.build(
      live.configuration, sharing: sharesRules ? current : nil)
    let forgotten = registry.takeAbandoned()
    let last = changes[changes.count - 1]
    let change = OwnedChange(
      sequence: last.pointer.pointee.sequence + 1, snapshot, registry, of: live.configuration,
      forgotten: forgotten, shards: newShards(forgotten), listeners: listeners)
    retired.append((current, change.pointer.pointee.sequence))
    current = snapshot
    changes.append(change)
    last.link(to: change)
  }

  /// New shards for all workers when the numbers have outgrown the old ones, or when requests of
  /// routes and services that are gone are counted there. Backends that are gone are forgotten in
  /// place.
  private func newShards(_ forgotten: SnapshotIdentities) -> [MetricsShard]? {
    let fits = room.grow(
      routes: registry.routeNumbers + 1, services: registry.serviceNumbers + 1,
      backends: registry.backendNumbers)
    if fits && forgotten.routes.isEmpty && forgotten.services.isEmpty { return nil }
    return MetricsShard.create(room, workers: readable.count)
  }

  // MARK: Giving back

  /// Frees what nobody can read any more. True when there is nothing left to wait for.
  @discardableResult
  func collect() -> Bool {
    takeShards()
    let all = readable.indices.reduce(UInt64.max) { min($0, acknowledged($1).loadAcquiring()) }
    // A worker stands on the change that it has taken over last and reads where the next one is.
    while changes.count > 1, changes[1].pointer.pointee.sequence <= all {
      registry.recycle(changes[1].forgotten)
      changes.removeFirst()
    }
    retired.removeAll { $0.by <= all && $0.snapshot.isUnused }
    return changes.count == 1 && retired.isEmpty
  }

  /// From a worker's taking over new shards on, those are read; the old ones are then ours alone.
  private func takeShards() {
    for change in changes where !change.shards.isEmpty {
      for worker in readable.indices {
        guard let shard = change.shards[worker] else { continue }
        if acknowledged(worker).loadAcquiring() < change.pointer.pointee.sequence { continue }
        readable[worker].destroy()
        readable[worker] = shard
        change.shards[worker] = nil
      }
    }
  }

  /// After the threads have ended: everything.
  func destroy() {
    for change in changes { for case let shard? in change.shards { shard.destroy() } }
    for shard in readable { shard.destroy() }
    adopted.deallocate()
  }

  // MARK: Reading

  /// The shard that each worker counts in, or has counted in a moment ago.
  var shards: [MetricsShard] {
    takeShards()
    return readable
  }

  /// Requests under way, whatever snapshot they began on.
  var exchangesInFlight: Int {
    let sum = retired.reduce(current.users) { $0 &+ $1.snapshot.users }
    return max(0, Int(truncatingIfNeeded: sum))
  }

  /// The number of the newest change.
  var revision: UInt64 { changes[changes.count - 1].pointer.pointee.sequence }

  /// For each of the layout's backends, in its order.
  var gauges: [BackendGauges] {
    registry.knownBackends.map { backend in
      let shared = backend.value.shared
      return BackendGauges(
        active: shared.active.load(), open: shared.open.load(),
        idle: shared.idleTotal(workers: registry.workers))
    }
  }

  /// Every worker has taken over the newest change.
  var isTakenOver: Bool {
    readable.indices.allSatisfy { acknowledged($0).loadAcquiring() >= revision }
  }

  /// Snapshots that are kept for exchanges that began on them.
  var retiredCount: Int { retired.count }

  /// The names of everything that is counted.
  var layout: MetricsLayout {
    let services = registry.knownServices
    var numbers: [String: Int] = [:]
    for (number, service) in services { numbers[service.name] = number + 1 }
    func service(_ name: String) -> Int { numbers[name] ?? 0 }
    return MetricsLayout(
      routes: registry.knownRoutes.map {
        .init(index: $0.number + 1, name: $0.value.name, service: service($0.value.service))
      },
      services: services.map { .init(index: $0.number + 1, name: $0.value.name) },
      backends: registry.knownBackends.map {
        .init(index: $0.number, service: service($0.value.service), name: $0.value.label)
      })
  }
}
