// Why this file exists: every balancer that a configuration can name, through the real program: who
// gets how much, who gets it again, and where a repeat goes (regression 12 and 13).

import Testing

extension Backends {
  @Suite struct Balancers {
    static let all = [
      "round_robin", "weighted_round_robin", "least_connections", "power_of_two", "peak_ewma",
      "consistent_hash", "maglev",
    ]

    /// Backends `a`, `b`, … with weights.
    private func text(
      _ balancer: String, weights: [Int], service: String = "", workers: Int = 1, top: String = ""
    ) -> String {
      var text = configuration(
        top: top, service: "balancer: \(balancer)\n\(service)", backends: weights.count,
        workers: workers)
      for (index, weight) in weights.enumerated() {
        let place = "{backend\(index + 1)}"
        text = text.replacing(place, with: "{address: \(place), weight: \(weight)}")
      }
      return text
    }

    private func backends(_ count: Int) -> [ScriptedBackend] {
      "abcdefgh".prefix(count).map { ScriptedBackend.named(String($0)) }
    }

    // MARK: Distribution

    @Test func `round robin gives each its turn, over all workers, whatever the weights`() throws {
      let text = text("round_robin", weights: [5, 1, 1], workers: 2)
      try withGateway(text, backends(3)) { gateway in
        let counts = try gateway.tally(60)
        #expect(counts == ["a": 20, "b": 20, "c": 20])
      }
    }

    @Test func `weighted round robin keeps the weights exactly, and mixes them`() throws {
      let text = text("weighted_round_robin", weights: [5, 1, 1], workers: 2)
      try withGateway(text, backends(3)) { gateway in
        #expect(try gateway.tally(70) == ["a": 50, "b": 10, "c": 10])
        let round = try (0..<7).map { _ in try gateway.get()["X-Backend"] ?? "" }
        #expect(round == ["a", "a", "b", "a", "c", "a", "a"])
      }
    }

    @Test(arguments: ["least_connections", "power_of_two"])
    func `one request after the other is spread as the weights say`(balancer: String) throws {
      try withGateway(text(balancer, weights: [3, 1]), backends(2)) { gateway in
        let heavy = try gateway.tally(400)["a"] ?? 0
        // Five standard deviations.
        #expect((257...343).contains(heavy))
      }
    }

    @Test(arguments: ["least_connections", "power_of_two"])
    func `a backend that is busy gets nothing while another is idle (regression 12)`(
      balancer: String
    ) throws {
      let gate = Gate()
      let backends = [ScriptedBackend.named("a", holding: gate), .named("b", holding: gate)]
      try withGateway(text(balancer, weights: [1, 1]), backends) { gateway in
        let held = try gateway.connect()
        try held.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("the request to arrive") { backends.contains { $0.requests.count == 1 } }
        let busy = backends[0].requests.isEmpty ? "b" : "a"
        let idle = busy == "a" ? "b" : "a"
        let counts = try gateway.tally(30)
        #expect(counts == [idle: 30])
        gate.open()
        _ = try held.readResponse()
        #expect(try gateway.tally(60).count == 2)
      }
    }

    @Test func `all workers' requests count at a backend`() throws {
      let text = text("least_connections", weights: [1, 1, 1], workers: 2)
      let counts = try held(text)
      #expect(counts == [3, 3, 3])
    }

    /// Where nine requests are, none of which has been answered yet.
    private func held(_ text: String) throws -> [Int] {
      let gate = Gate()
      let backends = ["a", "b", "c"].map { ScriptedBackend.named($0, holding: gate) }
      var counts: [Int] = []
      try withGateway(text, backends) { gateway in
        let clients = try (0..<9).map { _ in try gateway.connect() }
        for (count, client) in clients.enumerated() {
          try client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
          try eventually("request \(count) to arrive") {
            backends.reduce(0) { $0 + $1.requests.count } == count + 1
          }
        }
        counts = backends.map { $0.requests.count }
        gate.open()
        for client in clients { _ = try client.readResponse() }
      }
      return counts
    }

