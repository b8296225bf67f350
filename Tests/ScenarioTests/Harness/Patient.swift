// Why this file exists: a backend whose health a test decides, and what the gateway says about it.

import Testing

/// A backend that answers its health check as the test wants, and everything else with its name.
final class Patient: Sendable {
  let backend: ScriptedBackend
  private let diagnosis: Monitor<String?>

  /// - Parameter says: the status line and fields that /healthz is answered with; nil = nothing.
  init(_ name: String, at address: Address = .v4(0), says: String? = "200 OK\r\n") {
    let diagnosis = Monitor(says)
    self.diagnosis = diagnosis
    backend = ScriptedBackend(address) { connection in
      while let request = try connection.readRequest() {
        guard request.target.hasPrefix("/healthz") else {
          try connection.respond(fields: "X-Backend: \(name)\r\n")
          continue
        }
        guard let words = diagnosis.value else {
          _ = try connection.waitForEnd()
          return
        }
        try connection.write("HTTP/1.1 \(words)Content-Length: 0\r\n\r\n")
        return
      }
    }
  }

  func says(_ words: String?) { diagnosis.update { $0 = words } }

  var checks: [Message] { backend.requests.filter { $0.target.hasPrefix("/healthz") } }

  func waitForChecks(_ count: Int, line: UInt = #line) throws {
    try eventually("\(count) health checks", line: line) { checks.count >= count }
  }
}

/// Lines of a service: an active check every 10 ms, with further settings of the check and of
/// health. Without a timeout there it has one that no test is late by.
func activeCheck(_ active: String = "", _ more: String = "") -> String {
  let timeout = active.contains("timeout") ? "" : ", timeout: 10s"
  let separator = active.isEmpty ? "" : ", "
  return """
    health:
      active: {path: /healthz, interval: 10ms\(timeout)\(separator)\(active)}
      \(more)
    """
}

extension GatewayProcess {
  /// What /status says of a backend of the service `main`.
  func status(of backend: ScriptedBackend) throws -> JSON {
    let status = try JSON(parsing: admin("/status").text)
    let backends = status["services"]?[0]?["backends"]?.items ?? []
    return backends.first { $0["address"]?.text == "\(backend.address)" } ?? .null
  }

  func wait(
    for backend: ScriptedBackend, toBe state: String, line: UInt = #line
  ) throws {
    try eventually("\(backend.address) to be \(state)", line: line) {
      try status(of: backend)["state"]?.text == state
    }
  }

  /// The names of the backends that answered that many requests, sorted.
  func whoAnswers(_ count: Int) throws -> Set<String> {
    Set(try (0..<count).map { _ in try get()["X-Backend"] ?? "nobody" })
  }

  /// The lines of the diagnostic log about backends.
  func stateChanges(of backend: ScriptedBackend) -> [JSON] {
    errors.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
      .filter { $0["backend"]?.text == "\(backend.address)" }
  }
}
