// Why this file exists: every deadline of an exchange, with its reason word, by literal instants.
import CircuitBreaking
import HTTPSemantics
import Primitives
import Testing

@testable import Forwarding

@Suite struct ExchangeTimeTests {
  /// Runs the play to its next deadline and gives what happens there.
  private func expire(_ play: inout Play) -> Actions {
    play.now = play.machine.nextDeadline
    return play.machine.expired(play.context)
  }

  @Test func `waiting for a connection ends with queue timeout`() {
    var play = Play { $0.queueTimeout = .seconds(1) }
    play.machine.queued(now: play.now)
    #expect(play.machine.nextDeadline == play.now + .seconds(1))
    #expect(expire(&play) == [.leaveQueue, .dropTee, .answer])
    #expect(play.machine.reason == .queueTimeout)
  }

  @Test func `connecting that takes too long is tried elsewhere, then answered connect timeout`() {
    var play = Play { $0.retryAttempts = 1 }
    play.machine.connecting(now: play.now)
    #expect(expire(&play) == [.dropLease, .acquire])
    play.machine.connecting(now: play.now)
    #expect(expire(&play) == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .connectTimeout)
  }

  @Test func `a backend that does not answer gives upstream timeout`() {
    var play = Play { $0.responseTimeout = .seconds(30) }
    _ = play.open()
    #expect(play.machine.nextDeadline == play.now + .seconds(30))
    #expect(expire(&play) == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .upstreamTimeout)
  }

  @Test func `an interim answer does not put off the wait for the final one`() {
    var play = Play { $0.responseTimeout = .seconds(30) }
    _ = play.open()
    let deadline = play.machine.nextDeadline
    play.wait(.seconds(20))
    _ = play.machine.informational(status: 102, now: play.now)
    #expect(play.machine.nextDeadline == deadline)
  }

  @Test func `a timeout is tried again where the service says so`() {
    var play = Play { $0.retryKinds = [.timeout] }
    _ = play.open()
    #expect(expire(&play) == [.dropLease, .acquire])
  }

  @Test func `the wait for an answer begins when the request is complete`() {
    var play = Play {
      $0.hasBody = true
      $0.responseTimeout = .seconds(30)
      $0.bodyIdle = .seconds(300)
    }
    _ = play.open()
    for _ in 0..<19 {
      play.wait(.seconds(1))
      _ = play.machine.requestBody(100_000, play.context)
    }
    play.machine.requestEnded(now: play.now)
    #expect(play.machine.nextDeadline == play.now + .seconds(30))
  }

  @Test func `an answer that stalls is cut`() {
    var play = Play { $0.backendIdle = .seconds(60) }
    _ = play.open()
    _ = play.answered()
    play.wait(.seconds(59))
    play.machine.responseBody(now: play.now)
    #expect(play.machine.nextDeadline == play.now + .seconds(60))
    #expect(expire(&play) == [.dropLease, .abortClient, .finish])
    #expect(play.machine.reason == .upstreamTimeout)
  }

  @Test func `a long answer that makes progress has no limit by itself`() {
    var play = Play { $0.backendIdle = .seconds(60) }
    _ = play.open()
    _ = play.answered()
    for _ in 0..<1_000 {
      play.wait(.seconds(59))
      #expect(play.machine.expired(play.context) == [])
      play.machine.responseBody(now: play.now)
    }
  }

  @Test func `while the client is the slow one the backend is not blamed`() {
    var play = Play { $0.minRate = 0 }
    _ = play.open()
    _ = play.answered()
    play.machine.backendReading(false, now: play.now)
    _ = play.machine.clientWrote(isPending: true, taken: 0, now: play.now)
    #expect(play.machine.nextDeadline < play.now + .seconds(30))
    play.wait(.seconds(29))
    play.clientTaken = 1
    #expect(play.machine.expired(play.context) == [])
  }

