// Why this file exists: a balancer reads words that the whole process shares; tests make a small
// process of their own.
import Balancing
import Primitives
import Testing

/// One service and its shared words. Freed when the fixture goes.
final class Backends {
  let count: Int
  let policy: BalancerPolicy
  let weights: [UInt32]
  let sequence = SharedWord.allocate()
  let total = SharedWord.allocate()
  var random = Xoroshiro(seed: 1)
  var now = Instant(nanoseconds: 1_000_000_000)
  private let arena = Arena()
  let view: BackendView
  private let words: SharedWords
  private var standing: [BackendStanding]
  private var version: UInt64 = 0

  /// All eligible, idle and warm.
  /// - Parameter maxLoad: in millionths.
  init(
    _ count: Int, _ policy: BalancerPolicy = .roundRobin, weights: [UInt32] = [],
    labels: [String] = [], maximum: UInt64 = .max, maxLoad: UInt64? = nil,
    warmUp: Duration = .zero, seed: UInt64 = 1
  ) {
    self.count = count
    self.policy = policy
    self.weights = weights.isEmpty ? [UInt32](repeating: 1, count: count) : weights
    random = Xoroshiro(seed: seed)
    let words = SharedWords.allocate(count: 3 * count + 1)
    self.words = words
    standing = [BackendStanding](
      repeating: BackendStanding(isHealthy: true, admits: true), count: count)
    let names = labels.isEmpty ? Backends.labels(count) : labels
    let members = self.weights.enumerated().map { index, weight in
      BackendMember(
        label: Array(names[index].utf8), weight: weight, active: words[3 * index],
        latency: words[3 * index + 1], warmSince: words[3 * index + 2])
    }
    var settings = BalancerSettings(policy: policy)
    settings.maximum = maximum
    settings.maxLoad = maxLoad
    settings.warmUp = warmUp
    view = BackendView(members, settings, sequence: sequence, total: total, in: arena)
  }

  deinit {
    words.deallocate()
    sequence.deallocate()
    total.deallocate()
  }

  static func labels(_ count: Int) -> [String] { (0..<count).map { "10.0.0.\($0):9000" } }

  func pick(tried: [Int] = [], key: UInt64? = nil) -> Pick {
    var set = TriedBackends()
    for backend in tried { set.insert(backend) }
    return policy.pick(view, PickRequest(tried: set, key: key, now: now), random: &random)
  }

  /// The backend that is picked; a test that asks for one has one.
  func picked(tried: [Int] = [], key: UInt64? = nil) -> Int {
    if case .backend(let index) = pick(tried: tried, key: key) { return index }
    Issue.record("no backend")
    return 0
  }

  // MARK: States

  func setEligible(_ backend: Int, _ isEligible: Bool) {
    standing[backend] = BackendStanding(isHealthy: isEligible, admits: isEligible)
    look()
  }

  /// Its breaker is open.
  func refuse(_ backend: Int) {
    standing[backend] = BackendStanding(isHealthy: true, admits: false)
    look()
  }

  func setEligible(_ all: [Bool]) {
    standing = all.map { BackendStanding(isHealthy: $0, admits: $0) }
    look()
  }

  var eligible: [Bool] { standing.map { $0.isHealthy && $0.admits } }

  /// Writes the cache, as who picks does when something has changed.
  func look() {
    version += 1
    let standing = standing
    view.rewrite(version: version, now: now, recheckAt: .distantFuture) { standing[$0] }
  }

  // MARK: Words

  func setActive(_ backend: Int, _ requests: UInt64) { words[3 * backend].store(requests) }
  func active(_ backend: Int) -> UInt64 { words[3 * backend].load() }
  func latency(_ backend: Int) -> SharedWord { words[3 * backend + 1] }

  func begin(_ backend: Int) {
    words[3 * backend].add(1)
    total.add(1)
  }

  func end(_ backend: Int) {
    words[3 * backend].subtract(1)
    total.subtract(1)
  }

