// Why this file exists: one recorded request and one configuration: what becomes of it, or why
// nobody can say. What a line does not hold is never guessed.
import Configuration
import Forwarding
import HTTPSemantics
import Limiting
import Primitives
import Routing

/// Asks configurations what they do with recorded requests.
struct Judge {
  private var probe = RequestProbe()
  private let ledger = LimitLedger.create()
  let conditions: ConditionTable
  /// The limits' clock, which never goes back.
  private var now = Instant(nanoseconds: 0)

  init(_ conditions: ConditionTable) { self.conditions = conditions }

  func destroy() {
    probe.destroy()
    ledger.destroy()
  }

  /// The request that is asked about next began then.
  mutating func setTime(_ nanoseconds: Int64) {
    now = max(now, Instant(nanoseconds: UInt64(max(nanoseconds, 0))))
  }

  /// What is known of a request beside its line.
  struct Background {
    var knowledge = Knowledge()
    /// The line was written under the configuration that is asked.
    var isOwn = false
    /// Of the route that took the body or refused it; nil = not known, or none.
    var bodyLimit: UInt64?
    /// No head was longer; nil = not known.
    var headSize: Int?
  }

  /// What a configuration does with the request; charges its limits.
  mutating func judge(
    _ line: LogLine, _ asked: ReplayedConfiguration, _ background: inout Background
  ) -> Finding {
    if let gap = gap(line, asked) { return .untold(gap) }
    let snapshot = asked.snapshot.pointer
    guard var verdict = probe.admit(line, snapshot) else { return .untold(.head) }
    if asked.asksForUnknown, probe.admission.pointee.pathLength > 0 {
      let standing = standing(line, asked, background.knowledge)
      let taker: Int32
      if background.isOwn, let known = learn(line, asked, standing, &background.knowledge) {
        taker = known
      } else if let first = standing.possible.first {
        return .untold(background.isOwn ? .oldConditions(first) : .conditions(first))
      } else {
        taker = standing.taker
      }
      if taker != probe.admission.pointee.route {
        let met = taker < 0 ? [] : asked.routes[Int(taker)].conditions
        guard
          let again = probe.admit(line, snapshot, met.map { conditions.conditions[$0] }),
          probe.admission.pointee.route == taker
        else {
          return .untold(background.isOwn ? .oldConditions(taker) : .conditions(taker))
        }
        verdict = again
      }
    }
    return judged(verdict, line, asked, background)
  }

  /// What the line would have to have.
  private func gap(_ line: LogLine, _ asked: ReplayedConfiguration) -> Untold? {
    guard line.method.slice != nil, let path = line.path.slice else { return .head }
    if LogLine.mayBeCut(path, at: Bounds.recordPath) { return .cutPath }
    if let host = line.host.slice {
      return LogLine.mayBeCut(host, at: Bounds.recordHost) ? .cutHost : nil
    }
    return line.host.isMissing && asked.asksForHost ? .noHost : nil
  }

  // MARK: Routes

  private struct Standing {
    /// May take the request, in the order in which they are asked.
    var possible: [Int32] = []
    /// Takes it if none of those does; -1 = none.
    var taker: Int32 = -1
  }

  /// Every route that may take the request by what is known.
  private func standing(
    _ line: LogLine, _ asked: ReplayedConfiguration, _ knowledge: Knowledge
  ) -> Standing {
    var standing = Standing()
    let admission = probe.admission
    let request = admission.pointee.routeRequest(probe.head, admission.pointee.routedPath)
    asked.snapshot.pointer.pointee.routing.visitFitting(request) { number in
      let route = asked.routes[Int(number)]
      switch (areMet(route, line), knowledge.areMet(route.conditions)) {
      case (true, true):
        standing.taker = Int32(number)
        return false
      case (false, _), (_, false): break
      case (nil, _), (_, nil): standing.possible.append(Int32(number))
      }
      return true
    }
    return standing
  }

  /// The conditions on User-Agent; nil = the line does not say.
  private func areMet(_ route: ReplayedRoute, _ line: LogLine) -> Bool? {
    if route.agents.isEmpty { return true }
    if !parts(line).contains(.agent) { return nil }
    guard let agent = line.userAgent.slice else { return false }
    return route.agents.allSatisfy { condition in
      condition.value.map { $0.utf8.elementsEqual(agent.buffer) } ?? true
    }
  }

  /// The route that the log names, if it is one of those that may have taken the request, and what
  /// follows from that; nil when nothing does.
  private func learn(
    _ line: LogLine, _ asked: ReplayedConfiguration, _ standing: Standing,
    _ knowledge: inout Knowledge
  ) -> Int32? {
    let all = standing.possible + (standing.taker < 0 ? [] : [standing.taker])
    var taker: Int32 = -1
    if let name = line.route.slice {
      let named = all.first {
        asked.routes[Int($0)].configuration.name.utf8.elementsEqual(name.buffer)
      }
      guard let named else { return nil }
      taker = named
      knowledge.learn(met: asked.routes[Int(named)].conditions, conditions)
    } else {
      let isRefused = line.reason.equals("no_route") || line.reason.equals("method_not_allowed")
      guard standing.taker < 0, isRefused else { return nil }
    }
    let before = standing.possible.prefix { $0 != taker }
    for route in before where areMet(asked.routes[Int(route)], line) == true {
      knowledge.learn(notAllMet: asked.routes[Int(route)].conditions)
    }
    return taker
  }

