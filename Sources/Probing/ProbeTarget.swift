// Why this file exists: what is to be probed, and how, as values that owe nothing to the snapshot
// they were read from; a snapshot may go while a probe is under way.

package import Health
package import Primitives

/// One backend of one service that is to be probed.
package struct ProbeTarget: Equatable, Sendable {
  /// What a backend is known by over a change of the configuration.
  package struct Identity: Hashable, Sendable {
    package var service: String
    /// As logs and metrics call it: `host:port` or `unix:/path`.
    package var backend: String

    package init(service: String, backend: String) {
      self.service = service
      self.backend = backend
    }
  }

  package enum Address: Equatable, Sendable {
    case tcp(Endpoint)
    /// At most `UnixPath.maximumLength` bytes.
    case unix(String)
  }

  package var identity: Identity
  package var address: Address
  package var check: ProbeCheck
  /// The state before the first probe has answered.
  package var isInitiallyUp: Bool

  package init(identity: Identity, address: Address, check: ProbeCheck, isInitiallyUp: Bool) {
    self.identity = identity
    self.address = address
    self.check = check
    self.isInitiallyUp = isInitiallyUp
  }
}

/// What a backend is asked, how often, and what counts as a good answer.
package struct ProbeCheck: Equatable, Sendable {
  /// What is asked and which answers are good. Results to different questions are not added up.
  package struct Question: Equatable, Sendable {
    /// In origin-form.
    package var path: String
    /// The Host field.
    package var host: String
    package var statuses: StatusRanges

    package init(path: String, host: String, statuses: StatusRanges) {
      self.path = path
      self.host = host
      self.statuses = statuses
    }
  }

  package var question: Question
  package var schedule: ProbeSchedule
  /// From the beginning of the connect to the last byte of the response head.
  package var timeout: Duration
  package var thresholds: ProbeThresholds

  package init(
    question: Question, schedule: ProbeSchedule, timeout: Duration, thresholds: ProbeThresholds
  ) {
    precondition(timeout > .zero)
    self.question = question
    self.schedule = schedule
    self.timeout = timeout
    self.thresholds = thresholds
  }
}

/// One probe that is over, as the prober's owner hears of it.
package struct ProbeResult: Equatable, Sendable {
  package var identity: ProbeTarget.Identity
  package var verdict: ProbeVerdict
  /// This result has changed the backend's state.
  package var flipped: Bool
  /// The state with this result.
  package var isUp: Bool
  package var at: Instant
}

/// What there is to tell about one backend's probes.
package struct ProbeReport: Equatable, Sendable {
  package struct Last: Equatable, Sendable {
    package var verdict: ProbeVerdict
    package var at: Instant
    /// From the beginning of the connect to the verdict.
    package var took: Duration

    package init(verdict: ProbeVerdict, at: Instant, took: Duration) {
      self.verdict = verdict
      self.at = at
      self.took = took
    }
  }

  package var isUp: Bool
  /// Results in a row that speak against the state.
  package var resultsAgainst: Int
  /// Nil before the first result.
  package var last: Last?
  /// Nil while a probe is under way.
  package var next: Instant?

  package init(isUp: Bool, resultsAgainst: Int, last: Last?, next: Instant?) {
    self.isUp = isUp
    self.resultsAgainst = resultsAgainst
    self.last = last
    self.next = next
  }
}
