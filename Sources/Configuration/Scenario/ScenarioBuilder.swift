// Why this file exists: the typed document of a scenario becomes the model. Nothing is judged here
// any more; a key is only read, by name.
import Primitives

struct ScenarioBuilder {
  typealias Incomplete = ConfigurationBuilder.Incomplete

  let root: ConfigurationValue
  let files: ScenarioFiles
  let expectations: [Expectation]

  func build() throws(Incomplete) -> ScenarioConfiguration {
    var changes: [ScenarioConfiguration.Change] = []
    for change in try root.value("changes").elements {
      let name = try change.text("config")
      changes.append(
        ScenarioConfiguration.Change(
          at: try change.duration("at"), configuration: try configuration(name), name: name))
    }
    var flows: [FlowConfiguration] = []
    for flow in try root.value("traffic").named {
      flows.append(try self.flow(flow.name, flow.value))
    }
    var behaviours: [BehaviourConfiguration] = []
    for behaviour in try root.value("backends").elements {
      behaviours.append(try self.behaviour(behaviour))
    }
    return ScenarioConfiguration(
      configuration: try configuration(try root.text("config")),
      seed: UInt64(try root.integer("seed")), duration: try root.duration("duration"),
      changes: changes, flows: flows, behaviours: behaviours, expectations: expectations)
  }

  private func configuration(_ name: String) throws(Incomplete) -> GatewayConfiguration {
    guard let configuration = files.configuration(name) else { throw Incomplete() }
    return configuration
  }

  // MARK: Flows

  private func flow(
    _ name: String, _ flow: ConfigurationValue
  ) throws(Incomplete) -> FlowConfiguration {
    var stages: [FlowConfiguration.Stage] = []
    if flow.field("rate") != nil {
      stages = [FlowConfiguration.Stage(at: .zero, rate: perSecond(try flow.rate("rate")))]
    } else {
      for stage in try flow.value("stages").elements {
        stages.append(
          FlowConfiguration.Stage(
            at: try stage.duration("at"), rate: perSecond(try stage.rate("rate"))))
      }
    }
    var requests: [FlowConfiguration.Request] = []
    for request in try flow.value("requests").elements {
      requests.append(try self.request(request))
    }
    var repeats: FlowConfiguration.Repeats?
    if let written = flow.field("repeats") {
      repeats = FlowConfiguration.Repeats(
        attempts: try written.integer("attempts"), wait: try written.duration("wait"),
        backsOff: try written.boolean("backoff"))
    }
    return FlowConfiguration(
      name: name, stages: stages, from: try flow.duration("from"),
      until: try flow.givenDuration("until"), arrivals: try flow.word("arrivals"),
      requests: requests, clients: try flow.integer("clients"), spread: try flow.word("spread"),
      patience: try flow.optionalDuration("patience"),
      keepAlive: try flow.duration("keep_alive"), repeats: repeats)
  }

  private func perSecond(_ rate: Rate) -> Double {
    Double(rate.count) * 1e9 / Double(rate.period.nanoseconds)
  }

  private func request(
    _ request: ConfigurationValue
  ) throws(Incomplete) -> FlowConfiguration.Request {
    var fields: [(name: String, value: String)] = []
    for field in request.field("fields")?.named ?? [] {
      guard let value = field.value.writtenText else { throw Incomplete() }
      fields.append((field.name, value))
    }
    return FlowConfiguration.Request(
      path: try request.text("path"), method: try request.text("method"),
      host: try request.text("host"), fields: fields, body: Int(try request.bytes("body")),
      weight: try request.integer("weight"))
  }

  // MARK: Behaviours

  private func behaviour(
    _ written: ConfigurationValue
  ) throws(Incomplete) -> BehaviourConfiguration {
    var behaviour = BehaviourConfiguration(
      subject: BackendSubject(try written.text("backend")), from: try written.duration("from"),
      until: try written.givenDuration("until"))
    if let latency = written.field("latency") { behaviour.latency = try self.latency(latency) }
    if written.field("capacity") != nil {
      behaviour.capacity =
        try written.optionalInteger("capacity").map { .bounded($0) } ?? .unbounded
    }
    if written.field("failures") != nil { behaviour.failures = try written.share("failures") }
    if case .statuses(let statuses)? = written.field("failure_status")?.scalar {
      behaviour.failureStatus = statuses.lowerBound
    }
    if written.field("connect") != nil { behaviour.connect = try written.word("connect") }
    if written.field("resets") != nil { behaviour.resets = try written.share("resets") }
    if written.field("hangs") != nil { behaviour.hangs = try written.share("hangs") }
    if written.field("body") != nil { behaviour.body = Int(try written.bytes("body")) }
    behaviour.bodyTime = try written.givenDuration("body_time")
    if written.field("health") != nil { behaviour.health = try written.word("health") }
    return behaviour
  }

  private func latency(
    _ written: ConfigurationValue
  ) throws(Incomplete) -> BehaviourConfiguration.Latency {
    if written.field("from") != nil {
      return .uniform(try written.duration("from")...(try written.duration("to")))
    }
    let median = try written.duration("median")
    guard let p99 = try written.givenDuration("p99") else { return .fixed(median) }
    return .logNormal(median: median, p99: p99)
  }
}

extension ConfigurationValue {
  /// nil when it was not written.
  func givenDuration(_ key: String) throws(Incomplete) -> Duration? {
    field(key) == nil ? nil : try duration(key)
  }
}
