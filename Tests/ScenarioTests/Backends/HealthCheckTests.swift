// Why this file exists: a backend that says of itself that it is ill, or says nothing any more,
// gets no requests until it has recovered (regression 23).

import Glibc
import Testing

extension Backends {
  @Suite struct HealthChecks {
    @Test func `a backend is down after three failed checks and up after two passes`() throws {
      let ill = Patient("ill")
      let sound = Patient("sound")
      let text = configuration(service: activeCheck(), backends: 2)
      try withGateway(text, [ill.backend, sound.backend]) { gateway in
        try ill.waitForChecks(1)
        ill.says("503 Ill\r\n")
        try gateway.wait(for: ill.backend, toBe: "down")
        let status = try gateway.status(of: ill.backend)
        #expect(status["reason"]?.text == "probe_failed: status 503")
        let labels = ["service": "main", "backend": "\(ill.backend.address)", "result": "fail"]
        let failed = try gateway.metrics().value("gateway_health_checks_total", labels) ?? 0
        #expect(failed >= 3)
        ill.says("200 OK\r\n")
        try gateway.wait(for: ill.backend, toBe: "up")
        try eventually("the log to tell of both changes") {
          gateway.stateChanges(of: ill.backend).count >= 2
        }
        let changes = gateway.stateChanges(of: ill.backend)
        #expect(changes.map { $0["msg"]?.text } == ["backend is down", "backend is up"])
        #expect(changes.map { $0["was"]?.text } == ["up", "down"])
        #expect(
          changes.map { $0["cause"]?.text } == ["probe_failed: status 503", "probe_passed"])
        #expect(gateway.stateChanges(of: sound.backend).isEmpty)
      }
    }

    @Test func `regression 23: a backend whose check hangs delays nobody else's`() throws {
      let hanging = Patient("hanging", says: nil)
      let sound = Patient("sound")
      let text = configuration(service: activeCheck("timeout: 30s"), backends: 2)
      try withGateway(text, [hanging.backend, sound.backend]) { gateway in
        try hanging.waitForChecks(1)
        let before = sound.checks.count
        try sound.waitForChecks(before + 50)
        #expect(hanging.checks.count == 1)
        #expect(try gateway.status(of: hanging.backend)["state"]?.text == "up")
      }
    }

    @Test func `a backend whose check takes too long is down`() throws {
      let hanging = Patient("hanging", says: nil)
      let sound = Patient("sound")
      let text = configuration(service: activeCheck("timeout: 20ms"), backends: 2)
      try withGateway(text, [hanging.backend, sound.backend]) { gateway in
        try gateway.wait(for: hanging.backend, toBe: "down")
        #expect(try gateway.status(of: hanging.backend)["reason"]?.text == "probe_failed: timeout")
      }
    }