  @Test func `a client that takes nothing is cut after the write limit`() {
    var play = Play {
      $0.writeIdle = .seconds(30)
      $0.minRate = 0
    }
    _ = play.open()
    _ = play.answered()
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    _ = play.machine.clientWrote(isPending: true, taken: 500, now: play.now)
    play.clientTaken = 500
    let begun = play.now
    var actions: Actions = []
    while actions.isEmpty { actions = expire(&play) }
    #expect(actions == [.abortClient, .finish])
    #expect(play.now - begun == .seconds(30))
    #expect(play.machine.reason == .clientAbort)
  }

  /// The system holds two megabytes for the client, and takes none while that is so.
  @Test func `a client is judged by what it takes out of the system's buffer`() {
    func end(of rate: UInt64) -> Duration {
      var play = Play {
        $0.writeIdle = .seconds(30)
        $0.minRate = 256
      }
      _ = play.open()
      _ = play.answered()
      _ = play.machine.responseEnded(reusable: true, now: play.now)
      _ = play.machine.clientWrote(isPending: true, taken: 2_000_000, now: play.now)
      play.clientTaken = 2_000_000
      let begun = play.now
      var actions: Actions = []
      while actions.isEmpty, play.now - begun < .seconds(600) {
        play.now = play.machine.nextDeadline
        let passed = UInt64((play.now - begun).nanoseconds) * rate / 1_000_000_000
        play.clientHeld = 2_000_000 - passed
        actions = play.machine.expired(play.context)
      }
      return play.now - begun
    }
    #expect(end(of: 0) == .seconds(20))
    #expect(end(of: 200) == .seconds(20))
    #expect(end(of: 300) >= .seconds(600))
    #expect(end(of: 3_000) >= .seconds(600))
  }

  @Test func `what enters the system's buffer is not taken twice`() {
    var meter = ProgressMeter()
    var now = Instant(nanoseconds: 1_000_000_000)
    func look(_ total: UInt64, _ held: UInt64) -> ProgressMeter.Verdict {
      now = now + .seconds(10)
      return meter.verdict(total: total, held: held, idle: .seconds(60), minRate: 100, now: now)
    }
    meter.start(total: 5_000, now: now)
    #expect(look(5_000, 5_000) == .good)
    #expect(look(5_000, 3_000) == .good, "2,000 in 20 s")
    #expect(look(8_000, 5_000) == .good)
    #expect(look(8_000, 4_001) == .slow, "1,000 left as 3,000 entered, then 999")
    #expect(look(8_000, 4_001) == .good)
    #expect(look(9_000, 3_001) == .good, "2,000 although the count grew by 1,000")
  }

  @Test func `a body that stalls is answered 408`() {
    var play = Play {
      $0.hasBody = true
      $0.bodyIdle = .seconds(30)
      $0.minRate = 0
    }
    _ = play.open()
    _ = play.machine.requestBody(5, play.context)
    let begun = play.now
    var actions: Actions = []
    while actions.isEmpty { actions = expire(&play) }
    #expect(actions == [.dropLease, .dropTee, .answer])
    #expect(play.now - begun == .seconds(30))
    #expect(play.machine.reason == .bodyTimeout)
    #expect(play.machine.fate == .linger)
  }

  @Test func `a client that stops sending for an answer that has begun gets all of it`() {
    var play = Play {
      $0.hasBody = true
      $0.bodyIdle = .seconds(30)
      $0.backendIdle = .seconds(60)
    }
    _ = play.open()
    _ = play.machine.requestBody(5, play.context)
    _ = play.answered()
    for _ in 0..<100 {
      play.wait(.seconds(50))
      #expect(play.machine.expired(play.context) == [])
      // Nor when the gateway has not read from it for a while.
      play.machine.clientReading(false, now: play.now)
      play.machine.clientReading(true, now: play.now)
      play.machine.responseBody(now: play.now)
    }
    #expect(play.machine.responseEnded(reusable: true, now: play.now) == .dropLease)
    #expect(play.machine.fate == .linger)
  }

