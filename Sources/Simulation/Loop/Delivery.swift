// Why this file exists: how bytes, ends and resets get from one side of a link to the other: after
// a while, in pieces, as far as there is room, or not at all.

import Glibc
import Primitives

extension NetworkRef {
  // MARK: Writing

  /// Takes what there is room for. The number of bytes, 0 when there is no room, or -errno.
  func write(
    _ link: LinkRef, _ side: Int, _ vectors: UnsafePointer<IOVector>, _ count: Int
  ) -> Int {
    let pipe = link.pipe(side)
    if pipe.pointee.isBroken { return 0 - Int(ECONNRESET) }
    if pipe.pointee.ending != .open { return 0 - Int(EPIPE) }
    var room = pipe.pointee.sendBound - pipe.pointee.onTheWay
    var taken = 0
    if pipe.pointee.end == pipe.pointee.start { pipe.pointee.begunAt = pointee.now }
    for index in 0..<count {
      let part = min(room, vectors[index].count)
      if part > 0 { pipe.pointee.append(vectors[index].base.unsafelyUnwrapped, part) }
      taken += part
      room -= part
      if part < vectors[index].count {
        pipe.pointee.writerWaits = true
        break
      }
    }
    if taken > 0 {
      let reader = link.end(1 - side)
      if let owner = reader.pointee.owner { reader.pointee.handlers?.pointee.onAnswering?(owner) }
      move(link, side)
    }
    return taken
  }

  /// Says behind what was written that nothing more comes.
  func finish(_ link: LinkRef, _ side: Int, _ ending: PipeEnd) {
    let pipe = link.pipe(side)
    if pipe.pointee.ending == .reset || pipe.pointee.isBroken { return }
    if ending == .fin && pipe.pointee.ending == .fin { return }
    pipe.pointee.ending = ending
    pipe.pointee.endIsDelivered = false
    if ending == .reset && happens(pointee.conditions.overtakingResets) { pipe.pointee.lose() }
    move(link, side)
  }

  /// This side closes: what was written still goes, what comes is answered by a reset.
  func close(_ link: LinkRef, _ side: Int, isReset: Bool) {
    let incoming = link.pipe(1 - side)
    incoming.pointee.readerIsGone = true
    // A close over unread bytes is a reset.
    let isRude = isReset || incoming.pointee.readable > 0
    finish(link, side, isRude ? .reset : .fin)
    leave(link, side)
  }

  // MARK: Under way

  private func move(_ link: LinkRef, _ side: Int) {
    if link.pipe(side).pointee.isMoving || !link.pointee.isConnected { return }
    link.pipe(side).pointee.isMoving = true
    planDelivery(link, side, after: link.pointee.latency)
  }

  /// What was written before the link was made goes now.
  func startMoving(_ link: LinkRef) {
    for side in 0..<2 {
      let pipe = link.pipe(side)
      if pipe.pointee.onTheWay > 0 || pipe.pointee.ending != .open { move(link, side) }
    }
  }

  private func planDelivery(_ link: LinkRef, _ side: Int, after delay: UInt64) {
    let argument = UInt64(link.pointee.generation) << 1 | UInt64(side)
    plan(at: pointee.now + delay, UnsafeMutableRawPointer(link), argument) { target, argument in
      let link = target.assumingMemoryBound(to: Link.self)
      if UInt64(link.pointee.generation) != argument >> 1 { return }
      Network.current.deliver(link, Int(argument & 1))
    }
  }

  /// `side` has written, the other one is to have some of it.
  private func deliver(_ link: LinkRef, _ side: Int) {
    let pipe = link.pipe(side)
    pipe.pointee.isMoving = false
    if link.pointee.isSilent { return }
    let generation = link.pointee.generation
    if pipe.pointee.onTheWay > 0 {
      if pipe.pointee.readerIsGone { return bounce(link, side) }
      guard deliverSome(link, side) else { return }
      // Who was told may have ended the link.
      if link.pointee.generation != generation { return }
    }
    if pipe.pointee.isMoving { return }
    if pipe.pointee.onTheWay > 0 || (pipe.pointee.ending != .open && !pipe.pointee.endIsDelivered) {
      // An end may come with the last bytes.
      if pipe.pointee.onTheWay == 0, pointee.random.next() & 1 == 0 { return tellEnd(link, side) }
      pipe.pointee.isMoving = true
      planDelivery(link, side, after: draw(1_000...(1_000 + link.pointee.latency / 8)))
    }
  }