    @Test func `regression 23: a redirect counts as its status and is not followed`() throws {
      let moved = Patient("moved", says: "302 Found\r\nLocation: /elsewhere\r\n")
      let sound = Patient("sound")
      let text = configuration(service: activeCheck("status: [200-299]"), backends: 2)
      try withGateway(text, [moved.backend, sound.backend]) { gateway in
        try gateway.wait(for: moved.backend, toBe: "down")
        #expect(
          try gateway.status(of: moved.backend)["reason"]?.text == "probe_failed: status 302")
        try moved.waitForChecks(10)
        #expect(moved.backend.requests.allSatisfy { $0.target == "/healthz" })
      }
    }

    @Test func `a check names the configured host, and the gateway as its agent`() throws {
      let patient = Patient("p")
      let text = configuration(service: activeCheck("host: health.internal"))
      try withGateway(text, [patient.backend]) { _ in
        try patient.waitForChecks(1)
        let check = try #require(patient.checks.first)
        #expect(check.startLine == "GET /healthz HTTP/1.1")
        #expect(check.values("Host") == ["health.internal"])
        #expect(check["User-Agent"]?.hasPrefix("gateway/") == true)
        #expect(check["User-Agent"]?.hasSuffix(" health-check") == true)
        #expect(check["Connection"] == "close")
      }
    }

    @Test func `without a host a check names the backend's address`() throws {
      let patient = Patient("p")
      let text = configuration(
        service: "health: {active: {path: '/healthz?full=1', interval: 10ms}}")
      try withGateway(text, [patient.backend]) { _ in
        try patient.waitForChecks(1)
        #expect(patient.checks.first?.values("Host") == ["\(patient.backend.address)"])
        #expect(patient.checks.first?.target == "/healthz?full=1")
      }
    }

    @Test func `a unix backend is checked over its socket`() throws {
      let path = "/tmp/gateway-health-\(monotonicNow()).sock"
      let ill = Patient("ill", at: .unix(path))
      let sound = Patient("sound")
      let text = configuration(service: activeCheck(), backends: 2)
      try withGateway(text, [ill.backend, sound.backend]) { gateway in
        try ill.waitForChecks(1)
        #expect(ill.checks.first?.values("Host") == ["localhost"])
        ill.says("500 Ill\r\n")
        try gateway.wait(for: ill.backend, toBe: "down")
      }
    }

    @Test func `status tells the last check and when the next comes`() throws {
      let patient = Patient("p")
      let text = configuration(
        service: "health: {active: {path: /healthz, interval: 1h, timeout: 10s}}")
      try withGateway(text, [patient.backend]) { gateway in
        try eventually("the first check to be over") {
          try gateway.status(of: patient.backend)["health_check"]?["result"] != .null
        }
        let check = try #require(try gateway.status(of: patient.backend)["health_check"])
        #expect(check.names == ["result", "detail", "at", "took_ms", "against_state", "next"])
        #expect(check["result"]?.text == "pass")
        #expect(check["detail"]?.text == "status 200")
        #expect(check["against_state"]?.integer == 0)
        for name in ["at", "next"] { #expect(check[name]?.text?.hasSuffix("Z") == true) }
      }
    }

    @Test func `a service without checks is not asked anything`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        #expect(try gateway.get("/only").status == 200)
        let check = try gateway.status(of: backend)["health_check"]
        #expect(check == .null)
        let series = try gateway.metrics().labels("gateway_health_checks_total")
        #expect(series.isEmpty)
        #expect(backend.requests.map(\.target) == ["/only"])
      }
    }

    @Test(.needsNamespace)
    func `an address that is gone is checked no more, and one that is new is`() throws {
      let port = Socket.freePort()
      let old = Patient("old", at: .v4(port))
      let new = Patient("new", at: .v6(port))
      let text = configuration(service: activeCheck() + "\nresolve_every: 100ms")
        .replacing("{backend1}", with: "\"users.test:\(port)\"")
      let backends = [old.backend, new.backend]
      try withGateway(text, backends, hosts: "127.0.0.1 users.test\n") { gateway in
        try old.waitForChecks(5)
        #expect(old.checks.first?.values("Host") == ["users.test:\(port)"])
        #expect(new.checks.isEmpty)
        gateway.setHosts("::1 users.test\n")
        try new.waitForChecks(20)
        let before = old.checks.count
        try new.waitForChecks(60)
        // One may have been under way.
        #expect(old.checks.count <= before + 1)
        let labels = try gateway.metrics().labels("gateway_health_checks_total")
        #expect(Set(labels.map { $0["backend"] }) == ["[::1]:\(port)"])
      }
    }

    @Test func `a check under way does not keep the gateway from ending`() throws {
      let hanging = Patient("hanging", says: nil)
      let text = configuration(service: activeCheck("timeout: 30s, unhealthy_after: 1"))
      try withGateway(text, [hanging.backend]) { gateway in
        try hanging.waitForChecks(1)
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(gateway.stateChanges(of: hanging.backend).isEmpty)
      }
    }

    @Test func `two hundred backends are all checked, over a bounded number of connections`()
      throws
    {
      let patient = Patient("p")
      let services = (0..<200).map {
        "  s\($0):\n    backends: [{backend1}]\n"
          + "    health: {active: {path: /healthz?\($0), interval: 2s, timeout: 30s}}\n"
      }.joined()
      let text = configuration().replacing("routes:\n", with: services + "routes:\n")
      try withGateway(text, [patient.backend]) { gateway in
        let before = gateway.openDescriptors
        var most = 0
        try eventually("every one to be checked", within: 20) {
          most = max(most, gateway.openDescriptors)
          return Set(patient.checks.map(\.target)).count == 200
        }
        #expect(most <= before + 80)
        #expect(try gateway.get().status == 200)
        let metrics = try gateway.metrics()
        #expect(metrics.value("gateway_health_checks_total", ["result": "fail"]) ?? 0 == 0)
      }
    }
  }
}
