// Why this file exists: the loop as its owner knows it, with rounds that are played one after the
// other on the virtual clock instead of a thread that waits.

package import Primitives

/// A handle on an event loop. Copies name the same loop.
package struct Loop {
  let raw: UnsafeMutablePointer<LoopState>

  package static func create() throws(EventLoopError) -> Loop {
    let network = Network.current
    let raw = UnsafeMutablePointer<LoopState>.allocate(capacity: 1)
    raw.initialize(to: LoopState(number: network.pointee.loopNumber))
    network.pointee.loopNumber += 1
    raw.updateTime()
    return Loop(raw: raw)
  }

  package func updateTime() { raw.updateTime() }

  /// When this round began, in whole milliseconds.
  package var now: Instant { raw.pointee.now }

  package static func clock() -> Instant { Network.current.clock }

  /// How many handles are open, closing ones included.
  package var openHandles: Int { raw.pointee.handles }

  /// Lets the handles that were closed finish, then frees the loop. Gives how many nobody has
  /// closed.
  package func destroy() -> Int {
    for _ in 0..<8 where raw.pointee.handles > 0 { raw.finishClosing() }
    guard raw.pointee.handles == 0 else { return raw.pointee.handles }
    raw.end()
    return 0
  }

  /// Has the network run this loop's rounds although no thread does: for a control loop.
  package func drive() {
    raw.pointee.isDriven = true
    raw.planRound()
  }
}

/// The first thing in everything that a round looks at: where it stands in line.
struct ReadyMark {
  enum Kind: UInt8 {
    case stream, listener, wakeup
  }

  let kind: Kind
  /// Which of the loop's two lines, and the place in it; -1 = in none.
  var line: UInt8 = 0
  var place: Int32 = -1

  init(_ kind: Kind) { self.kind = kind }
}

typealias ReadyRef = UnsafeMutablePointer<ReadyMark>

/// What a round looks at.
struct ReadyLine {
  var entries: UnsafeMutablePointer<ReadyRef?>
  var capacity = 64
  var count = 0

  init() { entries = .allocate(capacity: 64) }

  mutating func append(_ mark: ReadyRef, line: UInt8) {
    if count == capacity {
      let larger = UnsafeMutablePointer<ReadyRef?>.allocate(capacity: 2 * capacity)
      larger.moveInitialize(from: entries, count: count)
      entries.deallocate()
      entries = larger
      capacity *= 2
    }
    entries[count] = mark
    mark.pointee.line = line
    mark.pointee.place = Int32(count)
    count += 1
  }

  func shuffle(_ random: inout Xoroshiro) {
    if count < 2 { return }
    for index in stride(from: count - 1, to: 0, by: -1) {
      let other = Int(random.below(UInt64(index + 1)))
      let entry = entries[index]
      entries[index] = entries[other]
      entries[other] = entry
    }
    for index in 0..<count { entries[index]?.pointee.place = Int32(index) }
  }
}

/// What was closed and waits for its owner to be told.
struct Closing {
  var target: UnsafeMutableRawPointer
  var end: (UnsafeMutableRawPointer) -> Void
}

struct LoopState {
  let number: UInt32
  /// nil: nobody runs it (yet, or any more).
  var thread: UnsafeMutablePointer<ThreadBox>?
  /// The control loop's: it is run without a thread.
  var isDriven = false
  var now = Instant(nanoseconds: 0)
  var hasRoundPlanned = false
  var busyUntil: UInt64 = 0
  var handles = 0
  var isOver = false
  var lines = (ReadyLine(), ReadyLine())
  /// The line that is filled; a round works through the other.
  var filling: UInt8 = 0
  var due: [UnsafeMutablePointer<TimerBox>] = []
  var tasks: [UnsafeMutablePointer<RoundTaskBox>] = []
  var closing: [Closing] = []

  init(number: UInt32) { self.number = number }
}

extension UnsafeMutablePointer<LoopState> {
  @inline(__always)
  private func line(_ index: UInt8) -> UnsafeMutablePointer<ReadyLine> {
    UnsafeMutableRawPointer(pointer(to: \.lines).unsafelyUnwrapped)
      .assumingMemoryBound(to: ReadyLine.self) + Int(index)
  }

  func updateTime() {
    let now = Network.current.pointee.now
    pointee.now = Instant(nanoseconds: now - now % 1_000_000)
  }

