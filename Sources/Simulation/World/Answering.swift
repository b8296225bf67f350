// Why this file exists: what a simulated backend says: the answer that its behaviour draws for a
// request, with everything that may be wrong about it.

import EventLoop
import HTTPSemantics
import Primitives

extension AnswerFault {
  /// Whether this can be wrong with such an answer, and is then seen to be.
  static func makesSense(_ answer: AnswerPlan) -> Bool {
    let hasBody = answer.length > 0 && !answer.isHead
    let tellsLength =
      !answer.isChunked && !answer.isUntilClose && answer.status != 204 && answer.status != 304
    switch answer.fault {
    case .resetInBody, .hangsInBody: return hasBody
    case .closeInBody: return hasBody && !answer.isUntilClose
    case .badChunk: return hasBody
    case .twoLengths: return tellsLength
    case .tooLong: return tellsLength && !answer.isHead
    default: return true
    }
  }
}

extension BackendLinkRef {
  private func happens(_ share: UInt32) -> Bool {
    share > 0 && UInt32(truncatingIfNeeded: pointee.random.next() & 65_535) < share
  }

  private func draw(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(pointee.random.below(UInt64(range.count)))
  }

  // MARK: Planning

  func planAnswer(_ head: SeenHead, _ record: RecordRef) {
    let behaviour = pointee.backend.pointer(to: \.behaviour).unsafelyUnwrapped
    var answer = AnswerPlan()
    answer.isHead = record.pointee.method == .head
    let (low, high) = (
      UInt64(behaviour.pointee.latency.lowerBound.nanoseconds),
      UInt64(behaviour.pointee.latency.upperBound.nanoseconds)
    )
    answer.latency = low + pointee.random.below(high - low + 1)
    if happens(behaviour.pointee.slowShare) {
      answer.latency *= UInt64(behaviour.pointee.slowFactor)
    }
    if happens(behaviour.pointee.errorShare) {
      let statuses = behaviour.pointee.errorStatuses
      answer.status = statuses[draw(0...statuses.count - 1)]
    }
    let hasNoBody = answer.status == 204 || answer.status == 304
    answer.length = hasNoBody ? 0 : draw(behaviour.pointee.bodyLength)
    if !hasNoBody {
      answer.isChunked = happens(behaviour.pointee.chunkedShare)
      answer.isUntilClose = !answer.isChunked && happens(behaviour.pointee.untilCloseShare)
      answer.hasTrailers = answer.isChunked && happens(behaviour.pointee.trailerShare)
    }
    if happens(behaviour.pointee.interimShare) { answer.interim = draw(1...3) }
    answer.closes =
      head.closes || happens(behaviour.pointee.closeShare) || (head.isHTTP10 && !head.keepsAlive)
    answer.closesSilently = happens(behaviour.pointee.silentCloseShare)
    if !behaviour.pointee.faults.isEmpty, happens(behaviour.pointee.faultShare) {
      let faults = behaviour.pointee.faults
      answer.fault = faults[draw(0...faults.count - 1)]
    }
    if !AnswerFault.makesSense(answer) { answer.fault = nil }
    answer.isUpgrade = head.upgrades && behaviour.pointee.upgrades
    pointee.answer = answer
  }

  /// The whole request is there.
  func requestCame() {
    if pointee.isAnswering || pointee.hasAnswered { return isIdle() }
    after(pointee.answer.latency) { target, setting in
      let link = target.assumingMemoryBound(to: BackendLink.self)
      if link.pointee.setting == setting { link.beginAnswer() }
    }
  }

  /// Some answer before they have read.
  func planEarlyAnswer() {
    if pointee.answer.fault == .early || pointee.answer.fault == .earlyAndReset { requestCame() }
  }

  func healthCheckCame() {
    pointee.answer.status = pointee.backend.pointee.behaviour.healthStatus
    pointee.answer.latency = UInt64(
      pointee.backend.pointee.behaviour.latency.lowerBound.nanoseconds)
    pointee.answer.closes = true
    pointee.state = .waiting
    pointee.reader.beginBody(.length, length: 0, key: nil)
    requestCame()
  }

