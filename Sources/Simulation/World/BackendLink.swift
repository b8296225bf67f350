// Why this file exists: one connection of a simulated backend: it reads a request to its end,
// holding every byte against what the client has sent, and then does what its script says.

import EventLoop
import Glibc
import HTTPSemantics
import Primitives

typealias BackendLinkRef = UnsafeMutablePointer<BackendLink>

struct BackendLink {
  enum State: UInt8 {
    /// Between requests.
    case idle
    /// Some of a head has come.
    case head
    /// The body is coming.
    case body
    /// The request is complete.
    case waiting
    case tunnel
    case closed
  }

  let backend: BackendRef
  var peer: Peer
  var state = State.idle
  var reader = MessageReader()
  var sender = Sender()
  /// Void what was planned before.
  var setting: UInt64 = 0
  var isFirst = true
  var id: UInt64 = 0
  var attempt = 0
  /// The gateway chose this backend then at the earliest, and at the latest.
  var pickedAt = Instant(nanoseconds: 0)
  var pickedBy = Instant(nanoseconds: 0)
  /// The present attempt is not judged yet.
  var isUnderWay = false
  var answer = AnswerPlan()
  var isAnswering = false
  /// The present request has been answered, or is.
  var hasAnswered = false
  /// Its own side has ended, because it has been idle for so long.
  var hasShutDown = false
  var random = Xoroshiro(seed: 0)
  var next: BackendLinkRef?
  var previous: BackendLinkRef?

  init(backend: BackendRef, peer: Peer) {
    self.backend = backend
    self.peer = peer
  }

  mutating func revive(_ peer: Peer) {
    self.peer = peer
    state = .idle
    reader = MessageReader()
    isFirst = true
    isAnswering = false
    hasAnswered = false
    hasShutDown = false
    id = 0
  }
}

/// What a backend will do with a request.
struct AnswerPlan {
  var status: UInt16 = 200
  var fault: AnswerFault?
  var latency: UInt64 = 0
  var length = 0
  var isChunked = false
  var isUntilClose = false
  var hasTrailers = false
  var interim = 0
  var closes = false
  var closesSilently = false
  var isHead = false
  var isUpgrade = false
}

extension BackendLinkRef {
  var world: WorldRef { pointee.backend.pointee.world }

  // MARK: Reading

  func readable() {
    var isFirstLook = true
    while pointee.state != .closed {
      let (bytes, end) = pointee.peer.received()
      if bytes.count == 0 {
        if end != 0 - Int(EAGAIN) { return ended() }
        return
      }
      if isFirstLook { isFirstLook = false }
      let used = take(bytes)
      if pointee.state == .closed { return }
      if used == 0 { return }
      pointee.peer.consume(used)
    }
  }

  /// Uses up some of the bytes; how many.
  private func take(_ bytes: ByteSlice) -> Int {
    switch pointee.state {
    case .idle:
      beginHead()
      return pointee.state == .closed ? bytes.count : takeHead(bytes)
    case .head: return takeHead(bytes)
    case .body:
      let used = pointee.reader.takeBody(bytes)
      bodyCame()
      return used
    case .waiting where pointee.answer.fault == .tooLong:
      // The gateway took the answer for whole, as it may, before what is too much had come.
      end(isReset: true)
      return bytes.count
    case .waiting:
      world.fail(.framing, "bytes behind a complete request, before its answer: \(subject)")
      return bytes.count
    case .tunnel:
      let used = pointee.reader.takeBody(bytes)
      if pointee.reader.hasForeignByte {
        world.fail(.foreignBytes, "in a tunnel to a backend: \(subject)")
      }
      return used
    case .closed: return bytes.count
    }
  }

  private func beginHead() {
    if pointee.peer.isWrittenAfterEnd {
      world.fail(.deadConnection, "a request on a connection whose end had been read: \(subject)")
    }
    // It has crossed our end.
    if pointee.hasShutDown { return end(isReset: true) }
    pointee.state = .head
    pointee.setting &+= 1
  }

  private func takeHead(_ bytes: ByteSlice) -> Int {
    let (used, head) = pointee.reader.takeHead(bytes)
    if let head { headCame(head) }
    return used
  }

