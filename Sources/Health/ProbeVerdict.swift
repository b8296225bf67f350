// Why this file exists: what one probe found, in words that are the same in the log, in the metrics
// and in /status.

/// How one probe of one backend ended.
package enum ProbeVerdict: Equatable, Sendable {
  /// A head came in time, with a status that counts as healthy.
  case pass(status: UInt16)
  case fail(ProbeFailure)
  /// Not carried out for a reason of our own (no descriptor was free): no evidence of the backend.
  case skipped

  /// `pass`, `fail` or `skipped`: the label `result` of `gateway_health_checks_total`.
  package var result: String {
    switch self {
    case .pass: "pass"
    case .fail: "fail"
    case .skipped: "skipped"
    }
  }

  /// All that `result` may be.
  package static let results = [ProbeVerdict.pass(status: 0), .fail(.reset), .skipped]
    .map(\.result)

  /// For people: `status 200`, `connect_refused`, `no free descriptor`.
  package var detail: String {
    switch self {
    case .pass(let status): "status \(status)"
    case .fail(let failure): failure.description
    case .skipped: "no free descriptor"
    }
  }
}

/// Why a probe failed.
package enum ProbeFailure: Hashable, Sendable, CustomStringConvertible {
  /// Nobody listens there, or the unix socket is not there.
  case connectRefused
  /// No connection for another reason: no route, no right to the socket.
  case connectFailed
  /// No connection in the time that a probe has.
  case connectTimeout
  /// Connected, but no complete head in the time that a probe has.
  case timeout
  /// The connection ended before a complete head.
  case reset
  /// What came is no HTTP answer, or one that would be refused in traffic too.
  case brokeProtocol
  /// An answer, with a status that does not count as healthy; redirects are not followed.
  case status(UInt16)

  /// The reason word; for people, and stable for machines.
  package var description: String {
    switch self {
    case .connectRefused: "connect_refused"
    case .connectFailed: "connect_failed"
    case .connectTimeout: "connect_timeout"
    case .timeout: "timeout"
    case .reset: "reset"
    case .brokeProtocol: "protocol"
    case .status(let status): "status \(status)"
    }
  }

  /// The backend took all the time there was. Such probes hold their place for long, so they are
  /// kept from holding all places.
  package var tookAllTime: Bool {
    switch self {
    case .connectTimeout, .timeout: true
    case .connectRefused, .connectFailed, .reset, .brokeProtocol, .status: false
    }
  }
}
