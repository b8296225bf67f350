// Why this file exists: a backend that comes back is promised a share that grows from a tenth to
// the whole. Whether it takes a turn is drawn, so what it got is held against what it should get by
// a test that is wrong once in a million million.

import Configuration
import EventLoop
import Glibc
import Primitives

/// The share of the backends of one service, where turns can be counted from outside: a round robin
/// in which every request that begins reaches its backend.
///
/// A backend that is warm, the reference, takes each of its turns. So its requests count the turns
/// of the one that warms up: `weight / its own` for each. Of them that one should take a part p,
/// which is known from the time since it came back. For X of them taken and any λ,
///
///     exp(λX) / Π (1 + p (exp λ - 1))
///
/// is a martingale that begins at 1, and by Ville's inequality the chance that it ever gets to 1/δ
/// is at most δ (Ville 1939; the form of Chernoff's bound that may be looked at all the time). It
/// is looked at for λ = ln 9 (too many were taken) and for λ = -ln 9 (too few), with p at its
/// largest and at its smallest, and δ = 10^-12. Requests that are still on their way to the one or
/// the other are given to whom they excuse.
struct WarmingWatch {
  /// A backend of the service.
  struct Member {
    var backend: Int
    var weight: Double
    /// Since when it takes requests; nil = it does not.
    var openSince: Instant?
    /// It is known since when, and nothing has happened that would have to be known besides.
    var isKnown: Bool
    /// The logarithms of both martingales, while it is compared with the reference.
    var tooMany = 0.0
    var tooFew = 0.0
    var reference = -1
  }

  var members: [Member] = []
  private var warmUp = Duration.zero
  private let lag: Duration

  private static let lambda = log(9.0)
  private static let unbelievable = 12 * log(10.0)

  /// - Parameter isBegin: all are warm; otherwise nobody knows since when they are as they are.
  init(
    _ configured: ServiceConfiguration, backends: [Int], isBegin: Bool, now: Instant, lag: Duration
  ) {
    self.lag = lag
    guard let warmUp = configured.warmUp, configured.connections.max == nil,
      configured.health.panicThreshold.partsPerMillion == 0
    else { return }
    switch configured.balancer.policy {
    case .roundRobin, .weightedRoundRobin: break
    default: return
    }
    self.warmUp = warmUp
    let isWeighted = configured.balancer.policy == .weightedRoundRobin
    for (backend, entry) in zip(backends, configured.backends) where backend >= 0 {
      members.append(
        Member(
          backend: backend, weight: isWeighted ? Double(entry.weight) : 1,
          openSince: isBegin ? Instant(nanoseconds: 0) : now, isKnown: isBegin))
    }
  }

  /// How a look has found a backend.
  enum Finding {
    case closed
    case open
    /// It has come back, or will: time alone decides.
    case opens(at: Instant)
  }

  mutating func found(_ backend: Int, _ finding: Finding, now: Instant) {
    guard let place = members.firstIndex(where: { $0.backend == backend }) else { return }
    let before = members[place].openSince
    let since: Instant?
    switch finding {
    case .closed: since = nil
    case .open: since = before.map { $0 <= now } == true ? before : now
    case .opens(let instant): since = instant
    }
    if since == before { return }
    members[place].openSince = since
    members[place].isKnown = true
    compareAnew()
  }

  /// A request has ended whose backend has not seen it: either count may be one too low.
  mutating func lost() {
    for place in members.indices where members[place].reference >= 0 {
      let ratio = members[place].weight / members[members[place].reference].weight
      members[place].tooMany -= max(1, ratio) * WarmingWatch.lambda
      members[place].tooFew -= WarmingWatch.lambda
    }
  }

  /// What was compared so far is forgotten.
  private mutating func compareAnew() {
    for place in members.indices { members[place].reference = -1 }
  }

  /// Bounds of the share at an instant.
  private func share(of member: Member, at now: Instant) -> ClosedRange<Double> {
    guard let since = member.openSince else { return 0...1 }
    let least = Double(WarmUp.least) / Double(WarmUp.full)
    func part(_ elapsed: Duration) -> Double {
      let grown = Double(elapsed.nanoseconds) / Double(warmUp.nanoseconds)
      return min(1, least + (1 - least) * max(0, grown))
    }
    let elapsed = now - since
    // A tenth is 102 of 1,024; a share is rounded down to one of them.
    return max(0, part(elapsed - lag) - 0.002)...min(1, part(elapsed + lag) + 0.001)
  }

  private func isWarm(_ member: Member, at now: Instant) -> Bool {
    share(of: member, at: now).lowerBound >= 0.998
  }

  /// A request's first attempt has reached a backend. Gives what is unbelievable about it.
  /// - Parameter underWay: requests whose backends may not have seen them yet.
  mutating func came(_ backend: Int, pickedAt: Instant, now: Instant, underWay: Int) -> String? {
    if members.count < 2 { return nil }
    findReferences(now)
    for place in members.indices where members[place].reference >= 0 {
      let member = members[place]
      let ratio = member.weight / members[member.reference].weight
      if member.backend == backend {
        // What was chosen before it went and came back belongs to another time.
        if pickedAt < member.openSince ?? pickedAt { continue }
        members[place].tooMany += WarmingWatch.lambda
        members[place].tooFew -= WarmingWatch.lambda
      } else if members[member.reference].backend == backend {
        let share = share(of: member, at: now)
        members[place].tooMany -= ratio * log(1 + 8 * share.upperBound)
        members[place].tooFew -= ratio * log(1 - share.lowerBound * 8 / 9)
      }
      // Turns that have fallen to the one, and to the other not yet.
      let slack = 2 * (1 + ratio) + Double(underWay) * max(1, ratio)
      let bound = WarmingWatch.unbelievable + slack * WarmingWatch.lambda
      if members[place].tooMany > bound { return "more than its share" }
      if members[place].tooFew > bound { return "less than its share" }
    }
    return nil
  }

  /// One that has come back is compared with the first that is warm, as long as both take requests.
  private mutating func findReferences(_ now: Instant) {
    for place in members.indices {
      let member = members[place]
      if member.reference >= 0 { continue }
      guard let since = member.openSince, since <= now, member.isKnown, since.nanoseconds > 0
      else { continue }
      let other = members.indices.first { $0 != place && isWarm(members[$0], at: now) }
      guard let other, members[other].openSince != nil else { continue }
      members[place].reference = other
      members[place].tooMany = 0
      members[place].tooFew = 0
    }
  }
}

extension WorldRef {
  /// Every request that has been given to a backend reaches it, unless its client goes away.
  var isSteady: Bool {
    let conditions = pointee.network.pointee.conditions
    if conditions.descriptors < .max || pointee.rules.longestWay > .milliseconds(100) {
      return false
    }
    if pointee.rules.shortest.connect < .milliseconds(100) { return false }
    return pointee.scenario.backends.allSatisfy { $0.phases.allSatisfy(\.behaviour.isSteady) }
  }
}

extension BackendBehaviour {
  /// It takes every connection, and keeps those that it does not say it will close.
  fileprivate var isSteady: Bool {
    let hasFaults = faultShare > 0 && !faults.isEmpty
    let closesFirst = diesFirst || idleTimeout != nil || silentCloseShare > 0
    return door == .accept && !hasFaults && !closesFirst
  }
}
