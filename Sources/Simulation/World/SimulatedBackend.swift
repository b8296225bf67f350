// Why this file exists: a backend as its scenario has it: a door, connections, and a behaviour that
// changes with time.

import EventLoop
import Primitives

typealias BackendRef = UnsafeMutablePointer<SimulatedBackend>

struct SimulatedBackend {
  let world: WorldRef
  let index: Int
  let endpoint: Endpoint
  var behaviour: BackendBehaviour
  /// Of the plan.
  var nextPhase = 1
  /// Its connections.
  var first: BackendLinkRef?
  var open = 0
  /// Requests whose heads have come, health checks aside.
  var requests = 0
  var underWay = 0
  var spare: BackendLinkRef?
  var watch = BackendWatch()
}

extension BackendRef {
  /// Opens the door.
  func begin() {
    var door = Door(answer: pointee.behaviour.door, owner: UnsafeMutableRawPointer(self)) {
      owner, token in
      owner.assumingMemoryBound(to: SimulatedBackend.self).accept(Peer(accepted: token))
    }
    door.onMissed = { owner, isProbe in
      owner.assumingMemoryBound(to: SimulatedBackend.self).missed(isProbe: isProbe)
    }
    pointee.world.pointee.network.setDoor(pointee.endpoint, door)
    planPhase()
  }

  private var plan: BackendPlan { pointee.world.pointee.scenario.backends[pointee.index] }

  private func planPhase() {
    let phases = plan.phases
    guard pointee.nextPhase < phases.count else { return }
    let world = pointee.world
    let at = world.pointee.begun + phases[pointee.nextPhase].from
    world.pointee.network.schedule(at: at, UnsafeMutableRawPointer(self), 0) { target, _ in
      target.assumingMemoryBound(to: SimulatedBackend.self).phaseBegins()
    }
  }

  private func phaseBegins() {
    pointee.behaviour = plan.phases[pointee.nextPhase].behaviour
    pointee.nextPhase += 1
    let network = pointee.world.pointee.network
    network.noteCall(UInt32(pointee.index), pointee.nextPhase)
    network.setDoor(pointee.endpoint, answer: pointee.behaviour.door)
    if pointee.behaviour.diesFirst { while let link = pointee.first { link.end(isReset: true) } }
    planPhase()
  }

  // MARK: Connections

  private func accept(_ peer: Peer) {
    let link: BackendLinkRef
    if let spare = pointee.spare {
      link = spare
      pointee.spare = spare.pointee.next
      link.pointee.revive(peer)
    } else {
      link = .allocate(capacity: 1)
      link.initialize(to: BackendLink(backend: self, peer: peer))
    }
    link.pointee.next = pointee.first
    link.pointee.previous = nil
    pointee.first?.pointee.previous = link
    pointee.first = link
    pointee.open += 1
    peer.attach(owner: UnsafeMutableRawPointer(link), backendHandlers)
  }

  func leave(_ link: BackendLinkRef) {
    let (next, previous) = (link.pointee.next, link.pointee.previous)
    if let previous { previous.pointee.next = next } else { pointee.first = next }
    next?.pointee.previous = previous
    pointee.open -= 1
    link.pointee.next = pointee.spare
    link.pointee.previous = nil
    pointee.spare = link
  }

  func destroy() {
    while let link = pointee.first { link.end(isReset: true) }
    while let link = pointee.spare {
      pointee.spare = link.pointee.next
      link.pointee.sender.destroy()
      link.deinitialize(count: 1)
      link.deallocate()
    }
    deinitialize(count: 1)
    deallocate()
  }
}

/// Immutable after its making, and never freed.
private nonisolated(unsafe) let backendHandlers: UnsafeMutablePointer<PeerHandlers> = {
  let table = UnsafeMutablePointer<PeerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: PeerHandlers(
      onConnected: { _, _ in },
      onReadable: { owner in owner.assumingMemoryBound(to: BackendLink.self).readable() },
      onWritable: { owner in owner.assumingMemoryBound(to: BackendLink.self).pump() }))
  return table
}()
