// Why this file exists: what a loop has besides streams and listeners: an instant to wake at, a
// task for each round, a way to be woken by others.

package import Primitives

// MARK: - Timer

struct TimerBox {
  let loop: UnsafeMutablePointer<LoopState>
  let owner: UnsafeMutableRawPointer
  let onFire: Timer.OnFire
  /// Counts how often it was set, so that what was planned before is known to be void.
  var setting: UInt64 = 0
  var isDue = false
  /// When it is to fire, in whole milliseconds.
  var due: UInt64 = 0
  /// It came too late, and lets a round of reading pass first.
  var isHeldBack = false
}

/// A timer on a loop. Copies name the same timer.
package struct Timer {
  private let box: UnsafeMutablePointer<TimerBox>

  package typealias OnFire = @convention(c) (UnsafeMutableRawPointer) -> Void

  package static func create(
    _ loop: Loop, owner: UnsafeMutableRawPointer, onFire: @escaping OnFire
  ) -> Timer {
    let network = Network.current
    let box: UnsafeMutablePointer<TimerBox>
    if let spare = network.pointee.spareTimers.popLast() {
      box = spare
      let setting = box.pointee.setting
      box.initialize(to: TimerBox(loop: loop.raw, owner: owner, onFire: onFire, setting: setting))
    } else {
      box = .allocate(capacity: 1)
      box.initialize(to: TimerBox(loop: loop.raw, owner: owner, onFire: onFire))
    }
    loop.raw.pointee.handles += 1
    return Timer(box: box)
  }

  /// Fires once, in the first round that begins at or after `deadline` in whole milliseconds.
  package func start(at deadline: Instant) {
    guard deadline < .distantFuture else { return stop() }
    stop()
    let whole = (deadline.nanoseconds + 999_999) / 1_000_000 * 1_000_000
    box.pointee.due = max(whole, Network.current.pointee.now)
    box.pointee.isHeldBack = false
    box.plan(at: whole)
  }

  package func stop() {
    box.pointee.setting &+= 1
    box.pointee.isDue = false
  }

  /// Stops it and gives its memory back. The timer must not be used again.
  package func close() {
    stop()
    box.pointee.loop.close(UnsafeMutableRawPointer(box)) { target in
      // Kept: what was planned for it may still look at it.
      Network.current.pointee.spareTimers.append(target.assumingMemoryBound(to: TimerBox.self))
    }
  }
}

extension UnsafeMutablePointer<TimerBox> {
  func plan(at instant: UInt64) {
    Network.current.plan(at: instant, UnsafeMutableRawPointer(self), pointee.setting) {
      target, setting in
      let box = target.assumingMemoryBound(to: TimerBox.self)
      guard box.pointee.setting == setting else { return }
      box.pointee.isDue = true
      box.pointee.loop.pointee.due.append(box)
      box.pointee.loop.planRound()
    }
  }

  /// A round of its loop has come. One that is more than 100 ms late waits for another, as the real
  /// one does.
  func fire(_ now: Instant) {
    let late = now.nanoseconds > pointee.due ? now.nanoseconds - pointee.due : 0
    if late > 100_000_000 && !pointee.isHeldBack {
      pointee.isHeldBack = true
      return plan(at: now.nanoseconds + 1_000_000)
    }
    pointee.onFire(pointee.owner)
  }
}

// MARK: - Round task

struct RoundTaskBox {
  let loop: UnsafeMutablePointer<LoopState>
  let owner: UnsafeMutableRawPointer
  let onRound: RoundTask.OnRound
  var isStarted = false
}

/// Something to do at the beginning of each round of a loop, as long as it is started.
package struct RoundTask {
  private let box: UnsafeMutablePointer<RoundTaskBox>

  package typealias OnRound = @convention(c) (UnsafeMutableRawPointer) -> Void

  package static func create(
    _ loop: Loop, owner: UnsafeMutableRawPointer, onRound: @escaping OnRound
  ) -> RoundTask {
    let box = UnsafeMutablePointer<RoundTaskBox>.allocate(capacity: 1)
    box.initialize(to: RoundTaskBox(loop: loop.raw, owner: owner, onRound: onRound))
    loop.raw.pointee.handles += 1
    loop.raw.pointee.tasks.append(box)
    return RoundTask(box: box)
  }

  package func start() {
    box.pointee.isStarted = true
    box.pointee.loop.planRound()
  }

  package func stop() { box.pointee.isStarted = false }

  package func close() {
    stop()
    let box = box
    box.pointee.loop.pointee.tasks.removeAll { $0 == box }
    box.pointee.loop.close(UnsafeMutableRawPointer(box)) { $0.deallocate() }
  }
}

// MARK: - Wake-up

struct WakeupBox {
  var mark = ReadyMark(.wakeup)
  let loop: UnsafeMutablePointer<LoopState>
  let owner: UnsafeMutableRawPointer
  let onWake: Wakeup.OnWake
}

/// Wakes a loop. Copies name the same wake-up.
package struct Wakeup: @unchecked Sendable {
  private let box: UnsafeMutablePointer<WakeupBox>

  package typealias OnWake = @convention(c) (UnsafeMutableRawPointer) -> Void

  package static func create(
    _ loop: Loop, owner: UnsafeMutableRawPointer, onWake: @escaping OnWake
  ) throws(EventLoopError) -> Wakeup {
    let box = UnsafeMutablePointer<WakeupBox>.allocate(capacity: 1)
    box.initialize(to: WakeupBox(loop: loop.raw, owner: owner, onWake: onWake))
    loop.raw.pointee.handles += 1
    return Wakeup(box: box)
  }

  /// Several sends may be answered by one `onWake`.
  package func send() { box.pointee.loop.join(box.mark) }

  package func close() {
    box.pointee.loop.leave(box.mark)
    box.pointee.loop.close(UnsafeMutableRawPointer(box)) { $0.deallocate() }
  }
}

extension UnsafeMutablePointer<WakeupBox> {
  var mark: ReadyRef { UnsafeMutableRawPointer(self).assumingMemoryBound(to: ReadyMark.self) }

  func looked() { pointee.onWake(pointee.owner) }
}
