// Why this file exists: a backend's counts belong to its service's name and its address, not to the
// configuration that names them; this is where a snapshot finds the counts that were there before,
// and where they end when no snapshot names them any more.

package import Health
import Primitives

/// What a snapshot refers to, by number. Given back as one when the snapshot goes.
package struct SnapshotIdentities {
  /// In the order of the snapshot's tables.
  package var routes: [Int] = []
  package var services: [Int] = []
  package var backends: [Int] = []

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

/// The shared words of every service and backend of the process, and the numbers under which
/// workers keep what is their own about them. Control loop only.
package final class SharedRegistry {
  package let workers: Int
  /// Lives as long as the process.
  package let journal = StateJournal.create()
  private var routes = IdentityTable<KnownRoute>()
  private var services = IdentityTable<KnownService>()
  private var backends = IdentityTable<KnownBackend>()

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

  /// A snapshot is gone: what nobody else refers to is abandoned.
  func release(_ identities: SnapshotIdentities) {
    for route in identities.routes { routes.release(route) }
    for service in identities.services { services.release(service) }
    for backend in identities.backends { backends.release(backend) }
  }

  // MARK: Forgetting

  /// What no snapshot refers to any more, since the last call: for the workers to forget, and then
  /// for `recycle`.
  package func takeAbandoned() -> SnapshotIdentities {
    var abandoned = SnapshotIdentities()
    abandoned.routes = routes.takeAbandoned()
    abandoned.services = services.takeAbandoned()
    abandoned.backends = backends.takeAbandoned()
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
}
