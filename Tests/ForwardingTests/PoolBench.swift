// Why this file exists: a service's backends compiled from configuration text, at a clock that the
// test sets, without a socket.
import Balancing
import CircuitBreaking
import Configuration
import Health
import Primitives
import Testing

@testable import Forwarding

final class PoolBench: @unchecked Sendable {
  let snapshot: OwnedSnapshot
  let registry = SharedRegistry(workers: 1)
  var now = PoolBench.second(0)
  var random = Xoroshiro(seed: 3)
  private var read: UInt64 = 0

  static func second(_ seconds: Double) -> Instant {
    Instant(nanoseconds: 5_000_000_000_000 + UInt64(seconds * 1e9))
  }

  /// A service with so many backends and these settings.
  init(_ count: Int, _ settings: String = "") throws {
    let backends = (0..<count).map { "127.0.0.1:\(9_001 + $0)" }.joined(separator: ", ")
    let configuration = try mainService(settings, backends: backends)
    var builder = SnapshotBuilder(
      registry: registry, names: [:], hashKey: 1, now: PoolBench.second(0))
    snapshot = builder.build(configuration)
  }

  var pool: BackendPool {
    BackendPool(snapshot.pointer, UnsafePointer(snapshot.pointer.pointee.services))
  }
  var shared: ServiceShared { pool.service.pointee.shared }
  func backend(_ index: Int) -> BackendShared { snapshot.pointer.pointee.backends[index].shared }
  var settings: BreakerSettings { pool.service.pointee.rules.breaker }
  func breaker(_ index: Int) -> BreakerReport {
    backend(index).breaker.observe(now: now, settings)
  }
  func wait(_ seconds: Double) { now = now + Duration(nanoseconds: Int64(seconds * 1e9)) }

  // MARK: Attempts

  struct Attempt {
    var backend: Int
    var permit: BreakerPermit
  }

  var lastPick = Pick.noBackend

  func begin(tried: [Int] = []) -> Attempt? {
    var set = TriedBackends()
    for backend in tried { set.insert(backend) }
    var permit = BreakerPermit.none
    lastPick = pool.pick(PickRequest(tried: set, key: nil, now: now), &permit, &random)
    guard case .backend(let backend) = lastPick else { return nil }
    return Attempt(backend: backend, permit: permit)
  }
  /// - Parameter answer: the status; 0 = no answer came.
  func end(
    _ attempt: Attempt, _ outcome: AttemptOutcome, begun: Instant? = nil, took: Duration = .zero,
    answer: UInt16 = 200
  ) {
    var permit = attempt.permit
    pool.conclude(
      attempt.backend, &permit, outcome, begun: begun ?? now, took: took, answer: answer, now: now,
      &random)
  }
  /// So many requests; gives how many each backend got.
  @discardableResult
  func requests(
    _ count: Int, failing: Set<Int> = [], every seconds: Double = 0
  ) -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for _ in 0..<count {
      if let attempt = begin() {
        counts[attempt.backend, default: 0] += 1
        end(attempt, failing.contains(attempt.backend) ? .failure : .success)
      }
      wait(seconds)
    }
    return counts
  }
  /// Results for one backend, as if it had been picked.
  func fail(_ index: Int, times: Int) {
    for _ in 0..<times {
      let permit = backend(index).breaker.acquire(now: now, settings).permit
      end(Attempt(backend: index, permit: permit), .failure)
    }
  }

  /// What has been noted since the last call.
  func events() -> [StateEvent] {
    var events: [StateEvent] = []
    _ = snapshot.pointer.pointee.journal.read(from: &read) { events.append($0) }
    return events
  }
}
