// Why this file exists: routes as values: which requests they take, and what is done with them.

package struct RouteConfiguration: Sendable, Equatable {
  /// Unique in the file.
  package var name: String
  package var match: MatchConfiguration
  package var action: RouteAction
  /// Positions in `GatewayConfiguration.rateLimits`, in the order in which they are asked.
  package var rateLimits: [Int]
  /// Protocols a request may be upgraded to, in lower case; empty = none.
  package var upgrades: [String]
  /// What is taken from the front of the path; a path in normal form that `match.path` lies in.
  package var stripPrefix: String?
  /// Bytes of a request body; nil = unlimited. The route's own or `limits.body_size`.
  package var bodySize: UInt64?
  package var requestHeaders: FieldEdits
  package var responseHeaders: FieldEdits
  /// Where it stands in the file, from 1.
  package var line: Int

  /// The services that its requests may go to.
  package var services: [ServiceShare] {
    if case .forward(let shares) = action { shares } else { [] }
  }
}

/// All conditions of a route.
package struct MatchConfiguration: Sendable, Equatable {
  /// `host` or `*.host`, in lower case; nil = any.
  package var host: String?
  /// In normal form; `/x/*` is `/x`, `/x/` and everything below, without the star exactly this
  /// path.
  package var path: String
  /// In capitals; empty = every method.
  package var methods: [String]
  package var headers: [MatchCondition]
  package var query: [MatchCondition]

  /// How many conditions it has beside host and path; the methods are one, whichever they are.
  package var weight: Int { headers.count + query.count + (methods.isEmpty ? 0 : 1) }
}

package struct MatchCondition: Sendable, Equatable {
  package var name: String
  /// nil: it is enough that the name is there.
  package var value: String?
}

package enum RouteAction: Sendable, Equatable {
  /// One service with everything, or several whose shares are 100 % together.
  case forward([ServiceShare])
  case redirect(RedirectConfiguration)
  case respond(RespondConfiguration)
}

package struct ServiceShare: Sendable, Equatable {
  /// The position of the service in `GatewayConfiguration.services`.
  package var service: Int
  package var share: Share
  /// The service's, with what the route overrides.
  package var timeouts: ServiceTimeouts
}

package struct RedirectConfiguration: Sendable, Equatable {
  package var status: UInt16
  /// What `RedirectLocation` reads.
  package var location: String
}

package struct RespondConfiguration: Sendable, Equatable {
  package var status: UInt16
  package var body: String
  package var contentType: String
}

/// What is changed in the fields of a head.
package struct FieldEdits: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    package var name: String
    /// What `FieldTemplate` reads.
    package var value: String
  }

  package var set: [Field]
  package var remove: [String]

  package var isEmpty: Bool { self.set.isEmpty && remove.isEmpty }
}
