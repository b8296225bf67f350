// Why this file exists: the configurations of drawn scenarios: every policy and every limit, with
// times short enough that all of them come.

import Primitives

extension ScenarioDrawing {
  private func source(_ part: UInt64, _ number: Int = 0) -> Source {
    Source(Xoroshiro(seed: SplitMix64.mix(seed &+ part << 32) &+ UInt64(number)))
  }

  var configuration: ConfigurationSketch {
    var source = source(20)
    var sketch = ConfigurationSketch()
    sketch.workers = source.number(1...3)
    if !has("workers") { sketch.workers = 1 }
    let count = source.number(1...2)
    for index in 0..<count { sketch.services.append(service(index, of: count)) }
    sketch.connections = source.pick([4, 20, 1024])
    sketch.head = source.pick([200, 1_000, 10_000])
    sketch.bodyIdle = source.pick([100, 1_000, 30_000])
    sketch.writeIdle = source.pick([100, 1_000, 30_000])
    sketch.keepAlive = source.pick([20, 500, 75_000])
    sketch.tunnelIdle = source.pick([100, 300_000])
    sketch.bodySize = source.pick([1_000, 100_000, 10 << 20])
    sketch.drain = source.pick([0, 300, 8_000])
    sketch.logged = source.pick([0, 10, 100])
    if source.chance(10), has("lag") { sketch.lagLimit = source.pick([10, 50]) }
    if !has("timeouts") {
      let calm = ConfigurationSketch()
      sketch.connections = calm.connections
      sketch.head = calm.head
      sketch.bodyIdle = calm.bodyIdle
      sketch.writeIdle = calm.writeIdle
      sketch.keepAlive = calm.keepAlive
      sketch.tunnelIdle = calm.tunnelIdle
      sketch.bodySize = calm.bodySize
      sketch.drain = calm.drain
    }
    if source.chance(40), has("limit") {
      sketch.limit = LimitSketch(
        algorithm: source.pick(["token_bucket", "sliding_window"]), count: source.number(2...60),
        period: source.pick([100, 1_000, 3_000]), burst: source.number(1...40),
        key: source.pick(["global", "client_ip", "header:X-Key"]))
    }
    return sketch
  }

  private func service(_ index: Int, of count: Int) -> ServiceSketch {
    var source = source(21, index)
    var service = ServiceSketch(name: "s\(index)")
    service.balancer = source.pick([
      "round_robin", "weighted_round_robin", "least_connections", "power_of_two", "peak_ewma",
      "{policy: consistent_hash, key: header:X-Key}",
      "{policy: consistent_hash, key: client_ip, max_load: 125%}",
      "{policy: maglev, key: path}",
    ])
    if !has("balancer\(index)") { service.balancer = "round_robin" }
    for backend in 0..<backendCount where backend % count == index {
      service.backends.append(
        ServiceSketch.Backend(
          address: "\(ScenarioDrawing.endpoint(backend))", weight: source.pick([1, 1, 2, 5]),
          drain: false))
    }
    service.host = source.pick(["preserve", "backend", "fixed.example"])
    drawPool(&source, &service, index)
    drawTimes(&source, &service, index)
    drawHealth(&source, &service, index)
    var drains = self.source(23, index)
    if service.backends.count > 1, drains.chance(8), has("drain\(index)") {
      service.backends[drains.number(0...service.backends.count - 1)].drain = true
    }
    return service
  }

  private func drawPool(_ source: inout Source, _ service: inout ServiceSketch, _ index: Int) {
    let most = source.pick([0, 0, 1, 2, 10])
    let idle = source.pick([0, 1, 4, 64])
    let idleTimeout = source.pick([10, 300, 50_000])
    let queue = source.pick([0, 3, 1_024])
    let queueTimeout = source.pick([5, 100, 1_000])
    if !has("pool\(index)") { return }
    service.connectionsMax = most
    service.idle = idle
    service.idleTimeout = idleTimeout
    service.queue = queue
    service.queueTimeout = queueTimeout
  }

