// Why this file exists: one virtual machine room: its clock, what will happen next, and every
// choice that is not the gateway's own, drawn from one seed. The loops and the sockets of the
// other files are parts of it.

package import Primitives

/// At a fixed address; the one that is in use is `Network.current`.
package struct Network {
  /// Nanoseconds on the virtual clock.
  package internal(set) var now: UInt64
  fileprivate var sequence: UInt64 = 0
  fileprivate var heap = EventHeap()
  /// What decides about orders, delays and sizes on the way.
  package var random: Xoroshiro
  package var conditions = NetworkConditions()

  /// Events so far.
  package fileprivate(set) var steps: UInt64 = 0
  /// Of everything that was decided: equal for equal runs.
  package fileprivate(set) var trace: UInt64 = 0
  fileprivate var decisions: UnsafeMutablePointer<Decision>
  fileprivate var decided: UInt64 = 0

  var links: Slab<Link>
  var linkNumber: UInt32 = 0
  var loopNumber: UInt32 = 0
  /// Loops that are over; what was planned for them may still come.
  var endedLoops: [UnsafeMutablePointer<LoopState>] = []
  var threadNumber: UInt32 = 0
  /// The last that the gateway has connected from.
  var portNumber: UInt16 = 1024
  var doors: [Endpoint: Door] = [:]
  /// In the order of the listeners' opening.
  var accepting: [Endpoint: [UnsafeMutablePointer<ListenerBox>]] = [:]
  var spareTimers: [UnsafeMutablePointer<TimerBox>] = []
  var fileNumber: Int32 = 2
  /// Files of the gateway that are open.
  package internal(set) var files = 0
  /// Sockets of the gateway that are open.
  package internal(set) var descriptors = 0

  /// Called with the number of a thread when its loop has ended, while its memory is still there.
  package var onLoopEnds: ((UInt32) -> Void)?
  /// What the gateway writes to a file.
  package var onWrite: ((UnsafeRawBufferPointer) -> Void)?
  /// Called after each event that somebody waits through (see `goOn`).
  package var onStepWithin: (() -> Void)?

  static let keptDecisions: UInt64 = 64

  /// The one whose clock and sockets the gateway of this process finds. One at a time.
  package nonisolated(unsafe) static var current: NetworkRef = UnsafeMutablePointer.allocate(
    capacity: 1)

  /// Makes a network and puts it to use.
  package static func create(seed: UInt64, now: UInt64) -> NetworkRef {
    let network = NetworkRef.allocate(capacity: 1)
    network.initialize(
      to: Network(
        now: now, random: Xoroshiro(seed: seed),
        decisions: .allocate(capacity: Int(keptDecisions)),
        links: .reserve(capacity: 1 << 20)))
    current = network
    return network
  }
}

package typealias NetworkRef = UnsafeMutablePointer<Network>

/// How the wires and the machine behave. Times in nanoseconds.
package struct NetworkConditions: Equatable, Sendable {
  /// One way, of a link; drawn for each.
  package var latency: ClosedRange<UInt64> = 20_000...200_000
  /// How bytes come: of 256 links so many byte by byte, so many in pieces; the others whole.
  package var bytewise: UInt64 = 4
  package var piecewise: UInt64 = 64
  /// Bytes that a socket takes before its peer has any, and that wait for the peer to read.
  package var buffers: ClosedRange<UInt64> = 4_096...262_144
  /// From readiness to the loop's round.
  package var wakeDelay: ClosedRange<UInt64> = 1_000...20_000
  /// What a round takes of its thread's time.
  package var roundCost: ClosedRange<UInt64> = 0...20_000
  /// Of 65,536 rounds so many are followed by a stall.
  package var stalls: UInt64 = 0
  package var stall: ClosedRange<UInt64> = 1_000_000...80_000_000
  /// Sockets that the gateway may have open.
  package var descriptors = Int.max
  /// Of 256 resets so many come before bytes that were sent earlier.
  package var overtakingResets: UInt64 = 128

  package init() {}
}