  /// Backends that stream events read no body, and clients may send one for as long as they like.
  @Test func `a backend that answers already need not take the rest of the body`() {
    var play = Play {
      $0.hasBody = true
      $0.backendIdle = .seconds(60)
    }
    _ = play.open()
    _ = play.machine.requestBody(5, play.context)
    play.machine.backendWrote(isPending: true, taken: 3, now: play.now)
    _ = play.answered()
    for _ in 0..<10 {
      play.machine.backendWrote(isPending: true, taken: 3, now: play.now)
      play.wait(.seconds(50))
      #expect(play.machine.expired(play.context) == [])
      play.machine.responseBody(now: play.now)
    }
    play.wait(.seconds(60))
    #expect(play.machine.expired(play.context).contains(.abortClient))
    #expect(play.machine.outcome != .failure, "the client can bring this about")
  }

  @Test func `an answer that began early ends the keeping of its request's body`() {
    var play = Play {
      $0.hasBody = true
      $0.retryKinds = [.reset]
    }
    _ = play.open()
    #expect(play.machine.requestBody(5, play.context).contains(.teeRequestBody))
    #expect(play.answered().contains(.dropTee))
    #expect(play.machine.requestBody(5, play.context) == .forwardRequestBody)
  }

  @Test func `a body that comes late, behind a final answer instead of a 100, is not timed`() {
    var play = Play {
      $0.hasBody = true
      $0.expectsContinue = true
      $0.bodyIdle = .seconds(1)
    }
    _ = play.open()
    _ = play.answered()
    _ = play.machine.requestBody(5, play.context)
    play.wait(.seconds(50))
    #expect(play.machine.expired(play.context) == [])
  }

  @Test func `an answer that came early has its time from the end of its request`() {
    var play = Play {
      $0.hasBody = true
      $0.backendIdle = .seconds(60)
    }
    _ = play.open()
    _ = play.answered()
    for _ in 0..<3 {
      play.wait(.seconds(59))
      _ = play.machine.requestBody(1, play.context)
      _ = play.machine.expired(play.context)
    }
    play.machine.requestEnded(now: play.now)
    play.wait(.seconds(59))
    #expect(play.machine.expired(play.context) == [])
    play.wait(.seconds(1))
    #expect(play.machine.expired(play.context).contains(.abortClient))
    #expect(play.machine.outcome == .failure)
  }

  @Test func `while its request still comes, an answer that waits is not cut`() {
    var play = Play {
      $0.hasBody = true
      $0.backendIdle = .seconds(60)
    }
    _ = play.open()
    _ = play.answered()
    for _ in 0..<10 {
      play.wait(.seconds(59))
      _ = play.machine.requestBody(1, play.context)
      if play.machine.nextDeadline <= play.now {
        #expect(play.machine.expired(play.context) == [])
      }
    }
    let begun = play.now
    var actions: Actions = []
    while actions.isEmpty { actions = expire(&play) }
    #expect(actions == [.dropLease, .abortClient, .finish])
    #expect(play.now - begun <= .seconds(120))
    #expect(play.machine.reason == .upstreamTimeout)
    #expect(play.machine.outcome == .ignored, "it may be the client that was waited for")
  }

  @Test func `a body that trickles below the lowest rate is answered 408 after the window`() {
    var play = Play {
      $0.hasBody = true
      $0.minRate = 256
    }
    _ = play.open()
    let begun = play.now
    var actions: Actions = []
    while play.now - begun < .seconds(60) && actions.isEmpty {
      play.wait(.seconds(1))
      _ = play.machine.requestBody(10, play.context)
      if play.machine.nextDeadline <= play.now { actions = play.machine.expired(play.context) }
    }
    #expect(actions.contains(.answer))
    #expect(play.now - begun == .seconds(20))
    #expect(play.machine.reason == .bodyTimeout)
  }

  @Test func `while the backend takes nothing the client is not blamed, and the backend is`() {
    var play = Play {
      $0.hasBody = true
      $0.bodyIdle = .seconds(30)
      $0.backendIdle = .seconds(60)
    }
    _ = play.open()
    _ = play.machine.requestBody(100, play.context)
    play.machine.clientReading(false, now: play.now)
    play.machine.backendWrote(isPending: true, taken: 0, now: play.now)
    let begun = play.now
    var actions: Actions = []
    while actions.isEmpty { actions = expire(&play) }
    #expect(play.now - begun == .seconds(60))
    #expect(play.machine.reason == .upstreamTimeout)
  }