  /// The next round looks at it.
  func join(_ mark: ReadyRef) {
    if mark.pointee.place >= 0 { return }
    let filling = pointee.filling
    line(filling).pointee.append(mark, line: filling)
    planRound()
  }

  /// No round looks at it, also not the present one.
  func leave(_ mark: ReadyRef) {
    let place = Int(mark.pointee.place)
    if place < 0 { return }
    line(mark.pointee.line).pointee.entries[place] = nil
    mark.pointee.place = -1
  }

  /// There is something to do: has a round come soon.
  func planRound() {
    if pointee.hasRoundPlanned || (pointee.thread == nil && !pointee.isDriven) { return }
    pointee.hasRoundPlanned = true
    let network = Network.current
    let soon = network.pointee.now + network.draw(network.pointee.conditions.wakeDelay)
    let at = Swift.max(soon, pointee.busyUntil)
    network.plan(at: at, UnsafeMutableRawPointer(self), 0) { target, _ in
      target.assumingMemoryBound(to: LoopState.self).round()
    }
  }

  /// In the order in which libuv does things.
  private func round() {
    let network = Network.current
    pointee.hasRoundPlanned = false
    if pointee.isOver { return }
    network.note(.round, pointee.number, line(pointee.filling).pointee.count)
    takeTime(network)
    updateTime()
    fireTimers()
    for task in pointee.tasks where task.pointee.isStarted {
      task.pointee.onRound(task.pointee.owner)
    }
    lookAround(network)
    finishClosing()
    if pointee.handles == 0, let thread = pointee.thread {
      pointee.thread = nil
      return thread.loopEnded()
    }
    let hasWork =
      line(pointee.filling).pointee.count > 0 || !pointee.due.isEmpty || !pointee.closing.isEmpty
      || pointee.tasks.contains { $0.pointee.isStarted }
    if hasWork { planRound() }
  }

  private func takeTime(_ network: NetworkRef) {
    var cost = network.draw(network.pointee.conditions.roundCost)
    let stalls = network.pointee.conditions.stalls
    if stalls > 0, network.pointee.random.next() & 65_535 < stalls {
      cost += network.draw(network.pointee.conditions.stall)
    }
    pointee.busyUntil = network.pointee.now + cost
  }

  private func fireTimers() {
    if pointee.due.isEmpty { return }
    let due = pointee.due
    pointee.due.removeAll()
    for timer in due where timer.pointee.isDue {
      timer.pointee.isDue = false
      Network.current.note(.timer, pointee.number)
      timer.fire(pointee.now)
    }
  }

  /// What is ready, in an order that the seed decides.
  private func lookAround(_ network: NetworkRef) {
    let turn = line(pointee.filling)
    if turn.pointee.count == 0 { return }
    pointee.filling ^= 1
    turn.pointee.shuffle(&network.pointee.random)
    for index in 0..<turn.pointee.count {
      guard let mark = turn.pointee.entries[index] else { continue }
      mark.pointee.place = -1
      let raw = UnsafeMutableRawPointer(mark)
      switch mark.pointee.kind {
      case .stream: Stream.looked(raw.assumingMemoryBound(to: Stream.self))
      case .listener: raw.assumingMemoryBound(to: ListenerBox.self).looked()
      case .wakeup: raw.assumingMemoryBound(to: WakeupBox.self).looked()
      }
    }
    turn.pointee.count = 0
  }

  /// Calls `end` with the target at the end of a round, and counts one handle less.
  func close(
    _ target: UnsafeMutableRawPointer, _ end: @escaping (UnsafeMutableRawPointer) -> Void
  ) {
    pointee.closing.append(Closing(target: target, end: end))
    planRound()
  }

  func finishClosing() {
    if pointee.closing.isEmpty { return }
    let closing = pointee.closing
    pointee.closing = []
    for handle in closing {
      pointee.handles -= 1
      handle.end(handle.target)
    }
  }

  /// Nothing of it is called any more; its memory stays for what is planned.
  func end() {
    pointee.isOver = true
    Network.current.pointee.endedLoops.append(self)
  }

  func free() {
    line(0).pointee.entries.deallocate()
    line(1).pointee.entries.deallocate()
    deinitialize(count: 1)
    deallocate()
  }
}
