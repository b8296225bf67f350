// Why this file exists: what the gateway has promised of requests and backends, held against what
// has happened: asked where it happens, from what the world alone knows.

import Configuration
import EventLoop
import HTTPSemantics
import Primitives

/// Who may be sent requests, as far as the gateway itself has said so.
struct Standing {
  /// The period in which it may not be sent any; empty at first.
  var ineligibleSince = Instant.distantFuture
  var ineligibleUntil = Instant(nanoseconds: 0)
  var eligibleSince = Instant.distantFuture
  /// The file says that it gets nothing new.
  var drainedSince = Instant.distantFuture
  /// Position of its service; -1 = the configuration does not have it.
  var service = -1
}

/// What the rules need to know besides the records.
struct RuleBook {
  /// By the backends' positions in the scenario.
  var standings: [Standing] = []
  /// By service: another backend than those tried is to be found where there is one.
  var prefersUntried: [Bool] = []
  /// Shortest waits that an answer may claim, in all configurations that there are.
  var shortest = ShortestWaits()
  /// When the newest configuration came.
  var since = Instant(nanoseconds: 0)
  var limits = LimitWatch()
  var grounds = Grounds()
  /// By service of the newest configuration.
  var warming: [WarmingWatch] = []
  /// By number: a service of a name has one from the first configuration that has it.
  var retries: [RetryWatch] = []
  private var numbers: [String: Int] = [:]
  /// Prefixes of the paths that go to a service, with its number.
  private var prefixes: [(prefix: String, service: Int)] = []
  /// So far a worker may be behind the clock.
  private(set) var lag = Duration.zero
  /// A connect that goes well, and the head of a request with it, take less.
  private(set) var longestWay = Duration.zero
  private(set) var longestConnect = Duration.zero

  /// The configuration from now on.
  mutating func know(
    _ configuration: GatewayConfiguration, _ conditions: NetworkConditions, at now: Instant
  ) {
    since = now
    limits.know(configuration)
    shortest.know(configuration)
    grounds.know(configuration, conditions)
    lag = .milliseconds(20) + Duration(nanoseconds: Int64(conditions.roundCost.upperBound * 4))
    if conditions.stalls > 0 {
      lag = lag + Duration(nanoseconds: Int64(conditions.stall.upperBound * 3))
    }
    // What comes byte by byte takes an eighth of the latency for each.
    let ways: UInt64 = conditions.bytewise > 0 ? 53 : 6
    longestWay = lag + Duration(nanoseconds: Int64(conditions.latency.upperBound * ways))
    prefersUntried = []
    for service in configuration.services {
      longestConnect = max(longestConnect, service.timeouts.connect)
      let number = numbers[service.name] ?? retries.count
      if number == retries.count { retries.append(RetryWatch()) }
      numbers[service.name] = number
      retries[number].know(service.retries)
      // With more attempts there may have been one that no backend has seen.
      prefersUntried.append(
        service.connections.max == nil && service.warmUp == nil
          && service.health.panicThreshold.partsPerMillion == 0
          && service.balancer.maxLoad == nil && service.retries.attempts == 1)
    }
    prefixes = configuration.routes.compactMap { route in
      guard route.services.count == 1, route.match.path.hasSuffix("/*") else { return nil }
      let name = configuration.services[route.services[0].service].name
      return (String(route.match.path.dropLast()), numbers[name] ?? -1)
    }
  }

  /// The number of the service that a path goes to; -1 = none.
  func service(of path: String) -> Int {
    prefixes.first { path.hasPrefix($0.prefix) }?.service ?? -1
  }
}

/// No answer with the reason comes sooner.
struct ShortestWaits {
  var head = Duration.zero
  var queue = Duration.zero
  var connect = Duration.zero
  var response = Duration.zero
  var request = Duration.zero

  /// After so long an answer may come too late.
  var patience: Duration {
    // With none of a kind there is zero.
    [response, request].filter { $0 > .zero }.min() ?? .seconds(1_000_000)
  }
}

extension WorldRef {
  func fail(_ rule: Rule, _ text: String) {
    if pointee.failure != nil { return }
    pointee.failure = Failure(
      rule: rule, text: text, step: pointee.network.pointee.steps,
      at: pointee.network.clock - pointee.begun)
  }

  /// A request and what is known of it, for people.
  func tell(_ id: UInt64, _ attempt: Int, _ backend: Int) -> String {
    var text = "request \(id)"
    if attempt >= 0 { text += " attempt \(attempt)" }
    if backend >= 0 { text += " at backend \(backend)" }
    guard let record = pointee.ledger.record(id) else { return text }
    let owner = record.pointee.traffic >= 0 ? "traffic \(record.pointee.traffic)" : "client"
    for place in 0..<min(record.pointee.attempts, RequestRecord.attemptsKept) {
      let note = record.pointee.withNote(place) { $0 }
      let fault = note.fault.map { ", \($0)" } ?? ""
      text += " [backend \(note.backend): \(note.status)\(fault)]"
    }
    return text + " (\(owner) \(record.pointee.kind), \(record.pointee.method.word))"
  }

