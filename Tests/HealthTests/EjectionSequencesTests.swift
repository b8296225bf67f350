// Why this file exists: every short life of a pool of two or three is played beside a model of
// lists and dates, too plain to be wrong.
import Primitives
import Testing

@testable import Health

private enum Step: Equatable {
  case success(Int)
  case failure(Int)
  case tick
}

/// One backend as the model sees it.
private struct ModelBackend {
  var results: [(second: UInt64, failed: Bool)] = []
  var inRow = 0
  var isOnProbation = false
  var until = Instant(nanoseconds: 0)
  var ejections = 0
}

private struct Life {
  var backends: [ModelBackend]
  var now = Pool.second(0)
  var turnedDownAt: Instant?
  var random = Xoroshiro(seed: 1)
  var steps: [Step] = []
}

private final class Lives {
  let pool: Pool
  let tick: Double
  let steps: [Step]
  var problems: [String] = []
  var causes: Set<String> = []
  var played = 0

  init(_ pool: Pool, tick: Double) {
    self.pool = pool
    self.tick = tick
    steps = (0..<pool.count).flatMap { [Step.success($0), .failure($0)] } + [.tick]
  }

  func playAll(length: Int) {
    play(Life(backends: Array(repeating: ModelBackend(), count: pool.count)), left: length)
  }

  private func play(_ life: Life, left: Int) {
    if left == 0 || problems.count > 5 { return }
    let before = (0..<pool.words.count).map { pool.words[$0].load() }
    let turn = pool.turn.load()
    for step in steps {
      for index in before.indices { pool.words[index].store(before[index]) }
      pool.turn.store(turn)
      var life = life
      life.steps.append(step)
      pool.random = life.random
      take(step, &life)
      life.random = pool.random
      played += 1
      for index in 0..<pool.count {
        let isOut = life.backends[index].until > life.now
        check(pool.admits(index) == !isOut, "backend \(index) out: \(isOut)", life)
        if !isOut {
          check(pool.evidence(index).failuresInRow == life.backends[index].inRow, "in a row", life)
        }
      }
      play(life, left: left - 1)
    }
  }

  private func take(_ step: Step, _ life: inout Life) {
    switch step {
    case .tick:
      life.now = life.now + Duration(nanoseconds: Int64(tick * 1e9))
      pool.now = life.now
    case .success(let index): result(index, failed: false, &life)
    case .failure(let index): result(index, failed: true, &life)
    }
  }

  private func result(_ index: Int, failed: Bool, _ life: inout Life) {
    pool.now = life.now
    let verdict = pool.result(index, failed: failed)
    let cause = modelCause(index, failed: failed, &life)
    let expected = cause.map { modelVerdict(index, $0, &life) }
    switch (verdict, expected) {
    case (.ejected(let until, let inRow), .ejected(_, let modelInRow)):
      check(inRow == modelInRow, "in a row \(inRow)", life)
      let length = Double((until - life.now).nanoseconds) / 1e9
      let wanted = min(5 * Double(inRow), 12)
      let most = min(wanted * 1.1, 12) + 0.002
      check(length >= wanted * 0.9 - 0.001 && length <= most, "length \(length)", life)
      life.backends[index].until = until
      if let cause { causes.insert(cause.word) }
    default: check(verdict == expected, "\(String(describing: verdict))", life)
    }
  }

  private func modelCause(_ index: Int, failed: Bool, _ life: inout Life) -> EjectionCause? {
    let now = life.now
    if life.backends[index].until > now { return nil }
    let second = now.nanoseconds / 1_000_000_000
    life.backends[index].results.append((second, failed))
    let wasOnProbation = life.backends[index].isOnProbation
    life.backends[index].isOnProbation = failed && wasOnProbation
    life.backends[index].inRow = failed ? life.backends[index].inRow + 1 : 0
    if failed && wasOnProbation { return .failedOnReturn }
    if life.backends[index].inRow >= Int(pool.settings.consecutiveFailures) {
      return .consecutiveFailures
    }
    let recent = life.backends[index].results.filter { second - $0.second < 10 }
    let failures = recent.count { $0.failed }
    let isEnough = recent.count >= Int(pool.settings.minRequests)
    return isEnough && failures > 0 && failures * 2 >= recent.count ? .failureRate : nil
  }

  private func modelVerdict(
    _ index: Int, _ cause: EjectionCause, _ life: inout Life
  ) -> EjectionVerdict {
    let now = life.now
    if let turnedDownAt = life.turnedDownAt, now < turnedDownAt + .milliseconds(100) {
      return .later
    }
    let others = (0..<pool.count).filter { $0 != index }
    let out = others.filter { life.backends[$0].until > now }
    if out.count == others.count || out.count >= max(1, pool.count / 2) {
      life.turnedDownAt = now
      return out.count == others.count ? .lastEligible : .tooMany
    }
    var backend = life.backends[index]
    let clean = now - backend.until
    if clean > .zero { backend.ejections -= Int(clean.nanoseconds / 5_000_000_000) }
    backend.ejections = max(0, backend.ejections) + 1
    backend.results = []
    backend.inRow = 0
    backend.isOnProbation = true
    life.backends[index] = backend
    return .ejected(until: now, inRow: backend.ejections)
  }

  private func check(_ holds: Bool, _ what: String, _ life: Life) {
    if !holds { problems.append("\(what) after \(life.steps)") }
  }
}

@Suite struct EjectionSequencesTests {
  private func pool(_ count: Int, _ adjust: (inout PassiveSettings) -> Void) -> Pool {
    Pool(count) {
      $0.ejection = .seconds(5)
      $0.maxEjection = .seconds(12)
      adjust(&$0)
    }
  }

  @Test func `every life of seven steps of two backends with failures in a row`() {
    let pool = pool(2) {
      $0.consecutiveFailures = 2
      $0.minRequests = 100
    }
    let lives = Lives(pool, tick: 6)
    lives.playAll(length: 7)
    #expect(lives.problems == [])
    #expect(lives.played == 5 + 25 + 125 + 625 + 3_125 + 15_625 + 78_125)
    #expect(lives.causes == ["consecutive_failures", "failed_on_return"])
  }

  @Test func `every life of six steps of two backends with a rate`() {
    let pool = pool(2) {
      $0.consecutiveFailures = .max
      $0.minRequests = 2
    }
    let lives = Lives(pool, tick: 4)
    lives.playAll(length: 6)
    #expect(lives.problems == [])
    #expect(lives.causes == ["failure_rate", "failed_on_return"])
  }

  @Test func `every life of six steps of three backends, of whom one may be out`() {
    let pool = pool(3) {
      $0.consecutiveFailures = 1
      $0.minRequests = 100
    }
    let lives = Lives(pool, tick: 6)
    lives.playAll(length: 6)
    #expect(lives.problems == [])
  }
}
