// Why this file exists: every reason word is documented with its cause and its remedy, and the
// reference page is made from the same enumeration that answers requests, so neither can be
// missing.

extension Reason {
  /// What happened, in one sentence, for the reference.
  package var cause: StaticString {
    switch self {
    case .none: ""
    case .badRequest: "The request breaks HTTP; the detail says where."
    case .methodNotAllowed: "CONNECT, which the gateway never forwards."
    case .noRoute: "No route matches the request."
    case .headTimeout: "The request head was not complete in time."
    case .bodyTimeout: "The client stopped sending its body, or sent it too slowly."
    case .bodyTooLarge: "The request body is larger than allowed."
    case .targetTooLong: "The request target alone fills the space of a whole head."
    case .rateLimited:
      "The client, or all that share a key, made more requests than a limit allows."
    case .headTooLarge: "The request head has too many bytes or too many field lines."
    case .connectRefused: "The backend refused the connection."
    case .connectFailed: "No connection could be opened to the backend."
    case .upstreamReset: "The backend ended the connection before its answer began."
    case .upstreamProtocol: "What the backend sent is not valid HTTP, or is ambiguous."
    case .noBackend: "The service has no address to send to."
    case .allUnhealthy: "Every backend of the service is down, ejected or draining."
    case .circuitOpen: "The circuit breakers of all backends that are up are open."
    case .queueFull: "Every backend is at its maximum and the queue is full."
    case .queueTimeout: "The request waited in the queue and no connection became free."
    case .overloaded: "The gateway is at a limit of its own."
    case .draining: "The gateway is shutting down."
    case .connectTimeout: "The backend did not accept the connection in time."
    case .upstreamTimeout: "The backend did not answer in time."
    case .requestTimeout: "The whole exchange took longer than allowed."
    case .clientAbort: "The client went away before it had the whole answer."
    }
  }

  /// What to do about it, in one sentence, for the reference.
  package var remedy: StaticString {
    switch self {
    case .none: ""
    case .badRequest: "Mend the client."
    case .methodNotAllowed: "Use a method that the answer's Allow field names."
    case .noRoute: "Compare the path with `match.path` of the routes."
    case .headTimeout: "Look at the client's network, or raise `timeouts.head`."
    case .bodyTimeout: "Raise `timeouts.body_idle`, or lower `limits.min_rate`."
    case .bodyTooLarge: "Raise `limits.body_size` or the route's `body_size`."
    case .targetTooLong: "Send the data in a body, or raise `limits.head_size`."
    case .rateLimited: "Send fewer requests, wait as Retry-After says, or raise `rate_limits`."
    case .headTooLarge: "Send fewer or smaller fields, or raise `limits.head_size`, `head_fields`."
    case .connectRefused: "Start the backend, or correct its address."
    case .connectFailed: "Look at the network between the gateway and the backend."
    case .upstreamReset: "Look at the backend's log; its keep-alive time may be below ours."
    case .upstreamProtocol: "Mend the backend."
    case .noBackend: "Give the service a backend, or look at the resolver."
    case .allUnhealthy: "Look at the backends' states in `/status`."
    case .circuitOpen: "Look at the breakers in `/status`, then at the backends behind them."
    case .queueFull: "Add backends, or raise `connections.max` or `connections.queue`."
    case .queueTimeout: "Add backends, or raise `connections.max` or `queue_timeout`."
    case .overloaded: "Add gateways, or raise `limits`."
    case .draining: "None; another instance answers a repeat."
    case .connectTimeout: "Look at the network, or raise the service's `timeouts.connect`."
    case .upstreamTimeout: "Make the backend faster, or raise `timeouts.response` or `idle`."
    case .requestTimeout: "Make the backend faster, or raise `timeouts.request`."
    case .clientAbort: "None, unless frequent: then compare latency with the client's patience."
    }
  }
}

extension BadRequestDetail {
  /// What was wrong, in one sentence, for the reference.
  package var cause: StaticString {
    switch self {
    case .none: ""
    case .framing: "The lines of the head, or the end of the body, can be read in two ways."
    case .host: "The Host field is missing, repeated, or not an authority."
    case .target: "The request target is not valid, or not allowed with this method."
    case .field: "A field has a value or a name that is not allowed."
    case .version: "The version is neither HTTP/1.0 nor HTTP/1.1."
    case .method: "The parser does not know the method."
    }
  }
}

/// The reference of reason words, generated.
package enum ReasonReference {
  /// The page as Markdown: one table of the words, one of the details of `bad_request`.
  package static func markdown() -> String {
    var page = """
      # Reason words

      Every answer that the gateway makes itself says why: in the `X-Gateway-Reason` field, in the
      `application/problem+json` body, in the access log and in `gateway_local_responses_total`.

      | Reason | Status | Cause | Remedy | Retry-After |
      |---|---|---|---|---|

      """
    for reason in Reason.allCases where reason != .none {
      let status =
        reason == .clientAbort ? "499, logged only" : "\(reason.status())"
      let retry = reason.retryAfterHelps ? "yes" : "no"
      page += "| `\(reason.word)` | \(status) | \(reason.cause) | \(reason.remedy) | \(retry) |\n"
    }
    page += """

      ## Details of `bad_request`

      | Detail | Status | Cause |
      |---|---|---|

      """
    for detail in BadRequestDetail.allCases where detail != .none {
      page += "| `\(detail.word)` | \(detail.status) | \(detail.cause) |\n"
    }
    return page
  }
}