  // MARK: Requests

  func beginRecord(_ client: ClientRef, _ request: PreparedRef) -> RecordRef {
    let record = pointee.ledger.begin(at: pointee.network.clock)
    if pointee.ledger.isOverrun { fail(.waitsForEver, "more requests than there is room for") }
    pointee.tally.requests += 1
    record.pointee.traffic = Int32(client.pointee.traffic?.pointee.index ?? -1)
    record.pointee.kind = Int32(
      client.pointee.traffic == nil ? client.pointee.index : client.pointee.kind)
    record.pointee.method = request.pointee.method
    record.pointee.mayRepeat = request.pointee.isIdempotent
    record.pointee.bodyLength = request.pointee.bodyLength
    record.pointee.tunnelBytes = request.pointee.plan.tunnelBytes
    record.pointee.isLimited = pointee.rules.limits.concerns(request.pointee.plan.path)
    if record.pointee.isLimited { pointee.rules.limits.began() }
    record.pointee.isUpgrade = request.pointee.plan.upgrade
    record.pointee.service = Int32(request.pointee.service)
    if request.pointee.service >= 0 { pointee.rules.retries[request.pointee.service].began() }
    return record
  }

  /// A request's head has come whole to a backend.
  func attemptCame(_ record: RecordRef, _ backend: BackendRef, pickedAt: Instant) {
    let attempt = record.pointee.attempts
    record.pointee.attempts += 1
    pointee.tally.attempts += 1
    let index = backend.pointee.index
    if attempt > 0 {
      if !record.pointee.mayRepeat {
        fail(.unsafeRepeat, tell(record.pointee.id, attempt, index))
      }
      if attempt >= pointee.attemptsMax {
        fail(.tooManyAttempts, tell(record.pointee.id, attempt, index))
      }
      checkTried(record, attempt, index, pickedAt)
      checkBudget(record, attempt, index, pickedAt)
    } else {
      checkShare(record, index, pickedAt)
    }
    record.pointee.withNote(attempt) { $0 = AttemptNote(backend: Int16(index)) }
    checkEligible(index, record, attempt, pickedAt)
    if attempt == 0, record.pointee.isLimited,
      !pointee.rules.limits.pass(pickedAt: pickedAt, now: pointee.network.clock)
    {
      fail(.limit, "too many have passed: " + tell(record.pointee.id, attempt, index))
    }
  }

  private func checkEligible(
    _ backend: Int, _ record: RecordRef, _ attempt: Int, _ pickedAt: Instant
  ) {
    guard backend < pointee.rules.standings.count else { return }
    let standing = pointee.rules.standings[backend]
    if pickedAt > standing.ineligibleSince, pickedAt < standing.ineligibleUntil {
      fail(.ineligibleBackend, tell(record.pointee.id, attempt, backend))
    }
    if pickedAt > standing.drainedSince {
      fail(.ineligibleBackend, "it is drained: " + tell(record.pointee.id, attempt, backend))
    }
  }

  /// A repeat that the budget has no room for.
  private func checkBudget(
    _ record: RecordRef, _ attempt: Int, _ backend: Int, _ pickedAt: Instant
  ) {
    let service = Int(record.pointee.service)
    if service < 0 { return }
    let lag = pointee.rules.lag
    if !pointee.rules.retries[service].repeated(pickedAt: pickedAt, lag: lag) {
      fail(.retryBudget, tell(record.pointee.id, attempt, backend))
    }
  }

  private func checkShare(_ record: RecordRef, _ backend: Int, _ pickedAt: Instant) {
    guard backend < pointee.rules.standings.count else { return }
    let service = pointee.rules.standings[backend].service
    guard service >= 0 else { return }
    let wrong = pointee.rules.warming[service].came(
      backend, pickedAt: pickedAt, now: pointee.network.clock, underWay: pointee.ledger.underWay)
    if let wrong { fail(.share, "\(wrong): " + tell(record.pointee.id, 0, backend)) }
  }

  /// The same backend again, while one that was not tried could have been had.
  private func checkTried(
    _ record: RecordRef, _ attempt: Int, _ backend: Int, _ pickedAt: Instant
  ) {
    guard backend < pointee.rules.standings.count else { return }
    let service = pointee.rules.standings[backend].service
    guard service >= 0, pointee.rules.prefersUntried[service] else { return }
    // An exchange of before may know other backends than those that stand here.
    if record.pointee.begun <= pointee.rules.since.nanoseconds { return }
    var tried = Set<Int>()
    for before in 0..<min(attempt, RequestRecord.attemptsKept) {
      tried.insert(Int(record.pointee.withNote(before) { $0.backend }))
    }
    guard tried.contains(backend) else { return }
    for (other, standing) in pointee.rules.standings.enumerated()
    where standing.service == service && !tried.contains(other) {
      if standing.eligibleSince < pickedAt {
        return fail(.triedBackend, tell(record.pointee.id, attempt, backend))
      }
    }
  }

