// Why this file exists: a client's connection: it sends one request, waits as long as its client
// has patience, and keeps the connection for the next one.

import Configuration
import EventLoop
import Glibc
import HTTPSemantics
import Primitives
import Simulation

final class Caller {
  private enum State {
    case away, connecting, resting, asking
  }

  unowned let flow: Flow
  var nextIdle: Caller?
  private var state = State.away
  private var peer: Peer?
  private var call = Call(client: 0, shape: 0, repeatsLeft: 0)
  private var number: UInt64 = 0
  private var sentAt = Duration.zero
  private var reader = MessageReader()
  private var head: SeenHead?
  private var out = OutBuffer()
  /// Where in the gateway the request is, or was when its answer began.
  private var passage: Passage?
  /// What was planned for another request is void.
  private var turn: UInt64 = 0
  private var isReused = false
  private var hasHeard = false

  init(_ flow: Flow) { self.flow = flow }

  private var owner: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
  private var play: Play { flow.play }

  // MARK: Asking

  func begin(_ call: Call) {
    self.call = call
    turn += 1
    sentAt = play.now
    number = play.nextNumber()
    isReused = state == .resting
    if let patience = flow.plan.patience {
      let turn = turn
      play.after(patience) { [unowned self] in
        guard turn == self.turn else { return }
        look()
        over(.reason(.clientAbort), keepsConnection: false)
      }
    }
    if isReused { ask() } else { connect() }
  }

  private func connect() {
    state = .connecting
    reader = MessageReader()
    peer = play.connect(client: call.client, flow: flow.index, owner: owner, callerHandlers)
  }

  fileprivate func connected(_ status: Int32) {
    if status == 0 { return ask() }
    peer = nil
    over(.notConnected, keepsConnection: false)
  }

  private func ask() {
    state = .asking
    hasHeard = false
    head = nil
    passage = nil
    reader.beginMessage()
    out.clear()
    flow.shape(call).write(client: call.client, number: number, into: &out)
    pump()
  }

  fileprivate func pump() {
    // A broken connection is found when its answer is read.
    if let peer, state == .asking { _ = out.pump(peer) }
  }

  /// Once for each request: looks which route has it, and which limit has had enough of it.
  fileprivate func look() {
    guard passage == nil, state == .asking, let owner = peer?.counterpart else { return }
    passage = play.passage(at: owner)
  }

  // MARK: Listening

  fileprivate func readable() {
    while let peer {
      let (bytes, end) = peer.received()
      if bytes.count == 0 {
        if end != 0 - Int(EAGAIN) { connectionEnded() }
        return
      }
      if state != .asking {
        // Nothing was asked.
        peer.consume(bytes.count)
        continue
      }
      hasHeard = true
      if head != nil {
        peer.consume(reader.takeBody(bytes))
        if reader.mode == .done { answered() }
      } else {
        let (used, seen) = reader.takeHead(bytes)
        peer.consume(used)
        if let seen { headCame(seen) }
      }
    }
  }

  private func headCame(_ seen: SeenHead) {
    // What comes before the answer.
    if seen.status < 200 && seen.status != 101 { return reader.beginMessage() }
    head = seen
    let hasNoBody =
      flow.shape(call).isHead || seen.status == 204 || seen.status == 304 || seen.status == 101
    if hasNoBody {
      reader.beginBody(.length, length: 0, key: nil)
    } else if seen.isChunked {
      reader.beginBody(.chunkSize, key: nil)
    } else if seen.length >= 0 {
      reader.beginBody(.length, length: seen.length, key: nil)
    } else {
      reader.beginBody(.untilClose, key: nil)
    }
    if reader.mode == .done { answered() }
  }

  private func answered() {
    guard let head else { return }
    let kind: EndKind
    if head.reason != .none {
      kind = .reason(head.reason)
    } else {
      kind = head.status >= 500 ? .backendError : .success
    }
    over(kind, keepsConnection: !head.closes && head.status != 101)
  }

  private func connectionEnded() {
    if state == .resting {
      flow.leaves(self, call.client)
      hangUp()
      return flow.isFree(self)
    }
    if let head, reader.mode == .untilClose {
      self.head = head
      return answered()
    }
    // As browsers do: the connection may have ended just before it was used again.
    if isReused && !hasHeard {
      hangUp()
      isReused = false
      return connect()
    }
    over(head == nil ? .noAnswer : .cut, keepsConnection: false)
  }

  // MARK: The end of it

  private func hangUp() {
    peer?.close()
    peer = nil
    state = .away
  }

  private func over(_ kind: EndKind, keepsConnection: Bool) {
    turn += 1
    let call = call
    let ending = Ending(
      flow: flow.index, passage: passage ?? Passage(), sentAt: sentAt,
      latency: play.now - sentAt, kind: kind, status: head?.status ?? 0)
    let isKept = keepsConnection && flow.plan.keepAlive > .zero
    if isKept { rest() } else { hangUp() }
    head = nil
    passage = nil
    flow.ended(call, ending)
    if !isKept { flow.isFree(self) }
  }

  private func rest() {
    state = .resting
    flow.rests(self, call.client)
    let turn = turn
    play.after(flow.plan.keepAlive) { [unowned self] in
      guard turn == self.turn, state == .resting else { return }
      flow.leaves(self, call.client)
      hangUp()
      flow.isFree(self)
    }
  }
}

/// Immutable after its making, and never freed.
private nonisolated(unsafe) let callerHandlers: UnsafeMutablePointer<PeerHandlers> = {
  let table = UnsafeMutablePointer<PeerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: PeerHandlers(
      onConnected: { Unmanaged<Caller>.fromOpaque($0).takeUnretainedValue().connected($1) },
      onReadable: { Unmanaged<Caller>.fromOpaque($0).takeUnretainedValue().readable() },
      onWritable: { Unmanaged<Caller>.fromOpaque($0).takeUnretainedValue().pump() },
      onAnswering: { Unmanaged<Caller>.fromOpaque($0).takeUnretainedValue().look() }))
  return table
}()
