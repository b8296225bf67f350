// Why this file exists: every backend has its turn, whoever is missing.
import Balancing
import Primitives
import Testing

@Suite struct RoundRobinTests {
  @Test func `an empty list gives no pick and divides by nothing (regression 11)`() {
    let backends = Backends(0)
    #expect(backends.pick() == .noBackend)
    #expect(backends.pick(tried: [1]) == .noBackend)
    #expect(backends.sequence.load() == 0)
  }

  @Test func `each backend has its turn`() {
    let backends = Backends(3)
    let picks = (0..<7).map { _ in backends.pick() }
    #expect(picks == [0, 1, 2, 0, 1, 2, 0].map { .backend($0) })
    #expect(backends.sequence.load() == 7)
  }

  @Test func `a turn that falls on an unusable backend passes to the next`() {
    let backends = Backends(4)
    backends.setUsable(1, false)
    backends.setUsable(2, false)
    let picks = (0..<8).map { _ in backends.pick() }
    #expect(picks == [0, 3, 3, 3, 0, 3, 3, 3].map { .backend($0) })
  }

  @Test func `the last one's turn passes to the first`() {
    let backends = Backends(3)
    backends.setUsable(2, false)
    #expect((0..<3).map { _ in backends.pick() } == [0, 1, 0].map { .backend($0) })
  }

  @Test func `a backend at its maximum is passed by`() {
    let backends = Backends(3)
    backends.maximum = 2
    backends.setActive(0, 2)
    backends.setActive(1, 1)
    #expect((0..<3).map { _ in backends.pick() } == [1, 1, 2].map { .backend($0) })
  }

  @Test func `why nothing could be picked is told`() {
    let backends = Backends(2)
    backends.maximum = 1
    backends.setActive(0, 1)
    backends.setActive(1, 1)
    #expect(backends.pick() == .allFull)
    backends.setUsable(0, false)
    #expect(backends.pick() == .allFull)
    backends.setUsable(1, false)
    #expect(backends.pick() == .allUnusable)
  }

  @Test func `a repeat goes to none that was tried while another is eligible`() {
    let backends = Backends(3)
    for _ in 0..<9 {
      #expect(backends.pick(tried: [0]) != .backend(0))
      #expect(backends.pick(tried: [0, 2]) == .backend(1))
    }
  }

  @Test func `a repeat takes no turn of its own`() {
    let backends = Backends(3)
    #expect(backends.pick() == .backend(0))
    #expect(backends.pick(tried: [0]) == .backend(1))
    #expect(backends.pick(tried: [0, 1]) == .backend(2))
    #expect(backends.pick(tried: [0, 1, 2]) == .backend(1))
    #expect(backends.pick() == .backend(1))
    #expect(backends.sequence.load() == 2)
  }

  @Test func `when all were tried, or the rest cannot, a tried one is better than none`() {
    let backends = Backends(2)
    guard case .backend = backends.pick(tried: [0, 1]) else {
      Issue.record("no backend")
      return
    }
    backends.setUsable(1, false)
    #expect(backends.pick(tried: [0]) == .backend(0))
    #expect(backends.pick(tried: [0, 1]) == .backend(0))
    backends.setUsable(0, false)
    #expect(backends.pick(tried: [0]) == .allUnusable)
  }

  @Test func `the sequence may wrap`() {
    let backends = Backends(3)
    backends.sequence.store(.max - 1)
    for _ in 0..<5 {
      guard case .backend(let index) = backends.pick() else {
        Issue.record("no backend")
        return
      }
      #expect((0..<3).contains(index))
    }
  }

  @Test func `a thousand backends share alike`() {
    let backends = Backends(1_000)
    var counts = [Int](repeating: 0, count: 1_000)
    for _ in 0..<5_000 {
      if case .backend(let index) = backends.pick() { counts[index] += 1 }
    }
    #expect(counts.allSatisfy { $0 == 5 })
  }

  /// Against the rule written down plainly.
  @Test func `random states agree with the naive reading`() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<3_000 {
      let count = Int.random(in: 0...150, using: &random)
      let backends = Backends(count)
      backends.maximum = Bool.random(using: &random) ? .max : 2
      let share = Int.random(in: 0...100, using: &random)
      var usable: [Bool] = []
      var active: [UInt64] = []
      for index in 0..<count {
        usable.append(Int.random(in: 0..<100, using: &random) < share)
        active.append(UInt64.random(in: 0...3, using: &random))
        backends.setUsable(index, usable[index])
        backends.setActive(index, active[index])
      }
      let triedCount = count == 0 ? 0 : Int.random(in: 0...3, using: &random)
      let tried = (0..<triedCount).map { _ in Int.random(in: 0..<count, using: &random) }
      let turn = UInt64.random(in: 0...1_000, using: &random)
      backends.sequence.store(turn)
      func first(_ turn: UInt64, _ isEligible: (Int) -> Bool) -> Int? {
        (0..<count).map { (Int(turn % UInt64(count)) + $0) % count }.first(where: isEligible)
      }
      func canTake(_ index: Int) -> Bool { usable[index] && active[index] < backends.maximum }
      let expected: Pick
      if count == 0 {
        expected = .noBackend
      } else if let index = first(turn, { canTake($0) && !tried.contains($0) }) {
        expected = .backend(index)
      } else if !tried.isEmpty, let index = first(turn, canTake) {
        expected = .backend(index)
      } else {
        expected = usable.contains(true) ? .allFull : .allUnusable
      }
      #expect(backends.pick(tried: tried) == expected)
    }
  }
}