  /// The gateway, or a route, has answered by itself.
  func ownAnswerCame(_ head: SeenHead, _ record: RecordRef, _ request: PreparedRef) {
    pointee.tally.ownAnswers += 1
    if head.reason == .overloaded { pointee.tally.overloaded += 1 }
    if !pointee.rules.grounds.has(for: head.reason) {
      fail(.unjustifiedAnswer, "\(head.reason.word): \(tell(record.pointee.id, -1, -1))")
    }
    if head.reason != .none { checkReason(head, record) }
  }

  private func checkReason(_ head: SeenHead, _ record: RecordRef) {
    let shortest = pointee.rules.shortest
    let took = pointee.network.clock - Instant(nanoseconds: record.pointee.begun)
    let least: Duration
    switch head.reason {
    case .headTimeout: least = shortest.head
    case .queueTimeout: least = shortest.queue
    case .connectTimeout: least = shortest.connect
    case .upstreamTimeout: least = shortest.response
    case .requestTimeout: least = shortest.request
    default: return
    }
    // A worker's clock has whole milliseconds, so an instant of its may be up to one too early.
    if took + .milliseconds(1) < least {
      fail(.deadline, "\(head.reason.word) too early: \(tell(record.pointee.id, -1, -1))")
    }
  }

  func over(
    _ record: RecordRef, _ ending: Outcome.Ending, status: UInt16, _ reason: Reason, bytes: Int
  ) {
    switch ending {
    case .complete: pointee.tally.complete += 1
    case .cut: pointee.tally.cut += 1
    case .none: pointee.tally.unanswered += 1
    case .unconnected: pointee.tally.unconnected += 1
    case .left: pointee.tally.left += 1
    }
    pointee.ledger.end(record, at: pointee.network.clock)
    settleAnswers(record, isComplete: ending == .complete)
    let service = Int(record.pointee.service)
    if service >= 0 { pointee.rules.retries[service].ended(at: pointee.network.clock) }
    if record.pointee.attempts == 0 {
      for place in pointee.rules.warming.indices { pointee.rules.warming[place].lost() }
    }
    if record.pointee.isLimited {
      pointee.rules.limits.ended(at: pointee.network.clock, isRefusal: reason == .rateLimited)
      let begun = Instant(nanoseconds: record.pointee.begun)
      let (limits, lag) = (pointee.rules.limits, pointee.rules.lag)
      if reason == .rateLimited, !limits.explainsRefusal(begun: begun, lag: lag) {
        fail(.limit, "refused without a reason: " + self.tell(record.pointee.id, -1, -1))
      }
    }
    guard let tell = pointee.onOutcome else { return }
    let attempts = record.pointee.attempts
    tell(
      Outcome(
        id: record.pointee.id, traffic: Int(record.pointee.traffic),
        kind: Int(record.pointee.kind), begun: Instant(nanoseconds: record.pointee.begun),
        ended: pointee.network.clock, ending: ending, status: status, reason: reason,
        backend: attempts == 0 ? -1 : Int(record.pointee.withNote(attempts - 1) { $0.backend }),
        attempts: attempts, bytes: bytes))
  }

  // MARK: The end

  /// The clients that have it under way, for people.
  private func whoWaits(_ id: UInt64) -> String {
    for client in pointee.clients where client.pointee.pending.contains(where: { $0.id == id }) {
      let sender = client.pointee.sender
      return " \(client.pointee.state), \(sender.total) sent, \(sender.waiting) to be sent, "
        + "\(client.pointee.answerBytes) read, \(client.pointee.reader.mode), "
        + "\(client.pointee.pending.first.map { "\($0.request.pointee.mischief)" } ?? "")"
        + (client.pointee.isReadingStalled ? " stalled" : "")
        + (client.pointee.peer?.state ?? "")
    }
    return " nobody"
  }

  /// The gateway has been told to end, and has waited for the last requests as long as it may. One
  /// that its backend has answered whole must not be among them when its client reads.
  func checkStuck() {
    for client in pointee.clients {
      guard let pending = client.pointee.pending.first,
        pending.request.pointee.mischief == Mischief(),
        let record = pointee.ledger.record(pending.id), record.pointee.attempts > 0
      else { continue }
      let attempt = record.pointee.attempts - 1
      let note = record.pointee.withNote(attempt) { $0 }
      if !note.isOnTheWay { continue }
      let since = max(note.leftAt, client.pointee.lastRead)
      if pointee.network.clock - since > WorldState.longestPause + pointee.rules.lag {
        fail(.waitsForEver, "its answer has left long ago: \(tell(pending.id, attempt, -1))")
      }
    }
  }

  /// The gateway is gone: nobody may still be waiting who could have been told.
  func checkEnd() {
    if let id = pointee.ledger.someUnderWay {
      let count = pointee.ledger.underWay
      fail(.waitsForEver, "\(count) requests wait, among them \(tell(id, -1, -1)):\(whoWaits(id))")
    }
    if pointee.network.pointee.descriptors != 0 {
      fail(.leak, "\(pointee.network.pointee.descriptors) descriptors are open")
    }
    if pointee.network.pointee.files != 0 {
      fail(.leak, "\(pointee.network.pointee.files) files are open")
    }
  }
}
