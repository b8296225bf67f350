// Why this file exists: breakers and passive health with real sockets: who fails gets no more than
// its trials, and nobody is judged for what clients do (regression 18-22, 24).

import Glibc
import Testing

/// A backend whose answer to every request a test may change at any time.
final class Changeable: Sendable {
  let backend: ScriptedBackend
  private let answer: Monitor<Answer>

  enum Answer: Sendable {
    case status(String)
    /// A head that promises more than comes.
    case truncated
    /// Answers 200 when the gate opens.
    case held(Gate)
  }

  init(_ answer: Answer = .status("200 OK")) {
    let answer = Monitor(answer)
    self.answer = answer
    backend = ScriptedBackend { connection in
      while (try connection.readRequest()) != nil {
        switch answer.value {
        case .status(let status): try connection.respond(status)
        case .truncated:
          return try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        case .held(let gate):
          try gate.pass("the answer", within: 20)
          try connection.respond()
        }
      }
    }
  }

  func answers(_ with: Answer) { answer.update { $0 = with } }
  func answers(_ status: String) { answers(.status(status)) }
  var count: Int { backend.requests.count }
}

/// Lines of a service with a breaker that trips at three failures in a row, and nothing else.
private func breaker(_ more: String) -> String {
  """
  health: {passive: none}
  retries: {attempts: 0}
  circuit_breaker: {mode: enforce, consecutive_failures: 3, \(more)}
  """
}

