// Why this file exists: a world: the gateway's own data plane, health checks and configuration
// between simulated clients and backends, on one virtual clock, all of it from one scenario.
//
// Everything in this folder that is called `EventLoop`, `Proxy` or `Probing` is the simulated
// module: the same sources as in the shipped gateway, on the loop of `Sources/Simulation/Loop`.

package import EventLoop
import Forwarding
package import Primitives
import Proxy

/// What could not be built or went wrong, for people.
package struct WorldProblem: Error, CustomStringConvertible, Sendable {
  package var description: String
}

typealias WorldRef = UnsafeMutablePointer<WorldState>

/// What all that is simulated has in common. At a fixed address.
struct WorldState {
  let scenario: Scenario
  let network: NetworkRef
  let begun: Instant
  var ledger = RequestLedger()
  var backends: [BackendRef] = []
  var clients: [ClientRef] = []
  var traffics: [TrafficRef] = []
  var prepared: [UnsafeMutablePointer<PreparedRequest>] = []
  var clientsLeft = 0
  var trafficsLeft = 0
  var portNumber: UInt16 = 0
  var target: Endpoint
  var failure: Failure?
  var tally = Tally()
  var onOutcome: ((Outcome) -> Void)?
  /// More attempts no request may have.
  var attemptsMax = 1
  var rules = RuleBook()
  var logLines: UInt64 = 0
  /// Every request has a line in the access log.
  var isAllLogged = false

  /// Between two parts of an answer that has left its backend.
  static let longestPause = Duration.seconds(5)
}

/// A promise that was not kept.
package struct Failure: Equatable, Sendable {
  package var rule: Rule
  package var text: String
  package var step: UInt64
  package var at: Duration
}

/// What the gateway has promised.
package enum Rule: String, CaseIterable, Sendable {
  case framing, foreignBytes, foreignAnswer, falselyComplete, deadConnection
  case unsafeRepeat, tooManyAttempts, triedBackend, ineligibleBackend
  case retryBudget, breaker, ejection, share, limit, deadline, unjustifiedAnswer
  case leak, count, waitsForEver, metrics, reload, lost

  /// For exit codes.
  package var number: Int32 { Int32(Rule.allCases.firstIndex(of: self) ?? 0) }
}

/// How often something happened.
package struct Tally: Equatable, Sendable {
  package var requests = 0
  package var complete = 0
  package var cut = 0
  package var unanswered = 0
  package var unconnected = 0
  package var left = 0
  package var ownAnswers = 0
  /// Of them, those that said so.
  package var overloaded = 0
  package var attempts = 0

  package init() {}

  package mutating func add(_ other: Tally) {
    requests += other.requests
    complete += other.complete
    cut += other.cut
    unanswered += other.unanswered
    unconnected += other.unconnected
    left += other.left
    ownAnswers += other.ownAnswers
    attempts += other.attempts
  }

  package var text: String {
    "\(requests) requests, \(attempts) attempts, \(complete) complete (\(ownAnswers) by the gateway"
      + " itself), \(cut) cut, \(unanswered) not answered, \(left) given up by their clients, "
      + "\(unconnected) not connected"
  }
}

/// One run of a scenario. One world at a time in a process, from its making to the end of `run`.
package final class World {
  let state: WorldRef
  package let scenario: Scenario
  let gateway: SimulatedGateway
  private var sweepAt: UInt64 = 0

  /// How long clients may take to find that the gateway is gone.
  static let aftermath = Duration.seconds(120)
  /// Steps between two looks at everything.
  package static let stepsBetweenSweeps: UInt64 = 1024

  package init(_ scenario: Scenario) throws(WorldProblem) {
    self.scenario = scenario
    // Any origin will do, so it may well be one at which a tick or a window begins.
    let origin = SplitMix64.mix(scenario.seed) >> 14 | 1 << 40
    let network = Network.create(seed: scenario.seed, now: origin)
    network.pointee.conditions = scenario.conditions
    state = WorldRef.allocate(capacity: 1)
    gateway = try SimulatedGateway(scenario, network)
    let begun = network.clock
    state.initialize(
      to: WorldState(
        scenario: scenario, network: network, begun: begun, target: gateway.firstListener))
    state.pointee.attemptsMax = gateway.attemptsMax
    state.pointee.isAllLogged = gateway.isAllLogged
    let state = state
    network.pointee.onWrite = { bytes in
      for byte in bytes where byte == 0x0a { state.pointee.logLines += 1 }
    }
    state.makeActors()
    planChanges()
  }

  deinit {
    // Another world may have begun since this one has ended.
    let present = Network.current
    Network.current = state.pointee.network
    defer { Network.current = present }
    state.destroyActors()
    state.pointee.network.destroy()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  // MARK: Watching

  /// Called for each request that is over, in the order of their ends.
  package var onOutcome: ((Outcome) -> Void)? {
    get { state.pointee.onOutcome }
    set { state.pointee.onOutcome = newValue }
  }

  /// Since the world's beginning.
  package var now: Duration { state.pointee.network.clock - state.pointee.begun }
  package var tally: Tally { state.pointee.tally }
  package var failure: Failure? { state.pointee.failure }
  package var steps: UInt64 { state.pointee.network.pointee.steps }
  /// Equal for equal runs.
  package var trace: UInt64 { state.pointee.network.pointee.trace }
  package var lastDecisions: [Decision] { state.pointee.network.lastDecisions }

  // MARK: Changes

  private func planChanges() {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    for (index, change) in scenario.changes.enumerated() {
      state.pointee.network.schedule(at: state.pointee.begun + change.at, owner, UInt64(index)) {
        owner, index in
        Unmanaged<World>.fromOpaque(owner).takeUnretainedValue().change(Int(index))
      }
    }
  }

  private func change(_ index: Int) {
    do throws(WorldProblem) {
      try gateway.change(to: scenario.changes[index].configuration)
    } catch {
      state.fail(.reload, error.description)
    }
  }

  // MARK: Running

  /// Goes on to the end of the scenario and of the gateway.
  package func run() {
    run(until: scenario.length)
    end()
  }

  /// Goes on until this time since the beginning, or until a promise is broken.
  package func run(until time: Duration) {
    let end = state.pointee.begun + time
    let network = state.pointee.network
    while state.pointee.failure == nil, network.nextTime <= end {
      _ = network.step()
      look()
    }
  }

  /// What must hold after every step, and now and then everything.
  private func look() {
    let steps = state.pointee.network.pointee.steps
    gateway.lookQuickly(state)
    if steps >= sweepAt {
      sweepAt = steps + World.stepsBetweenSweeps
      gateway.sweep(state)
    }
  }

  /// The gateway is told to end, and ends.
  private func end() {
    let network = state.pointee.network
    if state.pointee.failure != nil { return gateway.abandon() }
    network.pointee.onStepWithin = { [unowned self] in look() }
    gateway.end(state) { [unowned self] time in run(until: time) }
    network.pointee.onStepWithin = nil
    // What was on its way still comes.
    let end = network.clock + World.aftermath
    while state.pointee.failure == nil, state.pointee.ledger.underWay > 0, network.nextTime <= end {
      _ = network.step()
    }
    if state.pointee.failure == nil { state.checkEnd() }
  }
}
