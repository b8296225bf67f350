// Why this file exists: the addresses behind a name come, change and go while the gateway serves.
// Needs mount namespaces; without them the tests are skipped and say so.

import Testing

extension Operations {
  @Suite(.needsNamespace) struct Names {
    private let fast = "resolve_every: 100ms"
    private let both = "127.0.0.1 users.test\n::1 users.test\n"

    private func text(_ backend: ScriptedBackend, service: String) -> String {
      configuration(service: service).replacing(
        "{backend1}", with: "\"users.test:\(backend.address.port)\"")
    }

    /// Addresses and names of the backends, as /status has them.
    private func backends(_ gateway: GatewayProcess) throws -> [String] {
      let status = try JSON(parsing: gateway.admin("/status").text)
      let list = status["services"]?.items.first?["backends"]?.items ?? []
      return list.map { "\($0["address"]?.text ?? "-") \($0["name"]?.text ?? "-")" }
    }

    @Test func `an admin listener that is known by a name may be asked for by it`() throws {
      let text = configuration().replacing("127.0.0.1:{admin}", with: "Gateway.test:{admin}")
      let hosts = "127.0.0.1 gateway.test other.test\n"
      try withGateway(text, [ScriptedBackend.answering()], hosts: hosts) { (gateway) throws in
        for (host, status) in [("gateway.test", 200), ("localhost", 200), ("other.test", 403)] {
          let fields = "Host: \(host):\(gateway.adminPort)\r\n"
          #expect(try gateway.admin("/metrics", fields: fields).status == status, "\(host)")
        }
      }
    }

    @Test func `every address is a backend, and a change is followed without losing a count`()
      throws
    {
      let port = Socket.freePort()
      let first = ScriptedBackend(.v4(port)) { try $0.serve { _ in plainAnswer } }
      let second = ScriptedBackend(.v6(port)) { try $0.serve { _ in plainAnswer } }
      try withGateway(text(first, service: fast), [first, second], hosts: both) { gateway in
        #expect(
          try backends(gateway) == [
            "127.0.0.1:\(port) users.test:\(port)", "[::1]:\(port) users.test:\(port)",
          ])
        for _ in 0..<6 { #expect(try gateway.get().status == 200) }
        #expect(first.requests.count == 3 && second.requests.count == 3)

        gateway.setHosts("::1 users.test\n")
        try eventually("one backend to be left") { try backends(gateway).count == 1 }
        for _ in 0..<6 { #expect(try gateway.get().status == 200) }
        #expect(first.requests.count == 3 && second.requests.count == 9)
        let changed = try gateway.waitForLogLines("other addresses")
        #expect(changed.count == 1)
        #expect(changed.first?["removed"]?.text == "127.0.0.1")
        #expect(changed.first?["name"]?.text == "users.test")
        try gateway.waitForMetric("gateway_requests_total", toBe: 12)
        try eventually("the series of the removed one to end") {
          let kept = try gateway.metrics().labels("gateway_active_connections")
          return kept.map { $0["backend"] } == ["[::1]:\(port)"]
        }

        gateway.setHosts(both)
        try eventually("the other one to be back") { try backends(gateway).count == 2 }
        for _ in 0..<4 { #expect(try gateway.get().status == 200) }
        #expect(first.requests.count == 5)
      }
    }

    @Test func `a name that fails keeps its addresses, which is one line, and so is its recovery`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(
        text(backend, service: fast), [backend], hosts: "127.0.0.1 users.test\n"
      ) { gateway in
        #expect(try gateway.get().status == 200)
        gateway.setHosts("")
        try gateway.waitForLogLines("does not resolve; its last addresses stay in use")
        #expect(try gateway.get().status == 200)
        gateway.setHosts("127.0.0.1 users.test\n")
        #expect(try gateway.waitForLogLines("a name resolves again").count == 1)
        #expect(gateway.logLines("does not resolve").count == 1)
        #expect(gateway.logLines("other addresses").isEmpty)
        #expect(try gateway.get().status == 200)
      }
    }

    @Test func `a service whose name does not resolve starts without a backend and gets it later`()
      throws
    {
      let backend = ScriptedBackend.answering()
      // The retry comes long before the next regular question.
      try withGateway(
        text(backend, service: "resolve_every: 1h"), [backend], hosts: ""
      ) { gateway in
        let refusal = try gateway.get()
        #expect(refusal.status == 503)
        #expect(refusal.reason == "no_backend")
        #expect(try gateway.waitForLogLines("it stands for no address").count == 1)
        gateway.setHosts("127.0.0.1 users.test\n")
        try eventually("the backend to be found") { try gateway.get().status == 200 }
        #expect(try gateway.waitForLogLines("a name has its addresses").count == 1)
      }
    }
  }
}
