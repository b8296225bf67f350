// Why this file exists: every setting by which a service may say what counts against a backend does
// what its line in the reference says, in the running program (regression 38).

import Testing

extension GatewayProcess {
  /// Sends so many requests, whatever becomes of them.
  fileprivate func ask(_ count: Int) throws { for _ in 0..<count { _ = try get() } }

  fileprivate func causes(of backend: Changeable) -> [String] {
    stateChanges(of: backend.backend).compactMap { $0["cause"]?.text }
  }

  fileprivate func wait(forCause cause: String, of backend: Changeable, line: UInt = #line) throws {
    try eventually("the log to tell \(cause)", line: line) { causes(of: backend).contains(cause) }
  }

  fileprivate func circuit(_ backend: Changeable) throws -> Double? {
    let labels = ["service": "main", "backend": "\(backend.backend.address)"]
    return try metrics().value("gateway_circuit_state", labels)
  }

  fileprivate func ejections(_ backend: Changeable) throws -> Double {
    try metrics().samples.reduce(0) { sum, sample in
      let isMeant =
        sample.name == "gateway_ejections_total"
        && sample.labels["backend"] == "\(backend.backend.address)"
      return isMeant ? sum + sample.value : sum
    }
  }
}

private func breaker(_ settings: String) -> String {
  """
  retries: {attempts: 0}
  health: {passive: none}
  circuit_breaker: {consecutive_failures: none, open: 1h, max_open: 1h, \(settings)}
  """
}

extension Backends {
  @Suite struct `Settings of evidence` {
    @Test func `healthy_after is how many good answers bring a backend up`() throws {
      let checks = Monitor(0)
      let backend = ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        let number = checks.update { count in
          count += 1
          return count
        }
        // Four good ones in a row, one too few; from the fiftieth on no bad one any more.
        let says = number % 5 == 0 && number < 50 ? "503 Ill" : "200 OK"
        try connection.respond(says)
      }
      let service = activeCheck("unhealthy_after: 1, healthy_after: 5")
      try withGateway(configuration(service: service), [backend]) { gateway in
        try eventually("both changes") { gateway.stateChanges(of: backend).count >= 2 }
        #expect(checks.value >= 50)
        let changes = gateway.stateChanges(of: backend).map { $0["msg"]?.text }
        #expect(changes == ["backend is down", "backend is up"])
      }
    }

    @Test func `failure_statuses say which answers count against a backend, and no others do`()
      throws
    {
      let backend = Changeable(.status("500 Internal Server Error"))
      let service = """
        retries: {attempts: 0}
        health: {passive: none, failure_statuses: [501, 503-504]}
        circuit_breaker: {consecutive_failures: 3, failure_rate: none, open: 1h, max_open: 1h}
        """
      try withGateway(configuration(service: service), [backend.backend]) { gateway in
        try gateway.ask(10)
        #expect(backend.count == 10)
        for status in ["501 No", "503 No", "504 No"] {
          backend.answers(status)
          try gateway.ask(1)
        }
        try gateway.wait(forCause: "consecutive_failures", of: backend)
        #expect(try gateway.get().reason == "circuit_open")
      }
    }

    @Test func `failure_rate opens a breaker once min_requests are in the window, not before`()
      throws
    {
      let backend = Changeable()
      let text = configuration(
        service: breaker("failure_rate: 25%, min_requests: 12, window: 1h"))
      try withGateway(text, [backend.backend]) { gateway in
        try gateway.ask(8)
        backend.answers("500 Internal Server Error")
        // Three of eleven are more than a quarter, of too few.
        try gateway.ask(3)
        #expect(try gateway.circuit(backend) == 0)
        try gateway.ask(1)
        try gateway.wait(forCause: "failure_rate", of: backend)
        #expect(try gateway.get().reason == "circuit_open")
        #expect(backend.count == 12)
      }
    }