  // MARK: Body and limits

  private mutating func judged(
    _ verdict: AdmissionVerdict, _ line: LogLine, _ asked: ReplayedConfiguration,
    _ background: Background
  ) -> Finding {
    var judgement = Judgement(route: probe.admission.pointee.route)
    switch verdict {
    case .refuse(let reason, let detail):
      judgement.answer = .refuse(reason)
      judgement.status = reason.status(detail)
      return .told(judgement)
    // Max-Forwards is not in the log, so it is not in the head.
    case .answerAsRecipient: return .untold(.head)
    case .answerByRoute:
      judgement.answer = .route
      judgement.status = probe.admission.pointee.extras?.pointee.answer.status ?? 0
    case .forward, .forwardEdited:
      switch refusesBody(line, asked, background) {
      case true:
        judgement.answer = .refuse(.bodyTooLarge)
        judgement.status = Reason.bodyTooLarge.status()
        return .told(judgement)
      case false: break
      case nil: judgement.doubt = .body(judgement.route)
      }
    }
    charge(line, asked, &judgement)
    return .told(judgement)
  }

  /// Whether the body is too large for the route; nil = nobody knows. The log has the bytes of head
  /// and body together, and of a refused body only those that were read.
  private func refusesBody(
    _ line: LogLine, _ asked: ReplayedConfiguration, _ background: Background
  ) -> Bool? {
    let wasRefused = line.reason.equals("body_too_large")
    if background.isOwn { return wasRefused }
    let route = asked.routes[Int(probe.admission.pointee.route)]
    guard let limit = route.configuration.bodySize else { return false }
    if let known = background.bodyLimit {
      if wasRefused, limit <= known { return true }
      if !wasRefused, limit >= known { return false }
    }
    // Of a tunnel the count says nothing about a body.
    if line.status == 101 { return false }
    let (most, isNothing) = line.bytesIn.subtractingReportingOverflow(UInt64(probe.headLength))
    let (least, mayBeNothing) = line.bytesIn.subtractingReportingOverflow(
      UInt64(background.headSize ?? asked.configuration.limits.headSize))
    if !mayBeNothing, least > limit { return true }
    if !wasRefused, isNothing || most <= limit { return false }
    return nil
  }

  private mutating func charge(
    _ line: LogLine, _ asked: ReplayedConfiguration, _ judgement: inout Judgement
  ) {
    let route = asked.routes[Int(judgement.route)]
    let limits = asked.configuration.rateLimits
    // It was shed before any limit was asked.
    if route.configuration.rateLimits.isEmpty || line.reason.equals("overloaded") { return }
    if line.reason.equals("rate_limited"), let name = line.limit.slice {
      let refused = route.recordedLimits.first { position in
        limits[position].mode == .enforce && limits[position].name.utf8.elementsEqual(name.buffer)
      }
      if let refused { return refuse(&judgement, by: refused) }
    }
    if let untold = route.untoldLimits.first(where: { limits[$0].mode == .enforce }) {
      judgement.doubt = judgement.doubt ?? .limit(Int32(untold))
    }
    if !route.needs.isSubset(of: parts(line)) {
      let untold = route.configuration.rateLimits.first { limits[$0].mode == .enforce }
      if let untold { judgement.doubt = judgement.doubt ?? .limit(Int32(untold)) }
      return
    }
    guard let extras = probe.admission.pointee.extras else { return }
    var room = probe.keyRoom
    let outcome = withUnsafePointer(to: probe.head) { head in
      LimitStep(
        extras.pointee.limits, ledger, UnsafePointer(probe.admission), head,
        asked.snapshot.pointer, hasAddress: line.client.slice != nil, now: now
      ).charge(room: &room)
    }
    if outcome.refused >= 0 {
      refuse(&judgement, by: route.configuration.rateLimits[Int(outcome.refused)])
    } else if outcome.named >= 0 {
      judgement.limit = Int32(route.configuration.rateLimits[outcome.named])
    }
  }

  private func refuse(_ judgement: inout Judgement, by limit: Int) {
    judgement.limit = Int32(limit)
    judgement.answer = .refuse(.rateLimited)
    judgement.status = Reason.rateLimited.status()
    judgement.doubt = nil
  }

  /// What the line has, whole.
  private func parts(_ line: LogLine) -> LineParts {
    var parts: LineParts = []
    if !line.client.isMissing { parts.insert(.client) }
    if !line.host.isMissing { parts.insert(.host) }
    if let agent = line.userAgent.slice {
      // The log has U+FFFD in the place of what is not UTF-8.
      let isWhole =
        !LogLine.mayBeCut(agent, at: Bounds.recordUserAgent) && agent.buffer.allSatisfy { $0 < 128 }
      if isWhole { parts.insert(.agent) }
    } else if !line.userAgent.isMissing {
      parts.insert(.agent)
    }
    return parts
  }
}
