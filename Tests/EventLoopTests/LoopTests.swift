// Why this file exists: the loop itself, and what wakes it: timers, other threads, signals.

import EventLoop
import Glibc
import Primitives
import Synchronization
import Testing

private final class Shared: Sendable { let counter = Atomic<Int>(0) }

private final class Diary {
  let shared = Shared()
  var lastSeen = 0
  var fired: [Instant] = []
  var signals: [Int32] = []
  var wakes = 0
  var owner: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
}

private func diary(_ owner: UnsafeMutableRawPointer) -> Diary {
  Unmanaged<Diary>.fromOpaque(owner).takeUnretainedValue()
}

private func timer(_ loop: Loop, _ diary: Diary) -> EventLoop.Timer {
  Timer.create(loop, owner: diary.owner) { owner in
    EventLoopTests.diary(owner).fired.append(Loop.clock())
  }
}

@Suite(.serialized, .timeLimit(.minutes(3)))
struct LoopTests {
  @Test func `The libuv found is new enough and laid out as compiled`() throws {
    try EventLoopLibrary.verify()
    #expect(EventLoopLibrary.version.hasPrefix("1."))
  }

  @Test func `A loop with a handle left open says so, and is not freed`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let timer = timer(loop, diary)
    #expect(loop.openHandles == 1)
    #expect(loop.destroy() == 1)
    timer.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `A task of each round runs once a round, and the loop waits again when it stops`()
    throws
  {
    let loop = try Loop.create()
    let diary = Diary()
    let task = RoundTask.create(loop, owner: diary.owner) { EventLoopTests.diary($0).wakes += 1 }
    #expect(!loop.runOnce(waiting: false))
    #expect(diary.wakes == 0)
    task.start()
    task.start()
    // Nothing will ever happen on this loop: a round that waited would not end.
    for round in 1...3 {
      loop.runOnce(waiting: true)
      #expect(diary.wakes == round)
    }
    task.stop()
    #expect(!loop.runOnce(waiting: false))
    #expect(diary.wakes == 3)
    task.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `The cached time is never ahead of the clock`() throws {
    let loop = try Loop.create()
    loop.updateTime()
    let cached = loop.now
    #expect(cached <= Loop.clock())
    #expect(Loop.clock() - cached < .seconds(10))
    #expect(loop.destroy() == 0)
  }

  @Test func `A timer never fires early, whatever part of a millisecond is asked for`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let timer = timer(loop, diary)
    for offset: Int64 in [1, 999_999, 1_000_000, 1_000_001, 1_500_000, 2_999_999, 7_000_003] {
      diary.fired = []
      let deadline = Loop.clock() + .nanoseconds(offset)
      timer.start(at: deadline)
      while diary.fired.isEmpty { loop.runOnce(waiting: true) }
      #expect(diary.fired.count == 1)
      #expect(diary.fired[0] >= deadline)
    }
    timer.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `Starting a timer again replaces its deadline, and stopping forgets it`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let timer = timer(loop, diary)
    timer.start(at: Instant(nanoseconds: 1))  // long past
    timer.start(at: .distantFuture)
    for _ in 0..<5 { loop.runOnce(waiting: false) }
    #expect(diary.fired.isEmpty)
    timer.start(at: Loop.clock() + .seconds(3600))
    timer.start(at: Instant(nanoseconds: 1))
    turn(loop) { !diary.fired.isEmpty }
    timer.start(at: Instant(nanoseconds: 1))
    timer.stop()
    for _ in 0..<5 { loop.runOnce(waiting: false) }
    #expect(diary.fired.count == 1)
    timer.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `After a standstill what has come meanwhile is told before a timer fires`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let timer = timer(loop, diary)
    let wakeup = try Wakeup.create(loop, owner: diary.owner) { EventLoopTests.diary($0).wakes += 1 }
    timer.start(at: Loop.clock() + .milliseconds(1))
    wakeup.send()
    let standstill = Loop.clock() + .milliseconds(200)
    while Loop.clock() < standstill {}
    loop.runOnce(waiting: false)
    #expect(diary.wakes == 1)
    #expect(diary.fired.isEmpty)
    turn(loop) { !diary.fired.isEmpty }
    timer.close()
    wakeup.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `Many wake-ups before a round are answered once, and one after it again`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let wakeup = try Wakeup.create(loop, owner: diary.owner) { EventLoopTests.diary($0).wakes += 1 }
    for _ in 0..<1_000 { wakeup.send() }
    turn(loop) { diary.wakes > 0 }
    for _ in 0..<5 { loop.runOnce(waiting: false) }
    #expect(diary.wakes == 1)
    wakeup.send()
    turn(loop) { diary.wakes == 2 }
    wakeup.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `What another thread wrote before its wake-up is seen after it`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let shared = diary.shared
    let wakeup = try Wakeup.create(loop, owner: diary.owner) {
      let diary = EventLoopTests.diary($0)
      diary.lastSeen = diary.shared.counter.load(ordering: .relaxed)
    }
    let thread = try WorkerThread.start(name: "waker") {
      for _ in 0..<1_000 {
        shared.counter.wrappingAdd(1, ordering: .relaxed)
        wakeup.send()
      }
    }
    // Each round waits for a wake-up; were the last one lost or early, this would never end.
    while diary.lastSeen < 1_000 { loop.runOnce(waiting: true) }
    thread.join()
    wakeup.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `Stopping a loop ends its run though handles are open`() throws {
    struct Stopper { var loop: Loop }
    let loop = try Loop.create()
    let owner = UnsafeMutablePointer<Stopper>.allocate(capacity: 1)
    owner.initialize(to: Stopper(loop: loop))
    let wakeup = try Wakeup.create(loop, owner: owner) {
      $0.assumingMemoryBound(to: Stopper.self).pointee.loop.stop()
    }
    wakeup.send()
    loop.run()
    #expect(loop.openHandles >= 1)
    wakeup.close()
    #expect(loop.destroy() == 0)
    owner.deallocate()
  }

  @Test func `Signals are events, and stop being so when closed`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    let signals = try Signals.listen(loop, to: [SIGUSR1, SIGHUP], owner: diary.owner) {
      EventLoopTests.diary($0).signals.append($1)
    }
    kill(getpid(), SIGUSR1)
    turn(loop) { diary.signals == [SIGUSR1] }
    kill(getpid(), SIGHUP)
    turn(loop) { diary.signals == [SIGUSR1, SIGHUP] }
    signals.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `A signal number that does not exist is an error that leaves nothing behind`() throws {
    let loop = try Loop.create()
    let diary = Diary()
    #expect(throws: EventLoopError.self) {
      try Signals.listen(loop, to: [SIGUSR2, 0], owner: diary.owner) { _, _ in }
    }
    #expect(loop.destroy() == 0)
  }

  @Test func `A worker's thread has its name, and takes no signals`() throws {
    final class Seen: Sendable {
      let blocked = Atomic<Bool>(false)
      let named = Atomic<Bool>(false)
    }
    let seen = Seen()
    // Whatever the test runner's threads block, this one is open.
    var before = sigset_t()
    var usr2 = sigset_t()
    sigaddset(&usr2, SIGUSR2)
    pthread_sigmask(SIG_UNBLOCK, &usr2, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let thread = try WorkerThread.start(name: "worker-0-with-a-long-name") {
      var mask = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &mask)
      seen.blocked.store(
        sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGSEGV) == 0, ordering: .relaxed)
      let name = Descriptor.contents(of: "/proc/thread-self/comm", limit: 64)
      seen.named.store(name == Array("worker-0-with-a\n".utf8), ordering: .relaxed)
    }
    thread.join()
    let (blocked, named) = (
      seen.blocked.load(ordering: .relaxed), seen.named.load(ordering: .relaxed)
    )
    #expect(blocked && named)
    var after = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &after)
    #expect(sigismember(&after, SIGUSR2) == 0)
  }
}