    @Test func `peak ewma leaves one that fails fast`() throws {
      let failing = ScriptedBackend.answering(
        "HTTP/1.1 500 No\r\nX-Backend: a\r\nContent-Length: 0\r\n\r\n")
      let service = "health: {passive: none}\nretries: {attempts: 0}"
      let text = text("peak_ewma", weights: [1, 1, 1], service: service)
      try withGateway(text, [failing, .named("b"), .named("c")]) { gateway in
        let counts = try gateway.tally(300)
        #expect((counts["a"] ?? 0) < 10)
        #expect(counts["b"] != nil && counts["c"] != nil)
      }
    }

    // MARK: Keys

    private struct Keyed: Sendable, CustomTestStringConvertible {
      var key: String
      var path: @Sendable (Int) -> String = { _ in "/" }
      var fields: @Sendable (Int) -> String = { _ in "" }
      var testDescription: String { key }
    }

    private static let keys = [
      Keyed(key: "header:X-User", fields: { "x-user: user\($0)\r\n" }),
      Keyed(key: "cookie:sid", fields: { "Cookie: other=1; sid=s\($0)\r\n" }),
      Keyed(key: "query:user", path: { "/p\($0 % 3)?a=1&user=u\($0)" }),
      Keyed(key: "path", path: { "/p\($0)?ignored" }),
      Keyed(key: "client_ip", fields: { "X-Forwarded-For: 203.0.113.\($0)\r\n" }),
    ]

    @Test(arguments: ["consistent_hash", "maglev"], keys.indices)
    func `a key stays with its backend, in another worker and after a restart`(
      policy: String, index: Int
    ) throws {
      let keyed = Self.keys[index]
      let backends = backends(4)
      defer { for backend in backends { backend.stop() } }
      let text = text(
        "{policy: \(policy), key: \"\(keyed.key)\"}", weights: [1, 1, 1, 1], workers: 2,
        top: "trusted_proxies: [127.0.0.0/8]")
      var homes: [[String]] = []
      for _ in 0..<2 {
        try withGateway(text, addresses: backends.map(\.address)) { gateway in
          for _ in 0..<2 {
            homes.append(
              try (0..<24).map {
                try gateway.get(keyed.path($0), fields: keyed.fields($0))["X-Backend"] ?? ""
              })
          }
        }
      }
      #expect(homes.allSatisfy { $0 == homes[0] }, "\(keyed.key)")
      // That one of four gets none of 24 keys happens by chance once in 250 times; two, never.
      #expect(Set(homes[0]).count >= 3, "\(keyed.key)")
    }

    @Test(arguments: ["consistent_hash", "maglev"])
    func `requests without the key go to all backends (regression 13)`(policy: String) throws {
      let text = text("{policy: \(policy), key: \"header:X-User\"}", weights: [1, 1, 1])
      try withGateway(text, backends(3)) { gateway in
        let counts = try gateway.tally(150)
        #expect(["a", "b", "c"].allSatisfy { (counts[$0] ?? 0) > 20 })
      }
    }

    @Test(arguments: ["consistent_hash", "maglev"])
    func `a hot key is bounded by max_load`(policy: String) throws {
      let balancer = "{policy: \(policy), key: path, max_load: 100%}"
      let text = text(balancer, weights: [1, 1, 1], workers: 2)
      let counts = try held(text)
      #expect(counts == [3, 3, 3])
    }

    // MARK: Repeats

    @Test(arguments: all)
    func `a repeat goes to another backend`(balancer: String) throws {
      let broken = ScriptedBackend { _ = try $0.readRequest() }
      let service = "health: {passive: none}\nretries: {budget: 100%, attempts: 1}"
      let text = text(balancer, weights: [1, 1], service: service, workers: 2)
      try withGateway(text, [broken, .named("b")]) { gateway in
        let counts = try gateway.tally(20)
        #expect(counts == ["b": 20])
      }
    }
  }
}

extension GatewayProcess {
  /// How many of so many requests each backend answered; each on a connection of its own, so that
  /// every worker has some.
  fileprivate func tally(_ count: Int) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for number in 0..<count {
      counts[try get("/\(number)")["X-Backend"] ?? "nobody", default: 0] += 1
    }
    return counts
  }
}
