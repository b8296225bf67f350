// Why this file exists: everything that can go wrong with an attempt has one shape: whose side it was, which word the
// client and the log will read, and whether the same request may be tried again.
package import HTTPSemantics

/// Who caused a fault.
@frozen
package enum FaultSide: UInt8, Sendable {
  case client
  case backend
  case gateway
}

/// The kinds of fault that a service repeats.
@frozen
package struct RetryKinds: OptionSet, Sendable {
  package let rawValue: UInt8
  @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable package init(_ kind: RetryKind) {
    self.init(rawValue: kind == .never ? 0 : 1 << (kind.rawValue &- 1))  // seven kinds fit eight bits
  }
  package static let connect = RetryKinds(.connect)
  package static let reusedReset = RetryKinds(.reusedReset)
  package static let reset = RetryKinds(.reset)
  package static let timeout = RetryKinds(.timeout)
  package static let status502 = RetryKinds(.status502)
  package static let status503 = RetryKinds(.status503)
  package static let status504 = RetryKinds(.status504)
}

/// One thing that went wrong.
@frozen
package struct Fault: Equatable, Sendable {
  package var side: FaultSide
  package var reason: Reason
  package var kind: RetryKind

  @inlinable package init(_ side: FaultSide, _ reason: Reason, _ kind: RetryKind = .never) {
    self.side = side
    self.reason = reason
    self.kind = kind
  }

  package static let connectRefused = Fault(.backend, .connectRefused, .connect)
  package static let connectFailed = Fault(.backend, .connectFailed, .connect)
  package static let connectTimeout = Fault(.backend, .connectTimeout, .connect)
  package static let reusedReset = Fault(.backend, .upstreamReset, .reusedReset)
  package static let reset = Fault(.backend, .upstreamReset, .reset)
  package static let truncated = Fault(.backend, .upstreamReset)
  package static let brokeProtocol = Fault(.backend, .upstreamProtocol)
  package static let upstreamTimeout = Fault(.backend, .upstreamTimeout, .timeout)
  package static let upstreamIdle = Fault(.backend, .upstreamTimeout)
  package static let noBackend = Fault(.gateway, .noBackend)
  package static let allUnhealthy = Fault(.gateway, .allUnhealthy)
  package static let queueFull = Fault(.gateway, .queueFull)
  package static let queueTimeout = Fault(.gateway, .queueTimeout)
  package static let overloaded = Fault(.gateway, .overloaded)
  package static let requestTimeout = Fault(.gateway, .requestTimeout)
  package static let bodyTimeout = Fault(.client, .bodyTimeout)
  package static let bodyTooLarge = Fault(.client, .bodyTooLarge)
  package static let badBody = Fault(.client, .badRequest)
  package static let clientAbort = Fault(.client, .clientAbort)
}

extension Reason {
  /// The request itself is to blame: it is answered and its connection closed.
  package var isClientsFault: Bool {
    switch self {
    case .badRequest, .methodNotAllowed, .headTimeout, .bodyTimeout, .bodyTooLarge, .targetTooLong,
      .headTooLarge, .clientAbort:
      true
    case .none, .noRoute, .connectRefused, .connectFailed, .upstreamReset, .upstreamProtocol,
      .noBackend, .allUnhealthy, .queueFull, .queueTimeout, .overloaded, .draining, .connectTimeout,
      .upstreamTimeout, .requestTimeout:
      false
    }
  }

  package var isClientAbort: Bool { self == .clientAbort }
}