/// One thing that happened, for who looks for the cause.
package struct Decision: Sendable {
  package enum Kind: UInt8, Sendable {
    case round, timer, delivery, fin, reset, connect, refused, lost, accept, thread, call
  }

  package var time: UInt64
  package var kind: Kind
  /// Of a link, a loop or whatever it is of.
  package var subject: UInt32
  package var amount: UInt32

  /// For people.
  package var text: String {
    let what: String
    switch kind {
    case .round: what = "round of loop \(subject), \(amount) ready"
    case .timer: what = "timer of loop \(subject)"
    case .delivery: what = "\(amount) bytes on link \(link)"
    case .fin: what = "end on link \(link)"
    case .reset: what = "reset on link \(link)"
    case .connect: what = "link \(subject) is made"
    case .refused: what = "link \(subject) is refused"
    case .lost: what = "lost on link \(subject)"
    case .accept: what = "link \(subject) is accepted"
    case .thread: what = "thread \(subject)"
    case .call: what = "\(subject): \(amount)"
    }
    return "\(time / 1000) µs: \(what)"
  }

  private var link: String { "\(subject >> 1) \(subject & 1 == 0 ? "forth" : "back")" }
}

extension NetworkRef {
  package var clock: Instant { Instant(nanoseconds: pointee.now) }

  // MARK: Events

  /// Has `happen` called with these at an instant, not before the present one.
  func plan(
    at time: UInt64, _ target: UnsafeMutableRawPointer, _ argument: UInt64,
    _ happen: @escaping Event.Happen
  ) {
    pointee.sequence &+= 1
    pointee.heap.push(
      Event(
        time: max(time, pointee.now), sequence: pointee.sequence, happen: happen, target: target,
        argument: argument))
  }

  /// The same for the world around the network.
  package func schedule(
    at time: Instant, _ target: UnsafeMutableRawPointer, _ argument: UInt64,
    _ happen: @escaping @convention(c) (UnsafeMutableRawPointer, UInt64) -> Void
  ) {
    plan(at: time.nanoseconds, target, argument, happen)
  }

  /// Lets the next event happen. False when there is none.
  package func step() -> Bool {
    if pointee.heap.count == 0 { return false }
    let event = pointee.heap.pop()
    pointee.now = event.time
    pointee.steps &+= 1
    event.happen(event.target, event.argument)
    return true
  }

  /// When the next event is.
  package var nextTime: Instant {
    pointee.heap.count == 0 ? .distantFuture : Instant(nanoseconds: pointee.heap.nextTime)
  }

  /// Goes on until it is so, or nothing happens any more, or the instant has come.
  func goOn(until end: UInt64 = .max, _ isSo: () -> Bool) {
    while !isSo(), nextTime.nanoseconds <= end, step() { pointee.onStepWithin?() }
  }

  // MARK: Choices

  @inline(__always)
  func draw(_ range: ClosedRange<UInt64>) -> UInt64 {
    let width = range.upperBound - range.lowerBound
    return width == 0 ? range.lowerBound : range.lowerBound + pointee.random.below(width + 1)
  }

  /// True in so many of 256 cases.
  @inline(__always)
  func happens(_ share: UInt64) -> Bool { share != 0 && pointee.random.next() & 255 < share }

  // MARK: Looking back

  @inline(__always)
  func note(_ kind: Decision.Kind, _ subject: UInt32, _ amount: Int = 0) {
    let amount = UInt32(truncatingIfNeeded: amount)
    let place = Int(pointee.decided % Network.keptDecisions)
    pointee.decisions[place] = Decision(
      time: pointee.now, kind: kind, subject: subject, amount: amount)
    pointee.decided &+= 1
    let word = UInt64(kind.rawValue) << 56 ^ UInt64(subject) << 24 ^ UInt64(amount)
    pointee.trace = SplitMix64.mix(pointee.trace ^ word) &+ pointee.now
  }

  /// Something of the world around the network, told with the others.
  package func noteCall(_ subject: UInt32, _ amount: Int) { note(.call, subject, amount) }

  /// The last ones, oldest first.
  package var lastDecisions: [Decision] {
    let count = min(pointee.decided, Network.keptDecisions)
    return (pointee.decided - count..<pointee.decided).map {
      pointee.decisions[Int($0 % Network.keptDecisions)]
    }
  }

  /// Gives all memory back; nothing of it may be used any more.
  package func destroy() {
    for index in 0..<pointee.links.touched {
      pointee.links.pointer(at: index).pointee.freeBuffers()
    }
    pointee.links.destroy()
    for loop in pointee.endedLoops { loop.free() }
    for timer in pointee.spareTimers { timer.deallocate() }
    pointee.heap.destroy()
    pointee.decisions.deallocate()
    deinitialize(count: 1)
    deallocate()
  }
}
