// Why this file exists: everything that can go wrong with an attempt has one shape: whose side it
// was, which word the client and the log will read, and whether the same request may be tried
// again.
public import HTTPSemantics

/// Who caused a fault.
@frozen @usableFromInline
package enum FaultSide: UInt8, Sendable {
  case client
  case backend
  case gateway
}

/// The kinds of fault that a service repeats.
@frozen @usableFromInline
package struct RetryKinds: OptionSet, Sendable {
  @usableFromInline package let rawValue: UInt8
  @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable package init(_ kind: RetryKind) {
    // Seven kinds fit eight bits; `never` is none of them.
    self.init(rawValue: kind.rawValue == 0 ? 0 : 1 &<< (kind.rawValue &- 1))
  }
  @inlinable package func contains(_ other: RetryKinds) -> Bool {
    rawValue & other.rawValue == other.rawValue
  }
  @inlinable package static var connect: RetryKinds { RetryKinds(.connect) }
  @inlinable package static var reusedReset: RetryKinds { RetryKinds(.reusedReset) }
  @inlinable package static var reset: RetryKinds { RetryKinds(.reset) }
  @inlinable package static var timeout: RetryKinds { RetryKinds(.timeout) }
  @inlinable package static var status502: RetryKinds { RetryKinds(.status502) }
  @inlinable package static var status503: RetryKinds { RetryKinds(.status503) }
  @inlinable package static var status504: RetryKinds { RetryKinds(.status504) }
}

/// One thing that went wrong.
@frozen @usableFromInline
package struct Fault: Equatable, Sendable {
  @usableFromInline package var side: FaultSide
  @usableFromInline package var reason: Reason
  @usableFromInline package var kind: RetryKind

  @inlinable package init(_ side: FaultSide, _ reason: Reason, _ kind: RetryKind = .never) {
    self.side = side
    self.reason = reason
    self.kind = kind
  }

  @inlinable package static var connectRefused: Fault { Fault(.backend, .connectRefused, .connect) }
  @inlinable package static var connectFailed: Fault { Fault(.backend, .connectFailed, .connect) }
  @inlinable package static var connectTimeout: Fault { Fault(.backend, .connectTimeout, .connect) }
  @inlinable package static var reusedReset: Fault { Fault(.backend, .upstreamReset, .reusedReset) }
  @inlinable package static var reset: Fault { Fault(.backend, .upstreamReset, .reset) }
  @inlinable package static var truncated: Fault { Fault(.backend, .upstreamReset) }
  @inlinable package static var brokeProtocol: Fault { Fault(.backend, .upstreamProtocol) }
  @inlinable package static var upstreamTimeout: Fault {
    Fault(.backend, .upstreamTimeout, .timeout)
  }
  @inlinable package static var upstreamIdle: Fault { Fault(.backend, .upstreamTimeout) }
  @inlinable package static var noBackend: Fault { Fault(.gateway, .noBackend) }
  @inlinable package static var allUnhealthy: Fault { Fault(.gateway, .allUnhealthy) }
  @inlinable package static var circuitOpen: Fault { Fault(.gateway, .circuitOpen) }
  @inlinable package static var queueFull: Fault { Fault(.gateway, .queueFull) }
  @inlinable package static var queueTimeout: Fault { Fault(.gateway, .queueTimeout) }
  @inlinable package static var overloaded: Fault { Fault(.gateway, .overloaded) }
  @inlinable package static var requestTimeout: Fault { Fault(.gateway, .requestTimeout) }
  @inlinable package static var bodyTimeout: Fault { Fault(.client, .bodyTimeout) }
  @inlinable package static var bodyTooLarge: Fault { Fault(.client, .bodyTooLarge) }
  @inlinable package static var headTooLarge: Fault { Fault(.client, .headTooLarge) }
  @inlinable package static var badBody: Fault { Fault(.client, .badRequest) }
  @inlinable package static var clientAbort: Fault { Fault(.client, .clientAbort) }
}

extension Reason {
  /// The request itself is to blame: it is answered and its connection closed.
  @inlinable package var isClientsFault: Bool {
    switch self {
    case .badRequest, .headTimeout, .bodyTimeout, .bodyTooLarge, .targetTooLong, .headTooLarge,
      .clientAbort:
      true
    // A method that no route takes is like a path that none does: the next request may be right.
    case .none, .noRoute, .methodNotAllowed, .rateLimited, .connectRefused, .connectFailed,
      .upstreamReset,
      .upstreamProtocol, .noBackend, .allUnhealthy, .circuitOpen, .queueFull, .queueTimeout,
      .overloaded, .draining, .connectTimeout, .upstreamTimeout, .requestTimeout:
      false
    }
  }

  @inlinable package var isClientAbort: Bool { rawValue == Reason.clientAbort.rawValue }
}
