// Why this file exists: one connection of a scenario's backend: reads a request, waits for its
// turn, and answers as the behaviour of that moment has it.

import Configuration
import EventLoop
import Glibc
import Primitives
import Simulation

final class PlayedLink {
  enum Work {
    /// Reads, or idles.
    case none
    /// In line.
    case waiting
    /// Thinks about its answer. Goes on to the end whatever becomes of the connection.
    case thinking
    /// Keeps its place until the connection ends.
    case hanging
    /// The body leaves piece by piece.
    case writing
  }

  enum Leave {
    case close, reset, silence
  }

  unowned let backend: PlayedBackend
  /// Among the backend's.
  var place = 0
  var work = Work.none
  /// One more for each request and for the end: what was planned for another one is void.
  private(set) var turn: UInt64 = 0
  private var peer: Peer?
  private var reader = MessageReader()
  private var isReadingBody = false
  private var isHealthCheck = false
  private var isHead = false
  private var answer = Answer()
  private var out = OutBuffer()
  private var life: UInt64 = 0
  private var came: UInt64 = 0

  /// What is sent when it has thought.
  private struct Answer {
    var status: UInt16 = 200
    var isReset = false
    var hangs = false
    var body = 0
    var bodyTime = Duration.zero
  }

  static let pieces = 8

  init(_ backend: PlayedBackend) { self.backend = backend }

  private var owner: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
  private var play: Play { backend.play }

  func begin(_ peer: Peer) {
    self.peer = peer
    reader = MessageReader()
    isReadingBody = false
    work = .none
    out.clear()
    peer.attach(owner: owner, linkHandlers)
  }

  // MARK: Reading

  fileprivate func readable() {
    while let peer {
      let (bytes, end) = peer.received()
      if bytes.count == 0 {
        if end != 0 - Int(EAGAIN) { self.end(.close) }
        return
      }
      // The gateway does not pipeline: what comes now is part of this request.
      if isReadingBody {
        peer.consume(reader.takeBody(bytes))
        if reader.mode == .done { complete() }
      } else {
        let (used, head) = reader.takeHead(bytes)
        peer.consume(used)
        if let head { headCame(head) } else { return }
      }
    }
  }

  private func headCame(_ head: SeenHead) {
    turn += 1
    isHealthCheck = head.id == 0
    isHead = head.method == UInt8(ascii: "H")
    if !isHealthCheck {
      play.records.attempt(
        backend: backend.index, at: play.now, whileDown: backend.behaviour.isDown, isMissed: false)
    }
    came = play.network.clock.nanoseconds
    let hasBody = head.isChunked || head.length > 0
    reader.beginBody(
      head.isChunked ? .chunkSize : .length, length: max(0, head.length), key: nil)
    isReadingBody = hasBody
    if head.expectsContinue && hasBody { write("HTTP/1.1 100 Continue\r\n\r\n") }
    if !hasBody { complete() }
  }

  private func complete() {
    isReadingBody = false
    reader.beginMessage()
    if isHealthCheck { return checkHealth() }
    backend.take(self)
  }

  // MARK: Answering

  /// Its turn has come.
  func start() {
    work = .thinking
    life = backend.life
    let behaviour = backend.behaviour
    answer = Answer(body: behaviour.body, bodyTime: behaviour.bodyTime)
    if backend.random.happens(behaviour.hangs) {
      work = .hanging
      return
    }
    answer.isReset = backend.random.happens(behaviour.resets)
    if backend.random.happens(behaviour.failures) { answer.status = behaviour.failureStatus }
    after(behaviour.drawLatency(&backend.random)) { $0.thought($1) }
  }

  private func checkHealth() {
    let behaviour = backend.behaviour
    answer = Answer()
    var latency: Int64 = 0
    switch behaviour.health {
    case .up: break
    case .down: answer.status = 503
    case .follow:
      latency = behaviour.drawLatency(&backend.random)
      if backend.random.happens(behaviour.failures) { answer.status = behaviour.failureStatus }
    }
    after(latency) { $0.answerHealthCheck($1) }
  }

  private func answerHealthCheck(_ turn: UInt64) {
    if turn == self.turn { writeAnswer() }
  }

  private func thought(_ turn: UInt64) {
    // The place was taken for this request, whether or not its connection is still there.
    guard turn == self.turn else { return }
    if answer.isReset { return end(.reset, releasing: true) }
    play.records.answered(
      backend: backend.index, status: answer.status,
      after: Duration(nanoseconds: Int64(play.network.clock.nanoseconds - came)))
    writeAnswer()
    if answer.bodyTime > .zero && answer.body > 0 && !isHead {
      work = .writing
      writePiece(1)
    } else {
      work = .none
      backend.release(life)
    }
  }

  private func writeAnswer() {
    let body = isHealthCheck ? 0 : answer.body
    write("HTTP/1.1 \(answer.status) -\r\nContent-Length: \(body)\r\n\r\n")
    if answer.bodyTime == .zero && !isHead { out.bodyLeft += body }
    pump()
  }

  private func writePiece(_ number: Int) {
    let length = answer.body
    out.bodyLeft +=
      length * number / PlayedLink.pieces - length * (number - 1) / PlayedLink.pieces
    pump()
    if peer == nil { return }
    if number == PlayedLink.pieces {
      work = .none
      return backend.release(life)
    }
    piece = number + 1
    after(answer.bodyTime.nanoseconds / Int64(PlayedLink.pieces - 1)) { link, turn in
      if turn == link.turn { link.writePiece(link.piece) }
    }
  }
  private var piece = 1

  private func write(_ text: String) {
    out.put(text)
    pump()
  }

  fileprivate func pump() {
    guard let peer else { return }
    if !out.pump(peer) { end(.close) }
  }

  // MARK: Time and the end

  private func after(
    _ nanoseconds: Int64, _ then: @escaping (PlayedLink, UInt64) -> Void
  ) {
    let turn = turn
    let life = backend.life
    let backend = backend
    play.after(Duration(nanoseconds: nanoseconds)) { [unowned self] in
      if turn != self.turn, self.orphans.remove(turn) != nil { return backend.release(life) }
      then(self, turn)
    }
  }
  /// Requests that are still thought about although their connection has ended.
  private var orphans: Set<UInt64> = []

  func end(_ leave: Leave, releasing: Bool = false) {
    guard let peer else { return }
    self.peer = nil
    switch work {
    case .thinking where !releasing: orphans.insert(turn)
    case .thinking, .hanging, .writing: backend.release(life)
    case .none, .waiting: break
    }
    work = .none
    turn += 1
    switch leave {
    case .close: peer.close()
    case .reset: peer.reset()
    case .silence:
      peer.fallSilent()
      peer.close()
    }
    backend.leave(self)
  }
}

/// Immutable after its making, and never freed.
private nonisolated(unsafe) let linkHandlers: UnsafeMutablePointer<PeerHandlers> = {
  let table = UnsafeMutablePointer<PeerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: PeerHandlers(
      onConnected: { _, _ in },
      onReadable: { Unmanaged<PlayedLink>.fromOpaque($0).takeUnretainedValue().readable() },
      onWritable: { Unmanaged<PlayedLink>.fromOpaque($0).takeUnretainedValue().pump() }))
  return table
}()