extension GatewayProcess {
  /// Asks until a request has come through to the backend, which holds it; gives its client.
  fileprivate func trial(of backend: Changeable, after count: Int) throws -> Wire {
    // Another worker may be quicker with the next request than this one with its judgement.
    try wait(forCircuit: backend, toBe: 1)
    let deadline = Deadline.after()
    while !deadline.hasPassed {
      let client = try connect()
      try client.send("GET /trial HTTP/1.1\r\nHost: a\r\n\r\n")
      // Refused, it has its answer at once.
      while (try? client.receiveMore(until: .after(0.02))) != true {
        if backend.count > count { return client }
        if deadline.hasPassed { break }
      }
    }
    throw ScenarioFailure("no request came through", line: #line)
  }
  /// An answer may be read before its worker has judged it.
  fileprivate func wait(
    forCircuit backend: Changeable, toBe state: Double, line: UInt = #line
  ) throws {
    let labels = ["service": "main", "backend": "\(backend.backend.address)"]
    try waitForMetric("gateway_circuit_state", labels, toBe: state, line: line)
  }
  fileprivate func transitions(_ backend: ScriptedBackend, to state: String) throws -> Double? {
    try metrics().value(
      "gateway_circuit_transitions_total",
      ["service": "main", "backend": "\(backend.address)", "to": state])
  }
}

extension Backends {
  @Suite struct Breakers {
    @Test func `who fails three times in a row gets nothing more, and all is seen`() throws {
      let failing = Changeable(.status("500 Internal Server Error"))
      let sound = Changeable()
      let text = configuration(service: breaker("open: 1h, max_open: 1h"), backends: 2)
      try withGateway(text, [failing.backend, sound.backend]) { gateway in
        while failing.count < 3 { _ = try gateway.get() }
        for _ in 0..<20 { #expect(try gateway.get().status == 200) }
        #expect(failing.count == 3)
        try gateway.wait(forCircuit: failing, toBe: 1)
        try gateway.wait(forCircuit: sound, toBe: 0)
        #expect(try gateway.transitions(failing.backend, to: "open") == 1)
        try eventually("the log to tell of it") {
          !gateway.stateChanges(of: failing.backend).isEmpty
        }
        let line = gateway.stateChanges(of: failing.backend)
        #expect(line.map { $0["msg"]?.text } == ["circuit breaker is open"])
        #expect(line.map { $0["cause"]?.text } == ["consecutive_failures"])
      }
    }

    @Test func `when all refuse the answer says when one will not`() throws {
      let failing = Changeable(.status("503 Service Unavailable"))
      let text = configuration(service: breaker("open: 100s, max_open: 200s"))
      try withGateway(text, [failing.backend]) { gateway in
        for _ in 0..<3 { #expect(try gateway.get().reason == nil) }
        let refused = try gateway.get()
        #expect(refused.status == 503)
        #expect(refused.reason == "circuit_open")
        let wait = try #require(refused["Retry-After"].flatMap { Int($0) })
        #expect(wait >= 60 && wait <= 111)
        #expect(failing.count == 3)
      }
    }

    @Test func `regression 18: of requests that come together one is the trial`() throws {
      let backend = Changeable(.status("500 Internal Server Error"))
      let text = configuration(service: breaker("open: 200ms, max_open: 200ms"), workers: 2)
      try withGateway(text, [backend.backend]) { gateway in
        for _ in 0..<3 { _ = try gateway.get() }
        let gate = Gate()
        backend.answers(.held(gate))
        let trial = try gateway.trial(of: backend, after: 3)
        for _ in 0..<10 { #expect(try gateway.get().reason == "circuit_open") }
        #expect(backend.count == 4)
        try gateway.wait(forCircuit: backend, toBe: 2)
        gate.open()
        #expect(try trial.readResponse().status == 200)
        // The answer is sent before it is judged, and the other worker may be asked in between.
        try eventually("the trial to be judged") { try gateway.get().status == 200 }
        try gateway.wait(forCircuit: backend, toBe: 0)
        for state in ["open", "half_open", "closed"] {
          #expect(try gateway.transitions(backend.backend, to: state) == 1)
        }
      }
    }

    @Test func `regression 19: a trial whose client goes away is another's`() throws {
      let backend = Changeable(.status("500 Internal Server Error"))
      let text = configuration(service: breaker("open: 100ms, max_open: 100ms"))
      try withGateway(text, [backend.backend]) { gateway in
        for _ in 0..<3 { _ = try gateway.get() }
        let gate = Gate()
        defer { gate.open() }
        backend.answers(.held(gate))
        try gateway.trial(of: backend, after: 3).reset()
        backend.answers("200 OK")
        try eventually("another request to be the trial") { try gateway.get().status == 200 }
        try gateway.wait(forCircuit: backend, toBe: 0)
      }
    }

    @Test func `what clients do is no evidence`() throws {
      let backend = Changeable(.status("404 Not Found"))
      let text = configuration(service: breaker("open: 1h, max_open: 1h"))
      try withGateway(text, [backend.backend]) { gateway in
        for _ in 0..<10 { #expect(try gateway.get().status == 404) }
        backend.answers("429 Too Many Requests")
        for _ in 0..<10 { #expect(try gateway.get().status == 429) }
        let gate = Gate()
        backend.answers(.held(gate))
        for number in 1...5 {
          let client = try gateway.connect()
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          try backend.backend.waitForRequests(20 + number)
          client.reset()
        }
        gate.open()
        backend.answers("200 OK")
        #expect(try gateway.get().status == 200)
        try gateway.wait(forCircuit: backend, toBe: 0)
      }
    }

    @Test func `answers that break off trip it`() throws {
      let backend = Changeable(.truncated)
      let text = configuration(service: breaker("open: 1h, max_open: 1h"))
      try withGateway(text, [backend.backend]) { gateway in
        for _ in 0..<3 {
          let client = try gateway.connect()
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          _ = try client.readToEnd()
        }
        #expect(try gateway.get().reason == "circuit_open")
      }
    }

    @Test func `a breaker that only watches tells, and keeps nobody out`() throws {
      let backend = Changeable(.status("500 Internal Server Error"))
      let settings = breaker("open: 1h, max_open: 1h").replacing("enforce", with: "shadow")
      try withGateway(configuration(service: settings), [backend.backend]) { gateway in
        for _ in 0..<10 { #expect(try gateway.get().reason == nil) }
        #expect(backend.count == 10)
        try gateway.wait(forCircuit: backend, toBe: 1)
        try eventually("the log to tell of it") {
          gateway.stateChanges(of: backend.backend).first?["mode"]?.text == "shadow"
        }
      }
    }
  }

  @Suite struct Passive {
    @Test func `a backend that fails is ejected, and only while another is eligible`() throws {
      let failing = Changeable(.status("500 Internal Server Error"))
      let sound = Changeable()
      let text = configuration(service: "retries: {attempts: 0}", backends: 2)
      try withGateway(text, [failing.backend, sound.backend]) { gateway in
        while failing.count < 5 { _ = try gateway.get() }
        for _ in 0..<20 { #expect(try gateway.get().status == 200) }
        #expect(failing.count == 5)
        #expect(try gateway.status(of: failing.backend)["state"]?.text == "ejected")
        let labels = [
          "service": "main", "backend": "\(failing.backend.address)",
          "reason": "consecutive_failures",
        ]
        #expect(try gateway.metrics().value("gateway_ejections_total", labels) == 1)
        try eventually("the log to tell of it") {
          gateway.stateChanges(of: failing.backend).first?["msg"]?.text == "backend is ejected"
        }
        sound.answers("500 Internal Server Error")
        for _ in 0..<20 { #expect(try gateway.get().reason == nil) }
        #expect(try gateway.status(of: sound.backend)["state"]?.text == "up")
      }
    }

    @Test func `ejected for a moment it is back, on probation`() throws {
      let failing = Changeable(.status("500 Internal Server Error"))
      let sound = Changeable()
      let settings = """
        retries: {attempts: 0}
        health: {passive: {ejection: 200ms, max_ejection: 1h}}
        """
      let text = configuration(service: settings, backends: 2)
      try withGateway(text, [failing.backend, sound.backend]) { gateway in
        // Counts, not its state: every ejection is over soon.
        func waitForEjection(_ reason: String) throws {
          let labels = [
            "service": "main", "backend": "\(failing.backend.address)", "reason": reason,
          ]
          try gateway.waitForMetric("gateway_ejections_total", labels, toBe: 1)
        }
        while failing.count < 5 { _ = try gateway.get() }
        try waitForEjection("consecutive_failures")
        let before = failing.count
        // Its first result decides.
        try eventually("its return") {
          _ = try gateway.get()
          return failing.count > before
        }
        try waitForEjection("failed_on_return")
        failing.answers("200 OK")
        try eventually("its recovery") {
          _ = try gateway.get()
          return failing.count > 10
        }
      }
    }

    @Test func `with all down, requests are refused at once, or sent all the same in panic`() throws
    {
      for threshold in ["0%", "50%"] {
        let ill = Patient("a")
        let text = configuration(
          service: activeCheck("unhealthy_after: 1", "panic_threshold: \(threshold)"))
        try withGateway(text, [ill.backend]) { gateway in
          #expect(try gateway.get().status == 200)
          ill.says("500 Ill\r\n")
          try gateway.wait(for: ill.backend, toBe: "down")
          let answer = try gateway.get()
          if threshold == "0%" {
            #expect(answer.reason == "all_unhealthy")
          } else {
            #expect(answer.status == 200)
            try eventually("the log to tell of it") { gateway.errors.contains("panic: too few") }
            #expect(try gateway.metrics().value("gateway_panics_total", ["service": "main"]) == 1)
            let service = try JSON(parsing: gateway.admin("/status").text)["services"]?[0]
            #expect(service?["ignores_health"] == .bool(true))
            #expect(service?["ignores_health_since"]?.text?.hasSuffix("Z") == true)
            ill.says("200 OK\r\n")
            // Nobody need ask for it.
            try eventually("its end in the log") { gateway.errors.contains("panic is over") }
            try gateway.wait(for: ill.backend, toBe: "up")
            #expect(try gateway.get().status == 200)
          }
        }
      }
    }
  }
}
