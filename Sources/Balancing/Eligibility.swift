// Why this file exists: which backends may take a request is decided in one place, before any
// policy chooses among them, so that no policy can forget a condition.
public import Primitives

/// A service's backends as a balancer sees them: the one truth of the process, read through
/// atomics. Copies are cheap and own nothing.
@frozen @usableFromInline
package struct BackendView {
  /// Number of backends; may be 0.
  @usableFromInline package let count: Int
  /// One bit for each backend, 64 in a word, lowest first: it may be sent requests at all.
  @usableFromInline package let usable: SharedWords
  /// Requests in flight at each backend. The words belong to the backends, which outlive the
  /// snapshot that lists them here.
  @usableFromInline package let active: UnsafePointer<SharedWord>
  /// How many requests a backend takes at once; `.max` = any number.
  @usableFromInline package let maximum: UInt64

  /// `usable` has a bit and `active` an element for each of `count` backends.
  @inlinable package init(
    count: Int, usable: SharedWords, active: UnsafePointer<SharedWord>, maximum: UInt64
  ) {
    precondition(count >= 0)
    precondition(count == 0 || usable.count * 64 >= count)
    self.count = count
    self.usable = usable
    self.active = active
    self.maximum = maximum
  }

  @inlinable package func isUsable(_ backend: Int) -> Bool {
    usable[backend >> 6].load() >> UInt64(backend & 63) & 1 != 0
  }

  @inlinable package func isBelowMaximum(_ backend: Int) -> Bool {
    maximum == .max || active[backend].load() < maximum
  }
}

/// Why a backend could, or could not, be picked.
@frozen @usableFromInline
package enum Pick: Equatable, Sendable {
  case backend(Int)
  /// The service has no backend: 503 `no_backend`.
  case noBackend
  /// None is usable: 503 `all_unhealthy`.
  case allUnusable
  /// All that are usable are at their maximum: the request waits.
  case allFull
}

/// The backends that may take one request: usable, below their maximum, not tried yet.
@frozen @usableFromInline
package struct Eligibility {
  @usableFromInline package let view: BackendView
  @usableFromInline package let tried: TriedBackends

  @inlinable package init(_ view: BackendView, tried: TriedBackends) {
    self.view = view
    self.tried = tried
  }

  @inlinable package func contains(_ backend: Int) -> Bool {
    view.isUsable(backend) && view.isBelowMaximum(backend) && !tried.contains(backend)
  }

  /// The first eligible backend at or after `start`, going round; nil when there is none. Costs one
  /// load for every 64 backends that are not usable, one or two for every other it passes by.
  @inline(__always)
  package func first(from start: Int) -> Int? {
    precondition(start >= 0 && start < view.count)
    return first(in: start..<view.count) ?? first(in: 0..<start)
  }

  @inline(__always)
  private func first(in range: Range<Int>) -> Int? {
    var at = range.lowerBound
    while at < range.upperBound {
      let bits = view.usable[at >> 6].load() >> UInt64(at & 63)
      guard bits != 0 else {
        at = (at | 63) + 1
        continue
      }
      at += bits.trailingZeroBitCount
      guard at < range.upperBound else { return nil }
      if view.isBelowMaximum(at), !tried.contains(at) { return at }
      at += 1
    }
    return nil
  }

  /// Which of the reasons holds when nothing could be picked, tried backends aside.
  package func whyNone() -> Pick {
    if view.count == 0 { return .noBackend }
    for backend in 0..<view.count where view.isUsable(backend) { return .allFull }
    return .allUnusable
  }
}
