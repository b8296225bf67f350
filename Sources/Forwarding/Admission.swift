// Why this file exists: from a parsed head to a decision, in one straight line: this is the life of
// a request up to the pick of its backend. Everything it needs is an argument; it touches no socket
// and no clock.
public import HTTPSemantics
public import Primitives
import Routing

/// What became of a request at the door.
@frozen
package enum AdmissionVerdict: Equatable, Sendable {
  /// It goes to a backend of `Admission.service`.
  case forward
  /// The same, and its route changes heads on the way or has a choice of services.
  case forwardEdited
  /// Its route answers by itself.
  case answerByRoute
  /// Max-Forwards has run out: the gateway is the final recipient (RFC 9110 section 7.6.2).
  case answerAsRecipient
  case refuse(Reason, BadRequestDetail)
}

/// Everything that was found out on the way.
@usableFromInline
package struct Admission {
  @usableFromInline package var facts = RequestFacts()
  /// The target in its normal form, path and query; `*` for OPTIONS *.
  @usableFromInline package var target: ByteSlice
  @usableFromInline package var pathLength = 0
  @usableFromInline package var client = ClientIdentity(
    address: IPAddress(v4: 0), peerIsTrusted: false)
  @usableFromInline package var trustsTrace = false
  /// Positions in the snapshot; -1 = none.
  @usableFromInline package var route: Int32 = -1
  @usableFromInline package var service: Int32 = -1
  /// What the route has beyond a service; nil where that is nothing.
  @usableFromInline package var extras: UnsafePointer<RouteExtras>?
  /// With which methods some route would have taken the request; of one that none takes.
  @usableFromInline package var allowed = MethodSet.none
  /// The position of the protocol in the route's list that the connection is to be upgraded to.
  @usableFromInline package var upgrade: Int32 = -1
  @usableFromInline package var plan = ExchangePlan.ofRefusals()
  @usableFromInline package var request = RequestTraits()
  /// What a keyed balancer places the request by; nil = no key is asked for, or it has none.
  @usableFromInline package var key: UInt64?

  @inlinable @inline(__always)
  package init(_ head: RequestHead) {
    target = head.target.slice(in: head.base)
  }

  /// Makes ready for the next head, in the memory of the one before. The facts, the plan and the
  /// request's traits are written whole by `admit`.
  @inlinable @inline(__always)
  package mutating func begin(_ head: RequestHead) {
    target = head.target.slice(in: head.base)
    pathLength = 0
    client = ClientIdentity(address: IPAddress(v4: 0), peerIsTrusted: false)
    trustsTrace = false
    route = -1
    service = -1
    extras = nil
    upgrade = -1
    key = nil
  }

  /// parse head (done) → framing and host → route → client identity → the plan of the exchange.
  /// - Parameter peer: nil for a unix socket.
  /// - Parameter room: for the normal form of the target; kept until the head has been written.
  /// - Parameter random: drawn from only where a route has a choice.
  package mutating func admit(
    _ head: inout RequestHead, _ snapshot: UnsafePointer<Snapshot>, peer: IPAddress?,
    room: inout ByteWriter, random: inout Xoroshiro
  ) -> AdmissionVerdict {
    let rules = snapshot.pointee.requestRules
    switch RequestRules.judge(&head, rules: rules, into: &facts) {
    case .accept: break
    case .refuse(let reason, let detail):
      plan = ExchangePlan.ofRefusals()
      request = .unreadable
      // Nothing that such a head says of anybody is believed: the client is who is connected.
      client = ClientIdentity(address: peer ?? IPAddress(v4: 0), peerIsTrusted: false)
      return .refuse(reason, detail)
    }
    identify(head, snapshot, peer)
    guard normalise(head, snapshot, &room) else {
      plan = ExchangePlan.ofRefusals()
      describe(head)
      return .refuse(.badRequest, .target)
    }
    let path = routedPath
    route = snapshot.pointee.routing.match(path: path)
    // Below -1: some route asks for more than a path.
    if route < -1 { route = routeByAll(head, path, snapshot) }
    guard route >= 0, facts.maxForwards != .answer else {
      plan = ExchangePlan.ofRefusals()
      describe(head)
      if facts.maxForwards == .answer { return .answerAsRecipient }
      allowed = allowedMethods(head, snapshot)
      return .refuse(allowed == .none ? .noRoute : .methodNotAllowed, .none)
    }
    let entry = snapshot.pointee.routes + Int(route)
    service = entry.pointee.service
    extras = entry.pointee.extras
    var basis = entry.pointer(to: \.plan).unsafelyUnwrapped
    if let extras, let choice = extras.pointee.draw(&random) {
      service = choice.pointee.service
      basis = UnsafeMutablePointer(mutating: choice.pointer(to: \.plan).unsafelyUnwrapped)
    }
    plan = UnsafePointer(basis)
    describe(head)
    request.isRepeatable = head.method.isIdempotent || facts.hasIdempotencyKey
    if let extras, extras.pointee.answer.status > 0 { return .answerByRoute }
    if case .length(let length) = head.framing, length > plan.pointee.bodyLimit {
      return .refuse(.bodyTooLarge, .none)
    }
    if !facts.upgrade.isEmpty {
      let offered = facts.upgrade.slice(in: head.base)
      let chosen = UpgradeRule.select(offered, allowed: entry.pointee.upgrades)
      upgrade = chosen.map { Int32($0) } ?? -1
    }
    key = hash(
      snapshot.pointee.services[Int(service)].key, head, hasAddress: peer != nil, room: &room)
    return extras == nil ? .forward : .forwardEdited
  }

  /// Who the client is, and whether what it says of traces is believed.
  private mutating func identify(
    _ head: RequestHead, _ snapshot: UnsafePointer<Snapshot>, _ peer: IPAddress?
  ) {
    client = ClientIdentity.resolve(
      head, facts, peer: peer ?? IPAddress(v4: 0),
      trusted: peer == nil
        ? UnsafeBufferPointer(start: nil, count: 0) : snapshot.pointee.trustedProxies)
    switch snapshot.pointee.traceTrust {
    case .always: trustsTrace = true
    case .trustedProxies: trustsTrace = client.peerIsTrusted
    case .never: trustsTrace = false
    }
  }

  /// The path policy, decided once for matching and forwarding.
  private mutating func normalise(
    _ head: RequestHead, _ snapshot: UnsafePointer<Snapshot>, _ room: inout ByteWriter
  ) -> Bool {
    if facts.form == .asterisk {
      let start = room.cursor
      room.append(0x2a)
      target = ByteSlice(UnsafePointer(start), 1)
      pathLength = 1
      return true
    }
    let sent = facts.pathAndQuery.slice(in: head.base)
    let start = room.cursor
    switch PathPolicy.normalise(sent, encodedSlash: snapshot.pointee.encodedSlash, into: &room) {
    case .unchanged(let length):
      target = sent
      pathLength = length
    case .rewritten(let length):
      target = ByteSlice(UnsafePointer(start), room.cursor - start)
      pathLength = length
    case .refused: return false
    }
    return true
  }

  /// What every exchange goes by of its head.
  @inline(__always)
  private mutating func describe(_ head: RequestHead) {
    request = RequestTraits()
    request.hasBody = !head.framing.isEmpty
    if case .length(let length) = head.framing { request.bodyLength = length }
    request.expectsContinue = facts.expectsContinue
    request.clientVersion = head.version
    request.clientKeepsAlive = head.keepAlive
  }
}