  /// False when there is no room for any.
  private func deliverSome(_ link: LinkRef, _ side: Int) -> Bool {
    let pipe = link.pipe(side)
    let room = pipe.pointee.receiveBound - pipe.pointee.readable
    var count = min(pipe.pointee.onTheWay, room)
    if count <= 0 {
      if pipe.pointee.ending == .reset {
        pipe.pointee.lose()
        return true
      }
      pipe.pointee.isStalled = true
      return false
    }
    switch link.pointee.cut {
    case .whole: break
    case .pieces: count = 1 + Int(pointee.random.below(UInt64(count)))
    // A long body would take minutes: of it only the end comes so.
    case .bytes:
      count = min(count, max(1 + Int(pointee.random.below(2)), pipe.pointee.onTheWay - 400))
    }
    pipe.pointee.delivered += count
    note(.delivery, link.pointee.number << 1 | UInt32(side), count)
    let generation = link.pointee.generation
    if pipe.pointee.writerWaits {
      pipe.pointee.writerWaits = false
      tellWriter(link, side)
      if link.pointee.generation != generation { return true }
    }
    if !pipe.pointee.readerIsGone { tellReader(link, 1 - side) }
    return true
  }

  private func tellEnd(_ link: LinkRef, _ side: Int) {
    let pipe = link.pipe(side)
    pipe.pointee.endIsDelivered = true
    let isReset = pipe.pointee.ending == .reset
    note(isReset ? .reset : .fin, link.pointee.number << 1 | UInt32(side))
    if isReset { breakWriting(link, 1 - side) }
    if pipe.pointee.readerIsGone { return }
    tellReader(link, 1 - side)
  }

  /// A reset has come to this side: what it writes goes nowhere.
  private func breakWriting(_ link: LinkRef, _ side: Int) {
    let pipe = link.pipe(side)
    pipe.pointee.isBroken = true
    pipe.pointee.lose()
    pipe.pointee.ending = .open
  }

  /// Bytes have come to a side that is closed.
  private func bounce(_ link: LinkRef, _ side: Int) {
    let pipe = link.pipe(side)
    pipe.pointee.lose()
    note(.lost, link.pointee.number << 1 | UInt32(side))
    let answer = link.pipe(1 - side)
    if answer.pointee.ending == .reset || answer.pointee.isBroken { return }
    answer.pointee.ending = .reset
    answer.pointee.endIsDelivered = false
    move(link, 1 - side)
  }

  // MARK: Reading

  /// What a read would say when there are no bytes: -EAGAIN, 0 behind the end, or an error.
  func readEnd(_ link: LinkRef, _ side: Int) -> Int {
    let pipe = link.pipe(1 - side)
    if !pipe.pointee.endIsDelivered { return 0 - Int(EAGAIN) }
    return pipe.pointee.ending == .reset ? 0 - Int(ECONNRESET) : 0
  }

  func hasSomethingToRead(_ link: LinkRef, _ side: Int) -> Bool {
    let pipe = link.pipe(1 - side)
    return pipe.pointee.readable > 0 || pipe.pointee.endIsDelivered
  }

  func consume(_ link: LinkRef, _ side: Int, _ count: Int) {
    let pipe = link.pipe(1 - side)
    pipe.pointee.consume(count)
    if pipe.pointee.isStalled {
      pipe.pointee.isStalled = false
      move(link, 1 - side)
    }
  }

  // MARK: Telling

  private func tellReader(_ link: LinkRef, _ side: Int) {
    let end = link.end(side)
    if let stream = end.pointee.stream {
      Stream.mayBeReady(stream)
    } else if let owner = end.pointee.owner, let handlers = end.pointee.handlers {
      handlers.pointee.onReadable(owner)
    }
  }

  private func tellWriter(_ link: LinkRef, _ side: Int) {
    let end = link.end(side)
    if let stream = end.pointee.stream {
      Stream.mayBeReady(stream)
    } else if let owner = end.pointee.owner, let handlers = end.pointee.handlers {
      handlers.pointee.onWritable(owner)
    }
  }
}
