// Why this file exists: requests come at their rate whether or not those before have been answered:
// that is what makes a slow backend a problem, and a retry storm a storm.

import Configuration
import Glibc
import Primitives

/// The requests of one kind of clients.
final class Flow {
  unowned let play: Play
  let index: Int
  let plan: FlowConfiguration
  private let shapes: [RequestShape]
  private let weights: Int
  private var random: Xoroshiro
  private let end: Duration
  /// The callers that keep a connection, by their client: the last one first.
  private var idle: [Int: Caller] = [:]
  /// Every one that there is; as many as were ever needed at a time.
  private var callers: [Caller] = []
  private var spare: [Caller] = []

  init(_ play: Play, index: Int, _ plan: FlowConfiguration, seed: UInt64, length: Duration) {
    self.play = play
    self.index = index
    self.plan = plan
    shapes = plan.requests.map { RequestShape($0) }
    weights = shapes.reduce(0) { $0 + $1.weight }
    random = Xoroshiro(seed: seed)
    end = min(plan.until ?? length, length)
  }

  // MARK: Arrivals

  func begin() { play.at(plan.from, self) { $0.planNext() } }

  private func planNext() {
    let now = play.now
    var wait: Double
    switch plan.arrivals {
    case .even:
      let rate = plan.rate(at: now)
      // Nothing comes at present: it is looked again.
      wait = rate > 0.1 ? 1e9 / rate : 1e8
    case .random: wait = -log(random.part()) * 1e9 / max(plan.highestRate, 0.001)
    }
    wait = min(wait, 1e14)
    let next = now + Duration(nanoseconds: Int64(wait))
    if next >= end { return }
    play.at(next, self) { $0.isDue() }
  }

  private func isDue() {
    if isWanted() { send(Call(client: drawClient(), shape: drawShape(), repeatsLeft: repeats)) }
    planNext()
  }

  /// Arrivals come at the highest rate, and are thinned out to that of now.
  private func isWanted() -> Bool {
    if plan.stages.count == 1 { return true }
    let rate = plan.rate(at: play.now)
    switch plan.arrivals {
    case .even: return rate > 0.1
    case .random: return random.part() * plan.highestRate < rate
    }
  }

  private var repeats: Int { plan.repeats?.attempts ?? 0 }

  private func drawShape() -> Int {
    if shapes.count == 1 { return 0 }
    var place = Int(random.below(UInt64(weights)))
    for (index, shape) in shapes.enumerated() {
      place -= shape.weight
      if place < 0 { return index }
    }
    return 0
  }

  /// From 0. The n-th of many has about a n-th of the first one's share when numbers are drawn
  /// evenly on a logarithmic scale (Zipf's law with exponent 1).
  private func drawClient() -> Int {
    switch plan.spread {
    case .even: return Int(random.below(UInt64(plan.clients)))
    case .zipf: return min(plan.clients, Int(pow(Double(plan.clients + 1), random.part()))) - 1
    }
  }

  func shape(_ call: Call) -> RequestShape { shapes[call.shape] }

  // MARK: Sending

  func send(_ call: Call) {
    play.records.sent(flow: index, at: play.now, isRepeat: call.isRepeat)
    let caller: Caller
    if let known = idle[call.client] {
      idle[call.client] = known.nextIdle
      known.nextIdle = nil
      caller = known
    } else {
      caller = spare.popLast() ?? makeCaller()
    }
    caller.begin(call)
  }

  private func makeCaller() -> Caller {
    let caller = Caller(self)
    callers.append(caller)
    return caller
  }

  /// A caller has had its answer, and keeps its connection.
  func rests(_ caller: Caller, _ client: Int) {
    caller.nextIdle = idle[client]
    idle[client] = caller
  }

  /// Its connection ends while it rests.
  func leaves(_ caller: Caller, _ client: Int) {
    if idle[client] === caller {
      idle[client] = caller.nextIdle
    } else {
      var before = idle[client]
      while let one = before, one.nextIdle !== caller { before = one.nextIdle }
      before?.nextIdle = caller.nextIdle
    }
    caller.nextIdle = nil
  }

  func isFree(_ caller: Caller) { spare.append(caller) }

  /// A request is over.
  func ended(_ call: Call, _ ending: Ending) {
    play.records.ended(ending)
    guard ending.kind != .success, call.repeatsLeft > 0, let repeats = plan.repeats else { return }
    var wait = repeats.wait.nanoseconds
    if repeats.backsOff {
      wait = min(wait << Int64(min(call.repeated, 20)), 86_400_000_000_000)
      wait = wait / 2 + Int64(random.below(UInt64(wait / 2) + 1))
    }
    var again = call
    again.repeatsLeft -= 1
    again.repeated += 1
    if play.now + Duration(nanoseconds: wait) >= end { return }
    play.after(Duration(nanoseconds: wait)) { [unowned self] in send(again) }
  }
}

/// What one client asks once, repeats of its own included.
struct Call {
  var client: Int
  /// Of the flow's requests.
  var shape: Int
  var repeatsLeft: Int
  var repeated = 0
  var isRepeat: Bool { repeated > 0 }
}
