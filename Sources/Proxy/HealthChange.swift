// Why this file exists: what the control loop finds out about a backend has to reach the next pick
// of every worker, the connections that wait for a request, and the requests that wait for one.
import Forwarding
import Primitives

extension DataPlane {
  /// The state of some backend has changed: picks look anew, idle connections to draining backends
  /// are closed, and whoever waits in a queue tries again.
  package func healthChanged() {
    for index in 0..<snapshot.pointee.serviceCount {
      let shared = snapshot.pointee.services[index].shared
      shared.noteChange()
      if !shared.hasWaiting { continue }
      for worker in 0..<settings.workers { shared.needsAttention(worker: worker).store(1) }
    }
    give(WorkerOrders.closeDrained)
  }
}
