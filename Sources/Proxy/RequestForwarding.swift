// Why this file exists: the request on its way to the backend: the head once it has a lease, then
// body bytes as they come, straight from the buffer they were read into.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

extension ExchangeRef {
  /// Body bytes can go on now: there is a lease, and it takes them.
  var takesRequestBody: Bool {
    switch pointee.machine.phase {
    case .open, .responding: !pointee.client.pointee.stops.contains(.backendIsFull)
    case .choosing, .queued, .connecting, .tunnel, .over: false
    }
  }

  /// Puts the head (and what the tee holds) in front of what is written next.
  func sendRequestHead() {
    pointee.headIsUnsent = true
    // What is kept from now on is written from where it lies, not from the tee.
    pointee.replayCount = pointee.teeCount
    let client = pointee.client
    if client.pointee.isConsuming { return }
    // The lease came late: what the client has sent meanwhile goes with the head.
    client.consumeInbox()
    client.pointee.exchange?.flushRequest(spans: nil)
  }

  /// Body bytes have come: false when the exchange does not want more of them now.
  func requestBody(_ spans: UnsafeMutablePointer<BodySpans>) -> Bool {
    let client = pointee.client
    let actions = pointee.machine.requestBody(spans.pointee.bytes, context)
    if actions.contains(.teeRequestBody) { tee(spans) }
    perform(actions)
    guard client.pointee.exchange == self else { return false }
    if actions.contains(.forwardRequestBody) { flushRequest(spans: spans) }
    return takesRequestBody
  }

  /// The request is complete: its end goes to the lease.
  func requestEnded(trailers: UnsafeMutablePointer<TrailerStore>?) {
    let worker = pointee.worker
    if pointee.framing == .chunked {
      guard judgeTrailers(trailers, pointee.extras?.pointee.request) else {
        pointee.record.detail = .field
        return fail(.badBody)
      }
      var writer = ByteWriter(worker.pointee.scratch, capacity: Worker.scratchSize)
      ChunkWriter.writeEnd(pointee.dropsTrailers ? nil : trailers, into: &writer)
      if pointee.headIsUnsent { flushRequest(spans: nil) }
      if pointee.machine.isTeeing { tee(writer.written) }
      worker.pointee.vectors[0] = IOVector(worker.pointee.scratch, writer.count)
      sendToBackend(1)
    }
    pointee.machine.requestEnded(now: worker.pointee.now)
  }

  /// Marks what may not go on as a trailer: what the route sets or removes in heads could come
  /// back by them. False: a name or a value holds a byte that it may not.
  func judgeTrailers(
    _ trailers: UnsafeMutablePointer<TrailerStore>?, _ edits: HeadEdits?
  ) -> Bool {
    guard let trailers else { return true }
    let (base, count) = (UnsafePointer(trailers.pointee.bytes), trailers.pointee.count)
    edits?.drop(base, trailers.pointee.fields, count)
    return TrailerRules.judge(
      base: base, fields: trailers.pointee.fields, fieldCount: count,
      rules: pointee.snapshot.pointee.requestRules)
  }

  /// Writes what is due: the head if it has not left, the tee's bytes, these slices.
  func flushRequest(spans: UnsafeMutablePointer<BodySpans>?) {
    let worker = pointee.worker
    let vectors = worker.pointee.vectors
    var count = 0
    let mayJoin = pointee.headIsUnsent && pointee.replayCount == 0
    if pointee.headIsUnsent {
      pointee.headIsUnsent = false
      let head = pointee.sentHead.range
      vectors[count] = IOVector(pointee.buffer.base + Int(head.offset), Int(head.length))
      count += 1
      if pointee.replayCount > 0, let tee = pointee.tee {
        vectors[count] = IOVector(tee.base, pointee.replayCount)
        count += 1
      }
      pointee.record.headSent = Loop.clock()
    }
    pointee.replayCount = 0
    if let spans, spans.pointee.bytes > 0 {
      let isChunked = pointee.framing == .chunked
      if isChunked { vectors[count] = worker.sizeLine(spans.pointee.bytes) }
      if isChunked { count += 1 }
      for index in 0..<spans.pointee.count {
        let slice = spans.pointee.slices[index]
        vectors[count] = IOVector(slice.base, slice.count)
        count += 1
      }
      if isChunked { vectors[count] = Worker.lineEnd }
      if isChunked { count += 1 }
    }
    if count > 1 && mayJoin { count = joinBody(count) }
    if count > 0 { sendToBackend(count) }
  }

