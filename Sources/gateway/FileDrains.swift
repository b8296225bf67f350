// Why this file exists: what the file says of draining becomes words that all workers share, at the
// start and whenever it says something else.

import Configuration
import Forwarding
import Health
import Primitives

/// For the control loop's thread.
final class FileDrains {
  private struct Backend: Hashable {
    var service: String
    var label: String
  }

  /// What the file has said last of each backend that there is.
  private var words: [Backend: Bool] = [:]

  /// Does what `drain` says of every backend that is new, or of which it has said otherwise before.
  /// An order by the admin listener holds over everything else: another key that changes, another
  /// address of a name. What the admin listener drains, the file cannot ready.
  /// - Parameter snapshot: what the configuration was compiled to.
  /// - Returns: whether a backend has begun or ceased to drain.
  func follow(
    _ snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration, now: Instant
  ) -> Bool {
    var hasChanged = false
    var next: [Backend: Bool] = [:]
    for (index, service) in configuration.services.enumerated() {
      // What the file calls a backend is its authority, or its label where that is a path.
      let byName = Dictionary(grouping: snapshot.pointee.backends(of: index)) {
        ($0.unixPath == nil ? $0.authority : $0.label).text
      }
      for configured in service.backends {
        for entry in byName[configured.label] ?? [] {
          let backend = Backend(service: service.name, label: entry.label.text)
          next[backend] = configured.drain
          if words[backend] == configured.drain { continue }
          let health = entry.shared.health
          let wasDraining = health.gate.isDraining
          if configured.drain {
            health.drain(.drainedByConfiguration, now: now)
          } else if health.observe(now: now, warmUp: .zero).cause == .drainedByConfiguration {
            health.ready(now: now)
          }
          if health.gate.isDraining != wasDraining { hasChanged = true }
        }
      }
    }
    words = next
    return hasChanged
  }
}
