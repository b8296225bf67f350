// Why this file exists: every short life of a breaker is played, beside a model that is too plain
// to be wrong. What a reader would have to think of, the machine tries.
import Primitives
import Testing

@testable import CircuitBreaking

enum Step: CaseIterable { case admit, success, slowSuccess, failure, abort, tick }

/// Which of the permits in hand a result belongs to.
enum Order: CaseIterable { case oldestFirst, newestFirst }

struct Life {
  var model: BreakerModel
  var permits: [(real: BreakerPermit, model: ModelPermit)] = []
  var now = Bench.second(0)
  var random = Xoroshiro(seed: 1)
  var steps: [Step] = []
}

final class Lives {
  let words = SharedWords.allocate(count: Breaker.wordCount)
  let settings: BreakerSettings
  let steps: [Step]
  let order: Order
  let tick: Duration
  var played = 0
  var reached: Set<String> = []
  var problems: [String] = []

  init(_ settings: BreakerSettings, _ steps: [Step], _ order: Order, tick: Duration) {
    self.settings = settings
    self.steps = steps
    self.order = order
    self.tick = tick
  }
  deinit { words.deallocate() }

  var breaker: Breaker { Breaker(words: words[0]) }

  func playAll(length: Int) { play(Life(model: BreakerModel(settings)), left: length) }

  private func play(_ life: Life, left: Int) {
    if left == 0 || problems.count > 5 { return }
    let before = (0..<Breaker.wordCount).map { words[$0].load() }
    for step in steps {
      switch step {
      case .success, .slowSuccess, .failure, .abort:
        // Without a permit it would be the life without this step.
        if life.permits.isEmpty { continue }
      case .admit, .tick: break
      }
      for index in before.indices { words[index].store(before[index]) }
      var life = life
      life.steps.append(step)
      take(step, &life)
      compare(life)
      played += 1
      play(life, left: left - 1)
    }
  }

  private func take(_ step: Step, _ life: inout Life) {
    switch step {
    case .tick: life.now = life.now + tick
    case .admit:
      let real = breaker.acquire(now: life.now, settings)
      let (admitted, permit, change) = life.model.acquire(life.now)
      check(real.isAdmitted == admitted, "admitted", life)
      check(real.permit.isHeld == (permit != nil), "permit", life)
      check(real.permit.isTrial == (permit?.isTrial ?? false), "trial", life)
      check(real.transition == change, "\(String(describing: real.transition))", life)
      if let permit { life.permits.append((real.permit, permit)) }
    case .success: release(.success, slow: false, &life)
    case .slowSuccess: release(.success, slow: true, &life)
    case .failure: release(.failure, slow: false, &life)
    case .abort: release(.ignored, slow: false, &life)
    }
  }

  private func release(_ outcome: BreakerOutcome, slow: Bool, _ life: inout Life) {
    let at = order == .oldestFirst ? 0 : life.permits.count - 1
    var (permit, modelPermit) = life.permits.remove(at: at)
    let now = life.now
    let real = breaker.release(&permit, outcome, isSlow: slow, now: now, settings, &life.random)
    check(!permit.isHeld, "still held", life)
    let played = life
    let change = life.model.release(modelPermit, outcome, isSlow: slow, now) { least, most in
      let wait = (self.breaker.observe(now: now, self.settings).until ?? now) - now
      self.check(wait >= least && wait <= most, "wait \(wait)", played)
      return wait
    }
    check(real == change, "\(String(describing: real)) for \(String(describing: change))", life)
    if let change { reached.insert(change.cause.word) }
  }

  private func compare(_ life: Life) {
    let report = breaker.observe(now: life.now, settings)
    let model = life.model
    check(report.phase == model.phase, "phase \(report.phase), not \(model.phase)", life)
    if model.phase == .halfOpen {
      check(report.trialsTaken == model.taken, "taken", life)
      check(report.trialsSucceeded == model.succeeded, "succeeded", life)
      check(report.trialsTaken <= Int(settings.halfOpenRequests), "too many trials", life)
    }
    if model.phase == .closed {
      check(report.window == model.sums(life.now), "window \(report.window)", life)
      check(report.failuresInRow == model.failuresInRow, "in a row", life)
    }
    if model.phase == .open { check(report.tripsInRow == model.tripsInRow, "trips", life) }
  }

  private func check(_ holds: Bool, _ what: String, _ life: Life) {
    if !holds { problems.append("\(what) after \(life.steps)") }
  }
}

@Suite struct BreakerSequencesTests {
  private static let plain: [Step] = [.admit, .success, .failure, .abort, .tick]

  private static func settings(_ adjust: (inout BreakerSettings) -> Void) -> BreakerSettings {
    var settings = BreakerSettings()
    settings.open = .seconds(5)
    settings.maxOpen = .seconds(12)
    settings.consecutiveFailures = .max
    settings.failureMillionths = 1_000_001
    adjust(&settings)
    return settings
  }

  @Test(arguments: Order.allCases, [BreakerMode.enforce, .shadow])
  func `every life of eight steps with failures in a row`(order: Order, mode: BreakerMode) {
    let settings = Self.settings {
      $0.mode = mode
      $0.consecutiveFailures = 2
      $0.trialPatience = .seconds(9)
    }
    let lives = Lives(settings, Self.plain, order, tick: .seconds(6))
    lives.playAll(length: 8)
    #expect(lives.problems == [])
    #expect(lives.played > 10_000)
    #expect(lives.reached.contains("trials_succeeded"))
    #expect(lives.reached.contains("trial_failed"))
  }

  @Test(arguments: Order.allCases, [4, 6])
  func `every life of eight steps in which one failure trips, again and again`(
    order: Order, seconds: Int64
  ) {
    let settings = Self.settings { $0.consecutiveFailures = 1 }
    let lives = Lives(settings, Self.plain, order, tick: .seconds(seconds))
    lives.playAll(length: 8)
    #expect(lives.problems == [])
    #expect(lives.reached == ["consecutive_failures", "trial_failed", "trials_succeeded"])
  }

  @Test(arguments: Order.allCases)
  func `every life of eight steps with a rate and two trials`(order: Order) {
    let settings = Self.settings {
      $0.failureMillionths = 500_000
      $0.minRequests = 1
      $0.halfOpenRequests = 2
      $0.trialPatience = .seconds(14)
    }
    let lives = Lives(settings, Self.plain, order, tick: .seconds(6))
    lives.playAll(length: 8)
    #expect(lives.problems == [])
    #expect(lives.reached == ["failure_rate", "trial_failed", "trials_succeeded"])
  }

  @Test func `every life of eight steps in which a success may be what fills the window`() {
    let settings = Self.settings {
      $0.failureMillionths = 500_000
      $0.minRequests = 2
    }
    let lives = Lives(settings, Self.plain, .oldestFirst, tick: .seconds(6))
    lives.playAll(length: 8)
    #expect(lives.problems == [])
    #expect(lives.reached.contains("failure_rate"))
  }

  @Test func `every life of eight steps with slow calls`() {
    let settings = Self.settings {
      $0.slowMillionths = 500_000
      $0.minRequests = 1
      $0.halfOpenRequests = 2
    }
    let steps: [Step] = [.admit, .success, .slowSuccess, .failure, .tick]
    let lives = Lives(settings, steps, .oldestFirst, tick: .seconds(6))
    lives.playAll(length: 8)
    #expect(lives.problems == [])
    #expect(lives.reached.isSuperset(of: ["slow_call_rate", "trials_slow"]))
  }
}
