// Why this file exists: what the file says of draining becomes words that all workers share, at the
// start and with every change of it.

import Configuration
import Forwarding
import Health
import Primitives

enum FileDrains {
  /// Does what `drain` says of every backend. One that the admin listener drains goes on doing so
  /// until it is told otherwise there: the file has not changed its mind about it.
  /// - Parameter snapshot: what the configuration was compiled to.
  /// - Returns: whether a backend has begun or ceased to drain.
  static func follow(
    _ snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration, now: Instant
  ) -> Bool {
    var hasChanged = false
    for (index, configured) in configuration.services.enumerated() {
      // What the file calls a backend is its authority, or its label where that is a path.
      let byName = Dictionary(grouping: snapshot.pointee.backends(of: index)) {
        ($0.unixPath == nil ? $0.authority : $0.label).text
      }
      for backend in configured.backends {
        for entry in byName[backend.label] ?? [] {
          let health = entry.shared.health
          let wasDraining = health.gate.isDraining
          if backend.drain {
            health.drain(.drainedByConfiguration, now: now)
          } else if health.observe(now: now, warmUp: .zero).cause == .drainedByConfiguration {
            health.ready(now: now)
          }
          if health.gate.isDraining != wasDraining { hasChanged = true }
        }
      }
    }
    return hasChanged
  }
}