  func sendContinue() {
    let text: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
    _ = pointee.peer.write(text.utf8Start, text.utf8CodeUnitCount)
  }

  // MARK: Writing

  private func beginAnswer() {
    pointee.isAnswering = true
    pointee.hasAnswered = true
    pointee.sender.begin()
    let answer = pointee.answer
    switch answer.fault {
    case .hangs: return
    case .resetBeforeHead: return end(isReset: true)
    case .closeBeforeHead: return end(isReset: false)
    case .silent: return pointee.peer.fallSilent()
    case .garbage:
      pointee.sender.put("HTTP/9.9 what\u{1}ever\r\n: x\r\n\r\n")
      pointee.sender.cutAt = 20
      return pump()
    case .unaskedUpgrade where !answer.isUpgrade:
      pointee.sender.put("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n")
      pointee.sender.put("Upgrade: other\r\n\r\n")
      return pump()
    default: break
    }
    if answer.isUpgrade { return beginTunnel() }
    writeHead(answer)
    let head = pointee.sender.total + pointee.sender.waiting
    setCuts(answer, head: head)
    note {
      $0.status = answer.status
      // It is whole before all of it has left.
      $0.isWhole = answer.fault == .tooLong
      $0.bodyLength = Int32(answer.isHead ? 0 : answer.length)
    }
    if answer.fault == .tooLong, answer.status < 500 {
      pointee.backend.pointee.watch.sawGood(pickedBy: pointee.pickedBy)
    }
    if pointee.id != 0, !answer.isHead || answer.isUntilClose, pointee.answer.fault != .badChunk {
      let length = answer.isHead ? 0 : answer.length
      pointee.sender.pause = UInt64(pointee.backend.pointee.behaviour.pause.nanoseconds)
      pointee.sender.setBody(
        length + (answer.fault == .tooLong ? 50 : 0),
        key: BodyPattern.key(answer: pointee.id, attempt: pointee.attempt),
        isChunked: answer.isChunked && !answer.isHead, hasTrailers: answer.hasTrailers,
        piece: 1 + Int(pointee.random.below(answer.length > 4_096 ? 16_384 : 700)))
    }
    if answer.fault == .badChunk {
      pointee.sender.put("4\r\n")
      let key = BodyPattern.key(answer: pointee.id, attempt: pointee.attempt)
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4) { room in
        guard let base = room.baseAddress else { return }
        BodyPattern.write(key, from: 0, 4, to: base)
        pointee.sender.put(base, 4)
      }
      pointee.sender.put("XX\r\nzz\r\n")
    }
    pump()
  }

  private func writeHead(_ answer: AnswerPlan) {
    let interim = answer.fault == .tooManyInterim ? 40 : answer.interim
    for _ in 0..<interim { pointee.sender.put("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
    pointee.sender.put("HTTP/1.1 ")
    pointee.sender.put(decimal: Int(answer.status))
    pointee.sender.put(" Said\r\nX-Simulated: ")
    pointee.sender.put(hex: pointee.id)
    pointee.sender.put("-")
    pointee.sender.put(decimal: pointee.attempt & 7)
    if answer.closes && !answer.closesSilently {
      pointee.sender.put("\r\nConnection: close")
    }
    if answer.fault == .badChunk || answer.isChunked {
      pointee.sender.put("\r\nTransfer-Encoding: chunked")
    } else if !answer.isUntilClose, answer.status != 204 {
      pointee.sender.put("\r\nContent-Length: ")
      pointee.sender.put(decimal: answer.length)
      if answer.fault == .twoLengths { pointee.sender.put("\r\nContent-Length: 99999") }
    }
    if answer.fault == .hugeHead {
      pointee.sender.put("\r\nX-Huge: ")
      pointee.sender.fill(0x68, 20_000 + Int(pointee.random.below(60_000)))
    }
    pointee.sender.put("\r\n\r\n")
  }

  private func setCuts(_ answer: AnswerPlan, head: Int) {
    switch answer.fault {
    case .resetInHead, .closeInHead:
      pointee.sender.cutAt = 1 + Int(pointee.random.below(UInt64(head - 1)))
    case .resetInBody, .closeInBody:
      pointee.sender.cutAt = head + Int(pointee.random.below(UInt64(max(1, answer.length))))
    case .hangsInBody:
      pointee.sender.stallAt = head + Int(pointee.random.below(UInt64(max(1, answer.length))))
      pointee.sender.stall = 3_600_000_000_000
    default: break
    }
  }

  private func note(_ change: (inout AttemptNote) -> Void) {
    guard let record = world.pointee.ledger.record(pointee.id) else { return }
    record.pointee.withNote(pointee.attempt, change)
  }

  func pump() {
    if pointee.state == .closed || !pointee.isAnswering { return }
    switch pointee.sender.pump(pointee.peer) {
    case .blocked: return
    case .pausing(let time):
      after(time) { target, setting in
        let link = target.assumingMemoryBound(to: BackendLink.self)
        if link.pointee.setting == setting { link.pump() }
      }
    case .broken: end(isReset: false)
    case .cut: end(isReset: isResetFault)
    case .done: answerLeft()
    }
  }

  private var isResetFault: Bool {
    switch pointee.answer.fault {
    case .resetInHead, .resetInBody: true
    default: false
    }
  }

  private func answerLeft() {
    let answer = pointee.answer
    if pointee.state == .tunnel { return tunnelLeft() }
    switch answer.fault {
    // It goes on waiting for somebody to end this.
    case .unaskedUpgrade, .badChunk, .twoLengths: return
    default: break
    }
    note {
      $0.isWhole = true
      $0.bodyLength = Int32(answer.isHead ? 0 : answer.length)
    }
    attemptOver()
    if answer.fault == .earlyAndReset { return end(isReset: true) }
    let mustClose =
      answer.closes || answer.closesSilently || answer.isUntilClose || answer.fault == .tooLong
    if pointee.state == .body {
      // The rest of the request may still come.
      if mustClose { end(isReset: false) }
      return
    }
    if mustClose { return end(isReset: false) }
    isIdle()
    readable()
  }

  /// Both messages are complete.
  private func isIdle() {
    if pointee.isAnswering { return }
    pointee.state = .idle
    pointee.reader.beginMessage()
    if let timeout = pointee.backend.pointee.behaviour.idleTimeout {
      after(UInt64(timeout.nanoseconds)) { target, setting in
        let link = target.assumingMemoryBound(to: BackendLink.self)
        if link.pointee.setting == setting { link.idleIsOver() }
      }
    }
  }

  /// Some end their own side first, and listen until the other one has ended too.
  private func idleIsOver() {
    if pointee.random.next() & 1 == 0 { return end(isReset: false) }
    pointee.hasShutDown = true
    pointee.peer.shutdown()
  }

  /// What there is to say of the attempt has been said.
  func attemptOver() {
    pointee.isAnswering = false
    if !pointee.isUnderWay { return }
    pointee.isUnderWay = false
    pointee.backend.pointee.underWay -= 1
    world.attemptOver(self)
  }

  // MARK: Tunnels

  private func beginTunnel() {
    pointee.sender.put("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n")
    pointee.sender.put("Upgrade: websocket\r\nX-Simulated: ")
    pointee.sender.put(hex: pointee.id)
    pointee.sender.put("-")
    pointee.sender.put(decimal: pointee.attempt & 7)
    pointee.sender.put("\r\n\r\n")
    let count = world.pointee.ledger.record(pointee.id)?.pointee.tunnelBytes ?? 0
    note {
      $0.status = 101
      $0.isWhole = true
      $0.bodyLength = Int32(count)
    }
    // A breaker believes a 101 at once.
    if pointee.isUnderWay {
      pointee.isUnderWay = false
      pointee.backend.pointee.underWay -= 1
      world.attemptOver(self)
    }
    pointee.state = .tunnel
    pointee.reader.beginBody(.tunnel, key: BodyPattern.key(request: pointee.id))
    let piece = 1 + Int(pointee.random.below(4_096))
    pointee.sender.setBody(
      count, key: BodyPattern.key(answer: pointee.id, attempt: pointee.attempt), isChunked: false,
      piece: piece)
    pump()
  }

  private func tunnelLeft() {
    attemptOver()
    pointee.peer.shutdown()
    readable()
  }
}
