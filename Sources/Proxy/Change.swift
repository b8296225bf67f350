// Why this file exists: what the control loop has changed, as links of one chain that every worker
// walks at its own pace. So a change is given to all at once and waits for none, and no worker
// misses one, however late it looks.
import Configuration
import Forwarding
import Primitives
import Telemetry

/// One step from a snapshot to the next. Immutable, but for `next`.
struct Change {
  /// 1 for the first, one more for each that follows.
  let sequence: UInt64
  let snapshot: UnsafePointer<Snapshot>
  /// What workers keep by number needs room for so many.
  let serviceNumbers: Int
  let backendNumbers: Int
  /// Numbers whose owners are gone, to be given again once all workers have forgotten them.
  let forgotten: Forgotten
  /// One for each worker, where the numbers do not fit its old one or some in it must go.
  let shards: UnsafeMutablePointer<MetricsShard>?
  /// What the access log keeps; nil = nothing.
  let logging: AccessSampling?
  /// Which traces that begin here are sampled; nil = no spans are exported.
  let tracing: TraceSampling?
  /// Listeners that come and go with it.
  let listeners: ListenerOrders
  /// The address of the change that follows; 0 = there is none yet. Written once.
  let next: SharedWord
}

typealias ChangeRef = UnsafePointer<Change>

extension Change {
  /// The change that follows, and all that was written before it was published.
  var following: ChangeRef? { ChangeRef(bitPattern: UInt(next.loadAcquiring())) }
}

/// A change, its memory and what is to be done when all workers have taken it over. Control loop
/// only.
final class OwnedChange {
  let pointer: ChangeRef
  let forgotten: SnapshotIdentities
  /// New shards that some worker may not have taken over; nil for those that it has.
  var shards: [MetricsShard?]
  private let arena: Arena

  init(
    sequence: UInt64, _ snapshot: OwnedSnapshot, _ registry: SharedRegistry,
    of configuration: GatewayConfiguration, forgotten: SnapshotIdentities, shards: [MetricsShard]?,
    listeners: ListenerChanges
  ) {
    self.forgotten = forgotten
    self.shards = shards ?? []
    let arena = Arena()
    self.arena = arena
    let change = arena.allocate(Change.self, count: 1)
    change.initialize(
      to: Change(
        sequence: sequence, snapshot: snapshot.pointer, serviceNumbers: registry.serviceNumbers,
        backendNumbers: registry.backendNumbers,
        forgotten: Forgotten(
          routes: OwnedChange.set(forgotten.routes.map { $0 + 1 }, arena),
          services: OwnedChange.set(forgotten.services.map { $0 + 1 }, arena),
          backends: OwnedChange.set(forgotten.backends, arena)),
        shards: shards.map { UnsafeMutablePointer(mutating: arena.copy($0).baseAddress) } ?? nil,
        logging: AccessSampling(configuration.logging.access),
        tracing: TraceSampling(configuration.tracing),
        listeners: ListenerOrders(listeners, in: arena),
        next: arena.words(count: 1)[0]))
    pointer = ChangeRef(change)
  }

  /// Lets the workers see the one that follows.
  func link(to following: OwnedChange) {
    pointer.pointee.next.storeReleasing(UInt64(UInt(bitPattern: following.pointer)))
  }

  private static func set(_ members: [Int], _ arena: Arena) -> Bitset {
    let capacity = (members.max() ?? -1) + 1
    let words = (capacity + 63) / 64
    let memory = arena.allocate(UInt64.self, count: words)
    memory.initialize(repeating: 0, count: words)
    let set = Bitset(words: memory, wordCount: words, capacity: capacity)
    for member in members { set.insert(member) }
    return set
  }
}

extension AccessSampling {
  /// nil when nothing is to be logged.
  init?(_ configuration: AccessLogConfiguration) {
    if configuration.output == .none { return nil }
    self.init(
      partsPerMillion: configuration.sample.partsPerMillion,
      slow: configuration.slow ?? Duration(nanoseconds: .max))
  }
}

extension TraceSampling {
  /// nil when no spans are to be exported.
  init?(_ configuration: TracingConfiguration) {
    if configuration.export == nil { return nil }
    self.init(partsPerMillion: configuration.sample.partsPerMillion)
  }
}
