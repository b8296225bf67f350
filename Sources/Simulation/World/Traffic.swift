// Why this file exists: requests that come whether or not those before have been answered, which is
// what the world does to a gateway.

import EventLoop
import Glibc
import Primitives

typealias TrafficRef = UnsafeMutablePointer<SimulatedTraffic>

struct SimulatedTraffic {
  let world: WorldRef
  let index: Int
  let plan: TrafficPlan
  let requests: UnsafeMutableBufferPointer<PreparedRef>
  let weightSum: Int
  let until: Instant
  var random: Xoroshiro
  /// Nanoseconds from one request to the next, on average.
  let distance: Double
  /// Clients with a connection and nothing to do, newest first; and without one.
  var idle: ClientRef?
  var idleCount = 0
  var away: ClientRef?
  var made = 0
}

extension TrafficRef {
  func begin(at instant: Instant) {
    pointee.world.pointee.trafficsLeft += 1
    planNext(after: instant)
  }

  private func planNext(after instant: Instant) {
    var wait = pointee.distance
    if !pointee.plan.isEven {
      let part = Double(pointee.random.next() >> 11 | 1) / Double(1 << 53)
      wait *= -log(part)
    }
    let next = instant + Duration(nanoseconds: Int64(wait))
    if next >= pointee.until {
      pointee.world.pointee.trafficsLeft -= 1
      return
    }
    pointee.world.pointee.network.schedule(at: next, UnsafeMutableRawPointer(self), 0) {
      target, _ in
      target.assumingMemoryBound(to: SimulatedTraffic.self).requestIsDue()
    }
  }

  private func requestIsDue() {
    let kind = drawKind()
    let client = takeClient()
    client.pointee.requests = UnsafeBufferPointer(rebasing: pointee.requests[kind..<kind + 1])
    client.pointee.nextRequest = 0
    client.pointee.kind = kind
    client.goOn()
    planNext(after: pointee.world.pointee.network.clock)
  }

  private func drawKind() -> Int {
    if pointee.requests.count == 1 { return 0 }
    var place = Int(pointee.random.below(UInt64(pointee.weightSum)))
    for (kind, request) in pointee.plan.requests.enumerated() {
      place -= request.weight
      if place < 0 { return kind }
    }
    return 0
  }

  private func takeClient() -> ClientRef {
    if let client = pointee.idle {
      pointee.idle = client.pointee.nextIdle
      pointee.idleCount -= 1
      client.pointee.isIdle = false
      return client
    }
    if let client = pointee.away {
      pointee.away = client.pointee.nextIdle
      client.pointee.isIdle = false
      return client
    }
    let world = pointee.world
    let first = UInt32(truncatingIfNeeded: pointee.plan.address.low)
    let address = IPAddress(v4: first &+ UInt32(pointee.made % pointee.plan.addresses))
    pointee.made += 1
    return world.makeClient(index: -1, traffic: self, address: address, seed: UInt64(pointee.made))
  }

  /// It has nothing to do any more; its connection may be there.
  func isIdle(_ client: ClientRef) {
    if client.pointee.isIdle { return }
    client.pointee.isIdle = true
    if client.pointee.state == .connected && pointee.idleCount < pointee.plan.kept {
      client.pointee.nextIdle = pointee.idle
      pointee.idle = client
      pointee.idleCount += 1
    } else {
      if client.pointee.state == .connected { client.disconnect(.close, .left) }
      client.pointee.nextIdle = pointee.away
      pointee.away = client
    }
  }
}