  @Test func `a client that waits for 100 Continue is not timed, the backend is`() {
    var play = Play {
      $0.hasBody = true
      $0.expectsContinue = true
      $0.bodyIdle = .seconds(1)
      $0.responseTimeout = .seconds(30)
    }
    _ = play.open()
    #expect(play.machine.nextDeadline == play.now + .seconds(30))
    play.wait(.seconds(5))
    #expect(play.machine.informational(status: 100, now: play.now) == .forwardInformational)
    #expect(play.machine.nextDeadline == play.now + .seconds(1))
  }

  @Test func `the limit on the whole exchange counts queue and repeats`() {
    var play = Play {
      $0.requestTimeout = .seconds(2)
      $0.queueTimeout = .seconds(10)
    }
    let deadline = play.now + .seconds(2)
    play.machine.queued(now: play.now)
    play.wait(.seconds(1))
    _ = play.open()
    _ = play.machine.backendClosed(answerHadBegun: false, play.context)
    _ = play.open()
    #expect(play.machine.nextDeadline == deadline)
    #expect(expire(&play) == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .requestTimeout)
  }

  @Test func `after the head the limit on the whole exchange cuts`() {
    var play = Play { $0.requestTimeout = .seconds(2) }
    _ = play.open()
    _ = play.answered()
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    _ = play.machine.clientWrote(isPending: true, taken: 0, now: play.now)
    play.wait(.seconds(2))
    #expect(play.machine.expired(play.context) == [.abortClient, .finish])
    #expect(play.machine.reason == .requestTimeout)
  }

  @Test func `a stopping process says draining where no answer has begun`() {
    var play = Play()
    _ = play.open()
    #expect(play.machine.cut(play.context) == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .draining)
  }

  @Test func `a tunnel that a stopping process cuts says draining`() {
    var play = Play()
    _ = play.open()
    _ = play.machine.upgraded(now: play.now)
    #expect(play.machine.cut(play.context) == [.dropLease, .finish])
    #expect(play.machine.reason == .draining)
  }

  @Test func `a tunnel whose client takes what the system holds for it is not idle`() {
    var play = Play { $0.tunnelIdle = .seconds(300) }
    _ = play.open()
    _ = play.machine.upgraded(now: play.now)
    play.clientTaken = 2_000_000
    play.clientHeld = 2_000_000
    for _ in 0..<100 {
      play.clientHeld -= 1
      #expect(expire(&play) == [])
    }
    play.clientHeld = 0
    #expect(expire(&play) == [.dropLease, .finish], "all has come: an end that was meant")
  }

  @Test func `a tunnel whose peer takes nothing is cut, and does not seem complete`() {
    var play = Play { $0.tunnelIdle = .seconds(300) }
    _ = play.open()
    _ = play.machine.upgraded(now: play.now)
    play.clientTaken = 2_000_000
    play.clientHeld = 1_000
    let begun = play.now
    var actions: Actions = []
    while actions.isEmpty { actions = expire(&play) }
    #expect(actions == [.dropLease, .abortClient, .finish])
    #expect(play.now - begun == .seconds(600))
    #expect(play.machine.reason == .none)
  }

  @Test func `a FIN that no peer takes is a reset too, however the system counts it`() {
    var play = Play { $0.tunnelIdle = .seconds(300) }
    _ = play.open()
    _ = play.machine.upgraded(now: play.now)
    play.clientTaken = 100
    play.clientHeld = 101
    #expect(expire(&play) == [])
    #expect(expire(&play) == [.dropLease, .abortClient, .finish])
  }

  @Test func `no deadline is left behind that would fire for ever`() {
    var play = Play { $0.requestTimeout = .seconds(2) }
    play.machine.connecting(now: play.now)
    for _ in 0..<1_000 {
      if play.machine.nextDeadline == .distantFuture { break }
      let actions = expire(&play)
      if actions.contains(.acquire) { play.machine.connecting(now: play.now) }
    }
    #expect(play.machine.nextDeadline == .distantFuture)
  }
}
