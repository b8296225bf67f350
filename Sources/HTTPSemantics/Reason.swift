// Why this file exists: every answer that the gateway makes itself carries one of these words, the
// same in the log, in the metric, in X-Gateway-Reason and in the body.

/// Why the gateway answered by itself, or cut an exchange. The words are a public contract.
@frozen @usableFromInline
package enum Reason: UInt8, CaseIterable, Sendable {
  case none
  case badRequest, methodNotAllowed, noRoute, headTimeout, bodyTimeout, bodyTooLarge, targetTooLong
  case rateLimited, headTooLarge
  case connectRefused, connectFailed, upstreamReset, upstreamProtocol
  case noBackend, allUnhealthy, circuitOpen, queueFull, queueTimeout, overloaded, draining
  case connectTimeout, upstreamTimeout, requestTimeout
  case clientAbort

  /// The word of the contract; empty for `none`.
  package var word: StaticString {
    switch self {
    case .none: ""
    case .badRequest: "bad_request"
    case .methodNotAllowed: "method_not_allowed"
    case .noRoute: "no_route"
    case .headTimeout: "head_timeout"
    case .bodyTimeout: "body_timeout"
    case .bodyTooLarge: "body_too_large"
    case .targetTooLong: "target_too_long"
    case .rateLimited: "rate_limited"
    case .headTooLarge: "head_too_large"
    case .connectRefused: "connect_refused"
    case .connectFailed: "connect_failed"
    case .upstreamReset: "upstream_reset"
    case .upstreamProtocol: "upstream_protocol"
    case .noBackend: "no_backend"
    case .allUnhealthy: "all_unhealthy"
    case .circuitOpen: "circuit_open"
    case .queueFull: "queue_full"
    case .queueTimeout: "queue_timeout"
    case .overloaded: "overloaded"
    case .draining: "draining"
    case .connectTimeout: "connect_timeout"
    case .upstreamTimeout: "upstream_timeout"
    case .requestTimeout: "request_timeout"
    case .clientAbort: "client_abort"
    }
  }

  /// The status of an answer with this reason; 499 is logged for `clientAbort` and never sent, 200
  /// stands for `none`. `detail` matters to `badRequest` only.
  package func status(_ detail: BadRequestDetail = .none) -> UInt16 {
    switch self {
    case .none: 200
    case .badRequest: detail.status
    case .noRoute: 404
    case .methodNotAllowed: 405
    case .headTimeout, .bodyTimeout: 408
    case .bodyTooLarge: 413
    case .targetTooLong: 414
    case .rateLimited: 429
    case .headTooLarge: 431
    case .clientAbort: 499
    case .connectRefused, .connectFailed, .upstreamReset, .upstreamProtocol: 502
    case .noBackend, .allUnhealthy, .circuitOpen, .queueFull, .queueTimeout: 503
    case .overloaded, .draining: 503
    case .connectTimeout, .upstreamTimeout, .requestTimeout: 504
    }
  }

  /// The same request may well succeed a little later: the answer says when (RFC 9110 section
  /// 10.2.3). True for what passes by itself, false for what somebody has to mend.
  package var retryAfterHelps: Bool {
    switch self {
    case .noBackend, .allUnhealthy, .circuitOpen, .queueFull, .queueTimeout: true
    case .rateLimited, .overloaded, .draining: true
    case .none, .badRequest, .methodNotAllowed, .noRoute, .headTimeout, .bodyTimeout: false
    case .bodyTooLarge, .targetTooLong, .headTooLarge: false
    case .connectRefused, .connectFailed, .upstreamReset, .upstreamProtocol: false
    case .connectTimeout, .upstreamTimeout, .requestTimeout, .clientAbort: false
    }
  }
}

/// What exactly was wrong with a request that `badRequest` refuses.
@frozen @usableFromInline
package enum BadRequestDetail: UInt8, CaseIterable, Sendable {
  case none, framing, host, target, field, version, method

  /// The word of the contract; empty for `none`.
  package var word: StaticString {
    switch self {
    case .none: ""
    case .framing: "framing"
    case .host: "host"
    case .target: "target"
    case .field: "field"
    case .version: "version"
    case .method: "method"
    }
  }

  /// 400, but 505 for a version and 501 for a method that the gateway does not speak.
  package var status: UInt16 {
    switch self {
    case .none, .framing, .host, .target, .field: 400
    case .version: 505
    case .method: 501
    }
  }
}
