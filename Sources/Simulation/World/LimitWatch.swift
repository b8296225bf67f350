// Why this file exists: a rate is promised over all workers together, so the world counts what gets
// through, knowing nothing of words and windows.

import Configuration
import Primitives

/// The one limit of a world that can be judged from outside: of routes with no other, for everybody
/// together.
struct LimitWatch {
  private var prefix = ""
  private var isBucket = false
  private var count = 0.0
  private var period = 1.0
  private var burst = 0.0
  private var passed = 0.0
  private var first: Instant?
  /// The least that any of the configurations allows.
  private var leastCount = Double.infinity
  private var leastBurst = Double.infinity
  /// In which a token comes back, at the least and at the most.
  private var interval = Double.infinity...Double.infinity
  /// Requests that may have been charged: under way, and when the others ended.
  private var underWay = 0
  private var ended = RecentInstants()

  /// Takes the most and the least that any of the configurations allows.
  mutating func know(_ configuration: GatewayConfiguration) {
    for route in configuration.routes where route.rateLimits.count == 1 {
      let limit = configuration.rateLimits[route.rateLimits[0]]
      guard limit.mode == .enforce, limit.key == [.global], route.match.path.hasSuffix("/*") else {
        continue
      }
      prefix = String(route.match.path.dropLast())
      isBucket = limit.algorithm == .tokenBucket
      count = max(count, Double(limit.rate.count))
      period = Double(limit.rate.period.nanoseconds)
      burst = max(burst, Double(limit.burst))
      leastCount = min(leastCount, Double(limit.rate.count))
      leastBurst = min(leastBurst, Double(limit.burst))
      let each = (period / Double(limit.rate.count)).rounded(.up)
      let most = interval.upperBound == .infinity ? each : interval.upperBound
      interval = min(interval.lowerBound, each)...max(most, each)
    }
  }

  func concerns(_ path: String) -> Bool { !prefix.isEmpty && path.hasPrefix(prefix) }

  mutating func began() { underWay += 1 }

  mutating func ended(at now: Instant, isRefusal: Bool) {
    underWay -= 1
    if !isRefusal { ended.add(now) }
  }

  /// A request has got through. False when that is one too many. They may come in another order
  /// than that in which they were let through.
  mutating func pass(pickedAt: Instant, now: Instant) -> Bool {
    first = min(first ?? pickedAt, pickedAt)
    passed += 1
    let span = Double((now - (first ?? now)).nanoseconds)
    let most = isBucket ? burst + count * span / period : count * (span / period + 1)
    return passed <= most + 1
  }

  /// Whether a refusal can be right: so many others must have come before that nothing was left.
  /// What came before the span of two windows, or before the bucket has filled again, is forgotten.
  /// To be asked after the refused one has ended.
  /// - Parameter lag: what a worker may lag behind.
  func explainsRefusal(begun: Instant, lag: Duration) -> Bool {
    var charged = Double(underWay)
    if charged >= (isBucket ? leastBurst : leastCount) { return true }
    for place in 0..<ended.count {
      charged += 1
      let age = Double((begun - ended[place]).nanoseconds - lag.nanoseconds)
      if isBucket {
        // Tokens that have come back since are used up as well, and a part of one is none. The
        // time that a bucket takes to be full stays when the rate is another one.
        let needed = (leastBurst - 1) * interval.lowerBound + max(0, age)
        if charged * interval.upperBound > needed { return true }
      } else {
        if age > 2 * period { return false }
        if charged >= leastCount { return true }
      }
    }
    return ended.isFull
  }
}
