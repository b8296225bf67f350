// Why this file exists: a client as its scenario has it: it connects, sends, waits, misbehaves, and
// looks at every byte that it is answered with.

import EventLoop
import Glibc
import HTTPSemantics
import Primitives

typealias ClientRef = UnsafeMutablePointer<SimulatedClient>

/// A request as it will be sent, but for its number.
struct PreparedRequest {
  let plan: RequestPlan
  let isIdempotent: Bool
  /// Up to the number, and behind it.
  let front: ByteSlice
  let back: ByteSlice
  let mischief: Mischief
  let method: RequestMethod
  let bodyLength: Int
  /// The number of the service that its path goes to; -1 = none.
  var service = -1
}

typealias PreparedRef = UnsafePointer<PreparedRequest>

/// One of a client's requests that is not over.
struct Pending {
  var id: UInt64
  var request: PreparedRef
}

struct SimulatedClient {
  enum State: UInt8 {
    case away, connecting, connected, over
  }

  let world: WorldRef
  /// Of the scenario's clients, or -1 for one of a traffic.
  let index: Int
  let traffic: TrafficRef?
  let address: IPAddress
  var target: Endpoint
  var random: Xoroshiro
  var state = State.away
  var peer: Peer?
  var requests: UnsafeBufferPointer<PreparedRef>
  var nextRequest = 0
  var pipelining = 1
  var pause: ClosedRange<Duration> = .zero...(.zero)
  /// In the order of their sending; from `first` on.
  var pending: [Pending] = []
  var isSending = false
  var sender = Sender()
  var reader = MessageReader()
  var head: SeenHead?
  /// Of the present answer, that have come.
  var answerBytes = 0
  /// When some of it came.
  var lastRead = Instant(nanoseconds: 0)
  var isReadingStalled = false
  var hasHalfClosed = false
  /// Answers that came on the present connection.
  var answered = 0
  /// It has done nothing on it that the gateway might end it for.
  var behaves = true
  var isPausing = false
  /// Void what was planned before: one for each purpose.
  var sendSetting: UInt64 = 0
  var readSetting: UInt64 = 0
  var patienceSetting: UInt64 = 0
  /// Of a traffic's: which of its requests, and whether it waits for one.
  var kind = 0
  var isIdle = false
  var nextIdle: ClientRef?
}

extension ClientRef {
  var network: NetworkRef { pointee.world.pointee.network }

  // MARK: Coming and going

  func begin(at instant: Instant) {
    network.schedule(at: instant, UnsafeMutableRawPointer(self), 0) { target, _ in
      target.assumingMemoryBound(to: SimulatedClient.self).goOn()
    }
  }

  /// Connects if need be, and sends what is to be sent.
  func goOn() {
    pointee.isPausing = false
    switch pointee.state {
    case .away where pointee.nextRequest < pointee.requests.count: connect()
    case .away: finish()
    case .connecting, .over: break
    case .connected: sendNext()
    }
  }

  private func connect() {
    pointee.state = .connecting
    pointee.reader = MessageReader()
    pointee.head = nil
    pointee.hasHalfClosed = false
    pointee.answered = 0
    pointee.behaves = true
    pointee.isSending = false
    let world = pointee.world
    world.pointee.portNumber &+= 1
    let from = Endpoint(address: pointee.address, port: world.pointee.portNumber)
    pointee.peer = network.connect(
      from: from, to: pointee.target, owner: UnsafeMutableRawPointer(self), clientHandlers)
  }

  fileprivate func connected(_ status: Int32) {
    if status != 0 {
      pointee.peer = nil
      pointee.state = .away
      return unconnected()
    }
    pointee.state = .connected
    sendNext()
  }

  /// Nobody listens.
  private func unconnected() {
    let request = pointee.requests[pointee.nextRequest]
    pointee.nextRequest += 1
    let record = pointee.world.beginRecord(self, request)
    pointee.world.over(record, .unconnected, status: 0, .none, bytes: 0)
    nextAfterPause()
  }

  func finish() {
    if let traffic = pointee.traffic { return traffic.isIdle(self) }
    if pointee.state == .over { return }
    pointee.state = .over
    pointee.world.pointee.clientsLeft -= 1
  }

  /// Ends the connection; what is pending got no answer.
  func disconnect(_ leave: Mischief.Leave, _ ending: Outcome.Ending) {
    guard let peer = pointee.peer else { return }
    pointee.peer = nil
    pointee.sendSetting &+= 1
    pointee.readSetting &+= 1
    pointee.patienceSetting &+= 1
    pointee.state = .away
    pointee.isSending = false
    pointee.isReadingStalled = false
    switch leave {
    case .reset: peer.reset()
    case .close: peer.close()
    case .silence:
      peer.fallSilent()
      peer.close()
    }
    giveUpPending(ending)
    nextAfterPause()
  }

