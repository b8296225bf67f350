// Why this file exists: deadlines are promises to clients. A timer never fires early and at most 20
// ms + 1 % late, and the wheel says exactly when it must be woken.
import Primitives
import Testing

/// Timers in stable memory, a wheel, and a clock that the test sets.
private final class Bench {
  var wheel: TimerWheel
  let nodes: UnsafeMutablePointer<TimerNode>
  let count: Int
  var now: Instant

  init(count: Int, now: Instant = Instant(nanoseconds: 5_000_000_000)) {
    self.now = now
    self.count = count
    wheel = TimerWheel.create(now: now)
    nodes = .allocate(capacity: count)
    for index in 0..<count {
      (nodes + index).initialize(
        to: TimerNode(owner: UnsafeMutableRawPointer(nodes + index), kind: UInt8(index & 255)))
    }
  }
  deinit {
    nodes.deallocate()
    wheel.destroy()
  }
  func arm(_ index: Int, after delay: Duration) {
    wheel.arm(nodes + index, at: now + delay, now: now)
  }
  func advance(to instant: Instant) -> [Int] {
    now = instant
    wheel.advance(to: instant)
    var fired: [Int] = []
    while let node = wheel.popExpired() { fired.append(node - nodes) }
    return fired.sorted()
  }
  /// Sleeps as a loop does: until the wheel asks to be woken. Gives who fired and when.
  func nextWake() -> Instant? { wheel.nextWake() }
  func popExpired() -> UnsafeMutablePointer<TimerNode>? { wheel.popExpired() }
  func sleepUntilSomethingFires() -> (fired: [Int], at: Instant, wakes: Int)? {
    var wakes = 0
    while let wake = wheel.nextWake() {
      wakes += 1
      let fired = advance(to: max(wake, now))
      if !fired.isEmpty { return (fired, now, wakes) }
    }
    return nil
  }
}

private func bound(_ delay: Duration) -> Duration {
  .milliseconds(20) + .nanoseconds(delay.nanoseconds / 100)
}

@Suite struct TimerWheelTests {
  @Test(arguments: [
    Duration.nanoseconds(0), .nanoseconds(1), .milliseconds(1), .milliseconds(4),
    .milliseconds(20), .milliseconds(250), .milliseconds(1_069), .seconds(1), .seconds(2),
    .seconds(5), .seconds(10), .seconds(30), .seconds(60), .seconds(75), .seconds(3_600),
    .seconds(86_400), .seconds(86_400 * 5), .seconds(86_400 * 30),
  ])
  func `one timer fires within its bound`(delay: Duration) throws {
    for offset: UInt64 in [0, 1, 999_999, 4_194_303, 4_194_304, 777_777_777] {
      let bench = Bench(count: 1, now: Instant(nanoseconds: 1_000_000_000_000 + offset))
      let deadline = bench.now + delay
      bench.arm(0, after: delay)
      let (fired, at, wakes) = try #require(bench.sleepUntilSomethingFires())
      #expect(fired == [0])
      #expect(at >= deadline)
      #expect(at - deadline <= bound(delay))
      // Only what lies beyond the last level is looked at on the way.
      #expect(wakes == 1 || delay > .seconds(86_400 * 6))
      #expect(bench.nextWake() == nil)
    }
  }

  @Test func `an idle wheel asks for nothing`() {
    let bench = Bench(count: 1)
    #expect(bench.nextWake() == nil)
    bench.arm(0, after: .seconds(5))
    #expect(bench.nextWake() != nil)
    bench.wheel.cancel(bench.nodes)
    #expect(bench.nextWake() == nil)
    #expect(bench.wheel.armedCount == 0)
  }

  @Test func `cancelling twice, or what was never armed, does nothing`() {
    let bench = Bench(count: 1)
    bench.wheel.cancel(bench.nodes)
    bench.arm(0, after: .seconds(1))
    bench.wheel.cancel(bench.nodes)
    bench.wheel.cancel(bench.nodes)
    #expect(bench.advance(to: bench.now + .seconds(10)) == [])
  }

