// Why this file exists: what a world asks of its gateway while it runs: the counts after each step,
// everything now and then, and at the end that nothing is left.

import Balancing
import CircuitBreaking
import Configuration
import EventLoop
import Forwarding
import Health
import Primitives
import Proxy

/// What is remembered from one look to the next.
struct GatewayWatch {
  /// A backend of the scenario as the newest snapshot has it.
  struct Place {
    var backend: Int
    var service: Int
    var position: Int
  }

  /// What workers held when they ended.
  var leftovers: [String] = []
  var recorded: UInt64 = 0
  var dropped: UInt64 = 0
  var snapshot: UnsafePointer<Snapshot>?
  /// By service: what `ServiceShared.version` was.
  var versions: [UInt64] = []
  var places: [Place] = []
}

extension SimulatedGateway {
  /// After every step; costs little.
  func lookQuickly(_ world: WorldRef) {
    if let wrong = census.disagreement() { world.fail(.count, wrong) }
    let snapshot = plane.snapshot
    if watch.snapshot != snapshot { findPlaces(world, snapshot) }
    for service in 0..<watch.versions.count {
      let version = snapshot.pointee.services[service].shared.version.load()
      if version == watch.versions[service] { continue }
      watch.versions[service] = version
      for place in watch.places where place.service == service { note(world, snapshot, place) }
    }
  }

  private func findPlaces(_ world: WorldRef, _ snapshot: UnsafePointer<Snapshot>) {
    watch.snapshot = snapshot
    watch.places = []
    let count = snapshot.pointee.serviceCount
    watch.versions = [UInt64](repeating: .max, count: count)
    world.pointee.rules.standings = world.pointee.backends.map { _ in Standing() }
    world.pointee.rules.prefersUntried = configuration.services.map {
      // With more attempts there may have been one that no backend has seen.
      $0.connections.max == nil && $0.warmUp == nil && $0.health.panicThreshold.partsPerMillion == 0
        && $0.balancer.maxLoad == nil && $0.retries.attempts == 1
    }
    for service in 0..<count {
      for (position, entry) in snapshot.pointee.backends(of: service).enumerated() {
        let backends = world.pointee.backends
        guard let index = backends.firstIndex(where: { $0.pointee.endpoint == entry.endpoint })
        else { continue }
        watch.places.append(.init(backend: index, service: service, position: position))
        world.pointee.rules.standings[index].service = service
      }
    }
    world.pointee.rules.since = network.clock
    world.pointee.rules.limits.know(configuration)
    world.pointee.rules.shortest.know(configuration)
  }

  /// A backend's state may be another one.
  private func note(
    _ world: WorldRef, _ snapshot: UnsafePointer<Snapshot>, _ place: GatewayWatch.Place
  ) {
    let now = network.clock
    let service = UnsafePointer(snapshot.pointee.services) + place.service
    let backend = snapshot.pointee.backends[Int(service.pointee.first) + place.position]
    let pool = BackendPool(snapshot, service)
    let standing = pool.standing(of: place.position, now: now)
    let configured = configuration.services[place.service]
    var known = world.pointee.rules.standings[place.backend]
    if standing.isHealthy && standing.admits {
      if known.eligibleSince == .distantFuture { known.eligibleSince = now }
      known.ineligibleUntil = min(known.ineligibleUntil, now)
    } else {
      known.eligibleSince = .distantFuture
      var until = Instant.distantFuture
      if standing.isHealthy {
        switch backend.shared.breaker.gate(now: now, service.pointee.rules.breaker) {
        case .refuses(let end): until = end
        case .busy(let end):
          until = end
          // A trial may have been given back and taken again within this step.
          known.ineligibleSince = now
        case .admits, .trial: until = now
        }
      } else {
        until = backend.shared.health.gate.changesAt(now: now)
      }
      if known.ineligibleUntil <= now { known.ineligibleSince = now }
      known.ineligibleUntil = until
      // Panic comes and goes by itself.
      if configured.health.panicThreshold.partsPerMillion > 0 { known.ineligibleUntil = now }
    }
    world.pointee.rules.standings[place.backend] = known
    guard let breaker = configured.circuitBreaker, breaker.mode == .enforce else { return }
    let state = backend.shared.breaker.now
    if state.phase == .halfOpen, state.taken > service.pointee.rules.breaker.halfOpenRequests {
      world.fail(.breaker, "\(state.taken) trials at once of backend \(place.backend)")
    }
    // Connects that fail for other reasons are seen by nobody but the gateway.
    let conditions = network.pointee.conditions
    let isNear = configured.timeouts.connect >= .milliseconds(100)
    if !isNear || conditions.latency.upperBound > 5_000_000 || conditions.stalls > 0 { return }
    let rate = Double(breaker.failureRate?.partsPerMillion ?? 0) / 1_000_000
    world.checkBreaker(
      world.pointee.backends[place.backend], backend.shared.breaker, service.pointee.rules.breaker,
      window: breaker.window, least: Int((rate * Double(breaker.minRequests)).rounded(.up)))
  }

  func sweep(_ world: WorldRef) {
    let conditions = world.pointee.network.pointee.conditions
    var lateness = Duration.milliseconds(20)
    lateness = lateness + Duration(nanoseconds: Int64(conditions.roundCost.upperBound * 4))
    if conditions.stalls > 0 {
      lateness = lateness + Duration(nanoseconds: Int64(conditions.stall.upperBound * 3))
    }
    if let wrong = census.sweep(now: world.pointee.network.clock, lateness: lateness) {
      world.fail(.leak, wrong)
    }
  }

  /// The last worker has ended.
  func checkStopped(_ world: WorldRef, cut: Int) {
    for wrong in watch.leftovers { world.fail(.leak, wrong) }
    // What a route that is gone has counted is forgotten.
    if !world.pointee.scenario.changes.isEmpty { return }
    let tally = world.pointee.tally
    // Of those that found no place at all there is nothing but the answer.
    let answered = tally.complete + tally.cut - tally.overloaded
    if Int(watch.recorded) < answered {
      world.fail(.metrics, "\(watch.recorded) requests are counted, \(answered) were answered")
    }
    guard world.pointee.isAllLogged else { return }
    let lines = world.pointee.logLines + watch.dropped
    if lines != watch.recorded {
      world.fail(.metrics, "\(lines) log lines for \(watch.recorded) requests")
    }
  }
}

extension ShortestWaits {
  /// The shortest of all configurations and services.
  mutating func know(_ configuration: GatewayConfiguration) {
    func less(_ known: Duration, _ new: Duration) -> Duration {
      known == .zero ? new : min(known, new)
    }
    head = less(head, configuration.timeouts.head)
    for service in configuration.services {
      queue = less(queue, service.connections.queueTimeout)
      connect = less(connect, service.timeouts.connect)
      // A backend that takes none of the request is told of in the same words.
      response = less(response, min(service.timeouts.response, service.timeouts.idle))
      if let limit = service.timeouts.request { request = less(request, limit) }
    }
  }
}
