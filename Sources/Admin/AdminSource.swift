// Why this file exists: the admin listener shows what others know and hands them orders. This is
// all it asks of them, so that it can be tested without a gateway and a gateway without it.

package import Telemetry

/// Whether traffic should be sent here.
package enum AdminReadiness: Equatable, Sendable {
  case ready
  /// Why not, as one word: `starting`, `draining`.
  case notReady(String)
}

/// A service with what is to be known of its backends at a glance.
package struct AdminService: Equatable, Sendable {
  package struct Unusable: Equatable, Sendable {
    package var address: String
    /// `down`, `ejected` or `draining`.
    package var state: String
    package var reason: String

    package init(address: String, state: String, reason: String) {
      self.address = address
      self.state = state
      self.reason = reason
    }
  }

  package var name: String
  package var backends: Int
  /// Those that get no requests.
  package var unusable: [Unusable]

  package init(name: String, backends: Int, unusable: [Unusable]) {
    self.name = name
    self.backends = backends
    self.unusable = unusable
  }
}

/// What became of an order to drain a backend, or to make it ready again.
package enum AdminDrainVerdict: Equatable, Sendable {
  /// These it was, several when the order named a host with several addresses; and so many of the
  /// service's backends get requests now.
  case done(backends: [String], usable: Int)
  /// The services that there are.
  case noService([String])
  /// The backends that there are.
  case noBackend([String])
}

/// A request whose way through the gateway is to be explained, as it was asked.
package struct AdminQuestion: Equatable, Sendable {
  package var method: String
  package var url: String
  /// `Name: value`
  package var fields: [String]
  /// Who is connected; empty = this machine.
  package var client: String
}

/// What came of a question.
package enum AdminExplanation: Equatable, Sendable {
  /// The JSON text of the explanation.
  case explained([UInt8])
  /// What is wrong with the question.
  case unclear(String)
}

/// How an answer is written that people and programs ask for alike.
package enum AdminFormat: Equatable, Sendable {
  case json
  case text

  var contentType: String {
    switch self {
    case .json: "application/json"
    case .text: "text/plain; charset=utf-8"
    }
  }
}

/// What became of an order to read the configuration anew. The bodies are in the format that was
/// asked for.
package enum AdminReloadVerdict: Equatable, Sendable {
  /// What has changed, if anything.
  case applied([UInt8])
  /// Why the configuration in use stays.
  case refused([UInt8])
  /// It cannot be done now at all.
  case unavailable(String)
}

/// What the supervisor answers. Called on the control loop's thread, once per request that needs
/// it.
package struct AdminSource {
  package var readiness: () -> AdminReadiness
  /// In the order of the file.
  package var services: () -> [AdminService]
  /// Has a backend, by service and address, take no new requests (true) or take them again.
  package var setDraining: (String, String, Bool) -> AdminDrainVerdict
  /// The JSON text of /status.
  package var status: () -> [UInt8]
  /// The JSON text of /history.
  package var history: () -> [UInt8]
  /// The metrics as they are now, in the given form. Each call of what this gives makes the next
  /// part of the body; an empty one is its end.
  package var metrics: (ExpositionFormat) -> () -> [UInt8]
  package var explain: (AdminQuestion) -> AdminExplanation
  /// The JSON text of /config.
  package var configuration: () -> [UInt8]
  /// The errors of the last reload that was refused.
  package var configurationErrors: (AdminFormat) -> [UInt8]
  /// Reads the configuration anew, and calls back when that is decided.
  package var reload: (AdminFormat, @escaping (AdminReloadVerdict) -> Void) -> Void

  package init(
    readiness: @escaping () -> AdminReadiness, services: @escaping () -> [AdminService],
    setDraining: @escaping (String, String, Bool) -> AdminDrainVerdict,
    status: @escaping () -> [UInt8], history: @escaping () -> [UInt8],
    metrics: @escaping (ExpositionFormat) -> () -> [UInt8],
    explain: @escaping (AdminQuestion) -> AdminExplanation,
    configuration: @escaping () -> [UInt8],
    configurationErrors: @escaping (AdminFormat) -> [UInt8],
    reload: @escaping (AdminFormat, @escaping (AdminReloadVerdict) -> Void) -> Void
  ) {
    self.readiness = readiness
    self.services = services
    self.setDraining = setDraining
    self.status = status
    self.history = history
    self.metrics = metrics
    self.explain = explain
    self.configuration = configuration
    self.configurationErrors = configurationErrors
    self.reload = reload
  }
}

/// The bounds of the admin listener: it must not become a way to use up the gateway.
package struct AdminLimits: Equatable, Sendable {
  /// Connections at a time. One more takes the place of the one that has been idle longest; when
  /// none is idle it is answered 503.
  package var connections = 32
  /// Descriptors held open for when traffic has used up all others.
  package var spareDescriptors = 4
  /// Bytes of a request head.
  package var headSize = 16 << 10
  package var headFields = 64
  /// Seconds for a request head, from its first byte or from the connect.
  package var headSeconds: Int64 = 10
  /// Seconds between requests.
  package var idleSeconds: Int64 = 30
  /// Seconds for the peer to take an answer.
  package var writeSeconds: Int64 = 30
  /// Seconds, and bytes, that are waited and read for after an answer that closes.
  package var lingerSeconds: Int64 = 2
  package var lingerBytes = 256 << 10

  package init() {}
}