    @Test func `what is older than the window does not count for a breaker`() throws {
      let backend = Changeable(.status("500 Internal Server Error"))
      let text = configuration(
        service: breaker("failure_rate: 60%, min_requests: 10, window: 100ms"))
      try withGateway(text, [backend.backend]) { gateway in
        try gateway.ask(9)
        // The window has moved on when a good answer after it is alone in it: with the nine it
        // would be the tenth, and ninety of a hundred would be failures.
        let deadline = monotonicNow() + 150_000_000
        try eventually("the window to pass") { monotonicNow() > deadline }
        backend.answers("200 OK")
        try gateway.ask(1)
        #expect(try gateway.circuit(backend) == 0)
        #expect(try gateway.get().status == 200)
      }
    }

    @Test func `calls that take as long as slow_call open a breaker at slow_call_rate`() throws {
      let backend = Changeable()
      let text = configuration(
        service: breaker(
          "failure_rate: none, slow_call: 1ms, slow_call_rate: 50%, min_requests: 4, window: 1h"))
      try withGateway(text, [backend.backend]) { gateway in
        for number in 1...4 {
          let gate = Gate()
          backend.answers(.held(gate))
          let client = try gateway.connect()
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          try backend.backend.waitForRequests(number)
          let slow = monotonicNow() + 5_000_000
          try eventually("the call to be slow") { monotonicNow() > slow }
          gate.open()
          #expect(try client.readResponse().status == 200)
        }
        try gateway.wait(forCause: "slow_call_rate", of: backend)
        #expect(try gateway.get().reason == "circuit_open")
      }
    }

    @Test func `half_open_requests are how many trials a breaker wants`() throws {
      let backend = Changeable(.status("500 Internal Server Error"))
      let service = """
        retries: {attempts: 0}
        health: {passive: none}
        circuit_breaker:
          {consecutive_failures: 2, failure_rate: none, open: 100ms, max_open: 100ms,
          half_open_requests: 3}
        """
      try withGateway(configuration(service: service), [backend.backend]) { gateway in
        try gateway.ask(2)
        try gateway.wait(forCause: "consecutive_failures", of: backend)
        backend.answers("200 OK")
        for trial in 1...3 {
          try eventually("trial \(trial)") { try gateway.get().status == 200 }
          let isLast = trial == 3
          try gateway.waitForMetric(
            "gateway_circuit_state",
            ["service": "main", "backend": "\(backend.backend.address)"], toBe: isLast ? 0 : 2)
        }
      }
    }

    @Test func `passive failure_rate ejects once min_requests are in the window`() throws {
      let failing = Changeable()
      let sound = Changeable()
      let service = """
        retries: {attempts: 0}
        health:
          passive:
            {consecutive_failures: none, failure_rate: 30%, min_requests: 10, window: 1h}
        """
      let text = configuration(service: service, backends: 2)
      try withGateway(text, [failing.backend, sound.backend]) { gateway in
        while failing.count < 7 { try gateway.ask(1) }
        failing.answers("500 Internal Server Error")
        while failing.count < 9 { try gateway.ask(1) }
        #expect(try gateway.ejections(failing) == 0)
        while failing.count < 10 { try gateway.ask(1) }
        try gateway.wait(forCause: "failure_rate", of: failing)
        try gateway.ask(20)
        #expect(failing.count == 10)
      }
    }

    @Test func `max_ejected is how much of a pool may be out, and 0 % is nobody`() throws {
      for (share, most) in [("0%", 0), ("25%", 1), ("100%", 3)] {
        let backends = (0..<4).map { _ in Changeable(.status("500 Internal Server Error")) }
        let service = """
          retries: {attempts: 0}
          health:
            passive:
              {consecutive_failures: 2, ejection: 1h, max_ejection: 1h, max_ejected: \(share)}
          """
        let text = configuration(service: service, backends: 4)
        try withGateway(text, backends.map(\.backend)) { gateway in
          // Nobody is left waiting for evidence: each has failed often enough.
          try gateway.ask(200)
          let out = try backends.reduce(0) { try $0 + gateway.ejections($1) }
          #expect(Int(out) == most, "max_ejected \(share)")
        }
      }
    }
  }
}
