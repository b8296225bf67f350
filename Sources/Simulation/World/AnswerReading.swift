// Why this file exists: what a simulated client makes of what it reads: each answer is held against
// what a backend has really said, or against what the gateway may say by itself.

import EventLoop
import Glibc
import HTTPSemantics
import Primitives

extension ClientRef {
  /// The first of the pending requests is the one that is answered next.
  func beginAnswer() {
    pointee.head = nil
    pointee.answerBytes = 0
    pointee.reader.beginMessage()
    pointee.patienceSetting &+= 1
    guard let first = pointee.pending.first else { return }
    let patience = first.request.pointee.mischief.patience
    if patience == .zero { return }
    plan(after: UInt64(patience.nanoseconds), pointee.patienceSetting) { target, setting in
      let client = target.assumingMemoryBound(to: SimulatedClient.self)
      if client.pointee.patienceSetting == setting { client.disconnect(.reset, .left) }
    }
  }

  func readable() {
    if pointee.isReadingStalled { return }
    while let peer = pointee.peer, pointee.state == .connected {
      var (bytes, end) = peer.received()
      if bytes.count == 0 {
        if end != 0 - Int(EAGAIN) { ended(isReset: end < 0) }
        return
      }
      if let mischief = pointee.pending.first?.request.pointee.mischief {
        let allowed = allowance(mischief)
        if allowed == 0 { return }
        bytes = ByteSlice(bytes.base, min(bytes.count, allowed))
      }
      let used = take(bytes)
      // The connection may have ended with it.
      guard pointee.peer != nil, pointee.state == .connected else { return }
      pointee.answerBytes += used
      pointee.lastRead = network.clock
      peer.consume(used)
      if pointee.head != nil, pointee.reader.mode == .done { answerCame() }
    }
  }

  /// How many bytes of the answer may be read now; 0 = none, and what comes next is planned.
  private func allowance(_ mischief: Mischief) -> Int {
    var allowed = Int.max
    if mischief.leaveReadingAt >= 0 {
      allowed = mischief.leaveReadingAt - pointee.answerBytes
      if allowed <= 0 {
        disconnect(mischief.leave, .left)
        return 0
      }
    }
    if mischief.stallReadingAt >= 0, pointee.answerBytes <= mischief.stallReadingAt {
      let left = mischief.stallReadingAt - pointee.answerBytes
      if left > 0 { return min(allowed, left) }
      pointee.isReadingStalled = true
      pointee.readSetting &+= 1
      plan(after: UInt64(mischief.stallReading.nanoseconds), pointee.readSetting) {
        target, setting in
        let client = target.assumingMemoryBound(to: SimulatedClient.self)
        if client.pointee.readSetting == setting { client.readOn() }
      }
      return 0
    }
    return allowed
  }

  private func readOn() {
    pointee.isReadingStalled = false
    // One byte, so that the place is behind it.
    guard let peer = pointee.peer else { return }
    let (bytes, _) = peer.received()
    if bytes.count > 0 {
      let used = take(ByteSlice(bytes.base, 1))
      guard pointee.peer != nil else { return }
      pointee.answerBytes += used
      peer.consume(used)
      if pointee.head != nil, pointee.reader.mode == .done { answerCame() }
    }
    readable()
  }

  // MARK: Parts of an answer

  private func take(_ bytes: ByteSlice) -> Int {
    let world = pointee.world
    guard let pending = pointee.pending.first else {
      world.fail(.framing, "\(bytes.count) bytes of an answer to nothing: client \(name)")
      return bytes.count
    }
    if pointee.head == nil {
      let (used, head) = pointee.reader.takeHead(bytes)
      if pointee.reader.isMalformed { world.fail(.framing, "an endless head: \(subject(pending))") }
      if let head { headCame(head, pending) }
      return used
    }
    let used = pointee.reader.takeBody(bytes)
    if pointee.reader.hasForeignByte {
      world.fail(.foreignBytes, "in the body of an answer: \(subject(pending))")
    }
    if pointee.reader.isMalformed {
      world.fail(.framing, "broken chunks in an answer: \(subject(pending))")
    }
    if pointee.reader.mode == .tunnel { tunnelMoved(pending) }
    return used
  }

  private func headCame(_ head: SeenHead, _ pending: Pending) {
    let world = pointee.world
    if head.isBroken || head.status < 100 {
      return world.fail(.framing, "a broken head of an answer: \(subject(pending))")
    }
    let request = pending.request
    if head.status < 200 && head.status != 101 {
      pointee.reader.beginMessage()
      if request.pointee.plan.isHTTP10 {
        world.fail(.framing, "an interim answer to HTTP/1.0: \(subject(pending))")
      }
      return
    }
    pointee.head = head
    check(head, pending)
    pointee.patienceSetting &+= 1
    let key = head.attempt < 0 ? nil : BodyPattern.key(answer: pending.id, attempt: head.attempt)
    let hasNoBody =
      request.pointee.method == .head || head.status == 204 || head.status == 304
    if head.status == 101 {
      pointee.reader.beginBody(.tunnel, key: key)
      beginTunnel(pending)
    } else if hasNoBody {
      pointee.reader.beginBody(.length, length: 0, key: key)
    } else if head.isChunked {
      if request.pointee.plan.isHTTP10 {
        world.fail(.framing, "chunks for HTTP/1.0: \(subject(pending))")
      }
      pointee.reader.beginBody(.chunkSize, key: key)
    } else if head.length >= 0 {
      pointee.reader.beginBody(.length, length: head.length, key: key)
    } else {
      pointee.reader.beginBody(.untilClose, key: key)
    }
  }

