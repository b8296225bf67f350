// Why this file exists: the configuration in the form in which a request reads it: tables of plain
// values in memory that nobody changes. An exchange holds the snapshot it began with.
package import Balancing
package import HTTPSemantics
package import Primitives
package import Routing

/// What a route says to the requests it takes.
@frozen
package struct RouteEntry {
  package var name: ByteSlice
  /// Here and below: nothing of the name has to be escaped in a log.
  package var nameIsPlain: Bool
  /// Number of the route in the process; it stays while a configuration has the route. Of a route
  /// with several services, that of the first.
  package var number: Int32
  /// Position in `Snapshot.services`; -1 when it is drawn or there is none.
  package var service: Int32
  /// Everything of the plan that does not depend on the request.
  package var plan: ExchangePlan
  package var upgrades: UnsafeBufferPointer<ByteSlice>
  /// nil: one service, and nothing is changed on the way.
  package var extras: UnsafePointer<RouteExtras>?
}

/// The Host field that a service's backends are sent.
@frozen
package enum HostRule: UInt8, Sendable {
  case preserve
  case backend
  case literal
}

/// A named pool of backends.
@frozen
package struct ServiceEntry {
  package var name: ByteSlice
  package var nameIsPlain: Bool
  /// The position of the first of its backends in `Snapshot.backends`; the others follow.
  package var first: Int32
  package var view: BackendView
  package var policy: BalancerPolicy
  /// What the policy goes by; `none` when it asks for nothing.
  package var key: HashKey
  package var shared: ServiceShared
  package var hostRule: HostRule
  package var hostLiteral: ByteSlice
  /// Open connections per backend; 0 = no bound.
  package var connectionsMax: UInt32
  package var idleMax: UInt32
  package var idleTimeout: Duration
  package var queueBound: UInt32
  package var budgetRule: RetryBudgetRule
  /// What becomes of its backends when they fail.
  package var rules: BackendRules
}

/// One backend of one service.
@frozen
package struct BackendEntry {
  /// `host:port` or `unix:/path`, as logs and metrics call it.
  package var label: ByteSlice
  package var labelIsPlain: Bool
  /// What `host: backend` sends.
  package var authority: ByteSlice
  /// Unused when there is a path.
  package var endpoint: Endpoint
  package var unixPath: UnsafePointer<CChar>?
  /// Its part of the requests, compared with the others of its service.
  package var weight: UInt32
  package var shared: BackendShared
}

/// The client's side of time, where no exchange is under way.
@frozen
package struct ClientTimes: Sendable {
  package var head: Duration
  package var keepAlive: Duration
  package var writeIdle: Duration
  /// Bytes a second that a client takes at least; 0 = any.
  package var minRate: UInt64
}

/// Whose traceparent and X-Request-ID are continued.
@frozen
package enum TraceTrust: UInt8, Sendable {
  case always
  case trustedProxies
  case never
}

/// One configuration, compiled. Reached by pointer; immutable after `SnapshotBuilder` made it.
package struct Snapshot {
  package var routes: UnsafeMutablePointer<RouteEntry>
  package var routeCount: Int
  package var services: UnsafeMutablePointer<ServiceEntry>
  package var serviceCount: Int
  package var backends: UnsafeMutablePointer<BackendEntry>
  package var backendCount: Int
  package var routing: RouteTable
  package var requestRules: RequestRuleSettings
  package var encodedSlash: EncodedSlash
  /// `limits.head_size` and `limits.head_fields`.
  package var headSize: Int
  package var headFields: Int
  package var clientTimeouts: ClientTimes
  package var trustedProxies: UnsafeBufferPointer<CIDR>
  /// In the order of the file.
  package var limits: UnsafeBufferPointer<LimitEntry>
  package var traceTrust: TraceTrust
  /// Where changes of the backends' states are noted for the control loop.
  package var journal: StateJournal
  /// Exchanges that began here and are not over: for each worker one counter, 8 words apart.
  package var users: SharedCounter
  /// By the number of a route or service, its position here; -1 = it is not one of this snapshot's.
  package var routePositions: UnsafeBufferPointer<Int32>
  package var servicePositions: UnsafeBufferPointer<Int32>
}

extension Snapshot {
  /// The backends of the service at this position, in the order of its list.
  package func backends(of service: Int) -> UnsafeBufferPointer<BackendEntry> {
    let entry = services[service]
    return UnsafeBufferPointer(start: backends + Int(entry.first), count: entry.view.count)
  }

  /// The count of one worker, who alone writes it.
  @inlinable package static func users(
    of snapshot: UnsafePointer<Snapshot>, worker: Int
  ) -> SharedCounter {
    snapshot.pointee.users.next(8 &* worker)  // far below any overflow
  }

  package func position(ofRoute number: Int32) -> Int32? {
    Snapshot.position(number, routePositions)
  }

  package func position(ofService number: Int) -> Int32? {
    Snapshot.position(Int32(number), servicePositions)
  }

  private static func position(
    _ number: Int32, _ positions: UnsafeBufferPointer<Int32>
  ) -> Int32? {
    guard Int(number) < positions.count, positions[Int(number)] >= 0 else { return nil }
    return positions[Int(number)]
  }
}

/// A snapshot with its memory, which goes with this object. Control loop only: workers have the
/// pointer.
package final class OwnedSnapshot {
  package let pointer: UnsafePointer<Snapshot>
  private let registry: SharedRegistry
  private let identities: SnapshotIdentities
  private let arena: Arena
  /// Of the part that does not change with the addresses of names.
  let rules: SnapshotRules

  init(
    _ pointer: UnsafePointer<Snapshot>, _ registry: SharedRegistry,
    _ identities: SnapshotIdentities, _ arena: Arena, _ rules: SnapshotRules
  ) {
    self.pointer = pointer
    self.registry = registry
    self.identities = identities
    self.arena = arena
    self.rules = rules
  }

  deinit { registry.release(identities) }

  /// Exchanges that hold it, all workers together; wraps where one is read amid its change.
  package var users: UInt64 {
    (0..<registry.workers).reduce(0) { $0 &+ count($1) }
  }

  /// No exchange holds it. Once no worker begins exchanges on it any more, this stays so.
  package var isUnused: Bool { (0..<registry.workers).allSatisfy { count($0) == 0 } }

  private func count(_ worker: Int) -> UInt64 {
    Snapshot.users(of: pointer, worker: worker).valueAcquiring
  }
}
