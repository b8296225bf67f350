// Why this file exists: every policy answers the same question, so adding one is one case here and
// one file beside it.
package import Primitives

/// How a service spreads its requests (`balancer`).
@frozen @usableFromInline
package enum BalancerPolicy: UInt8, CaseIterable, Sendable {
  case roundRobin

  /// Picks the backend for a request: the first attempt, or a repeat when `tried` is not empty. A
  /// backend that was tried is picked again only while no other is eligible. `sequence` is the
  /// service's own word, shared by all workers.
  package func pick(
    _ view: BackendView, tried: TriedBackends, sequence: SharedWord
  ) -> Pick {
    guard view.count > 0 else { return .noBackend }
    let fresh = Eligibility(view, tried: tried)
    if let backend = choose(fresh, sequence, isRepeat: !tried.isEmpty) { return .backend(backend) }
    let any = Eligibility(view, tried: TriedBackends())
    if !tried.isEmpty, let backend = choose(any, sequence, isRepeat: true) {
      return .backend(backend)
    }
    return any.whyNone()
  }

  @inline(__always)
  private func choose(
    _ eligible: Eligibility, _ sequence: SharedWord, isRepeat: Bool
  ) -> Int? {
    switch self {
    case .roundRobin: RoundRobin.choose(eligible, sequence, isRepeat: isRepeat)
    }
  }
}
