// Why this file exists: the life of an exchange, event by event, with the actions that each must
// give.
import HTTPSemantics
import Primitives
import Testing

@testable import Forwarding

/// A plan and what the head says, for a test to write down together.
@dynamicMemberLookup
struct PlayPlan {
  var limits = ExchangePlan()
  var request = RequestTraits()

  subscript<Value>(dynamicMember path: WritableKeyPath<ExchangePlan, Value>) -> Value {
    get { limits[keyPath: path] }
    set { limits[keyPath: path] = newValue }
  }
  subscript<Value>(dynamicMember path: WritableKeyPath<RequestTraits, Value>) -> Value {
    get { request[keyPath: path] }
    set { request[keyPath: path] = newValue }
  }
}

/// An exchange with a budget of its own and a clock that the test sets.
struct Play {
  var machine: Exchange
  var now = Instant(nanoseconds: 1_000_000_000)
  let budget = RetryBudget.create()
  var rule = RetryBudgetRule(partsPerMillion: 200_000, floor: 100)
  var clientTaken: UInt64 = 0
  var clientHeld: UInt64 = 0
  var backendTaken: UInt64 = 0
  let failures = FailureStatuses([500...500, 502...504])

  init(_ adjust: (inout PlayPlan) -> Void = { _ in }) {
    var plan = PlayPlan()
    plan.isRepeatable = true
    adjust(&plan)
    // Lives as long as the test's process, as a snapshot outlives its exchanges.
    let limits = UnsafeMutablePointer<ExchangePlan>.allocate(capacity: 1)
    limits.initialize(to: plan.limits)
    machine = Exchange(limits, plan.request, now: now)
  }

  var context: ExchangeContext {
    var context = ExchangeContext(
      now: now, budget: budget, budgetRule: rule, clientTaken: clientTaken,
      backendTaken: backendTaken)
    context.clientHeld = clientHeld
    return context
  }

  mutating func wait(_ duration: Duration) { now = now + duration }

  /// A connection is made and the head is sent.
  mutating func open(reused: Bool = false) -> Actions {
    if !reused { machine.connecting(now: now) }
    return machine.leased(reused: reused, now: now)
  }

  mutating func answered(_ status: UInt16 = 200) -> Actions {
    machine.responseHead(
      status: status, says: failures.outcome(of: status), closeDelimited: false, context)
  }
}

@Suite struct ExchangeTests {
  @Test func `a request without body goes out, comes back and leaves both connections usable`() {
    var play = Play()
    #expect(play.open(reused: true) == .sendRequestHead)
    #expect(play.answered() == .sendResponseHead)
    #expect(play.machine.responseEnded(reusable: true, now: play.now) == .keepLease)
    #expect(play.machine.clientWrote(isPending: false, taken: 0, now: play.now) == .finish)
    #expect(play.machine.fate == .keepAlive)
    #expect(play.machine.reason == .none)
    #expect(play.machine.attempts == 1)
  }

  @Test func `the exchange is not over before the client has taken the whole answer`() {
    var play = Play()
    _ = play.open()
    _ = play.answered()
    _ = play.machine.responseEnded(reusable: true, now: play.now)
    #expect(play.machine.clientWrote(isPending: true, taken: 10, now: play.now) == [])
    #expect(!play.machine.isFinished)
    #expect(play.machine.clientWrote(isPending: false, taken: 99, now: play.now) == .finish)
  }

  @Test func `a backend connection that cannot serve again is dropped`() {
    var play = Play()
    _ = play.open()
    _ = play.answered()
    #expect(play.machine.responseEnded(reusable: false, now: play.now) == .dropLease)
  }

  @Test func `a refused connection is tried again whatever the method`() {
    var play = Play { $0.isRepeatable = false }
    play.machine.connecting(now: play.now)
    #expect(play.machine.fail(.connectRefused, play.context) == [.dropLease, .acquire])
    #expect(play.machine.attempts == 2)
    #expect(play.machine.retriedFor == .connect)
  }

  @Test func `after the last attempt the client gets the reason of the last fault`() {
    var play = Play { $0.retryAttempts = 1 }
    play.machine.connecting(now: play.now)
    _ = play.machine.fail(.connectRefused, play.context)
    play.machine.connecting(now: play.now)
    #expect(play.machine.fail(.connectFailed, play.context) == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .connectFailed)
    #expect(play.machine.fate == .keepAlive)
  }

