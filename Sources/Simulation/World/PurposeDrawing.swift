// Why this file exists: some promises show only when much comes together: a backend that returns
// and warms up in steady traffic, failures older than a window, answers from before a trip. So some
// worlds are drawn for one of these, and are calm otherwise.

import EventLoop
import Primitives

/// What a world is drawn for.
enum Purpose: CaseIterable {
  /// Everything at once.
  case everything
  /// A backend fails, comes back and warms up.
  case warming
  /// Failures, and then so much time that they are out of every window.
  case oldFailures
  /// Answers that come when the breaker has moved on.
  case lateAnswers
  /// Many requests, and when they are forgotten many that are to be repeated.
  case oldRequests
}

extension ScenarioDrawing {
  private func purposeSource(_ number: Int) -> Source {
    Source(Xoroshiro(seed: SplitMix64.mix(seed &+ 30 << 32) &+ UInt64(number)))
  }

  var purpose: Purpose {
    var source = purposeSource(0)
    switch source.number(0...99) {
    case 0..<5: return .warming
    case 5..<8: return .oldFailures
    case 8..<11: return .lateAnswers
    case 11..<12: return .oldRequests
    default: return .everything
    }
  }

  /// The whole scenario of a world with a purpose.
  func scenario(for purpose: Purpose) -> Scenario {
    var source = purposeSource(1)
    var sketch = ConfigurationSketch()
    sketch.workers = has("workers") ? source.number(1...2) : 1
    var service = ServiceSketch(name: "s0")
    service.balancer = source.pick(["round_robin", "weighted_round_robin"])
    for index in 0..<source.number(2...4) {
      service.backends.append(
        ServiceSketch.Backend(
          address: "\(ScenarioDrawing.endpoint(index))", weight: source.pick([1, 1, 2, 4]),
          drain: false))
    }
    var behaviours: [(at: Int, behaviour: BackendBehaviour)]
    var traffic: [(from: Int, until: Int, rate: Double)]
    switch purpose {
    case .everything, .warming:
      (behaviours, traffic) = drawWarming(&source, &service)
    case .oldFailures: (behaviours, traffic) = drawOldFailures(&source, &service)
    case .lateAnswers: (behaviours, traffic) = drawLateAnswers(&source, &service)
    case .oldRequests: (behaviours, traffic) = drawOldRequests(&source, &service)
    }
    sketch.services = [service]
    let end = traffic.map(\.until).max() ?? 0
    var scenario = Scenario(
      seed: SplitMix64.mix(seed), configuration: sketch.text,
      length: .milliseconds(Int64(end + 100)))
    scenario.conditions.bytewise = 0
    for index in service.backends.indices {
      // The others answer as the first one does when all is well.
      let phases = index == 0 || purpose == .oldRequests ? behaviours : Array(behaviours.suffix(1))
      scenario.backends.append(
        BackendPlan(
          endpoint: ScenarioDrawing.endpoint(index),
          phases: phases.enumerated().map { place, phase in
            let at = place == 0 ? 0 : phase.at
            return BackendPhasePlan(from: .milliseconds(Int64(at)), phase.behaviour)
          }))
    }
    for part in traffic {
      var request = RequestPlan()
      request.path = "/s0/x"
      var plan = TrafficPlan(
        from: .milliseconds(Int64(part.from)), until: .milliseconds(Int64(part.until)),
        rate: part.rate, requests: [WeightedRequest(weight: 1, request)],
        address: IPAddress(v4: 0x0a03_0001))
      plan.isEven = source.chance(50)
      scenario.traffic.append(plan)
    }
    return scenario
  }

  private typealias Plan = (
    behaviours: [(at: Int, behaviour: BackendBehaviour)],
    traffic: [(from: Int, until: Int, rate: Double)]
  )

  private func good(_ latency: Int) -> BackendBehaviour {
    var behaviour = BackendBehaviour()
    behaviour.latency = .zero...(.milliseconds(Int64(latency)))
    return behaviour
  }

  private func failing(_ good: BackendBehaviour, share: UInt32) -> BackendBehaviour {
    var behaviour = good
    behaviour.errorShare = share
    behaviour.errorStatuses = [503]
    behaviour.healthStatus = 503
    return behaviour
  }

  private func drawWarming(_ source: inout Source, _ service: inout ServiceSketch) -> Plan {
    let good = good(source.pick([0, 2, 10]))
    service.passive = nil
    service.attempts = source.pick([0, 1])
    service.when = ["connect", "503"]
    service.warmUp = source.pick([1_500, 3_000])
    switch source.number(0...2) {
    case 0:
      service.passive = PassiveSketch(
        failures: source.number(1...3), rate: 50, least: 20, window: 10_000,
        ejection: source.pick([200, 600]))
    case 1:
      service.active = ActiveSketch(interval: 30, timeout: 300, healthyAfter: 1, unhealthyAfter: 1)
    default:
      service.breaker = BreakerSketch(
        mode: "enforce", failures: source.number(1...3), rate: 50, least: 20, window: 10_000,
        open: 200, trials: source.pick([1, 3]))
    }
    let at = source.number(100...500)
    let back = at + source.number(150...400)
    return (
      [(0, good), (at, failing(good, share: 65_536)), (back, good)],
      [(0, 5_000, source.pick([300.0, 600.0]))]
    )
  }

  private func drawOldFailures(_ source: inout Source, _ service: inout ServiceSketch) -> Plan {
    let good = good(source.pick([0, 2, 10]))
    service.attempts = 0
    service.passive = nil
    if source.chance(50) {
      service.passive = PassiveSketch(
        failures: 1_000, rate: 20, least: 20, window: 500, ejection: 400)
    } else {
      service.breaker = BreakerSketch(
        mode: "enforce", failures: 1_000, rate: 20, least: 20, window: 500, open: 200, trials: 1)
    }
    // At most one in ten of a window's places for results is left when the others come.
    let count = service.backends.count
    let rate = Double(count * source.number(15...40))
    return (
      [(0, failing(good, share: 65_536)), (400, good)],
      [(0, 400, rate), (1_600 + source.number(0...400), 4_000, rate)]
    )
  }

  private func drawLateAnswers(_ source: inout Source, _ service: inout ServiceSketch) -> Plan {
    // Most answers decide at once, and some come when all of them have been forgotten.
    var failing = failing(good(10), share: UInt32(source.pick([30_000, 45_000])))
    failing.slowShare = 20_000
    failing.slowFactor = 40
    service.attempts = 0
    service.passive = nil
    service.breaker = BreakerSketch(
      mode: "enforce", failures: source.number(3...5), rate: 100, least: 1_000, window: 500,
      open: 20, trials: source.pick([1, 2]))
    return ([(0, failing), (3_500, good(10))], [(0, 4_000, source.pick([400.0, 800.0]))])
  }

  private func drawOldRequests(_ source: inout Source, _ service: inout ServiceSketch) -> Plan {
    let good = good(source.pick([0, 2]))
    service.passive = nil
    service.attempts = source.number(1...2)
    service.when = ["connect", "503"]
    service.budget = 20
    service.budgetFloor = 0
    return (
      [(0, good), (11_500, failing(good, share: 65_536))],
      [(0, 1_000, 300), (12_500, 14_500, 30)]
    )
  }
}
