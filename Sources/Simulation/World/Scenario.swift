// Why this file exists: everything that a world is made from, as values: two equal scenarios are
// one and the same run, and a scenario from which something was taken away is still one.

package import EventLoop
package import Primitives

/// What happens in a world. Instants are counted from its beginning.
package struct Scenario: Sendable {
  /// Decides whatever the scenario leaves open: orders, delays, sizes on the way, what the gateway
  /// draws.
  package var seed: UInt64
  /// As a file has it.
  package var configuration: String
  package var conditions = NetworkConditions()
  package var backends: [BackendPlan] = []
  package var clients: [ClientPlan] = []
  package var traffic: [TrafficPlan] = []
  package var changes: [ChangePlan] = []
  /// When the gateway is told to end. Traffic has ended by then, or is cut.
  package var length: Duration

  package init(seed: UInt64, configuration: String, length: Duration) {
    self.seed = seed
    self.configuration = configuration
    self.length = length
  }
}

/// Another content of the file.
package struct ChangePlan: Sendable {
  package var at: Duration
  package var configuration: String

  package init(at: Duration, configuration: String) {
    self.at = at
    self.configuration = configuration
  }
}

// MARK: - Backends

/// A backend, and how it behaves from when on.
package struct BackendPlan: Sendable {
  package var endpoint: Endpoint
  /// In the order of time; the first from the beginning.
  package var phases: [BackendPhasePlan]

  package init(endpoint: Endpoint, phases: [BackendPhasePlan]) {
    self.endpoint = endpoint
    self.phases = phases
  }
}

package struct BackendPhasePlan: Sendable {
  package var from: Duration
  package var behaviour: BackendBehaviour

  package init(from: Duration, _ behaviour: BackendBehaviour) {
    self.from = from
    self.behaviour = behaviour
  }
}

/// How a backend answers. Shares are of 65,536 answers.
package struct BackendBehaviour: Equatable, Sendable {
  /// What becomes of a connect: `ignore` is a machine that is gone.
  package var door = Door.Answer.accept
  /// Its process has died: what was open when this began is reset.
  package var diesFirst = false
  /// From the request to the head: evenly between these, and for `slowShare` of the answers so many
  /// times as long.
  package var latency: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(5))
  package var slowShare: UInt32 = 0
  package var slowFactor: Int64 = 10
  /// Statuses that it answers with besides 200.
  package var errorShare: UInt32 = 0
  package var errorStatuses: [UInt16] = [500]
  package var bodyLength: ClosedRange<Int> = 0...400
  package var chunkedShare: UInt32 = 0
  package var trailerShare: UInt32 = 0
  package var untilCloseShare: UInt32 = 0
  package var interimShare: UInt32 = 0
  /// Answers with `Connection: close`, and closes.
  package var closeShare: UInt32 = 0
  /// Closes behind the answer without having said so.
  package var silentCloseShare: UInt32 = 0
  /// Closes what has been idle for so long; nil = never.
  package var idleTimeout: Duration?
  package var faultShare: UInt32 = 0
  package var faults: [AnswerFault] = []
  /// Between two pieces of a body; zero = at once.
  package var pause = Duration.zero
  /// Agrees to upgrades.
  package var upgrades = true
  /// The status of health checks.
  package var healthStatus: UInt16 = 200

  package init() {}
}

/// What may be wrong with an answer.
package enum AnswerFault: UInt8, CaseIterable, Sendable {
  case resetBeforeHead, closeBeforeHead, resetInHead, closeInHead
  case resetInBody, closeInBody
  /// Never comes.
  case hangs
  /// Stops within the body, and stays.
  case hangsInBody
  case garbage
  case twoLengths
  case tooLong
  case badChunk
  /// Before the body of the request has come.
  case early
  case earlyAndReset
  case hugeHead
  case unaskedUpgrade
  case tooManyInterim
  /// Reset while the request is still coming.
  case resetInRequest
  /// The machine is gone: nothing arrives any more.
  case silent
}

// MARK: - Clients

/// One client, with a connection at a time.
package struct ClientPlan: Sendable {
  package var at: Duration
  package var address: IPAddress
  package var requests: [RequestPlan]
  /// Requests that it sends before the answers of those before have come.
  package var pipelining = 1
  /// Between an answer and the next request.
  package var pause: ClosedRange<Duration> = .zero...(.milliseconds(20))

  package init(at: Duration, address: IPAddress, requests: [RequestPlan]) {
    self.at = at
    self.address = address
    self.requests = requests
  }
}

package enum RequestMethod: UInt8, CaseIterable, Sendable {
  case get, head, post, put, delete, options

  var word: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    }
  }
  var isIdempotent: Bool { self != .post }
}

/// One request, and what its client does wrong.
package struct RequestPlan: Equatable, Sendable {
  package var method = RequestMethod.get
  package var host = "h"
  package var path = "/"
  /// Field lines besides, each with its CR LF.
  package var fields = ""
  package var bodyLength = 0
  package var isChunked = false
  package var hasTrailers = false
  package var expectsContinue = false
  package var isHTTP10 = false
  package var closes = false
  /// Has an Idempotency-Key.
  package var hasKey = false
  package var upgrade = false
  /// Bytes through the tunnel, each way.
  package var tunnelBytes = 0
  package var mischief = Mischief()

  package init() {}
}

/// What a client does to the gateway. Places are bytes of the request, or of the answer; -1 =
/// never.
package struct Mischief: Equatable, Sendable {
  package enum Leave: UInt8, Sendable {
    case reset, close, silence
  }

  package var stallAt = -1
  package var stall = Duration.zero
  package var leaveAt = -1
  package var leave = Leave.reset
  package var stallReadingAt = -1
  package var stallReading = Duration.zero
  package var leaveReadingAt = -1
  /// Ends its side behind the request.
  package var halfCloses = false
  /// Gives up when no answer has come for so long; zero = never.
  package var patience = Duration.zero
  /// Bytes that are no request, instead of one.
  package var garbage: Garbage?

  package init() {}
}

package enum Garbage: UInt8, CaseIterable, Sendable {
  case noise, twoLengths, lengthAndChunked, noHost, badChunk, hugeHead, hugeTarget, bareLineFeed
  case unknownMethod, badVersion, spaceBeforeColon, endlessHead
}

// MARK: - Traffic

/// Requests that come at a rate, whatever becomes of those before.
package struct TrafficPlan: Sendable {
  package var from: Duration
  package var until: Duration
  /// A second.
  package var rate: Double
  /// At even distances instead of at random ones.
  package var isEven = false
  package var requests: [WeightedRequest]
  /// Their addresses: the first and how many.
  package var address: IPAddress
  package var addresses = 1
  /// Nobody waits longer for an answer; zero = for ever.
  package var patience = Duration.zero
  /// Connections that are kept for further requests.
  package var kept = 256

  package init(
    from: Duration, until: Duration, rate: Double, requests: [WeightedRequest], address: IPAddress
  ) {
    self.from = from
    self.until = until
    self.rate = rate
    self.requests = requests
    self.address = address
  }
}

package struct WeightedRequest: Sendable {
  package var weight: Int
  package var request: RequestPlan

  package init(weight: Int, _ request: RequestPlan) {
    self.weight = weight
    self.request = request
  }
}