  /// The backend begins to warm up now.
  func warm(_ backend: Int) {
    words[3 * backend + 2].store(now.nanoseconds)
    look()
  }

  func pass(_ time: Duration) { now = now + time }
}

/// How far counts are from what is expected, and what is too far.
enum ChiSquare {
  /// - Parameter parts: in proportion to what is expected.
  static func statistic(_ counts: [Int], parts: [Double]) -> Double {
    let total = Double(counts.reduce(0, +))
    let sum = parts.reduce(0, +)
    return zip(counts, parts).reduce(0) { result, pair in
      let expected = total * pair.1 / sum
      let distance = Double(pair.0) - expected
      return result + distance * distance / expected
    }
  }

  /// Exceeded by chance once in a thousand times (Wilson and Hilferty's approximation).
  static func limit(_ freedom: Int) -> Double {
    let degrees = Double(freedom)
    let term = 1 - 2 / (9 * degrees) + 3.09 * (2 / (9 * degrees)).squareRoot()
    return degrees * term * term * term
  }

  static func fits(_ counts: [Int], _ parts: [Double]) -> Bool {
    statistic(counts, parts: parts) < limit(counts.count - 1)
  }

  static func fits(_ counts: [Int], weights: [UInt32]) -> Bool {
    fits(counts, weights.map { Double($0) })
  }
}

extension Backends {
  /// How often each is picked in so many picks, of requests that end at once.
  func counts(_ picks: Int, key: (Int) -> UInt64? = { _ in nil }) -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    for pick in 0..<picks { counts[picked(key: key(pick))] += 1 }
    return counts
  }

  /// The same with so many requests always in flight: each pick follows the end of one of them, at
  /// random.
  func counts(_ picks: Int, inFlight: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    var running: [Int] = []
    for _ in 0..<picks {
      if running.count == inFlight {
        let last = running.remove(at: Int(random.below(UInt64(inFlight))))
        end(last)
      }
      let backend = picked()
      begin(backend)
      running.append(backend)
      counts[backend] += 1
    }
    for backend in running { end(backend) }
    return counts
  }
}

extension Backends {
  /// As many as the range says, with weights from 1 to 5 and so many requests in flight; of
  /// `refusing` backends about one is not eligible.
  static func random(
    _ counts: ClosedRange<Int>, _ policy: BalancerPolicy, active: ClosedRange<UInt64>,
    refusing: UInt8? = nil, _ random: inout SplitMix64
  ) -> Backends {
    let count = Int.random(in: counts, using: &random)
    let weights = (0..<count).map { _ in UInt32.random(in: 1...5, using: &random) }
    let backends = Backends(count, policy, weights: weights, seed: random.next())
    for index in 0..<count {
      backends.setActive(index, UInt64.random(in: active, using: &random))
    }
    if let refusing {
      backends.setEligible(
        (0..<count).map { _ in UInt8.random(in: 0..<refusing, using: &random) > 0 })
    }
    return backends
  }

  var able: [Int] { (0..<count).filter { eligible[$0] } }
}

/// The probability of each backend when the second of two different ones, drawn by weight, is taken
/// if it is better.
func naive(
  _ able: [Int], isBetter: (Int, Int) -> Bool, weight: (Int) -> Double
) -> [Int: Double] {
  var parts: [Int: Double] = [:]
  let sum = able.reduce(0) { $0 + weight($1) }
  for first in able {
    for second in able where second != first {
      let chance = weight(first) / sum * weight(second) / (sum - weight(first))
      parts[isBetter(first, second) ? second : first, default: 0] += chance
    }
  }
  return parts
}

/// Four thousand picks fall as the probabilities say.
func expectFit(_ backends: Backends, _ parts: [Int: Double]) {
  let counts = backends.counts(4_000)
  let possible = parts.keys.sorted()
  #expect(possible.reduce(0) { $0 + counts[$1] } == 4_000)
  if possible.count < 2 { return }
  #expect(ChiSquare.fits(possible.map { counts[$0] }, possible.map { parts[$0] ?? 0 }))
}
