// Why this file exists: which backends may be picked is a cache; here is what it keeps and when it
// must be written anew.
import Balancing
import Primitives
import Testing

@Suite struct BackendViewTests {
  private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

  private let up = BackendStanding(isHealthy: true, admits: true)
  private let down = BackendStanding(isHealthy: false, admits: true)
  private let open = BackendStanding(isHealthy: true, admits: false)

  @Test func `nobody has looked at a new view`() {
    let backends = Backends(3)
    let view = backends.view
    #expect(view.isStale(version: 0, now: at(0)))
    view.rewrite(version: 0, now: at(0), recheckAt: .distantFuture) { _ in up }
    #expect(!view.isStale(version: 0, now: at(0)))
  }

  @Test func `it is stale when the version has changed, or its time has come`() {
    let backends = Backends(3)
    let view = backends.view
    view.rewrite(version: 4, now: at(10), recheckAt: at(20)) { _ in up }
    #expect(!view.isStale(version: 4, now: at(19)))
    #expect(view.isStale(version: 5, now: at(19)))
    #expect(view.isStale(version: 4, now: at(20)))
  }

  @Test func `it keeps who is healthy and who may be picked, beyond one word too`() {
    let backends = Backends(130)
    let view = backends.view
    view.rewrite(version: 1, now: at(1), recheckAt: .distantFuture) { backend in
      backend % 3 == 0 ? up : backend % 3 == 1 ? down : open
    }
    for backend in 0..<130 {
      #expect(view.isEligible(backend) == (backend % 3 == 0))
    }
    // Who is healthy is seen when nobody is eligible.
    view.rewrite(version: 2, now: at(1), recheckAt: .distantFuture) { $0 == 129 ? open : down }
    #expect(backends.pick() == .allRefused)
    view.rewrite(version: 3, now: at(1), recheckAt: .distantFuture) { _ in down }
    #expect(backends.pick() == .allUnusable)
  }

  @Test func `it is looked at again when a warming up ends`() {
    let backends = Backends(3, warmUp: .seconds(30))
    backends.now = at(100)
    backends.warm(2)
    let view = backends.view
    view.rewrite(version: 9, now: at(100), recheckAt: .distantFuture) { _ in up }
    #expect(!view.isStale(version: 9, now: at(129)))
    #expect(view.isStale(version: 9, now: at(130)))
    view.rewrite(version: 9, now: at(130), recheckAt: .distantFuture) { _ in up }
    #expect(!view.isStale(version: 9, now: at(1_000)))
  }

  @Test func `all workers' picks walk one sequence`() async {
    let backends = Backends(5)
    nonisolated(unsafe) let view = backends.view
    let counts = await withTaskGroup(of: [Int].self) { group in
      for worker in 0..<4 {
        group.addTask {
          var random = Xoroshiro(seed: UInt64(worker))
          var counts = [Int](repeating: 0, count: 5)
          let request = PickRequest(
            tried: TriedBackends(), key: nil, now: Instant(nanoseconds: 1))
          for _ in 0..<5_000 {
            if case .backend(let backend) = BalancerPolicy.roundRobin.pick(
              view, request, random: &random)
            {
              counts[backend] += 1
            }
          }
          return counts
        }
      }
      return await group.reduce([0, 0, 0, 0, 0]) { zip($0, $1).map { $0 + $1 } }
    }
    #expect(counts == [4_000, 4_000, 4_000, 4_000, 4_000])
    #expect(backends.count == 5)
  }

  /// One writes, four read: whoever is picked was eligible in one of the two states.
  @Test(arguments: BalancerPolicy.allCases)
  func `picks go on while the cache is written`(policy: BalancerPolicy) async {
    let backends = Backends(4, policy)
    nonisolated(unsafe) let view = backends.view
    let (up, down) = (up, down)
    let isEligible: @Sendable (Int, Int) -> Bool = { backend, version in
      backend == 0 || backend == 1 + version % 2
    }
    view.rewrite(version: 0, now: Instant(nanoseconds: 1), recheckAt: .distantFuture) {
      isEligible($0, 0) ? up : down
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for version in 1..<2_000 {
          view.rewrite(
            version: UInt64(version), now: Instant(nanoseconds: 1), recheckAt: .distantFuture
          ) { backend in
            isEligible(backend, version) ? up : down
          }
        }
      }
      for reader in 0..<3 {
        group.addTask {
          var random = Xoroshiro(seed: UInt64(reader))
          let request = PickRequest(
            tried: TriedBackends(), key: nil, now: Instant(nanoseconds: 1))
          for _ in 0..<2_000 {
            if case .backend(let backend) = policy.pick(view, request, random: &random) {
              #expect((0..<3).contains(backend))
            } else {
              Issue.record("nobody was picked")
            }
          }
        }
      }
    }
    withExtendedLifetime(backends) {}
  }
}
