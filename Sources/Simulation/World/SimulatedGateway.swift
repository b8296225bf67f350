// Why this file exists: what the shipped program's control loop does around the workers, done here
// with the same parts: a configuration read and adopted, health checks, the order of the end.

package import Configuration
package import EventLoop
import Forwarding
import HTTPSemantics
package import Primitives
package import Proxy

/// The gateway of a world.
package final class SimulatedGateway {
  package let plane: DataPlane
  let checks: HealthChecks
  private let drains = FileDrains()
  private let loop: Loop
  let network: NetworkRef
  private var generation: UInt64 = 1
  let census: Census
  package private(set) var configuration: GatewayConfiguration
  /// Over all configurations that come.
  let attemptsMax: Int
  private var isEnding = false
  private var hasEnded = false
  var watch = GatewayWatch()

  /// From one collecting of what a change has left to the next.
  private static let collectPeriod = Duration.milliseconds(200)

  convenience init(_ scenario: Scenario, _ network: NetworkRef) throws(WorldProblem) {
    let configuration = try SimulatedGateway.read(scenario.configuration)
    var most = configuration.attemptsMax
    for change in scenario.changes {
      most = max(most, try SimulatedGateway.read(change.configuration).attemptsMax)
    }
    try self.init(
      configuration, names: [:], seed: scenario.seed, attemptsMax: most, network)
  }

  /// - Parameter names: the addresses of backends' host names.
  package convenience init(
    _ configuration: GatewayConfiguration, names: [String: [IPAddress]], seed: UInt64,
    _ network: NetworkRef
  ) throws(WorldProblem) {
    try self.init(
      configuration, names: names, seed: seed, attemptsMax: configuration.attemptsMax, network)
  }

  private init(
    _ configuration: GatewayConfiguration, names: [String: [IPAddress]], seed: UInt64,
    attemptsMax: Int, _ network: NetworkRef
  ) throws(WorldProblem) {
    self.network = network
    self.configuration = configuration
    self.attemptsMax = attemptsMax
    var seed = SplitMix64(seed: seed)
    let workers: Int
    switch configuration.workers {
    case .auto: workers = 1
    case .exactly(let count): workers = count
    }
    do {
      loop = try Loop.create()
      plane = try DataPlane(
        LiveConfiguration(configuration, names: names, generation: 1),
        DataPlaneSettings(
          workers: workers, connections: max(1024, configuration.limits.connections)),
        seed: seed)
    } catch {
      throw WorldProblem(description: "\(error)")
    }
    let plane = plane
    census = plane.census
    checks = HealthChecks(loop, seed: seed.next(), places: 64) { plane.healthChanged() }
    loop.drive()
    _ = drains.follow(plane.snapshot, configuration, now: network.clock)
    checks.follow(plane.snapshot, configuration)
    do {
      try plane.start()
    } catch {
      throw WorldProblem(description: "\(error)")
    }
    network.pointee.onLoopEnds = { [unowned self] thread in
      // The first thread is that of the log.
      workerEnds(Int(thread) - 1)
    }
    planCollect()
  }

  /// Reads a configuration as the program does.
  static func read(_ text: String) throws(WorldProblem) -> GatewayConfiguration {
    let environment = ConfigurationEnvironment(
      variable: { _ in nil }, file: { _ in .failure(.system(2)) }, missingFileIsWarning: false)
    let result = ConfigurationLoader.load(
      Array(text.utf8), fileName: "simulated", environment: environment)
    guard let configuration = result.configuration else {
      throw WorldProblem(description: DiagnosticRenderer.text(result, isColoured: false))
    }
    return configuration
  }

  var firstListener: Endpoint {
    guard case .endpoint(let endpoint) = configuration.listeners[0].address.form else {
      return Endpoint(address: IPAddress(v4: 0), port: 0)
    }
    return endpoint
  }

  /// Every request leaves a line, also after a change of the file.
  var isAllLogged: Bool {
    configuration.logging.access.output != .none
      && configuration.logging.access.sample.partsPerMillion == 1_000_000
  }

  // MARK: Changes

  /// Another content of the file.
  func change(to text: String) throws(WorldProblem) {
    // As in the program: nothing is read any more when the end has begun.
    if isEnding { return }
    try adopt(try SimulatedGateway.read(text), names: [:])
  }

  /// Another configuration, from now on.
  package func adopt(
    _ next: GatewayConfiguration, names: [String: [IPAddress]]
  ) throws(WorldProblem) {
    do {
      let prepared = try plane.prepare(next)
      generation += 1
      configuration = next
      plane.adopt(LiveConfiguration(next, names: names, generation: generation), prepared)
      if drains.follow(plane.snapshot, next, now: network.clock) { plane.healthChanged() }
      checks.follow(plane.snapshot, next)
    } catch {
      throw WorldProblem(description: "\(error)")
    }
  }

  private func planCollect() {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    network.schedule(at: network.clock + SimulatedGateway.collectPeriod, owner, 0) { owner, _ in
      Unmanaged<SimulatedGateway>.fromOpaque(owner).takeUnretainedValue().collect()
    }
  }

  private func collect() {
    if hasEnded { return }
    _ = plane.collect()
    planCollect()
  }

  // MARK: The end

  /// The order of a shutdown; `run` lets the world go on until a time.
  func end(_ world: WorldRef, run: (Duration) -> Void) {
    let scenario = world.pointee.scenario
    isEnding = true
    plane.beginDrain(deadline: network.clock + configuration.shutdown.drain)
    let step = Duration.milliseconds(20)
    let deadline = scenario.length + configuration.shutdown.drain
    var now = scenario.length
    while now < deadline, !plane.isDrained, world.pointee.failure == nil {
      now = now + step
      run(now)
    }
    world.checkStuck()
    if world.pointee.failure != nil { return abandon() }
    sweep(world)
    checks.stop()
    let cut = plane.stop()
    hasEnded = true
    checkStopped(world, cut: cut)
  }

  /// A world that has failed is left as it is.
  func abandon() { hasEnded = true }

  /// The memory of worker `index` is still there.
  private func workerEnds(_ index: Int) {
    if let wrong = census.leftovers(of: index) { watch.leftovers.append(wrong) }
    let (recorded, dropped) = census.recorded(by: index)
    watch.recorded += recorded
    watch.dropped += dropped
  }
}

extension GatewayConfiguration {
  /// The most attempts that a request may make.
  var attemptsMax: Int { services.reduce(1) { max($0, 1 + $1.retries.attempts) } }
}
