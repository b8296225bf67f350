// Why this file exists: how much memory the process holds is known to the kernel and asked by the
// control loop; what the workers refuse on account of it, or of their own lateness, is told to the
// operator once when it begins and once when it ends.

import Configuration
import EventLoop
import Forwarding
import Logging
import Primitives

/// `limits.memory` and `limits.loop_lag` as the control loop has them. For its thread.
final class OverloadWatch {
  /// What it does to the workers; they are not needed to test it.
  struct Workers {
    var shed: (OverloadLevel) -> Void
    var trim: () -> Void
    var lagLevels: () -> [OverloadLevel]
  }

  private var memoryLimit: UInt64?
  private var lagLimit: Duration?
  private let workers: Workers
  private let residentBytes: () -> Int?
  private let log: Logger
  private var memory: OverloadGuard?
  private var trimmed: Instant?
  private var lateWorkers: Set<Int> = []
  private var timer: Timer?

  /// Often enough that a burst does not outgrow a container's limit unseen; a reading of
  /// /proc/self/statm takes some microseconds.
  static let period = Duration.milliseconds(100)
  /// Between two times of giving unused memory back while there is too much of it.
  static let trimPeriod = Duration.seconds(1)

  init(
    _ limits: LimitsConfiguration, _ workers: Workers, _ log: Logger,
    residentBytes: @escaping () -> Int? = { ProcessFacts.residentBytes() }
  ) {
    self.workers = workers
    self.residentBytes = residentBytes
    self.log = log
    follow(limits)
  }

  /// Other limits hold from now on. What is refused because of a limit that is gone or another one
  /// is not refused any more.
  func follow(_ limits: LimitsConfiguration) {
    lagLimit = limits.loopLag
    defer { timer?.start(at: Loop.clock()) }
    if limits.memory == memoryLimit { return }
    memoryLimit = limits.memory
    if let guardian = memory, guardian.level != .nothing {
      workers.shed(.nothing)
      tell(guardian.level, .nothing, "", "limits.memory is another one", [:])
    }
    memory = limits.memory.map { OverloadGuard(limit: $0) }
  }

  /// Looks from now on, as long as there is a limit to look at.
  func start(on loop: Loop) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    let timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<OverloadWatch>.fromOpaque(owner).takeUnretainedValue().fired()
    }
    self.timer = timer
    timer.start(at: loop.now)
  }

  func close() { timer?.close() }

  private func fired() {
    let now = Loop.clock()
    look(now: now)
    if memory == nil && lagLimit == nil && lateWorkers.isEmpty { return }
    timer?.start(at: now + OverloadWatch.period)
  }

  /// Measures, decides, tells.
  func look(now: Instant) {
    lookAtMemory(now)
    lookAtLag()
  }

  private func lookAtMemory(_ now: Instant) {
    guard memory != nil, let limit = memoryLimit, let resident = residentBytes() else { return }
    let before = memory?.level ?? .nothing
    let changed = memory?.judge(UInt64(max(0, resident)), now: now) ?? false
    let level = memory?.level ?? .nothing
    if changed {
      workers.shed(level)
      tell(
        before, level, "memory is above limits.memory", "memory is below limits.memory again",
        ["resident_bytes": "\(resident)", "limit_bytes": "\(limit)"])
    }
    // What was given back to the allocator is still resident, and would be counted for ever.
    let isDue = trimmed.map { now - $0 >= OverloadWatch.trimPeriod } ?? true
    if level != .nothing && isDue {
      trimmed = now
      if !changed { workers.trim() }
      ProcessFacts.returnUnusedMemory()
    }
  }

  private func lookAtLag() {
    // Without a limit nobody refuses, and who did so is told of a last time.
    guard lagLimit != nil || !lateWorkers.isEmpty else { return }
    for (worker, level) in workers.lagLevels().enumerated() {
      let wasLate = lateWorkers.contains(worker)
      if wasLate == (level != .nothing) { continue }
      if level == .nothing { lateWorkers.remove(worker) } else { lateWorkers.insert(worker) }
      tell(
        wasLate ? .connections : .nothing, level == .nothing ? .nothing : .connections,
        "event loop is later than limits.loop_lag", "event loop keeps up again",
        ["worker": "\(worker)", "limit_ms": "\((lagLimit?.nanoseconds ?? 0) / 1_000_000)"])
    }
  }

  /// Once on entry, once on exit: what is refused in between is counted.
  private func tell(
    _ before: OverloadLevel, _ after: OverloadLevel, _ entry: Logger.Message,
    _ exit: Logger.Message, _ metadata: Logger.Metadata
  ) {
    if before == .nothing && after != .nothing {
      log.warning("\(entry): shedding with 503 overloaded", metadata: metadata)
    } else if before != .nothing && after == .nothing {
      log.notice("\(exit): shedding has ended", metadata: metadata)
    }
  }
}