  @Test func `a deadline in the past fires soon, but not inside arm`() throws {
    let bench = Bench(count: 1)
    bench.wheel.arm(bench.nodes, at: Instant(nanoseconds: 1), now: bench.now)
    let start = bench.now
    let (fired, at, _) = try #require(bench.sleepUntilSomethingFires())
    #expect(fired == [0])
    #expect(at - start <= .milliseconds(20))
  }

  @Test func `a deadline moved to later costs no slot and fires at the later time`() throws {
    let bench = Bench(count: 1)
    bench.arm(0, after: .seconds(1))
    let slot = bench.nodes.pointee.slot
    bench.arm(0, after: .seconds(60))
    #expect(bench.nodes.pointee.slot == slot)
    let deadline = bench.now + .seconds(60)
    let (fired, at, wakes) = try #require(bench.sleepUntilSomethingFires())
    #expect(fired == [0])
    #expect(at >= deadline)
    #expect(at - deadline <= bound(.seconds(60)))
    #expect(wakes == 2)
  }

  @Test func `a deadline moved to earlier fires at the earlier time`() throws {
    let bench = Bench(count: 1)
    bench.arm(0, after: .seconds(3_600))
    bench.arm(0, after: .milliseconds(100))
    let deadline = bench.now + .milliseconds(100)
    let (fired, at, _) = try #require(bench.sleepUntilSomethingFires())
    #expect(fired == [0])
    #expect(at >= deadline && at - deadline <= bound(.milliseconds(100)))
  }

  @Test func `later, then earlier than that but after the old slot, stays right`() throws {
    let bench = Bench(count: 1)
    bench.arm(0, after: .seconds(1))
    bench.arm(0, after: .seconds(100))
    bench.arm(0, after: .seconds(10))
    let deadline = bench.now + .seconds(10)
    let (_, at, _) = try #require(bench.sleepUntilSomethingFires())
    #expect(at >= deadline && at - deadline <= bound(.seconds(10)))
  }

  @Test func `an armed timer without end never fires and can be armed again`() throws {
    let bench = Bench(count: 1)
    bench.arm(0, after: .seconds(1))
    bench.wheel.arm(bench.nodes, at: .distantFuture, now: bench.now)
    #expect(bench.advance(to: bench.now + .seconds(86_400 * 400)) == [])
    bench.arm(0, after: .seconds(2))
    let deadline = bench.now + .seconds(2)
    let (fired, at, _) = try #require(bench.sleepUntilSomethingFires())
    #expect(fired == [0])
    #expect(at >= deadline && at - deadline <= bound(.seconds(2)))
  }

  @Test func `after hours without a wake distances are measured from now`() throws {
    let bench = Bench(count: 1)
    bench.now = bench.now + .seconds(7 * 3_600)
    let deadline = bench.now + .seconds(1)
    bench.arm(0, after: .seconds(1))
    let (_, at, _) = try #require(bench.sleepUntilSomethingFires())
    #expect(at - deadline <= bound(.seconds(1)))
  }

  @Test func `arming again inside expiry fires again later, not in the same round`() {
    let bench = Bench(count: 1)
    bench.arm(0, after: .milliseconds(10))
    bench.now = bench.now + .milliseconds(50)
    bench.wheel.advance(to: bench.now)
    #expect(bench.popExpired() == bench.nodes)
    bench.wheel.arm(bench.nodes, at: bench.now, now: bench.now)
    #expect(bench.popExpired() == nil)
    #expect(bench.advance(to: bench.now + .milliseconds(20)) == [0])
  }

  @Test func `inside expiry the others due may be cancelled or moved`() throws {
    let bench = Bench(count: 3)
    for index in 0..<3 { bench.arm(index, after: .milliseconds(10)) }
    bench.now = bench.now + .milliseconds(50)
    bench.wheel.advance(to: bench.now)
    let first = try #require(bench.popExpired())
    var others = [0, 1, 2].map { bench.nodes + $0 }.filter { $0 != first }
    let cancelled = others.removeFirst()
    let moved = others.removeFirst()
    bench.wheel.cancel(cancelled)
    bench.wheel.arm(moved, at: bench.now + .seconds(3), now: bench.now)
    #expect(bench.popExpired() == nil)
    let deadline = bench.now + .seconds(3)
    let (fired, at, _) = try #require(bench.sleepUntilSomethingFires())
    #expect(fired == [moved - bench.nodes])
    #expect(at >= deadline && at - deadline <= bound(.seconds(3)))
    #expect(bench.nextWake() == nil)
  }

