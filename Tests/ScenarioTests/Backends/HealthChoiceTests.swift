// Why this file exists: what health checks find decides who gets requests, for all workers at once.

import Testing

extension Backends {
  @Suite struct HealthChoices {
    @Test func `a backend leaves after three failed checks and comes back after two passes`()
      throws
    {
      let ill = Patient("ill")
      let sound = Patient("sound")
      let backends = [ill.backend, sound.backend]
      try withGateway(configuration(service: activeCheck(), backends: 2, workers: 2), backends) {
        gateway in
        try ill.waitForChecks(1)
        #expect(try gateway.whoAnswers(20) == ["ill", "sound"])
        ill.says("503 Ill\r\n")
        try gateway.wait(for: ill.backend, toBe: "down")
        #expect(try gateway.whoAnswers(40) == ["sound"])
        let labels = ["service": "main", "backend": "\(ill.backend.address)"]
        #expect(try gateway.metrics().value("gateway_backend_healthy", labels) == 0)
        ill.says("200 OK\r\n")
        try gateway.wait(for: ill.backend, toBe: "up")
        #expect(try gateway.whoAnswers(20) == ["ill", "sound"])
        #expect(try gateway.metrics().value("gateway_backend_healthy", labels) == 1)
      }
    }

    @Test func `with initial down a backend gets nothing before its first pass`() throws {
      let patient = Patient("p", says: "503 Starting\r\n")
      let text = configuration(service: activeCheck("", "initial: down"), workers: 2)
      try withGateway(text, [patient.backend]) { gateway in
        try patient.waitForChecks(5)
        let refused = try gateway.get()
        #expect(refused.status == 503)
        #expect(refused.reason == "all_unhealthy")
        #expect(try gateway.status(of: patient.backend)["state"]?.text == "down")
        patient.says("200 OK\r\n")
        try eventually("the backend to be used") { try gateway.get().status == 200 }
        #expect(patient.backend.requests.allSatisfy { $0.target == "/healthz" || $0.target == "/" })
        try eventually("the log to tell of it") {
          gateway.stateChanges(of: patient.backend).map { $0["msg"]?.text } == ["backend is up"]
        }
      }
    }

    @Test func `when every backend is down the answer comes at once and says so`() throws {
      let patients = [Patient("a", says: "500 No\r\n"), Patient("b", says: "500 No\r\n")]
      let text = configuration(service: activeCheck(), backends: 2)
      try withGateway(text, patients.map(\.backend)) { gateway in
        for patient in patients { try gateway.wait(for: patient.backend, toBe: "down") }
        let answer = try gateway.get()
        #expect(answer.status == 503)
        #expect(answer.reason == "all_unhealthy")
        #expect(answer["Retry-After"] != nil)
        patients[1].says("200 OK\r\n")
        try gateway.wait(for: patients[1].backend, toBe: "up")
        #expect(try gateway.whoAnswers(10) == ["b"])
      }
    }

    @Test func `a backend that comes back warms up, which is told when it begins and when it ends`()
      throws
    {
      let ill = Patient("ill", says: "503 Ill\r\n")
      let sound = Patient("sound")
      let text = configuration(service: activeCheck() + "\nwarm_up: 1s", backends: 2)
      try withGateway(text, [ill.backend, sound.backend]) { gateway in
        try gateway.wait(for: ill.backend, toBe: "down")
        ill.says("200 OK\r\n")
        try gateway.wait(for: ill.backend, toBe: "up")
        try eventually("the log to tell of every change") {
          gateway.stateChanges(of: ill.backend).count >= 3
        }
        let changes = gateway.stateChanges(of: ill.backend)
        #expect(
          changes.map { $0["msg"]?.text }
            == ["backend is down", "backend is warming", "backend is up"])
        #expect(
          changes.map { $0["cause"]?.text }
            == ["probe_failed: status 503", "probe_passed", "warmed_up"])
        #expect(try gateway.whoAnswers(20) == ["ill", "sound"])
      }
    }

    @Test func `a request under load loses nothing when a backend goes down`() throws {
      let ill = Patient("ill")
      let sound = Patient("sound")
      let text = configuration(service: activeCheck(), backends: 2, workers: 2)
      try withGateway(text, [ill.backend, sound.backend]) { gateway in
        let client = try gateway.connect()
        var answers: [Int] = []
        for number in 0..<300 {
          if number == 100 { ill.says("503 Ill\r\n") }
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          answers.append(try client.readResponse().status)
        }
        #expect(answers.allSatisfy { $0 == 200 })
        try gateway.wait(for: ill.backend, toBe: "down")
        #expect(try gateway.whoAnswers(20) == ["sound"])
      }
    }
  }
}
