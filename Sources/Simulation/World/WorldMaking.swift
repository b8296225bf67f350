// Why this file exists: from the plans of a scenario to those who act by them.

import EventLoop
import Primitives

extension WorldRef {
  func makeActors() {
    let scenario = pointee.scenario
    for (index, plan) in scenario.backends.enumerated() {
      let backend = BackendRef.allocate(capacity: 1)
      backend.initialize(
        to: SimulatedBackend(
          world: self, index: index, endpoint: plan.endpoint, behaviour: plan.phases[0].behaviour))
      backend.begin()
      pointee.backends.append(backend)
    }
    for (index, plan) in scenario.clients.enumerated() {
      let client = makeClient(
        index: index, traffic: nil, address: plan.address, seed: UInt64(index))
      let requests = UnsafeMutableBufferPointer<PreparedRef>.allocate(
        capacity: plan.requests.count)
      for (place, request) in plan.requests.enumerated() {
        requests.initializeElement(at: place, to: prepare(request))
      }
      client.pointee.requests = UnsafeBufferPointer(requests)
      client.pointee.pipelining = plan.pipelining
      client.pointee.pause = plan.pause
      client.begin(at: pointee.begun + plan.at)
      pointee.clientsLeft += 1
    }
    for (index, plan) in scenario.traffic.enumerated() { makeTraffic(index, plan) }
  }

  func makeClient(
    index: Int, traffic: TrafficRef?, address: IPAddress, seed: UInt64
  ) -> ClientRef {
    let kind: UInt64 = traffic == nil ? 1 : 2 + UInt64(traffic?.pointee.index ?? 0)
    let client = ClientRef.allocate(capacity: 1)
    client.initialize(
      to: SimulatedClient(
        world: self, index: index, traffic: traffic, address: address, target: pointee.target,
        random: Xoroshiro(seed: SplitMix64.mix(pointee.scenario.seed &+ kind) &+ seed),
        requests: UnsafeBufferPointer(start: nil, count: 0)))
    pointee.clients.append(client)
    return client
  }

  private func makeTraffic(_ index: Int, _ plan: TrafficPlan) {
    let traffic = TrafficRef.allocate(capacity: 1)
    let requests = UnsafeMutableBufferPointer<PreparedRef>.allocate(capacity: plan.requests.count)
    for (place, weighted) in plan.requests.enumerated() {
      var request = weighted.request
      request.mischief.patience = plan.patience
      requests.initializeElement(at: place, to: prepare(request))
    }
    traffic.initialize(
      to: SimulatedTraffic(
        world: self, index: index, plan: plan, requests: requests,
        weightSum: plan.requests.reduce(0) { $0 + $1.weight }, until: pointee.begun + plan.until,
        random: Xoroshiro(seed: SplitMix64.mix(pointee.scenario.seed ^ UInt64(index + 77))),
        distance: 1e9 / plan.rate))
    pointee.traffics.append(traffic)
    traffic.begin(at: pointee.begun + plan.from)
  }

  private func prepare(_ plan: RequestPlan) -> PreparedRef {
    var front = "\(plan.method.word) \(plan.path) HTTP/1.\(plan.isHTTP10 ? 0 : 1)\r\n"
    front += "Host: \(plan.host)\r\n" + plan.fields
    if plan.isChunked {
      front += "Transfer-Encoding: chunked\r\n"
    } else if plan.bodyLength > 0 {
      front += "Content-Length: \(plan.bodyLength)\r\n"
    }
    if plan.expectsContinue { front += "Expect: 100-continue\r\n" }
    if plan.hasKey { front += "Idempotency-Key: once\r\n" }
    if plan.closes { front += "Connection: close\r\n" }
    if plan.upgrade { front += "Connection: upgrade\r\nUpgrade: websocket\r\n" }
    front += "X-Simulated: "
    let prepared = UnsafeMutablePointer<PreparedRequest>.allocate(capacity: 1)
    prepared.initialize(
      to: PreparedRequest(
        plan: plan, isIdempotent: plan.method.isIdempotent || plan.hasKey, front: keep(front),
        back: keep("\r\n\r\n"), mischief: plan.mischief, method: plan.method,
        bodyLength: plan.bodyLength))
    pointee.prepared.append(prepared)
    return PreparedRef(prepared)
  }

  private func keep(_ text: String) -> ByteSlice {
    let bytes = Array(text.utf8)
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    room.initialize(from: bytes, count: bytes.count)
    return ByteSlice(room, bytes.count)
  }

  // MARK: The end

  func destroyActors() {
    for client in pointee.clients {
      client.pointee.sender.destroy()
      if client.pointee.traffic == nil { client.pointee.requests.deallocate() }
      client.deinitialize(count: 1)
      client.deallocate()
    }
    for traffic in pointee.traffics {
      traffic.pointee.requests.deallocate()
      traffic.deinitialize(count: 1)
      traffic.deallocate()
    }
    for backend in pointee.backends { backend.destroy() }
    for prepared in pointee.prepared {
      UnsafeMutablePointer<UInt8>(mutating: prepared.pointee.front.base).deallocate()
      UnsafeMutablePointer<UInt8>(mutating: prepared.pointee.back.base).deallocate()
      prepared.deinitialize(count: 1)
      prepared.deallocate()
    }
    pointee.ledger.destroy()
  }
}
