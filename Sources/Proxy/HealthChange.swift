// Why this file exists: what the control loop finds out about a backend has to reach the next pick
// of every worker, the connections that wait for a request, and the requests that wait for one.
import Balancing
import EventLoop
import Forwarding
import Health
import Primitives

extension DataPlane {
  /// The health of some backend has changed: picks look anew, idle connections to draining backends
  /// are closed, and whoever waits in a queue tries again.
  package func healthChanged() {
    for index in 0..<snapshot.pointee.serviceCount {
      snapshot.pointee.services[index].shared.noteChange()
    }
    markUsable()
    give(WorkerOrders.closeDrained)
  }

  /// Writes into the bits that picks read which backends health lets take requests.
  func markUsable() {
    let now = Loop.clock()
    for index in 0..<snapshot.pointee.serviceCount {
      let service = snapshot.pointee.services[index]
      let version = service.shared.version.load()
      let backends = snapshot.pointee.backends + Int(service.first)
      service.view.rewrite(version: version, now: now, recheckAt: .distantFuture) { position in
        let isHealthy = backends[position].shared.health.admits(now: now)
        return BackendStanding(isHealthy: isHealthy, admits: true)
      }
    }
  }
}
