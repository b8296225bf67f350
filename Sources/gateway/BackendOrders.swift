// Why this file exists: what the admin listener and the file know by names are words that all
// workers share; here a service and an address become the words of a backend.

import Admin
import Balancing
import Configuration
import EventLoop
import Forwarding
import Health
import Primitives
import Proxy

/// Drains backends by name. For the control loop.
struct BackendOrders {
  private let snapshot: () -> UnsafePointer<Snapshot>
  /// Called when a backend has begun or ceased to drain.
  private let onChange: () -> Void
  private let file = FileDrains()

  init(
    _ snapshot: @escaping () -> UnsafePointer<Snapshot>, onChange: @escaping () -> Void
  ) {
    self.snapshot = snapshot
    self.onChange = onChange
  }

  private struct Service {
    var name: String
    var backends: [BackendEntry]
  }

  private var all: [Service] {
    let snapshot = snapshot()
    return (0..<snapshot.pointee.serviceCount).map { index in
      Service(
        name: snapshot.pointee.services[index].name.text,
        backends: Array(snapshot.pointee.backends(of: index)))
    }
  }

  /// The backend of this address, or all of a host that the file names so.
  private static func meant(_ address: String, _ backends: [BackendEntry]) -> [BackendEntry] {
    let exact = backends.filter { $0.label.text == address }
    if !exact.isEmpty { return exact }
    return backends.filter { $0.unixPath == nil && $0.authority.text == address.lowercased() }
  }

  // MARK: The admin listener

  /// - Parameter address: as /status has it, or a host's as the file has it.
  func setDraining(
    service name: String, address: String, _ isDraining: Bool, now: Instant
  ) -> AdminDrainVerdict {
    let services = all
    guard let service = services.first(where: { $0.name == name }) else {
      return .noService(services.map(\.name))
    }
    let meant = Self.meant(address, service.backends)
    if meant.isEmpty { return .noBackend(service.backends.map { $0.label.text }) }
    for backend in meant {
      if isDraining {
        backend.shared.health.drain(.drainedByAdmin, now: now)
      } else {
        backend.shared.health.ready(now: now)
      }
    }
    onChange()
    let usable = service.backends.count { $0.shared.health.admits(now: now) }
    return .done(backends: meant.map { $0.label.text }, usable: usable)
  }

  // MARK: The file

  /// Does what `drain` says, where that is news.
  func follow(_ configuration: GatewayConfiguration, now: Instant) {
    if file.follow(snapshot(), configuration, now: now) { onChange() }
  }
}