  private func headCame(_ head: SeenHead) {
    let world = world
    if head.isBroken { world.fail(.framing, "a broken head has reached a backend: \(subject)") }
    pointee.id = head.id
    pointee.answer = AnswerPlan()
    pointee.hasAnswered = false
    if head.id == 0 { return healthCheckCame() }
    guard let record = world.pointee.ledger.record(head.id) else {
      return world.fail(.framing, "a request that nobody sent has reached a backend")
    }
    pointee.attempt = record.pointee.attempts
    // When it began to connect, or to write.
    pointee.pickedAt = pointee.isFirst ? pointee.peer.madeAt : pointee.peer.writtenAt
    // A connection whose request has gone while it was made is another one's.
    pointee.pickedBy = max(pointee.pickedAt, pointee.peer.writtenAt)
    pointee.isUnderWay = true
    pointee.backend.pointee.underWay += 1
    pointee.backend.pointee.requests += 1
    world.attemptCame(record, pointee.backend, pickedAt: pointee.pickedAt)
    pointee.isFirst = false
    let seed = world.pointee.scenario.seed &+ head.id &* 64 &+ UInt64(pointee.attempt)
    pointee.random = Xoroshiro(seed: seed)
    planAnswer(head, record)
    let fault = pointee.answer.fault
    record.pointee.withNote(pointee.attempt) { $0.fault = fault }
    let isLong = head.isChunked || head.length > 0
    if head.isChunked {
      pointee.reader.beginBody(.chunkSize, key: BodyPattern.key(request: head.id))
    } else {
      pointee.reader.beginBody(
        .length, length: max(0, head.length), key: BodyPattern.key(request: head.id))
    }
    if isLong != (record.pointee.bodyLength > 0 || head.isChunked) {
      world.fail(.framing, "a body is announced otherwise than it was sent: \(subject)")
    }
    pointee.state = isLong ? .body : .waiting
    if isLong && head.expectsContinue && pointee.answer.fault != .early { sendContinue() }
    if pointee.answer.fault == .resetInRequest { return end(isReset: true) }
    if isLong { planEarlyAnswer() } else { requestCame() }
  }

  private func bodyCame() {
    let world = world
    if pointee.reader.hasForeignByte {
      return world.fail(.foreignBytes, "in the body of a request: \(subject)")
    }
    if pointee.reader.isMalformed {
      return world.fail(.framing, "broken chunks have reached a backend: \(subject)")
    }
    guard pointee.reader.mode == .done else { return }
    pointee.state = .waiting
    guard let record = world.pointee.ledger.record(pointee.id) else { return requestCame() }
    let count = pointee.reader.bodyCount
    if count != record.pointee.bodyLength || record.pointee.bodySent < count {
      world.fail(
        .framing,
        "a body of \(count) bytes seems complete, of \(record.pointee.bodyLength): \(subject)")
    }
    requestCame()
  }

  // MARK: Time

  func after(
    _ delay: UInt64,
    _ happen:
      @escaping @convention(c) (UnsafeMutableRawPointer, UInt64)
      -> Void
  ) {
    pointee.setting &+= 1
    let network = world.pointee.network
    network.schedule(
      at: network.clock + Duration(nanoseconds: Int64(delay)), UnsafeMutableRawPointer(self),
      pointee.setting, happen)
  }

  // MARK: The end

  /// The gateway has ended the connection.
  private func ended() {
    if pointee.state == .tunnel, pointee.sender.isDone == false {
      // What is left of the tunnel still goes.
      return
    }
    end(isReset: false)
  }

  func end(isReset: Bool) {
    if pointee.state == .closed { return }
    // To close over what is still to be read is a reset as well.
    if isReset || pointee.state == .body {
      world.pointee.ledger.record(pointee.id)?.pointee.withNote(pointee.attempt) {
        $0.mayBeOvertaken = true
      }
    }
    attemptOver()
    // Whoever was about to ask has seen a failure that no attempt stands for.
    if pointee.state == .head || (pointee.state == .idle && pointee.isFirst) {
      pointee.backend.pointee.watch.sawBad(
        BadAttempt(id: 0, ended: world.pointee.network.clock, pickedBy: .distantFuture))
    }
    pointee.state = .closed
    pointee.setting &+= 1
    if isReset { pointee.peer.reset() } else { pointee.peer.close() }
    pointee.backend.leave(self)
  }

  var subject: String { world.tell(pointee.id, pointee.attempt, pointee.backend.pointee.index) }
}
