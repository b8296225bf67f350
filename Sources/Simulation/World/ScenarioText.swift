// Why this file exists: a scenario that fails is read by somebody who wants to understand it.

import EventLoop
import Primitives

extension Scenario {
  /// Everything that is not as usual.
  package var text: String {
    var lines = ["seed \(seed), ends after \(Scenario.text(length))", "configuration:"]
    lines += configuration.split(separator: "\n").map { "  \($0)" }
    let usual = NetworkConditions()
    if conditions != usual { lines.append("network: \(conditions)") }
    for (index, backend) in backends.enumerated() {
      for phase in backend.phases {
        let unusual = Scenario.differences(phase.behaviour, BackendBehaviour())
        lines.append(
          "backend \(index) at \(backend.endpoint) from \(Scenario.text(phase.from)): \(unusual)")
      }
    }
    for change in changes { lines.append("change at \(Scenario.text(change.at))") }
    for traffic in self.traffic {
      lines.append(
        "traffic: \(traffic.rate)/s, \(traffic.requests.map { Scenario.text($0.request) })")
    }
    for (index, client) in clients.enumerated() where !client.requests.isEmpty {
      lines.append(
        "client \(index) (\(client.address)) at \(Scenario.text(client.at)), "
          + "\(client.pipelining) at once")
      lines += client.requests.map { "  " + Scenario.text($0) }
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ request: RequestPlan) -> String {
    "\(request.method) \(request.path): " + differences(request, RequestPlan())
      + " " + differences(request.mischief, Mischief())
  }

  private static func text(_ duration: Duration) -> String {
    "\(Double(duration.nanoseconds) / 1_000_000) ms"
  }

  private static func differences<Value>(_ value: Value, _ usual: Value) -> String {
    let pairs = zip(Mirror(reflecting: value).children, Mirror(reflecting: usual).children)
    return pairs.compactMap { one, other -> String? in
      guard let name = one.label, name != "mischief", name != "method", name != "path" else {
        return nil
      }
      let (one, other) = ("\(one.value)", "\(other.value)")
      return one == other ? nil : "\(name) \(one)"
    }.joined(separator: ", ")
  }
}