  private func giveUpPending(_ ending: Outcome.Ending) {
    let world = pointee.world
    for (place, pending) in pointee.pending.enumerated() {
      guard let record = world.pointee.ledger.record(pending.id) else { continue }
      let begun = place == 0 ? pointee.head : nil
      let isCut = begun != nil && ending == .none
      world.over(
        record, isCut ? .cut : ending, status: begun?.status ?? 0, begun?.reason ?? .none,
        bytes: begun == nil ? 0 : pointee.reader.bodyCount)
    }
    pointee.pending.removeAll(keepingCapacity: true)
    pointee.head = nil
  }

  func nextAfterPause() {
    if pointee.isPausing { return }
    pointee.isPausing = true
    let (low, high) = (pointee.pause.lowerBound.nanoseconds, pointee.pause.upperBound.nanoseconds)
    if high == 0 && pointee.state == .connected { return goOn() }
    let wait = low + Int64(pointee.random.below(UInt64(high - low) + 1))
    begin(at: network.clock + Duration(nanoseconds: wait))
  }

  // MARK: Sending

  func sendNext() {
    guard !pointee.isSending, pointee.peer != nil else { return }
    guard pointee.nextRequest < pointee.requests.count else {
      if pointee.pending.isEmpty { allDone() }
      return
    }
    if pointee.pending.count >= pointee.pipelining || pointee.hasHalfClosed { return }
    // What came behind would be part of the tunnel.
    if let last = pointee.pending.last, last.request.pointee.plan.upgrade { return }
    let request = pointee.requests[pointee.nextRequest]
    pointee.nextRequest += 1
    // Behind what was to be the last one there is to be no other.
    let saidLast = pointee.pending.last.map { $0.request.pointee.plan }
    if saidLast?.closes == true || saidLast?.isHTTP10 == true { pointee.behaves = false }
    if !request.pointee.isInOrder { pointee.behaves = false }
    let record = pointee.world.beginRecord(self, request)
    pointee.pending.append(Pending(id: record.pointee.id, request: request))
    pointee.isSending = true
    compose(record, request)
    if pointee.pending.count == 1 { beginAnswer() }
    pump()
  }

  private func allDone() {
    if pointee.traffic != nil { return finish() }
    disconnect(.close, .left)
  }

  private func compose(_ record: RecordRef, _ request: PreparedRef) {
    let mischief = request.pointee.mischief
    pointee.sender.begin()
    if let garbage = mischief.garbage {
      Garbage.write(garbage, id: record.pointee.id, into: &pointee.sender)
    } else {
      pointee.sender.put(request.pointee.front.base, request.pointee.front.count)
      pointee.sender.put(hex: record.pointee.id)
      pointee.sender.put(request.pointee.back.base, request.pointee.back.count)
    }
    pointee.sender.stallAt = mischief.stallAt
    pointee.sender.stall = UInt64(mischief.stall.nanoseconds)
    pointee.sender.cutAt = mischief.leaveAt
    if request.pointee.bodyLength > 0 || request.pointee.plan.isChunked {
      pointee.sender.setBody(
        request.pointee.bodyLength, key: BodyPattern.key(request: record.pointee.id),
        isChunked: request.pointee.plan.isChunked, hasTrailers: request.pointee.plan.hasTrailers,
        piece: 1 + Int(pointee.random.below(4_096)))
    }
  }

  func pump() {
    guard pointee.isSending, let peer = pointee.peer, let last = pointee.pending.last else {
      return
    }
    let progress = pointee.sender.pump(peer)
    pointee.world.pointee.ledger.record(last.id)?.pointee.bodySent = pointee.sender.bodySent
    switch progress {
    case .blocked: return
    case .pausing(let time):
      pointee.sendSetting &+= 1
      plan(after: time, pointee.sendSetting) { target, setting in
        let client = target.assumingMemoryBound(to: SimulatedClient.self)
        if client.pointee.sendSetting == setting { client.pump() }
      }
    case .cut: disconnect(last.request.pointee.mischief.leave, .left)
    // The answer may have come before the connection broke; reading tells.
    case .broken: pointee.isSending = false
    case .done: requestLeft(last)
    }
  }

  private func requestLeft(_ last: Pending) {
    pointee.isSending = false
    if last.request.pointee.mischief.halfCloses, pointee.head?.status != 101 {
      pointee.hasHalfClosed = true
      pointee.peer?.shutdown()
      return
    }
    if pointee.head?.status == 101 { return }
    sendNext()
  }

  func plan(
    after delay: UInt64, _ setting: UInt64,
    _ happen: @escaping @convention(c) (UnsafeMutableRawPointer, UInt64) -> Void
  ) {
    network.schedule(
      at: network.clock + Duration(nanoseconds: Int64(delay)), UnsafeMutableRawPointer(self),
      setting, happen)
  }
}

/// Immutable after its making, and never freed.
private nonisolated(unsafe) let clientHandlers: UnsafeMutablePointer<PeerHandlers> = {
  let table = UnsafeMutablePointer<PeerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: PeerHandlers(
      onConnected: { owner, status in
        owner.assumingMemoryBound(to: SimulatedClient.self).connected(status)
      },
      onReadable: { owner in owner.assumingMemoryBound(to: SimulatedClient.self).readable() },
      onWritable: { owner in owner.assumingMemoryBound(to: SimulatedClient.self).pump() }))
  return table
}()
