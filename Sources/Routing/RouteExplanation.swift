// Why this file exists: "why did my request go there" is the question most asked of a gateway. The
// answer comes from the table that routes requests, by the functions that route them.
package import HTTPSemantics
import Primitives

/// What became of the routes that had a chance to take a request.
package struct RouteExplanation: Equatable, Sendable {
  package struct Miss: Equatable, Sendable {
    package var route: UInt32
    /// The first condition that was not met.
    package var obstacle: RouteObstacle
  }

  /// What `RouteTable.match` says.
  package var taker: UInt32?
  /// Asked before the taker, in that order: host and path fit, another condition does not.
  package var unmet: [Miss] = []
  /// Would take it as well, but are asked after the taker; in that order.
  package var later: [UInt32] = []
  /// The path fits, the host does not.
  package var otherHost: [UInt32] = []
  /// The host fits, the path does not.
  package var otherPath: [UInt32] = []
  /// The methods that would do; empty unless nobody takes the request.
  package var allowed = MethodSet.none

  package init(taker: UInt32?) { self.taker = taker }
}

extension RouteTable {
  /// Looks at every route; not for the request path.
  package func explain(_ request: RouteRequest) -> RouteExplanation {
    var explanation = RouteExplanation(taker: match(request))
    if explanation.taker == nil { explanation.allowed = allowedMethods(request) }
    var fitting: Set<UInt32> = []
    var isTaken = false
    var search = RouteSearch(self, request)
    while let bucket = search.next() {
      fitting.insert(UInt32(bucket - UnsafePointer(buckets)))
      for candidate in candidates(of: bucket) {
        let obstacle = obstacle(candidate, request)
        let route = candidate.pointee.route
        if route == explanation.taker {
          isTaken = true
        } else if obstacle != .none {
          if !isTaken {
            explanation.unmet.append(RouteExplanation.Miss(route: route, obstacle: obstacle))
          }
        } else {
          explanation.later.append(route)
        }
      }
    }
    let near = tierChain(from: hosts.tier(of: request.host))
    for number in 0..<UInt32(tierCount) where !near.contains(number) {
      explanation.otherHost += fittingRoutes(request, in: number)
    }
    explanation.otherPath = (0..<UInt32(bucketCount)).filter { bucket in
      !fitting.contains(bucket) && near.contains(buckets[Int(bucket)].tier)
    }.flatMap { routes(of: $0) }
    return explanation
  }

  /// The tiers that are asked from this one on.
  private func tierChain(from tier: UInt32) -> Set<UInt32> {
    var chain: Set<UInt32> = []
    var next = tier
    while next != RouteTable.none {
      chain.insert(next)
      next = tiers[Int(next)].wider
    }
    return chain
  }

  /// The routes of one tier whose path fits.
  private func fittingRoutes(_ request: RouteRequest, in tier: UInt32) -> [UInt32] {
    var found: [UInt32] = []
    var bucket = deepest(request.path, in: tiers + Int(tier))
    while bucket != RouteTable.none {
      found += routes(of: bucket)
      bucket = buckets[Int(bucket)].shorter
    }
    return found
  }

  private func routes(of bucket: UInt32) -> [UInt32] {
    candidates(of: UnsafePointer(buckets + Int(bucket))).map { $0.pointee.route }
  }

  private func candidates(of bucket: UnsafePointer<Bucket>) -> [UnsafePointer<Candidate>] {
    (bucket.pointee.first..<bucket.pointee.first + bucket.pointee.count).map {
      UnsafePointer(candidates + Int($0))
    }
  }
}
