// Why this file exists: every answer that the gateway makes itself carries one of these words, the same in the log, in the
// metric, in X-Gateway-Reason and in the body.

/// Why the gateway answered by itself, or cut an exchange. The words are a public contract.
@frozen
package enum Reason: UInt8, CaseIterable, Sendable {
  case none
  case badRequest, methodNotAllowed, noRoute, headTimeout, bodyTimeout, bodyTooLarge, targetTooLong
  case headTooLarge
  case connectRefused, connectFailed, upstreamReset, upstreamProtocol
  case noBackend, allUnhealthy, queueFull, queueTimeout, overloaded, draining
  case connectTimeout, upstreamTimeout, requestTimeout
  case clientAbort
}

/// What exactly was wrong with a request that `badRequest` refuses.
@frozen
package enum BadRequestDetail: UInt8, CaseIterable, Sendable {
  case none, framing, host, target, field, version, method
}
