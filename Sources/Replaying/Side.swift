// Why this file exists: what became of a request, and what would: two sides of one form, so that
// they can be compared and counted, whether they come from a log or from a configuration.
package import HTTPSemantics
import Primitives

/// What a client got.
package enum SideAnswer: Hashable, Sendable {
  /// From a backend, or for want of one; the log has its status.
  case status(UInt16)
  /// From a backend that was not asked.
  case unknown
  /// From the gateway by its own rules; no reason for a redirect or a fixed answer.
  case local(UInt16, Reason)

  /// 2 for 2xx; nil = not known.
  var statusClass: UInt16? {
    switch self {
    case .status(let status), .local(let status, _): status / 100
    case .unknown: nil
    }
  }

  var isLimited: Bool {
    if case .local(_, .rateLimited) = self { true } else { false }
  }

  /// All of a class are one to people; 499, which nobody was sent, is none of them.
  var grouped: SideAnswer {
    if case .status(let status) = self, status != 499 { return .status(status / 100 * 100) }
    return self
  }
}

/// One side of a comparison. Names are numbers of the replay's words.
package struct Side: Hashable, Sendable {
  package var route = WordTable.none
  /// The services with their shares where the choice is drawn.
  package var service = WordTable.none
  package var answer = SideAnswer.unknown
  /// The rate limit that refuses.
  package var limit = WordTable.none
}

/// What differs between two sides.
package struct ChangeKinds: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static var route: ChangeKinds { ChangeKinds(rawValue: 1) }
  package static var service: ChangeKinds { ChangeKinds(rawValue: 2) }
  /// A rate limit refuses on one side only.
  package static var limit: ChangeKinds { ChangeKinds(rawValue: 4) }
  package static var statusClass: ChangeKinds { ChangeKinds(rawValue: 8) }
  /// Somebody else answers, and nobody can know what.
  package static var statusUnknown: ChangeKinds { ChangeKinds(rawValue: 16) }

  /// The words of programs.
  package var words: [String] {
    let all: [(ChangeKinds, String)] = [
      (.route, "route"), (.service, "service"), (.limit, "limit"),
      (.statusClass, "status_class"), (.statusUnknown, "status_unknown"),
    ]
    return all.filter { contains($0.0) }.map(\.1)
  }
}

/// A request that would be treated otherwise.
package struct ReplayChange: Hashable, Sendable {
  package var method: Int32
  package var host: Int32
  /// The path pattern of the new route, else of the old one, else how the path begins.
  package var pattern: Int32
  package var old: Side
  package var new: Side
  package var kinds: ChangeKinds
}

extension Side {
  /// What the log says of a request.
  static func recorded(_ line: LogLine, _ words: inout WordTable) -> Side {
    var side = Side()
    if let route = line.route.slice { side.route = words.number(of: route) }
    if let service = line.service.slice { side.service = words.number(of: service) }
    side.answer = recordedAnswer(line)
    if side.answer.isLimited, let limit = line.limit.slice {
      side.limit = words.number(of: limit)
    }
    return side
  }

  static func recordedAnswer(_ line: LogLine) -> SideAnswer {
    guard let status = line.status else { return .unknown }
    guard let word = line.reason.slice else {
      // A route that answers by itself has no service.
      return line.service.slice == nil ? .local(status, .none) : .status(status)
    }
    let reason = Reason.allCases.first { ASCII.equal(word, $0.word) } ?? .none
    return reason.isRule ? .local(status, reason) : .status(status)
  }

  /// What differs, where the service of each is known.
  func kinds(to new: Side) -> ChangeKinds {
    var kinds: ChangeKinds = []
    if route != new.route { kinds.insert(.route) }
    if service != new.service { kinds.insert(.service) }
    if answer.isLimited != new.answer.isLimited { kinds.insert(.limit) }
    switch (answer.statusClass, new.answer.statusClass) {
    case (let old?, let new?): if old != new { kinds.insert(.statusClass) }
    case (nil, nil) where kinds.isEmpty: break
    case _: kinds.insert(.statusUnknown)
    }
    return kinds
  }
}

extension Reason {
  /// The gateway's rules decide so by the request alone; the others depend on backends and time.
  fileprivate var isRule: Bool {
    switch self {
    case .badRequest, .methodNotAllowed, .noRoute, .bodyTooLarge, .targetTooLong, .headTooLarge,
      .rateLimited:
      true
    case .none, .headTimeout, .bodyTimeout, .connectRefused, .connectFailed, .upstreamReset,
      .upstreamProtocol, .noBackend, .allUnhealthy, .circuitOpen, .queueFull, .queueTimeout,
      .overloaded, .draining, .connectTimeout, .upstreamTimeout, .requestTimeout, .clientAbort:
      false
    }
  }
}
