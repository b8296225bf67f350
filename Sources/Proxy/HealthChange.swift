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
      for position in 0..<service.view.count {
        let backend = snapshot.pointee.backends[Int(service.first) + position]
        let bit = UInt64(1) << UInt64(position & 63)
        let word = service.view.usable[position >> 6]
        if backend.shared.health.admits(now: now) {
          word.set(bit)
        } else {
          _ = word.clear(bit)
        }
      }
    }
  }
}
