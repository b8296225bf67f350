// Why this file exists: repeats are bounded to a share of the last ten seconds' requests and a
// floor.
import Primitives
import Testing

@testable import Forwarding

@Suite struct RetryBudgetTests {
  private func second(_ count: Int64) -> Instant {
    Instant(nanoseconds: 5_000_000_000_000) + .seconds(count)
  }

  private func drain(_ budget: RetryBudget, _ rule: RetryBudgetRule, at now: Instant) -> Int {
    var taken = 0
    while taken < 100_000 && budget.withdraw(rule, now: now) { taken += 1 }
    return taken
  }

  @Test func `a share of the requests can be repeated`() {
    let budget = RetryBudget.create()
    defer { budget.destroy() }
    for _ in 0..<1_000 { budget.deposit(now: second(0)) }
    let rule = RetryBudgetRule(partsPerMillion: 200_000, floor: 0)
    #expect(drain(budget, rule, at: second(0)) == 200)
  }

  @Test func `the floor holds without any request`() {
    let budget = RetryBudget.create()
    defer { budget.destroy() }
    #expect(
      drain(budget, RetryBudgetRule(partsPerMillion: 200_000, floor: 100), at: second(0)) == 100)
  }

  @Test func `deposits live for ten seconds`() {
    let budget = RetryBudget.create()
    defer { budget.destroy() }
    for _ in 0..<100 { budget.deposit(now: second(0)) }
    let rule = RetryBudgetRule(partsPerMillion: 100_000, floor: 0)
    #expect(budget.withdraw(rule, now: second(9)))
    #expect(!budget.withdraw(rule, now: second(10)))
  }

  @Test func `repeats come back into the budget after ten seconds`() {
    let budget = RetryBudget.create()
    defer { budget.destroy() }
    let rule = RetryBudgetRule(partsPerMillion: 0, floor: 10)
    #expect(drain(budget, rule, at: second(0)) == 10)
    #expect(drain(budget, rule, at: second(9)) == 0)
    #expect(drain(budget, rule, at: second(10)) == 10)
  }

  @Test func `the sum agrees with a plain list over a long random run`() {
    let budget = RetryBudget.create()
    defer { budget.destroy() }
    var random = Xoroshiro(seed: 42)
    let rule = RetryBudgetRule(partsPerMillion: 200_000, floor: 20)
    var requests: [Int64] = []
    var retries: [Int64] = []
    var at: Int64 = 0
    for _ in 0..<20_000 {
      if random.below(20) == 0 { at += Int64(random.below(4)) }
      requests.removeAll { at - $0 >= 10 }
      retries.removeAll { at - $0 >= 10 }
      if random.below(3) > 0 {
        budget.deposit(now: second(at))
        requests.append(at)
      } else {
        let allowed = retries.count < requests.count * 200 / 1_000 + 20
        #expect(budget.withdraw(rule, now: second(at)) == allowed)
        if allowed { retries.append(at) }
      }
    }
  }
}
