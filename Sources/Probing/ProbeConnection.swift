// Why this file exists: one probe, from the connect to the close: a request goes out, the head of
// the answer comes in, everything else is thrown away.

import EventLoop
import HTTPParsing
import HTTPSemantics
import Health
import Primitives

/// Serves one probe after the other, each on a new connection.
///
///     spare ──begin──▶ connecting ──▶ asking ──head──▶ lingering ──▶ closing ──▶ spare
///                      connecting, asking ──failure, deadline, cancel──▶ closing
final class ProbeConnection {
  enum Phase {
    case spare
    case connecting
    /// Connected: the request is on its way, or the head of its answer.
    case asking
    /// The verdict is given. What still comes is thrown away until the backend ends the connection,
    /// because closing over it would be a reset, which some backends log as an error.
    case lingering
    case closing
  }

  /// How long and how far lingering goes at most.
  static let lingerTime = Duration.milliseconds(100)
  static let lingerBytes = 64 * 1024

  private let prober: Prober
  private let stream = UnsafeMutablePointer<EventLoop.Stream>.allocate(capacity: 1)
  private let reader = AnswerReader(to: .get)
  private var timer: EventLoop.Timer?
  private var phase = Phase.spare
  /// Nil when the verdict is given, or nobody wants one any more.
  private var backend: WatchedBackend?
  /// What is being written; libuv reads it until the stream is closed.
  private var request: ProbeRequest?
  /// Its place is one of those for backends that take all the time.
  private(set) var isHanging = false
  private var begun = Instant(nanoseconds: 0)
  /// The deadline has come, and the loop has had no turn since then.
  private var isOverdue = false
  /// Bytes thrown away while lingering.
  private var discarded = 0

  init(_ prober: Prober) {
    self.prober = prober
    timer = Timer.create(prober.loop, owner: Unmanaged.passUnretained(self).toOpaque()) { owner in
      Unmanaged<ProbeConnection>.fromOpaque(owner).takeUnretainedValue().timerFired()
    }
  }

  deinit { stream.deallocate() }

  /// Gives the timer back; only between two probes.
  func retire() {
    timer?.close()
    timer = nil
  }

  // MARK: Beginning

  func begin(_ backend: WatchedBackend, isHanging: Bool) {
    self.backend = backend
    self.isHanging = isHanging
    request = backend.request
    begun = Loop.clock()
    isOverdue = false
    phase = .connecting
    reader.open()
    // The stream's until `wasClosed`.
    let owner = Unmanaged.passRetained(self).toOpaque()
    let address = backend.target.address
    let prepared =
      switch address {
      case .tcp: Stream.prepareTCP(stream, loop: prober.loop, owner: owner, handlers: handlers)
      case .unix: Stream.preparePipe(stream, loop: prober.loop, owner: owner, handlers: handlers)
      }
    // libuv makes no socket at this point, and nothing else can fail.
    precondition(prepared == 0, errorText(prepared))
    timer?.start(at: begun + backend.target.check.timeout)
    let result = connect(address)
    if result != 0 { connectFailed(result) }
  }

  private func connect(_ address: ProbeTarget.Address) -> Int32 {
    switch address {
    case .tcp(let endpoint): Stream.connect(stream, to: BackendAddress(tcp: endpoint))
    // The system has copied the path when the call returns.
    case .unix(let path):
      path.withCString { Stream.connect(stream, to: BackendAddress(unixPath: $0)) }
    }
  }

  private func connectFailed(_ status: Int32) {
    if Stream.isShortage(status) { return finish(.skipped) }
    finish(.fail(isRefusal(status) ? .connectRefused : .connectFailed))
  }

  fileprivate func wasConnected(_ status: Int32) {
    guard phase == .connecting else { return }
    if status != 0 { return connectFailed(status) }
    phase = .asking
    guard let bytes = request?.bytes else { return }
    var vector = IOVector(bytes.baseAddress, bytes.count)
    if Stream.write(stream, &vector, 1) != 0 { return finish(.fail(.reset)) }
    Stream.startReading(stream)
  }

  // MARK: Ending

  /// The probe is given up without a result.
  func cancel() {
    backend = nil
    close()
  }

  private func finish(_ verdict: ProbeVerdict) {
    let backend = self.backend
    self.backend = nil
    switch verdict {
    case .pass, .fail(.status): linger()
    case .fail, .skipped: close()
    }
    if let backend { prober.ended(backend, verdict, begun: begun, now: Loop.clock()) }
  }

  private func linger() {
    if prober.isPlaceWanted(isHanging: isHanging) { return close() }
    phase = .lingering
    discarded = 0
    timer?.start(at: Loop.clock() + Self.lingerTime)
    prober.lingers(self)
  }

  /// Closes the connection if there is one; the verdict, if any, has been given.
  func close() {
    switch phase {
    case .spare, .closing: return
    case .lingering: prober.lingersNoMore(self)
    case .connecting, .asking: break
    }
    phase = .closing
    timer?.stop()
    Stream.close(stream)
  }

  fileprivate func wasClosed() {
    reader.close()
    request = nil
    phase = .spare
    prober.closed(self)
  }

  private func timerFired() {
    switch phase {
    case .lingering: close()
    case .connecting, .asking:
      // A loop that was late itself finds timers before it looks at sockets: what has come in time
      // may lie there unread. So the deadline is believed when the sockets have had their turn.
      if !isOverdue {
        isOverdue = true
        timer?.start(at: prober.loop.now + .milliseconds(1))
        return
      }
      finish(.fail(phase == .connecting ? .connectTimeout : .timeout))
    case .spare, .closing: break
    }
  }
}

// MARK: - Reading

extension ProbeConnection {
  fileprivate var room: UnsafeMutableBufferPointer<UInt8> { reader.room }

  fileprivate func wasRead(_ count: Int) {
    switch phase {
    case .asking:
      guard count > 0 else { return finish(.fail(.reset)) }
      reader.received(count)
      read()
    case .lingering:
      discarded += max(count, 0)
      if count <= 0 || discarded > Self.lingerBytes { close() }
    case .spare, .connecting, .closing: break
    }
  }

  private func read() {
    switch reader.next() {
    case .needMore: break
    case .head(let head):
      let isGood = backend?.target.check.question.statuses.contains(head.status) ?? false
      reader.discard()
      finish(isGood ? .pass(status: head.status) : .fail(.status(head.status)))
    // The body of an answer is never looked at.
    case .broken, .end: finish(.fail(.brokeProtocol))
    }
  }
}

// MARK: - What the stream tells

/// Immutable after its making, and never freed.
private nonisolated(unsafe) let handlers: UnsafePointer<StreamHandlers> = {
  let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  table.initialize(
    to: StreamHandlers(
      onBuffer: { owner, base, count in
        let room = connection(owner).room
        base.pointee = room.baseAddress
        count.pointee = room.count
      },
      onRead: { owner, _, count in connection(owner).wasRead(count) },
      // A backend that takes no request may answer all the same; reading tells.
      onWritten: { _, _ in },
      onConnected: { owner, status in connection(owner).wasConnected(status) },
      onClosed: { owner in
        Unmanaged<ProbeConnection>.fromOpaque(owner).takeRetainedValue().wasClosed()
      }))
  return UnsafePointer(table)
}()

private func connection(_ owner: UnsafeMutableRawPointer) -> ProbeConnection {
  Unmanaged<ProbeConnection>.fromOpaque(owner).takeUnretainedValue()
}