  @Test
  func
    `a reused connection that dies without a byte is a repeat of an idempotent request`()
  {
    var play = Play()
    _ = play.open(reused: true)
    #expect(
      play.machine.backendClosed(answerHadBegun: false, play.context) == [.dropLease, .acquire])
    #expect(play.machine.retriedFor == .reusedReset)
  }

  @Test func `a request that may not be sent twice is answered 502 when its connection dies`() {
    var play = Play { $0.isRepeatable = false }
    _ = play.open(reused: true)
    let actions = play.machine.backendClosed(answerHadBegun: false, play.context)
    #expect(actions == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .upstreamReset)
  }

  @Test func `an answer that has begun is never tried again`() {
    var play = Play()
    _ = play.open()
    let actions = play.machine.backendClosed(answerHadBegun: true, play.context)
    #expect(actions == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .upstreamReset)
  }

  @Test func `a truncated answer resets the client and never looks complete`() {
    var play = Play()
    _ = play.open()
    _ = play.answered()
    play.machine.responseBody(now: play.now)
    let actions = play.machine.backendClosed(answerHadBegun: true, play.context)
    #expect(actions == [.dropLease, .abortClient, .finish])
    #expect(play.machine.fate == .reset)
    #expect(play.machine.reason == .upstreamReset)
  }

  @Test func `nothing is repeated without budget`() {
    var play = Play()
    play.rule = RetryBudgetRule(partsPerMillion: 0, floor: 0)
    _ = play.open(reused: true)
    let actions = play.machine.backendClosed(answerHadBegun: false, play.context)
    #expect(actions == [.dropLease, .dropTee, .answer])
  }

  @Test func `nothing is repeated after an interim answer went to the client`() {
    var play = Play()
    _ = play.open()
    #expect(play.machine.informational(status: 103, now: play.now) == .forwardInformational)
    let actions = play.machine.backendClosed(answerHadBegun: false, play.context)
    #expect(actions == [.dropLease, .dropTee, .answer])
  }

  @Test func `an HTTP 1 0 client sees no interim answer`() {
    var play = Play { $0.clientVersion = .http10 }
    _ = play.open()
    #expect(play.machine.informational(status: 103, now: play.now) == [])
  }

  @Test(arguments: [(UInt16(502), RetryKind.status502), (503, .status503), (504, .status504)])
  func `a status is repeated only when the service says so`(status: UInt16, kind: RetryKind) {
    var plain = Play()
    _ = plain.open()
    #expect(plain.answered(status) == .sendResponseHead)

    var asked = Play { $0.retryKinds = [.connect, RetryKinds(kind)] }
    _ = asked.open()
    #expect(asked.answered(status) == [.dropLease, .acquire])
    #expect(asked.machine.retriedFor == kind)
  }

  // MARK: Request bodies

  @Test func `a repeatable body is kept while it is short`() {
    var play = Play { $0.hasBody = true }
    _ = play.open()
    #expect(
      play.machine.requestBody(1000, play.context) == [.forwardRequestBody, .teeRequestBody])
    play.machine.requestEnded(now: play.now)
    #expect(
      play.machine.backendClosed(answerHadBegun: false, play.context) == [.dropLease, .acquire])
  }

  @Test func `a body longer than the tee ends the hope of a repeat`() {
    var play = Play { $0.hasBody = true }
    _ = play.open()
    let limit = Int(Bounds.keptBytes)
    #expect(
      play.machine.requestBody(limit, play.context) == [.forwardRequestBody, .teeRequestBody])
    #expect(play.machine.requestBody(1, play.context) == [.dropTee, .forwardRequestBody])
    let actions = play.machine.backendClosed(answerHadBegun: false, play.context)
    #expect(actions == [.dropLease, .dropTee, .answer])
  }

  @Test func `a body of a request that is never repeated is not kept`() {
    var play = Play {
      $0.hasBody = true
      $0.isRepeatable = false
    }
    _ = play.open()
    #expect(play.machine.requestBody(10, play.context) == .forwardRequestBody)
  }

  @Test func `a body above the limit is answered 413 and the connection ends`() {
    var play = Play {
      $0.hasBody = true
      $0.bodyLimit = 100
    }
    _ = play.open()
    _ = play.machine.requestBody(100, play.context)
    let actions = play.machine.requestBody(1, play.context)
    #expect(actions == [.dropLease, .dropTee, .answer])
    #expect(play.machine.reason == .bodyTooLarge)
    #expect(play.machine.fate == .linger)
  }

  @Test(arguments: [
    (UInt64(10), false, ClientFate.skip), (65_536, false, .skip), (65_537, false, .linger),
    (.max, false, .linger), (10, true, .linger),
  ])
  func `behind a refusal the connection goes on when what is left of the request is short`(
    length: UInt64, waitsForContinue: Bool, fate: ClientFate
  ) {
    var play = Play {
      $0.hasBody = true
      $0.bodyLength = length
      $0.expectsContinue = waitsForContinue
    }
    #expect(play.machine.fail(Fault(.gateway, .rateLimited), play.context).contains(.answer))
    #expect(play.machine.fate == fate)
    play.machine.closeAfterwards()
    #expect(play.machine.fate == .linger)
  }

  @Test func `an early answer is passed on and the client told that the connection ends`() {
    var play = Play { $0.hasBody = true }
    _ = play.open()
    _ = play.machine.requestBody(10, play.context)
    #expect(play.answered(401).contains(.sendResponseHead))
    #expect(play.machine.fate == .linger)
    #expect(play.machine.responseEnded(reusable: true, now: play.now) == .dropLease)
    #expect(play.machine.fate == .linger)
  }

  @Test
  func `a client that closes in the middle of its body gets no answer and its backend a reset`() {
    var play = Play { $0.hasBody = true }
    _ = play.open()
    _ = play.machine.requestBody(10, play.context)
    #expect(play.machine.clientHalfClosed(play.context) == [.dropLease, .finish])
    #expect(play.machine.reason == .clientAbort)
  }

  @Test func `a half close behind a part of a request that was refused takes nothing back`() {
    var play = Play { $0.hasBody = true }
    #expect(play.machine.fail(Fault(.client, .badRequest), play.context).contains(.answer))
    #expect(play.machine.clientHalfClosed(play.context) == [])
    #expect(play.machine.fate == .linger && play.machine.reason == .badRequest)
  }

  @Test func `a client that stops sending for an early answer gets all of it`() {
    var play = Play { $0.hasBody = true }
    _ = play.open()
    _ = play.machine.requestBody(10, play.context)
    _ = play.answered(413)
    #expect(play.machine.clientHalfClosed(play.context) == [])
    // Nor is it slow.
    play.wait(.seconds(59))
    #expect(play.machine.expired(play.context) == [])
    #expect(play.machine.responseEnded(reusable: true, now: play.now) == .dropLease)
    #expect(play.machine.fate == .linger)
  }

  @Test func `a client that did not know that this was its last request may have sent another`() {
    var play = Play()
    _ = play.open()
    play.machine.closeAfterwards()
    #expect(play.machine.fate == .linger)
    var last = Play { $0.clientKeepsAlive = false }
    _ = last.open()
    last.machine.closeAfterwards()
    #expect(last.machine.fate == .close)
  }

  @Test func `a half close behind a whole request is answered`() {
    var play = Play()
    _ = play.open()
    #expect(play.machine.clientHalfClosed(play.context) == [])
    #expect(play.answered() == .sendResponseHead)
  }

  @Test func `a client that vanishes in the queue gives its place back`() {
    var play = Play()
    play.machine.queued(now: play.now)
    #expect(play.machine.clientGone(play.context) == [.leaveQueue, .finish])
    #expect(play.machine.fate == .reset)
  }

  @Test func `one whose turn has come and whose connect fails at once leaves the queue once`() {
    var play = Play()
    play.machine.queued(now: play.now)
    play.machine.leftQueue()
    #expect(!play.machine.fail(.overloaded, play.context).contains(.leaveQueue))
  }

  @Test func `what comes after the end changes nothing`() {
    var play = Play()
    _ = play.open()
    _ = play.machine.clientGone(play.context)
    #expect(play.machine.clientGone(play.context) == [])
    #expect(play.machine.fail(.reset, play.context) == [])
    #expect(play.machine.expired(play.context) == [])
    #expect(play.machine.clientWrote(isPending: false, taken: 0, now: play.now) == [])
  }

  // MARK: Upgrades

  @Test func `a tunnel lasts beyond the limit on the whole exchange and ends as one`() {
    var play = Play {
      $0.requestTimeout = .seconds(5)
      $0.tunnelIdle = .seconds(300)
    }
    _ = play.open()
    #expect(play.machine.upgraded(now: play.now) == [.dropTee, .openTunnel])
    play.wait(.seconds(299))
    #expect(play.machine.expired(play.context) == [])
    play.machine.tunnelMoved(now: play.now)
    play.wait(.seconds(300))
    #expect(play.machine.expired(play.context) == [.dropLease, .finish])
    #expect(play.machine.fate == .close)
  }

  @Test func `what a client had not taken before its tunnel began is under the tunnel's timer`() {
    var play = Play {
      $0.writeIdle = .seconds(2)
      $0.tunnelIdle = .seconds(300)
    }
    _ = play.open()
    #expect(play.machine.clientWrote(isPending: true, taken: 0, now: play.now) == [])
    _ = play.machine.upgraded(now: play.now)
    #expect(!play.machine.clientIsSlow)
    play.wait(.seconds(299))
    #expect(play.machine.expired(play.context) == [])
  }

  @Test func `a request survives a dead connection when it can be repeated for certain`() {
    func survives(_ framing: Framing, _ adjust: (inout PlayPlan) -> Void = { _ in }) -> Bool {
      Play { plan in
        plan.hasBody = framing != .none
        adjust(&plan)
      }.machine.survivesReset(framing)
    }
    #expect(survives(.none))
    #expect(survives(.length(Bounds.keptBytes)))
    #expect(!survives(.length(Bounds.keptBytes + 1)))
    #expect(!survives(.chunked))
    #expect(survives(.chunked) { $0.expectsContinue = true })
    #expect(!survives(.none) { $0.isRepeatable = false })
    #expect(!survives(.none) { $0.retryAttempts = 0 })
    #expect(!survives(.none) { $0.retryKinds = .connect })
  }
}
