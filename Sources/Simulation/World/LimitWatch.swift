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
  /// Requests that may have been charged: under way, and when the last one ended.
  private var underWay = 0
  private var lastEnd = Instant(nanoseconds: 0)

  /// Takes the most that any of the configurations allows.
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
    }
  }

  func concerns(_ path: String) -> Bool { !prefix.isEmpty && path.hasPrefix(prefix) }

  mutating func began() { underWay += 1 }

  mutating func ended(at now: Instant, isRefusal: Bool) {
    underWay -= 1
    if !isRefusal { lastEnd = now }
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

  /// Whether a refusal can be right: somebody must have used it up not long before. To be asked
  /// after the refused one has ended.
  func explainsRefusal(begun: Instant) -> Bool {
    let memory = isBucket ? max(period, burst * period / count) : 2 * period
    return underWay > 0 || Double((begun - lastEnd).nanoseconds) <= memory
  }
}
