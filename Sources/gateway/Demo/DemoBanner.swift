// Why this file exists: `make run` ends in a few lines that a newcomer can paste; which ones work
// depends on the configuration.

import Configuration

enum DemoBanner {
  /// What `gateway demo` prints when it is ready. `addresses` are where the gateway listens.
  static func text(_ configuration: GatewayConfiguration, addresses: [String]) -> String {
    let places = addresses.joined(separator: ", ")
    var lines = [
      "gateway \(Version.number) listens on \(places), in front of three demo backends "
        + "(127.0.0.1:9001 to 9003)."
    ]
    if let address = addresses.first, let prefix = prefix(configuration) {
      let target = target(address) + prefix
      lines += [
        "Try:", "", "  curl -i \(target)hello       # who answered, and what it was sent",
        "  curl -N \(target)stream      # server-sent events, as they happen",
        "  curl -i \(target)status/503  # an answer that counts as a failure",
        "", "A backend can be told to misbehave, from this machine, and GET shows how it does:", "",
        "  curl -d 'mode=die&for=20s' 127.0.0.1:9001/chaos     # refuses and resets connections",
        "  curl -d 'mode=fail&share=50%' 127.0.0.1:9001/chaos  # every second answer is a 500",
        "  curl -d 'mode=slow&delay=2s' 127.0.0.1:9001/chaos   # answers late",
        "  curl -d 'mode=ok' 127.0.0.1:9001/chaos",
      ]
    } else {
      lines.append("No route with a path like /x/* leads to them, so there is nothing to try yet.")
    }
    lines.append("")
    if let admin = configuration.admin {
      lines.append("Metrics: curl \(target(admin.address.text))/metrics")
    }
    lines.append("Ctrl-C finishes what is in flight and stops.")
    return lines.joined(separator: "\n") + "\n"
  }

  /// The first path, ending in a slash, below which a demo backend answers.
  private static func prefix(_ configuration: GatewayConfiguration) -> String? {
    let demo = DemoBackends.ports.map { "127.0.0.1:\($0)" }
    let route = configuration.routes.first { route in
      let backends = route.services.flatMap { configuration.services[$0.service].backends }
      return isForAll(route.match) && backends.contains { demo.contains($0.label) }
    }
    return route.map { String($0.match.path.dropLast()) }
  }

  /// Everything below its path, as curl asks for it without options.
  private static func isForAll(_ match: MatchConfiguration) -> Bool {
    match.path.hasSuffix("/*") && match.host == nil && match.headers.isEmpty && match.query.isEmpty
      && (match.methods.isEmpty || match.methods.contains("GET"))
  }

  /// The address as curl takes it. A listener on every address is reached on the loopback one.
  private static func target(_ address: String) -> String {
    if address.hasPrefix("unix:") {
      return "--unix-socket \(address.dropFirst(5)) http://localhost"
    }
    guard let colon = address.lastIndex(of: ":") else { return "http://\(address)" }
    let host = address[..<colon]
    let reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "[::]" ? "[::1]" : host
    return "http://\(reachable)\(address[colon...])"
  }
}
