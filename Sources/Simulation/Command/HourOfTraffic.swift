// Why this file exists: what is simulated is only of use when it is simulated quickly: an hour of a
// thousand requests a second, in less than a minute.

import EventLoop
import Primitives
import Simulation

enum HourOfTraffic {
  private static let configuration = """
    listeners: [{address: 127.0.0.1:8080}]
    admin: none
    workers: 2
    logging: {access: {output: none}}
    services:
      s:
        balancer: least_connections
        backends: [10.1.0.1:80, 10.1.0.2:80, 10.1.0.3:80]
        circuit_breaker: {mode: enforce}
    routes:
      - {match: {path: /*}, service: s}
    """

  /// Three backends, one of which is away for a quarter of an hour.
  static func run() -> Int32 {
    var scenario = Scenario(seed: 1, configuration: configuration, length: .seconds(3600))
    var away = BackendBehaviour()
    away.door = .refuse
    away.diesFirst = true
    for number in 1...3 as ClosedRange<UInt32> {
      var phases = [BackendPhasePlan(from: .zero, BackendBehaviour())]
      if number == 2 {
        phases.append(BackendPhasePlan(from: .seconds(900), away))
        phases.append(BackendPhasePlan(from: .seconds(1800), BackendBehaviour()))
      }
      let address = IPAddress(v4: 0x0a01_0000 + number)
      scenario.backends.append(
        BackendPlan(endpoint: Endpoint(address: address, port: 80), phases: phases))
    }
    scenario.traffic = [
      TrafficPlan(
        from: .zero, until: .seconds(3600), rate: 1000,
        requests: [WeightedRequest(weight: 1, RequestPlan())],
        address: IPAddress(v4: 0x0a02_0001))
    ]
    scenario.conditions.bytewise = 0
    scenario.conditions.piecewise = 8
    let begun = now()
    do throws(WorldProblem) {
      let world = try World(scenario)
      world.run()
      say(
        "\(world.tally.text) in \(world.steps) steps of \(world.now.nanoseconds / 1_000_000_000) s"
          + " of theirs and \(now() - begun) s of ours\n")
      if let failure = world.failure {
        say("\(failure.rule.rawValue): \(failure.text)\n")
        return 1
      }
      return 0
    } catch {
      say("\(error)\n")
      return 2
    }
  }
}
