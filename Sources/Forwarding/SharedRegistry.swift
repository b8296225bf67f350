// Why this file exists: a backend's counts belong to its service's name and its address, not to the
// configuration that names them; this is where a snapshot finds the counts that were there before,
// and where they end when no snapshot names them any more.

package import Health
package import Limiting
import Primitives

/// What a snapshot refers to, by number. Given back as one when the snapshot goes.
package struct SnapshotIdentities {
  /// In the order of the snapshot's tables.
  package var routes: [Int] = []
  package var services: [Int] = []
  package var backends: [Int] = []
  package var limits: [Int] = []
  /// Limits as routes use them.
  package var limitUses: [Int] = []
  /// Counters that others have taken the place of.
  package var outgrownLimits: [Limit] = []

  package init() {}
}

/// What the metrics call a route.
package struct KnownRoute {
  package var service: String
  package var name: String
}

/// A service's name and its words.
package struct KnownService {
  package var name: String
  package var shared: ServiceShared
}

/// A backend's service, label and words.
package struct KnownBackend {
  package var service: String
  package var label: String
  package var shared: BackendShared
}

/// How often requests of a route were above a limit.
package struct KnownLimitUse {
  package var limit: String
  package var route: String
  package var use: LimitUse
}

/// The shared words of every service and backend of the process, and the numbers under which
/// workers keep what is their own about them. Control loop only.
package final class SharedRegistry {
  package let workers: Int
  /// Lives as long as the process.
  package let journal = StateJournal.create()
  private var routes = IdentityTable<KnownRoute>()
  private var services = IdentityTable<KnownService>()
  private var backends = IdentityTable<KnownBackend>()
  private var limits = IdentityTable<Limit>()
  private var limitUses = IdentityTable<KnownLimitUse>()
  /// Counters that workers may still come to, before they are sent on to others.
  private var outgrown: [Limit] = []

  package init(workers: Int) {
    precondition(workers > 0)
    self.workers = workers
  }

  // MARK: A snapshot's making

  /// The number of a route. It is another one when its requests go to another service: its metrics
  /// are then another's.
  package func route(_ name: String, service: String) -> Int {
    routes.refer(to: service + "\n" + name) { _ in KnownRoute(service: service, name: name) }
  }

  package func service(_ name: String) -> ServiceShared {
    let number = services.refer(to: name) {
      KnownService(name: name, shared: .create(queueIndex: $0, workers: workers))
    }
    return services[number].shared
  }

  /// - Parameter begin: called for a backend that is new, before anybody else can know it.
  package func backend(
    service: String, address: String, begin: (BackendHealth) -> Void
  ) -> BackendShared {
    let number = backends.refer(to: service + "\n" + address) { number in
      let shared = BackendShared.create(poolIndex: number, workers: workers)
      begin(shared.health)
      return KnownBackend(service: service, label: address, shared: shared)
    }
    return backends[number].shared
  }

  /// Some snapshot refers to it.
  package func knowsBackend(service: String, address: String) -> Bool {
    backends.knows(service + "\n" + address)
  }

  /// - Parameter identity: what the counters belong to; see `RateLimitConfiguration.identity`.
  /// - Parameter keys: for how many there is to be room. Keys that are counted go over to a table
  ///   of that size.
  func limit(_ identity: String, keys: Int, _ rule: LimitRule, now: Instant) -> Int {
    let number = limits.refer(to: identity) { _ in .create(keys: keys) }
    let counters = limits[number]
    if !counters.hasRoom(for: keys) {
      limits.replace(number, by: counters.resized(keys: keys, rule, now: now))
      outgrown.append(counters)
    }
    return number
  }

  func counters(ofLimit number: Int) -> Limit { limits[number] }

  func limitUse(_ limit: String, route: String) -> (number: Int, value: LimitUse) {
    let number = limitUses.refer(to: limit + "\n" + route) { _ in
      KnownLimitUse(limit: limit, route: route, use: .create(workers: workers))
    }
    return (number, limitUses[number].use)
  }

  /// A snapshot is gone: what nobody else refers to is abandoned.
  func release(_ identities: SnapshotIdentities) {
    for route in identities.routes { routes.release(route) }
    for service in identities.services { services.release(service) }
    for backend in identities.backends { backends.release(backend) }
    for limit in identities.limits { limits.release(limit) }
    for use in identities.limitUses { limitUses.release(use) }
  }

  // MARK: Forgetting

  /// What no snapshot refers to any more, since the last call: for the workers to forget, and then
  /// for `recycle`.
  package func takeAbandoned() -> SnapshotIdentities {
    var abandoned = SnapshotIdentities()
    abandoned.routes = routes.takeAbandoned()
    abandoned.services = services.takeAbandoned()
    abandoned.backends = backends.takeAbandoned()
    abandoned.limits = limits.takeAbandoned()
    abandoned.limitUses = limitUses.takeAbandoned()
    abandoned.outgrownLimits = outgrown
    outgrown = []
    return abandoned
  }

  /// Every worker has forgotten these: frees their words, and their numbers for others.
  package func recycle(_ identities: SnapshotIdentities) {
    for route in identities.routes { _ = routes.recycle(route) }
    for service in identities.services { services.recycle(service).shared.destroy() }
    for backend in identities.backends {
      let shared = backends.recycle(backend).shared
      precondition(shared.open.load() == 0, "a connection outlived every snapshot of its backend")
      shared.destroy()
    }
    for limit in identities.limits { limits.recycle(limit).destroy() }
    for limit in identities.outgrownLimits { limit.destroy() }
    for use in identities.limitUses { limitUses.recycle(use).use.destroy() }
  }

  // MARK: What there is

  /// How many numbers were ever given; what workers keep by number has room for these.
  package var routeNumbers: Int { routes.capacity }
  package var serviceNumbers: Int { services.capacity }
  package var backendNumbers: Int { backends.capacity }

  /// Everything that some snapshot refers to, in the order of the numbers.
  package var knownRoutes: [(number: Int, value: KnownRoute)] { routes.known }
  package var knownServices: [(number: Int, value: KnownService)] { services.known }
  package var knownBackends: [(number: Int, value: KnownBackend)] { backends.known }
  package var knownLimitUses: [KnownLimitUse] { limitUses.known.map(\.value) }
}
