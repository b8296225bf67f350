// Why this file exists: every wait of the scenarios is a condition with a deadline, never a pause
// of fixed length, so that a slow machine makes a test slow and not red.

import Glibc

/// A point on the monotonic clock by which something must have happened.
struct Deadline: Sendable {
  let nanoseconds: UInt64

  static func after(_ seconds: Double = 10) -> Deadline {
    Deadline(nanoseconds: monotonicNow() + UInt64(seconds * 1e9))
  }

  var hasPassed: Bool { monotonicNow() >= nanoseconds }

  /// What is left, rounded up, as poll(2) wants it.
  var milliseconds: Int32 {
    let now = monotonicNow()
    guard nanoseconds > now else { return 0 }
    return Int32(min((nanoseconds - now) / 1_000_000 + 1, 60_000))
  }
}

func monotonicNow() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A condition that did not become true in time, or a peer that did something else.
struct ScenarioFailure: Error, CustomStringConvertible {
  let what: String
  var line: UInt
  var details = ""

  init(_ what: String, line: UInt) {
    self.what = what
    self.line = line
  }

  var description: String { "line \(line): \(what)" + (details.isEmpty ? "" : "\n" + details) }
}

/// Asks again every few milliseconds until the condition holds; throws at the deadline.
func eventually(
  _ what: String, within seconds: Double = 10, line: UInt = #line,
  _ condition: () throws -> Bool
) throws {
  let deadline = Deadline.after(seconds)
  while try !condition() {
    if deadline.hasPassed { throw ScenarioFailure("not in time: \(what)", line: line) }
    poll(nil, 0, 3)
  }
}

/// The test came later than the gateway waits for anybody, and has seen nothing.
struct TooLate: Error {}

/// Plays a scenario, with a gateway of its own, until the test is not too late in it.
func untilInTime(_ scenario: () throws -> Void) throws {
  for _ in 0..<4 {
    do { return try scenario() } catch is TooLate {}
  }
  try scenario()
}

/// An idle client has a second for one more request once its gateway stops; a little less of it, in
/// nanoseconds.
let idleSecond: UInt64 = 900_000_000

extension Wire {
  /// One more request of a client that was idle when the gateway was told to let it go, not before
  /// `told`.
  func askOnceMore(_ request: String, since told: UInt64) throws -> Message {
    do {
      try send(request)
      return try readResponse()
    } catch where monotonicNow() - told > idleSecond {
      throw TooLate()
    }
  }
}

/// A value shared by threads, with waits for conditions on it.
final class Monitor<State>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var state: State

  init(_ state: State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func update<R>(_ body: (inout State) throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  var value: State {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return state
  }

  func wait(
    _ what: String, within seconds: Double = 10, line: UInt = #line, until: (State) -> Bool
  ) throws {
    let deadline = Deadline.after(seconds)
    while !check(until) {
      if deadline.hasPassed { throw ScenarioFailure("not in time: \(what)", line: line) }
      poll(nil, 0, 1)
    }
  }

  /// Asked anew every millisecond instead of waiting for a signal: the thread sanitizer does not
  /// see that a timed wait gives the lock back.
  private func check(_ condition: (State) -> Bool) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return condition(state)
  }
}

/// A door that a test opens for a scripted peer, or the other way round. It stays open.
final class Gate: Sendable {
  private let door = Monitor(false)

  func open() { door.update { $0 = true } }
  var isOpen: Bool { door.value }

  func pass(_ what: String = "gate", within seconds: Double = 10, line: UInt = #line) throws {
    try door.wait(what, within: seconds, line: line) { $0 }
  }
}

/// Runs the body on a thread of its own; `join` waits for its end.
final class Helper: @unchecked Sendable {
  private let done = Gate()
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    let result = pthread_create(
      &thread, nil,
      { raw in
        let helper = Unmanaged<Helper>.fromOpaque(raw!).takeRetainedValue()
        helper.body()
        helper.done.open()
        return nil
      }, box.toOpaque())
    precondition(result == 0, "pthread_create failed")
    pthread_detach(thread)
  }

  func join(within seconds: Double = 20, line: UInt = #line) throws {
    try done.pass("end of a helper thread", within: seconds, line: line)
  }
}
