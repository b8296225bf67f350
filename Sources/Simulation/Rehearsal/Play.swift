// Why this file exists: a scenario while it is played: the gateway's own data plane and health
// checks between the scenario's clients and backends, on one virtual clock.
//
// What is called `EventLoop` or `Proxy` in this folder is the simulated module: the same sources as
// in the shipped gateway, on the loop of `Sources/Simulation/Loop`.

package import Configuration
import EventLoop
package import Primitives
import Proxy
package import Simulation

/// One run of a scenario. One at a time in a process.
package final class Play {
  package let scenario: ScenarioConfiguration
  package let records: RunRecords
  let network: NetworkRef
  private let begun: Instant
  private let gateway: SimulatedGateway
  private var flows: [Flow] = []
  private var backends: [PlayedBackend] = []
  private var watch: StateWatch
  private let target: Endpoint
  private let addresses: VirtualAddresses
  /// Among the records.
  private var routes: [String: Int] = [:]
  private var limits: [String: Int] = [:]
  private var lastNumber: UInt64 = 0
  private var portNumber: UInt16 = 0

  /// How long what was under way at the end may still take.
  static let aftermath = Duration.seconds(120)

  package init(_ scenario: ScenarioConfiguration) throws(WorldProblem) {
    self.scenario = scenario
    // Tenths of a second begin at whole ones, whatever the seed.
    let network = Network.create(seed: scenario.seed, now: 1_000_000_000_000)
    network.pointee.conditions = Play.conditions
    self.network = network
    addresses = VirtualAddresses(scenario.configurations)
    gateway = try SimulatedGateway(
      scenario.configuration, names: addresses.names, seed: scenario.seed, network)
    begun = network.clock
    target = Play.target(scenario.configuration)
    let places = addresses.backends
    records = RunRecords(
      scenario, backends: places.map { BackendRecord(service: $0.service, address: $0.address) })
    for (index, route) in records.routes.enumerated() { routes[route.name] = index }
    for (index, limit) in records.limits.enumerated() { limits[limit.name] = index }
    watch = StateWatch(records, begun: begun)
    makeActors(places)
  }

  /// A quiet network: what is tried here are backends and clients.
  private static var conditions: NetworkConditions {
    var conditions = NetworkConditions()
    conditions.latency = 50_000...250_000
    conditions.bytewise = 0
    conditions.piecewise = 0
    conditions.buffers = 262_144...262_144
    conditions.roundCost = 0...0
    conditions.overtakingResets = 0
    return conditions
  }

  /// The first listener that has a port.
  private static func target(_ configuration: GatewayConfiguration) -> Endpoint {
    for listener in configuration.listeners {
      if case .endpoint(let endpoint) = listener.address.form, endpoint.port > 0 { return endpoint }
    }
    preconditionFailure("the checks see to it that there is one")
  }

  private func makeActors(_ places: [VirtualAddresses.Place]) {
    var seeds = SplitMix64(seed: scenario.seed)
    for place in places {
      let plan = Behaviour.plan(
        scenario.behaviours, service: place.service, address: place.address)
      // A machine that several services name is one; the first of them says how it behaves.
      if backends.contains(where: { $0.endpoint == place.endpoint }) { continue }
      backends.append(
        PlayedBackend(
          self, index: place.index, endpoint: place.endpoint, plan, seed: seeds.next()))
    }
    for (index, plan) in scenario.flows.enumerated() {
      flows.append(
        Flow(self, index: index, plan, seed: seeds.next(), length: scenario.duration))
    }
  }

  // MARK: For those who act

  /// Since the beginning.
  package var now: Duration { network.clock - begun }

  func nextNumber() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  /// Every client has an address of its own, from 10.0.0.0 on; those of another flow are others.
  func connect(
    client: Int, flow: Int, owner: UnsafeMutableRawPointer, _ handlers: UnsafePointer<PeerHandlers>
  ) -> Peer {
    portNumber = portNumber == .max ? 1_024 : max(portNumber, 1_023) + 1
    let number = UInt32(truncatingIfNeeded: flow << 22 + client)
    return network.connect(
      from: Endpoint(address: IPAddress(v4: 0x0A00_0000 + number), port: portNumber), to: target,
      owner: owner, handlers)
  }

  /// Where a request is; nil when the gateway does not have it.
  /// - Parameter owner: of the gateway's end of its connection.
  func passage(at owner: UnsafeMutableRawPointer) -> Passage? {
    ExchangeLook(at: owner).map { look in
      Passage(
        route: look.route.flatMap { routes[$0.text] },
        limit: look.limit.flatMap { limits[$0.text] })
    }
  }

  func at<Actor: AnyObject>(_ time: Duration, _ actor: Actor, _ then: @escaping (Actor) -> Void) {
    after(time - now) { [unowned actor] in then(actor) }
  }

  func after(_ wait: Duration, _ then: @escaping () -> Void) {
    let task = Unmanaged.passRetained(PlannedTask(then)).toOpaque()
    network.schedule(at: network.clock + wait, task, 0) { task, _ in
      Unmanaged<PlannedTask>.fromOpaque(task).takeRetainedValue().run()
    }
  }

  // MARK: Running

  /// Plays it to its end.
  /// - Parameter progress: called now and then with the time that it has come to.
  package func run(progress: (Duration) -> Void = { _ in }) throws(WorldProblem) {
    for backend in backends { backend.begin() }
    for flow in flows { flow.begin() }
    planTold()
    watch.follow(gateway.plane, gateway.configuration, at: now)
    planWatch()
    let end = begun + scenario.duration
    var told = Duration.zero
    while network.nextTime <= end {
      _ = network.step()
      if now - told > .seconds(1) {
        told = now
        progress(told)
      }
      if let problem { throw problem }
    }
    let last = end + Play.aftermath
    while records.underWay > 0, network.nextTime <= last { _ = network.step() }
    if let problem { throw problem }
  }

  private var problem: WorldProblem?

  private func planWatch() {
    after(StateWatch.period) { [unowned self] in
      if watch.look(at: now, clock: network.clock) { gateway.plane.healthChanged() }
      planWatch()
    }
  }

  /// What the scenario itself does, for the timeline, and its changes of the file.
  private func planTold() {
    for entry in scenario.behaviours {
      let subject = entry.subject.words
      tell(entry.from, "\(subject): \(entry.words)")
      if let until = entry.until { tell(until, "\(subject): over: \(entry.words)") }
    }
    for change in scenario.changes {
      at(change.at, self) { play in play.change(change) }
    }
  }

  private func tell(_ time: Duration, _ text: String) {
    if time >= scenario.duration { return }
    at(time, self) { play in play.records.tell(.scenario, at: time, text) }
  }

  private func change(_ change: ScenarioConfiguration.Change) {
    records.tell(.scenario, at: now, "the configuration becomes \(change.name)")
    do throws(WorldProblem) {
      try gateway.adopt(change.configuration, names: addresses.names)
      watch.follow(gateway.plane, gateway.configuration, at: now)
    } catch {
      problem = error
    }
  }
}

/// Something to be done at a time.
private final class PlannedTask {
  private let then: () -> Void

  init(_ then: @escaping () -> Void) { self.then = then }

  func run() { then() }
}