  @Test func `what is due and not popped asks for a wake at once`() {
    let bench = Bench(count: 2)
    bench.arm(0, after: .milliseconds(10))
    bench.arm(1, after: .milliseconds(10))
    bench.now = bench.now + .milliseconds(50)
    bench.wheel.advance(to: bench.now)
    #expect(bench.popExpired() != nil)
    #expect(bench.nextWake() == bench.now)
  }

  @Test func `owner and kind come back untouched`() throws {
    let bench = Bench(count: 3)
    bench.arm(2, after: .seconds(1))
    bench.wheel.advance(to: bench.now + .seconds(2))
    let node = try #require(bench.popExpired())
    #expect(node.pointee.kind == 2)
    #expect(node.pointee.owner == UnsafeMutableRawPointer(bench.nodes + 2))
  }

  @Test func `the clock standing still or stepping back changes nothing`() {
    let bench = Bench(count: 1)
    bench.arm(0, after: .seconds(1))
    let later = bench.now + .milliseconds(500)
    #expect(bench.advance(to: later) == [])
    #expect(bench.advance(to: later) == [])
    bench.wheel.advance(to: Instant(nanoseconds: 1))
    #expect(bench.popExpired() == nil)
    #expect(bench.wheel.now == later)
  }
}

/// A naive wheel: a list of deadlines.
@Suite struct TimerWheelModelTests {
  private func delay(_ random: inout SplitMix64) -> Duration {
    switch random.next() % 6 {
    case 0: .nanoseconds(Int64(random.next() % 3_000_000))
    case 1: .milliseconds(Int64(random.next() % 300))
    case 2: .milliseconds(Int64(random.next() % 30_000))
    case 3: .seconds(Int64(random.next() % 4_000))
    case 4: .seconds(Int64(random.next() % 900_000))
    default: .zero
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func `random arming, moving and cancelling keeps every promise`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let bench = Bench(count: 40)
    // Per armed timer: its deadline and the delay it was given last.
    var model: [Int: (deadline: Instant, delay: Duration)] = [:]
    func rearm(_ index: Int) {
      let delay = self.delay(&random)
      bench.arm(index, after: delay)
      model[index] = (bench.now + delay, delay)
    }
    func check(_ fired: Int) throws {
      let promise = try #require(model[fired])
      model[fired] = nil
      #expect(promise.deadline <= bench.now, "fired early")
    }
    for _ in 0..<6_000 {
      let index = Int(random.next() % 40)
      switch random.next() % 8 {
      case 0...3: rearm(index)
      case 4:
        bench.wheel.cancel(bench.nodes + index)
        model[index] = nil
      default:
        // Sleeps until the wheel asks, or until some event before that.
        guard let wake = bench.nextWake() else { continue }
        var target = max(wake, bench.now)
        if random.next() % 2 == 0, let span = UInt64(exactly: (target - bench.now).nanoseconds) {
          target = bench.now + .nanoseconds(Int64(random.next() % (span + 1)))
        }
        bench.now = target
        bench.wheel.advance(to: target)
        var rounds = 0
        while let node = bench.popExpired() {
          rounds += 1
          try #require(rounds < 1_000)
          try check(node - bench.nodes)
          if random.next() % 3 == 0 { rearm(node - bench.nodes) }
          if random.next() % 5 == 0 { rearm(Int(random.next() % 40)) }
          if random.next() % 5 == 0 {
            let other = Int(random.next() % 40)
            bench.wheel.cancel(bench.nodes + other)
            model[other] = nil
          }
        }
      }
      // Woken whenever asked, nobody waits longer than promised: the wheel's wish says so.
      #expect(bench.wheel.armedCount == model.count)
      let wake = bench.nextWake()
      #expect((wake == nil) == model.isEmpty)
      for (_, promise) in model {
        let wake = try #require(wake)
        #expect(wake <= max(promise.deadline, bench.now) + bound(promise.delay))
      }
    }
  }
}
