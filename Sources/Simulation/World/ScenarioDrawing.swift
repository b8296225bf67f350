// Why this file exists: from one number a scenario in which everything may go wrong. Each part
// draws from a source of its own, so that taking one away leaves the others as they were.

import EventLoop
import Primitives

/// Draws a scenario, without what is named.
package struct ScenarioDrawing {
  package let seed: UInt64
  /// What is left out; see `Shrinking`.
  let without: Set<String>

  package init(seed: UInt64, without: Set<String> = []) {
    self.seed = seed
    self.without = without
  }

  private func source(_ part: UInt64, _ number: Int = 0) -> Source {
    Source(Xoroshiro(seed: SplitMix64.mix(seed &+ part << 32) &+ UInt64(number)))
  }

  package var scenario: Scenario {
    if purpose != .everything { return scenario(for: purpose) }
    let sketch = configuration
    var scenario = Scenario(
      seed: SplitMix64.mix(seed), configuration: sketch.text, length: length)
    scenario.conditions = conditions
    scenario.backends = backends
    scenario.clients = clients(sketch)
    scenario.traffic = traffic(sketch)
    scenario.changes = changes(sketch)
    return scenario
  }

  var length: Duration {
    var source = source(1)
    return .milliseconds(Int64(source.pick([800, 2_000, 5_000, 12_000])))
  }

  /// What stands in `without` is left out.
  func has(_ name: String) -> Bool { !without.contains(name) }

  // MARK: The network

  private var conditions: NetworkConditions {
    var conditions = NetworkConditions()
    var source = source(2)
    if !has("network") {
      conditions.bytewise = 0
      conditions.piecewise = 0
      conditions.latency = 50_000...50_000
      conditions.buffers = 262_144...262_144
      conditions.overtakingResets = 0
      return conditions
    }
    conditions.latency = source.chance(30) ? 1_000...20_000_000 : 20_000...300_000
    conditions.bytewise = UInt64(source.pick([0, 8, 40]))
    conditions.piecewise = UInt64(source.pick([0, 60, 150]))
    let small = UInt64(source.pick([2_048, 8_192, 65_536]))
    conditions.buffers = small...(small * 8)
    conditions.roundCost = 0...UInt64(source.pick([1_000, 50_000, 400_000]))
    if source.chance(15), has("stalls") {
      conditions.stalls = 200
      conditions.stall = 1_000_000...90_000_000
    }
    if source.chance(10), has("descriptors") {
      conditions.descriptors = source.number(8...60)
    }
    return conditions
  }

  // MARK: Backends

  static func endpoint(_ index: Int) -> Endpoint {
    Endpoint(address: IPAddress(v4: 0x0a01_0001 + UInt32(index)), port: 80)
  }

  var backendCount: Int {
    var source = source(3)
    return source.number(1...6)
  }

  private var backends: [BackendPlan] {
    (0..<backendCount).map { index in
      var source = source(4, index)
      var phases = [BackendPhasePlan(from: .zero, behaviour(&source, isFirst: true))]
      var at: Int64 = 0
      for _ in 0..<source.pick([0, 0, 1, 2, 4]) {
        at += Int64(source.number(50...2_500))
        let next = behaviour(&source, isFirst: false)
        if has("phases\(index)") {
          phases.append(BackendPhasePlan(from: .milliseconds(at), next))
        }
      }
      if !has("behaviour\(index)") {
        phases = [BackendPhasePlan(from: .zero, BackendBehaviour())]
      }
      if !has("faults\(index)") {
        for phase in phases.indices { phases[phase].behaviour.faults = [] }
      }
      return BackendPlan(endpoint: ScenarioDrawing.endpoint(index), phases: phases)
    }
  }

  private func behaviour(_ source: inout Source, isFirst: Bool) -> BackendBehaviour {
    var behaviour = BackendBehaviour()
    let slow = Int64(source.pick([0, 1, 5, 40, 300]))
    behaviour.latency = .zero...(.milliseconds(slow))
    behaviour.slowShare = source.share([0, 0, 1_000, 8_000])
    behaviour.slowFactor = Int64(source.pick([3, 10, 100]))
    behaviour.errorShare = source.share([0, 0, 2_000, 20_000, 65_536])
    behaviour.errorStatuses = [source.pick([500, 503, 404, 204, 304, 429, 502]), 500]
    let most = source.pick([0, 200, 3_000, 60_000, 400_000])
    behaviour.bodyLength = 0...most
    behaviour.chunkedShare = source.share([0, 20_000, 65_536])
    behaviour.trailerShare = source.share([0, 20_000])
    behaviour.untilCloseShare = source.share([0, 0, 5_000])
    behaviour.interimShare = source.share([0, 0, 10_000])
    behaviour.closeShare = source.share([0, 0, 8_000])
    behaviour.silentCloseShare = source.share([0, 0, 8_000])
    if source.chance(40) {
      behaviour.idleTimeout = .milliseconds(Int64(source.pick([1, 20, 300])))
    }
    behaviour.faultShare = source.share([0, 2_000, 8_000, 30_000])
    for fault in AnswerFault.allCases where source.chance(35) { behaviour.faults.append(fault) }
    if source.chance(15) {
      behaviour.pause = .microseconds(Int64(source.pick([200, 5_000, 60_000])))
    }
    behaviour.upgrades = !source.chance(20)
    if source.chance(20) { behaviour.healthStatus = 503 }
    if !isFirst || source.chance(10) {
      let answer = source.number(0...9)
      behaviour.door = answer < 2 ? .refuse : answer == 2 ? .ignore : .accept
      behaviour.diesFirst = source.chance(40)
    }
    return behaviour
  }

  // MARK: Clients

  private func clients(_ sketch: ConfigurationSketch) -> [ClientPlan] {
    var source = source(5)
    let count = source.pick([1, 4, 12, 40])
    return (0..<count).compactMap { index in
      if !has("client\(index)") { return nil }
      return client(index, sketch)
    }
  }

  private func client(_ index: Int, _ sketch: ConfigurationSketch) -> ClientPlan {
    var source = source(6, index)
    let span = Int(length.nanoseconds / 1_000_000)
    var plan = ClientPlan(
      at: .milliseconds(Int64(source.number(0...span * 3 / 4))),
      address: IPAddress(v4: 0x0a02_0000 + UInt32(source.number(1...20))), requests: [])
    plan.pipelining = source.pick([1, 1, 1, 2, 8])
    let pause = Int64(source.pick([0, 1, 30, 400]))
    plan.pause = .zero...(.milliseconds(pause))
    let misbehaves = source.chance(50)
    for number in 0..<source.number(1...14) {
      var request = self.request(&source, sketch)
      let mischief = self.mischief(&source, request, misbehaves)
      if has("mischief\(index).\(number)") { request.mischief = mischief }
      if has("request\(index).\(number)") { plan.requests.append(request) }
    }
    return plan
  }

  private func request(_ source: inout Source, _ sketch: ConfigurationSketch) -> RequestPlan {
    var request = RequestPlan()
    request.method = source.pick([.get, .get, .get, .post, .put, .head, .delete, .options])
    let service = source.pick(sketch.services)
    request.path = "/\(service.name)/\(source.number(0...9))?q=\(source.number(0...9))"
    if sketch.limit != nil, source.chance(30) { request.path = "/limited/x" }
    if source.chance(4) { request.path = "/ping" }
    if source.chance(2) { request.path = "/nobody" }
    request.fields = "X-Key: k\(source.number(0...15))\r\n"
    if request.method == .post || request.method == .put || source.chance(10) {
      request.bodyLength = source.pick([0, 10, 900, 30_000, 200_000])
      request.isChunked = source.chance(40)
      request.hasTrailers = request.isChunked && source.chance(30)
      request.expectsContinue = request.bodyLength > 0 && source.chance(15)
      if request.bodyLength > 0 { request.bodyLength = source.number(1...request.bodyLength) }
    }
    request.hasKey = source.chance(10)
    request.closes = source.chance(6)
    if source.chance(8) {
      request.isHTTP10 = true
      request.isChunked = false
      request.expectsContinue = false
      request.hasTrailers = false
    } else if request.method == .get, request.bodyLength == 0, !request.isChunked,
      source.chance(8)
    {
      request.upgrade = true
      request.tunnelBytes = source.pick([0, 100, 50_000])
    }
    return request
  }

  private func mischief(
    _ source: inout Source, _ request: RequestPlan, _ misbehaves: Bool
  ) -> Mischief {
    var mischief = Mischief()
    // Drawn in any case, so that what comes after does not depend on it.
    let size = 150 + request.bodyLength
    let stallAt = source.number(0...size)
    let stall = Int64(source.pick([1, 50, 900, 15_000]))
    let leaveAt = source.number(0...size)
    let leave = source.pick([Mischief.Leave.reset, .close, .silence])
    let readAt = source.number(0...source.pick([10, 400, 50_000]))
    let readLeaveAt = source.number(0...source.pick([10, 400, 50_000]))
    let patience = Int64(source.pick([1, 20, 300, 2_000]))
    let garbage = source.pick(Garbage.allCases)
    let kind = source.number(0...99)
    if !misbehaves { return mischief }
    if kind < 12 {
      mischief.stallAt = stallAt
      mischief.stall = .milliseconds(stall)
    } else if kind < 22 {
      mischief.leaveAt = leaveAt
      mischief.leave = leave
    } else if kind < 30 {
      mischief.stallReadingAt = readAt
      mischief.stallReading = .milliseconds(stall)
    } else if kind < 38 {
      mischief.leaveReadingAt = readLeaveAt
      mischief.leave = leave
    } else if kind < 46 {
      mischief.patience = .milliseconds(patience)
    } else if kind < 50, !request.upgrade {
      mischief.halfCloses = true
    } else if kind < 54, !request.upgrade {
      mischief.garbage = garbage
      mischief.halfCloses = leave == .close
    }
    return mischief
  }

  private func traffic(_ sketch: ConfigurationSketch) -> [TrafficPlan] {
    var source = source(7)
    guard source.chance(50), has("traffic") else { return [] }
    let rate = source.pick([20.0, 100.0, 400.0])
    var requests: [WeightedRequest] = []
    for _ in 0..<3 {
      var request = self.request(&source, sketch)
      request.upgrade = false
      request.tunnelBytes = 0
      request.closes = false
      requests.append(WeightedRequest(weight: source.number(1...5), request))
    }
    var plan = TrafficPlan(
      from: .zero, until: length, rate: rate, requests: requests,
      address: IPAddress(v4: 0x0a03_0001))
    plan.addresses = source.pick([1, 5, 100])
    plan.patience = .milliseconds(Int64(source.pick([0, 100, 3_000])))
    return [plan]
  }
}

/// A source of choices.
struct Source {
  private var random: Xoroshiro

  init(_ random: Xoroshiro) { self.random = random }

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(random.below(UInt64(range.count)))
  }
  /// In so many of a hundred cases.
  mutating func chance(_ percent: Int) -> Bool { random.below(100) < UInt64(percent) }
  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int(random.below(UInt64(choices.count)))]
  }
  mutating func share(_ choices: [UInt32]) -> UInt32 { pick(choices) }
}