  /// Copies a small body behind its head, where the exchange's buffer has room: that costs less
  /// than what the system does for a write of several buffers. Gives the number of vectors left.
  private func joinBody(_ count: Int) -> Int {
    let vectors = pointee.worker.pointee.vectors
    let head = Int(pointee.sentHead.range.end)
    var end = head
    for index in 1..<count {
      end += vectors[index].count
      if end - head > Worker.joinedMost || end > pointee.buffer.capacity { return count }
    }
    var room = pointee.buffer.base + head
    for index in 1..<count {
      ByteWriter.copy(vectors[index].base.unsafelyUnwrapped, vectors[index].count, to: room)
      room += vectors[index].count
    }
    vectors[0].count += end - head
    return 1
  }

  private func sendToBackend(_ count: Int) {
    guard let backend = pointee.backend, !backend.pointee.writeIsBroken else { return }
    let worker = pointee.worker
    let result = backend.pointee.output.send(
      backend.stream, worker.pointee.vectors, count, worker.buffers)
    if result != 0 {
      // Its answer may have been sent before it closed: the reading side tells.
      backend.pointee.writeIsBroken = true
      return
    }
    noteBackendOutput(backend)
  }

  /// Tells the machine how the backend takes what is written, and stops or resumes the client.
  func noteBackendOutput(_ backend: BackendRef) {
    let pending = backend.pointee.output.pending
    if pending == 0 && !pointee.client.pointee.stops.contains(.backendIsFull)
      && !pointee.machine.backendIsSlow && pointee.machine.phase != .responding
    {
      return
    }
    let client = pointee.client
    pointee.machine.backendWrote(
      isPending: pending > 0, taken: backend.pointee.output.taken(by: backend.stream),
      now: pointee.worker.pointee.now)
    if pending > Output.highMark {
      client.setStop(.backendIsFull, true)
    } else if pending <= Output.lowMark && client.pointee.stops.contains(.backendIsFull) {
      client.setStop(.backendIsFull, false)
      client.consumeInbox()
    }
  }

  // MARK: The tee

  private func tee(_ spans: UnsafeMutablePointer<BodySpans>) {
    let isChunked = pointee.framing == .chunked
    if isChunked {
      let line = pointee.worker.sizeLine(spans.pointee.bytes)
      tee(ByteSlice(line.base.unsafelyUnwrapped, line.count))
    }
    for index in 0..<spans.pointee.count { tee(spans.pointee.slices[index]) }
    if isChunked { tee(ByteSlice(Worker.lineEnd.base.unsafelyUnwrapped, 2)) }
  }

  /// Keeps a copy; when it does not fit there will be no repeat.
  private func tee(_ slice: ByteSlice) {
    let worker = pointee.worker
    let buffer = pointee.tee ?? worker.pointee.buffers.take(atLeast: teeSize)
    pointee.tee = buffer
    if pointee.teeCount + slice.count > buffer.capacity {
      pointee.machine.teeOverflowed()
      return dropTee()
    }
    (buffer.base + pointee.teeCount).update(from: slice.base, count: slice.count)
    pointee.teeCount += slice.count
  }

  /// What the body will need: a known length, else the limit with room for the chunks' lines.
  private var teeSize: Int {
    switch pointee.framing {
    case .length(let length): Int(min(length, Bounds.keptBytes))
    case .none, .chunked, .untilClose: BufferPool.largest
    }
  }

  func dropTee() {
    // What the present attempt still has to write of it leaves first.
    if pointee.headIsUnsent && pointee.replayCount > 0 { flushRequest(spans: nil) }
    if let tee = pointee.tee { pointee.worker.pointee.buffers.give(tee) }
    pointee.tee = nil
    pointee.teeCount = 0
    pointee.replayCount = 0
  }
}
