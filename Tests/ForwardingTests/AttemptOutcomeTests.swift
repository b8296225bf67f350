// Why this file exists: what counts as a failure of a backend, event by event; passive health and
// the breaker go by nothing else.
import CircuitBreaking
import HTTPSemantics
import Primitives
import Testing

@testable import Forwarding

@Suite struct AttemptOutcomeTests {
  /// A request whose head has been sent, and that will not be repeated.
  private func sent(reused: Bool = false, _ adjust: (inout PlayPlan) -> Void = { _ in }) -> Play {
    var play = Play {
      $0.retryAttempts = 0
      adjust(&$0)
    }
    _ = play.open(reused: reused)
    return play
  }

  @Test(arguments: [200, 204, 304, 399, 501, 505, 599] as [UInt16])
  func `a whole answer is a success, unless its status is a failure`(status: UInt16) {
    var play = sent()
    _ = play.answered(status)
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    #expect(play.machine.outcome == .success)
  }

  @Test(arguments: [400, 401, 404, 429, 499] as [UInt16])
  func `what the client did wrong speaks neither for nor against the backend`(status: UInt16) {
    var play = sent()
    _ = play.answered(status)
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    #expect(play.machine.outcome == .ignored)
  }

  @Test func `an answer that breaks off is a failure with a status that is no evidence, too`() {
    var play = sent()
    _ = play.answered(404)
    _ = play.machine.backendClosed(answerHadBegun: true, play.context)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `failure statuses are exactly those that are listed`() {
    let failures = FailureStatuses([500...500, 563...564, 590...599, 560...563])
    let expected = Set<UInt16>([500, 560, 561, 562, 563, 564]).union(590...599)
    for status in UInt16(100)...600 {
      #expect(failures.contains(status) == expected.contains(status), "\(status)")
    }
    #expect(!FailureStatuses([]).contains(500))
  }

  @Test(arguments: [500, 502, 503, 504] as [UInt16])
  func `an answer with a failure status is a failure, though it came whole`(status: UInt16) {
    var play = sent()
    _ = play.answered(status)
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `an answer that is thrown away for a repeat still counts`() {
    var play = Play { $0.retryKinds = .status503 }
    _ = play.open()
    #expect(play.answered(503) == [.dropLease, .acquire])
    #expect(play.machine.outcome == .failure)
    // The next attempt begins without a judgement.
    _ = play.open()
    #expect(play.machine.outcome == .ignored)
    _ = play.answered(200)
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    #expect(play.machine.outcome == .success)
  }

  @Test(arguments: [Fault.connectRefused, .connectFailed, .connectTimeout])
  func `a connection that cannot be made is a failure`(fault: Fault) {
    var play = Play { $0.retryAttempts = 0 }
    play.machine.connecting(now: play.now)
    _ = play.machine.fail(fault, play.context)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `one that the gateway has no descriptor for is none`() {
    var play = Play()
    _ = play.machine.fail(.overloaded, play.context)
    #expect(play.machine.outcome == .ignored)
  }

  @Test func `a new connection that dies without a byte is a failure`() {
    var play = sent()
    _ = play.machine.backendClosed(answerHadBegun: false, play.context)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `a pooled one that does is not: any server may close what idles`() {
    var play = sent(reused: true)
    _ = play.machine.backendClosed(answerHadBegun: false, play.context)
    #expect(play.machine.outcome == .ignored)
    #expect(play.machine.reason == .upstreamReset)
  }

  @Test(arguments: [true, false])
  func `an answer that breaks off is a failure, before its head is whole or after`(early: Bool) {
    var play = sent(reused: true)
    if !early { _ = play.answered() }
    _ = play.machine.backendClosed(answerHadBegun: true, play.context)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `an answer that is not HTTP is a failure`() {
    var play = sent()
    _ = play.machine.fail(.brokeProtocol, play.context)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `an answer that does not come in time is a failure, and so is one that stalls`() {
    var waiting = sent { $0.responseTimeout = .seconds(3) }
    waiting.wait(.seconds(3))
    _ = waiting.machine.expired(waiting.context)
    #expect(waiting.machine.outcome == .failure)

    var stalled = sent { $0.backendIdle = .seconds(5) }
    _ = stalled.answered()
    stalled.wait(.seconds(5))
    _ = stalled.machine.expired(stalled.context)
    #expect(stalled.machine.outcome == .failure)
  }

  @Test func `the limit on the whole exchange is a failure while only the backend is waited for`() {
    var connecting = Play {
      $0.requestTimeout = .seconds(2)
      $0.connectTimeout = .seconds(9)
    }
    connecting.machine.connecting(now: connecting.now)
    connecting.wait(.seconds(2))
    _ = connecting.machine.expired(connecting.context)
    #expect(connecting.machine.outcome == .failure)

    var waiting = sent { $0.requestTimeout = .seconds(2) }
    waiting.wait(.seconds(2))
    _ = waiting.machine.expired(waiting.context)
    #expect(waiting.machine.outcome == .failure)

    var uploading = sent {
      $0.requestTimeout = .seconds(2)
      $0.hasBody = true
    }
    uploading.wait(.seconds(2))
    _ = uploading.machine.expired(uploading.context)
    #expect(uploading.machine.outcome == .ignored)

    var answering = sent { $0.requestTimeout = .seconds(2) }
    _ = answering.answered()
    answering.wait(.seconds(2))
    _ = answering.machine.expired(answering.context)
    #expect(answering.machine.outcome == .ignored)
  }

  @Test func `a client that goes away is no evidence, before the answer or in it`() {
    var before = sent()
    _ = before.machine.clientGone(before.context)
    #expect(before.machine.outcome == .ignored)
    var within = sent()
    _ = within.answered()
    _ = within.machine.clientGone(within.context)
    #expect(within.machine.outcome == .ignored)
  }

  @Test func `but a failure status has been seen by then`() {
    var play = sent()
    _ = play.answered(500)
    _ = play.machine.clientGone(play.context)
    #expect(play.machine.outcome == .failure)
  }

  @Test func `a client that leaves after the whole answer takes nothing back`() {
    var play = sent()
    _ = play.answered()
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    _ = play.machine.clientGone(play.context)
    #expect(play.machine.outcome == .success)
  }

  @Test(arguments: [Fault.bodyTimeout, .bodyTooLarge, .badBody])
  func `what the client does wrong is no evidence`(fault: Fault) {
    var play = sent { $0.hasBody = true }
    _ = play.machine.fail(fault, play.context)
    #expect(play.machine.outcome == .ignored)
  }

  @Test func `a slow client is no evidence`() {
    var play = sent {
      $0.writeIdle = .seconds(30)
      $0.minRate = 0
    }
    _ = play.answered()
    _ = play.machine.clientWrote(isPending: true, taken: 10, now: play.now)
    play.clientTaken = 10
    for _ in 0..<4 {
      play.wait(.seconds(10))
      play.machine.responseBody(now: play.now)
      _ = play.machine.expired(play.context)
    }
    #expect(play.machine.isFinished)
    #expect(play.machine.outcome == .ignored)
  }

  @Test func `an upgrade is a success as soon as it is agreed, whatever becomes of the tunnel`() {
    var play = sent()
    _ = play.machine.upgraded(now: play.now)
    #expect(play.machine.outcome == .success)
    _ = play.machine.backendClosed(answerHadBegun: true, play.context)
    #expect(play.machine.outcome == .success)
  }

  @Test func `what is cut when the process stops is no evidence`() {
    var play = sent()
    _ = play.machine.cut(play.context)
    #expect(play.machine.outcome == .ignored)
    var answering = sent()
    _ = answering.answered()
    _ = answering.machine.cut(answering.context)
    #expect(answering.machine.outcome == .ignored)
  }
}