  private func check(_ head: SeenHead, _ pending: Pending) {
    let world = pointee.world
    guard let record = world.pointee.ledger.record(pending.id) else { return }
    if head.attempt < 0 {
      // Said by the gateway itself, or by a route.
      if head.id != 0 { world.fail(.foreignAnswer, subject(pending)) }
      world.ownAnswerCame(head, record, pending.request)
      return
    }
    if head.id != pending.id {
      return world.fail(.foreignAnswer, "the answer to \(head.id) for \(subject(pending))")
    }
    if head.attempt >= record.pointee.attempts {
      return world.fail(.foreignAnswer, "of an attempt that never was: \(subject(pending))")
    }
    let said = record.pointee.withNote(head.attempt) { $0.status }
    if said != head.status {
      world.fail(.foreignAnswer, "status \(head.status) for \(said): \(subject(pending))")
    }
  }

  // MARK: Its end

  private func answerCame() {
    guard let pending = pointee.pending.first, let head = pointee.head else { return }
    let world = pointee.world
    guard let record = world.pointee.ledger.record(pending.id) else { return }
    checkWhole(head, record, pending)
    pointee.pending.removeFirst()
    pointee.answered += 1
    pointee.head = nil
    world.over(
      record, .complete, status: head.status, head.reason, bytes: pointee.reader.bodyCount)
    let isLast =
      head.closes || pending.request.pointee.plan.closes || head.status == 101
      || (pending.request.pointee.plan.isHTTP10 && !head.keepsAlive)
      || pending.request.pointee.mischief.garbage != nil
    if isLast || pointee.peer == nil {
      if pointee.peer != nil { disconnect(.close, .none) }
      return
    }
    let wasSending = pointee.isSending && pointee.pending.isEmpty
    beginAnswer()
    // The rest of its own request is of no use to anybody.
    if wasSending { return disconnect(.close, .none) }
    if pointee.pending.isEmpty { nextAfterPause() } else { sendNext() }
  }

  private func checkWhole(_ head: SeenHead, _ record: RecordRef, _ pending: Pending) {
    if head.attempt < 0 || pending.request.pointee.mischief.garbage != nil { return }
    let world = pointee.world
    let note = record.pointee.withNote(head.attempt) { $0 }
    let isHead = pending.request.pointee.method == .head
    if !note.isWhole {
      world.fail(.falselyComplete, "an answer that was cut seems complete: \(subject(pending))")
    } else if !isHead, pointee.reader.bodyCount != Int(note.bodyLength) {
      world.fail(
        .falselyComplete,
        "\(pointee.reader.bodyCount) bytes of \(note.bodyLength): \(subject(pending))")
    }
  }

  private func ended(isReset: Bool) {
    if let head = pointee.head, pointee.reader.mode == .untilClose, !isReset {
      guard let pending = pointee.pending.first,
        let record = pointee.world.pointee.ledger.record(pending.id)
      else { return }
      checkWhole(head, record, pending)
      pointee.pending.removeFirst()
      pointee.world.over(
        record, .complete, status: head.status, head.reason, bytes: pointee.reader.bodyCount)
      pointee.head = nil
    } else if pointee.reader.mode == .tunnel, let pending = pointee.pending.first {
      tunnelEnded(pending, isReset: isReset)
      return
    } else {
      checkLost()
    }
    disconnect(.close, .none)
  }

  // MARK: Tunnels

  private func beginTunnel(_ pending: Pending) {
    pointee.sender.begin()
    pointee.sender.setBody(
      pending.request.pointee.plan.tunnelBytes, key: BodyPattern.key(request: pending.id),
      isChunked: false, piece: 1 + Int(pointee.random.below(4_096)))
    pointee.isSending = true
    let leave = pending.request.pointee.mischief.leaveAt
    if leave >= 0 { pointee.sender.cutAt = leave }
    pump()
  }

  private func tunnelMoved(_ pending: Pending) {
    if pointee.reader.bodyCount > pending.request.pointee.plan.tunnelBytes {
      pointee.world.fail(.foreignBytes, "too many in a tunnel: \(subject(pending))")
    }
  }

  private func tunnelEnded(_ pending: Pending, isReset: Bool) {
    guard let head = pointee.head, let record = pointee.world.pointee.ledger.record(pending.id)
    else { return }
    let isWhole = !isReset && pointee.reader.bodyCount == pending.request.pointee.plan.tunnelBytes
    pointee.pending.removeFirst()
    pointee.world.over(
      record, isWhole ? .complete : .cut, status: head.status, head.reason,
      bytes: pointee.reader.bodyCount)
    pointee.head = nil
    disconnect(.close, .none)
  }

  // MARK: Names

  private var name: String { pointee.index < 0 ? "of a traffic" : "\(pointee.index)" }

  private func subject(_ pending: Pending) -> String {
    pointee.world.tell(pending.id, pointee.head?.attempt ?? -1, -1)
  }
}
