// Why this file exists: where spans go, and what comes of sending them there, as values.
package import Primitives

/// A collector that takes spans by HTTP.
package struct ExportTarget: Equatable, Sendable {
  /// The Host field.
  package var authority: String
  /// In origin-form. Neither holds a byte that could end a line.
  package var path: String
  /// Where it may be reached; none while its name has no address.
  package var endpoints: [Endpoint]

  package init(authority: String, path: String, endpoints: [Endpoint]) {
    self.authority = authority
    self.path = path
    self.endpoints = endpoints
  }
}

/// How one request to a collector ended.
enum ExportOutcome: Equatable {
  case answered(status: UInt16, retryAfter: Duration?)
  case failed(ExportFailure)
}

/// Why there is no answer.
enum ExportFailure: String {
  case noAddress = "its name has no address"
  case noDescriptor = "the gateway has no descriptor left"
  case refused = "the connection was refused"
  case unreachable = "the connection failed"
  case connectTimeout = "the connection took too long"
  case timeout = "its answer took too long"
  case reset = "it closed the connection"
  case brokeProtocol = "its answer is not HTTP"
}

/// What a collector's answer means for the spans (OTLP specification, OTLP/HTTP Response).
enum ExportVerdict: Equatable {
  case accepted
  /// To be sent again, not before the time if it names one.
  case later(Duration?)
  /// They would be refused again.
  case refused

  init(status: UInt16, retryAfter: Duration?) {
    switch status {
    case 200..<300: self = .accepted
    case 429, 502, 503, 504: self = .later(retryAfter)
    default: self = .refused
    }
  }
}

/// What becomes of the spans; counted from the start of the process.
package struct ExportReport: Equatable, Sendable {
  package enum State: Equatable, Sendable {
    case off
    case working
    case failing(String)
  }

  package var state: State
  package var exported: UInt64
  /// No room was left in a worker's queue.
  package var queueFull: UInt64
  /// The collector does not take them.
  package var refused: UInt64
  /// The collector could not be reached for too long, or had not taken them at the end.
  package var undelivered: UInt64
  /// Exchanges that wait.
  package var waiting: Int

  package init(
    state: State, exported: UInt64, queueFull: UInt64, refused: UInt64, undelivered: UInt64,
    waiting: Int
  ) {
    self.state = state
    self.exported = exported
    self.queueFull = queueFull
    self.refused = refused
    self.undelivered = undelivered
    self.waiting = waiting
  }
}
