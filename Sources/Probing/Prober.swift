// Why this file exists: one prober for the whole process, on the control loop: each backend is
// probed once an interval however many workers there are, and all workers see the same result.

package import EventLoop
import Health
import Primitives

/// Probes backends and tells what came of it. Everything here is for the loop's thread.
package final class Prober {
  package typealias OnResult = (ProbeResult) -> Void

  /// Probes under way at once. Each takes a descriptor, and a thousand backends that all hang may
  /// not take a thousand.
  package static let defaultPlaces = 64

  let loop: Loop
  let userAgent: String
  var random: Xoroshiro
  private let places: Int
  private let onResult: OnResult
  private var watched: [ProbeTarget.Identity: WatchedBackend] = [:]
  /// Who is watched, in the order in which they were named.
  private var order: [ProbeTarget.Identity] = []
  /// Where the golden ratio has come to; see `ProbeSchedule.first`.
  private var nextPlace: UInt64 = 0
  private let offset: UInt64
  private(set) var answering: ProbeLane
  private(set) var hanging: ProbeLane
  /// Connections that have a verdict and wait for the backend's end, oldest first.
  private(set) var lingering: [ProbeConnection] = []
  /// Connections between two probes.
  private var spare: [ProbeConnection] = []
  private var isStopped = false

  /// - Parameter userAgent: of the requests; says that they are probes, and whose.
  /// - Parameter seed: from the system, so that no two gateways probe in step.
  package init(
    _ loop: Loop, userAgent: String, seed: UInt64, places: Int = Prober.defaultPlaces,
    onResult: @escaping OnResult
  ) {
    precondition(places > 0)
    self.loop = loop
    self.userAgent = userAgent
    self.places = places
    self.onResult = onResult
    random = Xoroshiro(seed: seed)
    offset = random.next()
    answering = ProbeLane(places: places)
    hanging = ProbeLane(places: places)
  }

  // MARK: What is watched

  /// Watches these and no others from now on. A backend that was watched before keeps its state and
  /// its turn; one that is new is probed within a second; one that is not in the list any more is
  /// not probed again, and a probe of it that is under way has no result.
  package func watch(_ targets: [ProbeTarget]) {
    precondition(!isStopped)
    let now = Loop.clock()
    var kept: [ProbeTarget.Identity: WatchedBackend] = [:]
    var keptOrder: [ProbeTarget.Identity] = []
    for target in targets where kept[target.identity] == nil {
      keptOrder.append(target.identity)
      if let known = watched.removeValue(forKey: target.identity) {
        if known.target != target { known.update(target, soon: firstTurn(target, now)) }
        kept[target.identity] = known
      } else {
        kept[target.identity] = WatchedBackend(
          target, prober: self, due: firstTurn(target, now))
      }
    }
    // In their order, which does not depend on hashes: a simulation of it can be repeated.
    for identity in order { watched[identity]?.stop() }
    watched = kept
    order = keptOrder
  }

  private func firstTurn(_ target: ProbeTarget, _ now: Instant) -> Instant {
    defer { nextPlace += 1 }
    return target.check.schedule.first(now: now, place: nextPlace, offset: offset)
  }

  /// Nil for a backend that is not watched.
  package func report(_ identity: ProbeTarget.Identity) -> ProbeReport? {
    watched[identity]?.report
  }

  /// Ends everything; the loop's next rounds finish it. No result comes any more.
  package func stop() {
    guard !isStopped else { return }
    watch([])
    isStopped = true
    answering.clear()
    hanging.clear()
    for connection in lingering { connection.close() }
    for connection in spare { connection.retire() }
    lingering.removeAll()
    spare.removeAll()
  }

  // MARK: Turns and places

  func isDue(_ backend: WatchedBackend) {
    if backend.takesAllTime { hanging.join(backend) } else { answering.join(backend) }
    admit()
  }

  /// Gives free places to those in line.
  private func admit() {
    while answering.held + hanging.held < places {
      if let backend = answering.admit() {
        begin(backend, isHanging: false)
      } else if let backend = hanging.admit() {
        begin(backend, isHanging: true)
      } else {
        break
      }
    }
    // The politeness of waiting for a backend's end goes as far as nobody waits for the place.
    lingering.first { isPlaceWanted(isHanging: $0.isHanging) }?.close()
  }

  private func begin(_ backend: WatchedBackend, isHanging: Bool) {
    let connection = spare.popLast() ?? ProbeConnection(self)
    backend.begin(connection)
    connection.begin(backend, isHanging: isHanging)
  }

  /// Somebody waits for a place who could have this one.
  func isPlaceWanted(isHanging: Bool) -> Bool {
    let isFull = answering.held + hanging.held == places
    return isHanging
      ? !hanging.isEmpty || isFull && !answering.isEmpty
      : !answering.isEmpty || isFull && !hanging.isEmpty
  }

  // MARK: What connections tell

  func ended(
    _ backend: WatchedBackend, _ verdict: ProbeVerdict, begun: Instant, now: Instant
  ) {
    let flipped = backend.ended(verdict, begun: begun, now: now)
    onResult(
      ProbeResult(
        identity: backend.target.identity, verdict: verdict, flipped: flipped,
        isUp: backend.record.isUp, at: now))
  }

  func lingers(_ connection: ProbeConnection) { lingering.append(connection) }

  func lingersNoMore(_ connection: ProbeConnection) {
    lingering.removeAll { $0 === connection }
  }

  /// The connection's descriptor is free again.
  func closed(_ connection: ProbeConnection) {
    if connection.isHanging { hanging.giveBack() } else { answering.giveBack() }
    if isStopped { return connection.retire() }
    spare.append(connection)
    admit()
  }
}
