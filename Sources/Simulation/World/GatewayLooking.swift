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
    let isBegin = watch.snapshot == nil
    watch.snapshot = snapshot
    watch.places = []
    let count = snapshot.pointee.serviceCount
    watch.versions = [UInt64](repeating: .max, count: count)
    let before = world.pointee.rules.standings
    world.pointee.rules.know(configuration, network.pointee.conditions, at: network.clock)
    world.pointee.rules.standings = world.pointee.backends.map { _ in Standing() }
    world.pointee.rules.warming = []
    for service in 0..<count {
      let configured = configuration.services[service]
      var members: [Int] = []
      for (position, entry) in snapshot.pointee.backends(of: service).enumerated() {
        let backends = world.pointee.backends
        let index = backends.firstIndex { $0.pointee.endpoint == entry.endpoint } ?? -1
        members.append(index)
        if index < 0 { continue }
        watch.places.append(.init(backend: index, service: service, position: position))
        world.pointee.rules.standings[index].service = service
        if configured.backends[position].drain {
          let since = before.isEmpty ? .distantFuture : before[index].drainedSince
          world.pointee.rules.standings[index].drainedSince = min(since, network.clock)
        }
      }
      if !world.isSteady { members = [] }
      world.pointee.rules.warming.append(
        WarmingWatch(
          configured, backends: members, isBegin: isBegin, now: network.clock,
          lag: world.pointee.rules.lag))
    }
    for prepared in world.pointee.prepared {
      prepared.pointee.service = world.pointee.rules.service(of: prepared.pointee.plan.path)
    }
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
    noteWarming(world, place, backend.shared, standing)
    checkEvidence(world, place, backend.shared, service.pointee.rules.breaker)
  }

  private func noteWarming(
    _ world: WorldRef, _ place: GatewayWatch.Place, _ backend: BackendShared,
    _ standing: BackendStanding
  ) {
    let now = network.clock
    let isEnforced = configuration.services[place.service].circuitBreaker?.mode == .enforce
    let finding: WarmingWatch.Finding
    if isEnforced && backend.breaker.now.phase != .closed {
      finding = .closed
    } else if standing.isHealthy {
      finding = .open
    } else {
      let end = backend.health.gate.changesAt(now: now)
      finding = end == .distantFuture ? .closed : .opens(at: end)
    }
    world.pointee.rules.warming[place.service].found(place.backend, finding, now: now)
  }

  /// What the gateway thinks of a backend must be what the backend has done.
  private func checkEvidence(
    _ world: WorldRef, _ place: GatewayWatch.Place, _ backend: BackendShared,
    _ settings: BreakerSettings
  ) {
    let configured = configuration.services[place.service]
    // What is given up before it has come to the backend is seen by nobody but the gateway. Of the
    // time for the whole request there may be little left when an attempt begins.
    let timeouts = configured.timeouts
    let patience = min(timeouts.connect, timeouts.response, timeouts.idle)
    let isAllSeen = timeouts.request == nil && patience > world.pointee.rules.longestWay
    let actor = world.pointee.backends[place.backend]
    if let passive = configured.health.passive, isAllSeen {
      world.checkEjection(actor, backend.health, passive)
    }
    guard let breaker = configured.circuitBreaker, breaker.mode == .enforce else { return }
    let state = backend.breaker.now
    if state.phase == .halfOpen, state.taken > settings.halfOpenRequests {
      world.fail(.breaker, "\(state.taken) trials at once of backend \(place.backend)")
    }
    world.checkBreaker(actor, backend.breaker, settings, breaker, isAllSeen: isAllSeen)
  }

  func sweep(_ world: WorldRef) {
    let lag = world.pointee.rules.lag
    if let wrong = census.sweep(now: world.pointee.network.clock, lateness: lag) {
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