  private func drawTimes(_ source: inout Source, _ service: inout ServiceSketch, _ index: Int) {
    let connect = source.pick([5, 100, 1_000])
    let response = source.pick([20, 200, 30_000])
    let idleBody = source.pick([30, 500, 60_000])
    let request = source.pick([0, 0, 50, 700])
    let attempts = source.pick([0, 1, 2, 5])
    var when: [String] = []
    for kind in ["connect", "reused_reset", "reset", "timeout", "502", "503", "504"]
    where source.chance(65) {
      when.append(kind)
    }
    let budget = source.pick([0, 20, 100])
    let budgetFloor = source.pick([0, 10, 1_000])
    if has("timeouts\(index)") {
      service.connect = connect
      service.response = response
      service.idleBody = idleBody
      service.request = request
    }
    if has("retries\(index)") {
      service.attempts = attempts
      service.when = when
      service.budget = budget
      service.budgetFloor = budgetFloor
    }
  }

  private func drawHealth(_ source: inout Source, _ service: inout ServiceSketch, _ index: Int) {
    let passive: PassiveSketch? =
      source.chance(70)
      ? PassiveSketch(
        failures: source.pick([1, 3, 5]), rate: source.pick([20, 50]),
        least: source.pick([3, 20]), window: source.pick([500, 10_000]),
        ejection: source.pick([50, 400, 30_000])) : nil
    let active: ActiveSketch? =
      source.chance(40)
      ? ActiveSketch(
        interval: source.pick([30, 200, 5_000]), timeout: source.pick([10, 300]),
        healthyAfter: source.number(1...2), unhealthyAfter: source.number(1...3)) : nil
    let breaker: BreakerSketch? =
      source.chance(50)
      ? BreakerSketch(
        mode: source.pick(["enforce", "enforce", "enforce", "shadow"]),
        failures: source.pick([1, 2, 5]), rate: source.pick([20, 50]),
        least: source.pick([3, 20]), window: source.pick([500, 10_000]),
        open: source.pick([20, 200, 3_000]), trials: source.pick([1, 1, 3]),
        slowCall: source.pick([0, 30])) : nil
    service.panic = source.pick([0, 0, 50])
    let warmUp = source.pick([0, 0, 500, 3_000])
    service.isInitiallyDown = source.chance(8) && active != nil
    service.passive = has("passive\(index)") ? passive : nil
    service.active = has("active\(index)") ? active : nil
    service.breaker = has("breaker\(index)") ? breaker : nil
    service.warmUp = has("warm\(index)") ? warmUp : 0
    if service.active == nil { service.isInitiallyDown = false }
    if !has("panic\(index)") { service.panic = 0 }
  }

  // MARK: Reloads

  func changes(_ first: ConfigurationSketch) -> [ChangePlan] {
    var source = source(22)
    var changes: [ChangePlan] = []
    var at: Int64 = 0
    for number in 0..<source.pick([0, 0, 0, 1, 3]) {
      at += Int64(source.number(20...2_000))
      var sketch = first
      for index in sketch.services.indices {
        switch source.number(0...5) {
        case 0 where sketch.services[index].backends.count > 1:
          sketch.services[index].backends.removeLast()
        case 1: sketch.services[index].backends.reverse()
        case 2: sketch.services[index].connectionsMax = source.pick([0, 1, 5])
        case 3: sketch.services[index].balancer = source.pick(["round_robin", "least_connections"])
        case 4: sketch.services[index].attempts = source.pick([0, 1, 3])
        default: break
        }
        if let place = sketch.services[index].backends.indices.last, source.chance(25) {
          sketch.services[index].backends[place].drain = true
        }
      }
      if source.chance(20) { sketch.services.removeLast(sketch.services.count - 1) }
      if source.chance(20) { sketch.limit?.count += 5 }
      if has("change\(number)") {
        changes.append(ChangePlan(at: .milliseconds(at), configuration: sketch.text))
      }
    }
    return changes
  }
}
