// Why this file exists: an exchange keeps the snapshot it began with, but a backend that is chosen
// late should be one that is still there. This is how another attempt finds the newest backends.
import Balancing
import Forwarding
import Primitives

extension ExchangeRef {
  /// The choice for another attempt, or for one that had to wait. It is made among the backends of
  /// the newest snapshot, as long as that has the route: those that the exchange began with may be
  /// gone by now. The exchange goes over to it when there is a backend, and goes on by the times
  /// and retries that its route has there.
  func chooseAgain() -> Pick {
    let newest = pointee.worker.pointee.snapshot
    if newest == pointee.snapshot { return choose() }
    // The number is of route and service together. A route that changes heads goes on as it began:
    // snapshots of one configuration share what it does.
    guard let route = newest.pointee.position(ofRoute: routeNumber),
      newest.pointee.routes[Int(route)].extras == pointee.extras,
      let position = newest.pointee.position(ofService: service.pointee.shared.queueIndex)
    else { return choose() }
    let target = UnsafePointer(newest.pointee.services + Int(position))
    let tried = triedBackends(of: newest, target)
    let pick = pickOne(of: target, in: newest, tried: tried)
    guard case .backend(let index) = pick else { return pick }
    move(to: newest, route: route, service: position)
    pointee.tried = tried
    return .backend(Int(target.pointee.first) + index)
  }

  private func move(to newest: UnsafePointer<Snapshot>, route: Int32, service: Int32) {
    let worker = pointee.worker
    // What an attempt holds of a backend belongs to the snapshot it was made on.
    precondition(pointee.backend == nil && !pointee.permit.isHeld)
    worker.pointee.users.increment()
    let old = pointee.snapshot
    pointee.snapshot = newest
    // A plan lies in the memory of the snapshot that is left here. Extras that are the same mean
    // one memory for both, and their plans stay.
    if pointee.extras == nil {
      let entry = newest.pointee.routes + Int(route)
      pointee.machine.goOver(to: UnsafePointer(entry.pointer(to: \.plan).unsafelyUnwrapped))
    }
    pointee.route = route
    pointee.service = service
    Snapshot.users(of: old, worker: worker.pointee.index).decrementReleasing()
  }

  /// Those that were tried, by their positions in another snapshot's list.
  private func triedBackends(
    of newest: UnsafePointer<Snapshot>, _ target: UnsafePointer<ServiceEntry>
  ) -> TriedBackends {
    var tried = TriedBackends()
    let before = pointee.snapshot.pointee.backends + Int(service.pointee.first)
    let after = newest.pointee.backends + Int(target.pointee.first)
    for slot in 0..<min(Int(pointee.tried.count), TriedBackends.capacity) {
      let number = before[Int(pointee.tried.indices[slot])].shared.poolIndex
      for position in 0..<target.pointee.view.count
      where after[position].shared.poolIndex == number { tried.insert(position) }
    }
    return tried
  }
}
