// Why this file exists: a backend's counts belong to its service's name and its address, not to the
// configuration that names them; this is where a snapshot finds the counts that were there before.

/// The shared words of every service and backend of the process. Control loop only.
package final class SharedRegistry {
  package let workers: Int
  private var backends: [String: BackendShared] = [:]
  private var services: [String: ServiceShared] = [:]

  package init(workers: Int) {
    precondition(workers > 0)
    self.workers = workers
  }

  package func service(_ name: String) -> ServiceShared {
    if let known = services[name] { return known }
    let made = ServiceShared.create(queueIndex: services.count, workers: workers)
    services[name] = made
    return made
  }

  package func backend(service: String, address: String) -> BackendShared {
    let identity = service + "\n" + address
    if let known = backends[identity] { return known }
    let made = BackendShared.create(poolIndex: backends.count, workers: workers)
    backends[identity] = made
    return made
  }

  package var backendCount: Int { backends.count }
  package var serviceCount: Int { services.count }
}
