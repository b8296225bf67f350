// Why this file exists: the configuration as values, the way the rest of the gateway reads it.
// Everything here has been checked: a value of these types holds what the schema table allows, with
// every default filled in.
package import Primitives

/// One configuration file, decoded and checked. Order is the order in the file.
package struct GatewayConfiguration: Sendable, Equatable {
  package var listeners: [ListenerConfiguration]
  /// nil: no admin listener.
  package var admin: AdminConfiguration?
  package var workers: WorkerCount
  package var http: HTTPConfiguration
  package var limits: LimitsConfiguration
  package var timeouts: ClientTimeouts
  package var trustedProxies: [CIDR]
  package var logging: LoggingConfiguration
  package var tracing: TracingConfiguration
  package var shutdown: ShutdownConfiguration
  package var services: [ServiceConfiguration]
  package var rateLimits: [RateLimitConfiguration]
  package var routes: [RouteConfiguration]

  /// The service of that name.
  package func service(named name: String) -> ServiceConfiguration? {
    services.first { $0.name == name }
  }
}

package struct ListenerConfiguration: Sendable, Equatable {
  package var address: NetworkAddress
  /// Where it stands in the file, from 1.
  package var line: Int
}

package struct AdminConfiguration: Sendable, Equatable {
  package var address: NetworkAddress
  /// When set, every POST needs it as Bearer token.
  package var token: Secret?
  /// Where it stands in the file, from 1; 0 when it is the default.
  package var line: Int
}

package enum WorkerCount: Sendable, Equatable {
  /// One per available core.
  case auto
  /// 1...256.
  case exactly(Int)
}

package struct HTTPConfiguration: Sendable, Equatable {
  package enum UnderscoreFields: String, Sendable { case drop, reject, keep }
  package enum EncodedSlash: String, Sendable { case reject, keep }

  package var underscoreFields: UnderscoreFields
  package var encodedSlash: EncodedSlash
}

package struct LimitsConfiguration: Sendable, Equatable {
  /// Client connections in total, all workers together.
  package var connections: Int
  /// Bytes of request line and fields.
  package var headSize: Int
  /// Field lines, trailers counted too.
  package var headFields: Int
  /// Bytes of a request body; nil = unlimited. Routes carry their own, see
  /// `RouteConfiguration.bodySize`.
  package var bodySize: UInt64?
  /// Bytes a second, averaged over 20 s; nil = none.
  package var minRate: UInt64?
  /// A worker that is later than this sheds; nil = no bound.
  package var loopLag: Duration?
  /// Bytes of resident memory above which the process sheds; nil = no bound.
  package var memory: UInt64?
}

/// The timers on the client's side.
package struct ClientTimeouts: Sendable, Equatable {
  package var head: Duration
  package var bodyIdle: Duration
  package var writeIdle: Duration
  package var keepAlive: Duration
  package var tunnelIdle: Duration
}

package struct LoggingConfiguration: Sendable, Equatable {
  package enum Level: String, Sendable { case debug, info, warning, error }

  package var level: Level
  package var access: AccessLogConfiguration
}

package struct AccessLogConfiguration: Sendable, Equatable {
  package enum Output: Sendable, Equatable {
    case stdout
    case stderr
    case none
    /// An absolute path, re-opened on SIGUSR1.
    case file(String)
  }

  package var output: Output
  /// Of the successes.
  package var sample: Share
  /// Requests that take at least this long are always logged; nil = none are slow.
  package var slow: Duration?
}

package struct TracingConfiguration: Sendable, Equatable {
  package enum Trust: String, Sendable {
    case always
    case trustedProxies = "trusted_proxies"
    case never
  }

  /// Whose traceparent and X-Request-ID are continued.
  package var trust: Trust
  /// Where spans are posted to; nil = nothing is exported.
  package var export: HTTPURL?
  /// Of the traces that begin here, while exporting.
  package var sample: Share
}

package struct ShutdownConfiguration: Sendable, Equatable {
  package var acceptGrace: Duration
  package var drain: Duration
}

/// A part of a whole, in steps of 0.0001 %.
package struct Share: Sendable, Hashable, Comparable {
  package var partsPerMillion: UInt32

  package init(partsPerMillion: UInt32) { self.partsPerMillion = partsPerMillion }

  package static func percent(_ count: UInt32) -> Share { Share(partsPerMillion: count * 10_000) }

  package static func < (left: Share, right: Share) -> Bool {
    left.partsPerMillion < right.partsPerMillion
  }
}

/// So many events in every such period.
package struct Rate: Sendable, Hashable {
  package var count: UInt32
  package var period: Duration

  package init(count: UInt32, period: Duration) {
    self.count = count
    self.period = period
  }

  /// How many in a span of this length. Rounded up, so that a rate above zero never becomes none.
  package func count(in span: Duration) -> UInt32 {
    let scaled = UInt64(count).multipliedFullWidth(by: UInt64(span.nanoseconds))
    let length = UInt64(period.nanoseconds)
    let (whole, rest) = length.dividingFullWidth((scaled.high % length, scaled.low))
    return scaled.high >= length ? .max : UInt32(clamping: whole + (rest == 0 ? 0 : 1))
  }

  /// Whole seconds in which so many come about. Rounded up, so that who goes by it is never too
  /// fast.
  package func seconds(for events: UInt32) -> UInt64 {
    let scaled = UInt64(period.nanoseconds).multipliedFullWidth(by: UInt64(events))
    let divisor = UInt64(count) * 1_000_000_000  // below 2^62
    if scaled.high >= divisor { return .max }
    let (whole, rest) = divisor.dividingFullWidth(scaled)
    return whole + (rest == 0 ? 0 : 1)
  }
}

/// A text that no message and no dump may show.
package struct Secret: Sendable, Equatable, CustomStringConvertible {
  /// For comparing only.
  package var text: String

  package init(_ text: String) { self.text = text }

  package var description: String { "(redacted)" }
}
