// Why this file exists: one connection to a collector, kept from batch to batch: a POST goes out,
// its answer comes in.
import EventLoop
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

/// Serves one request after the other until either side ends it.
///
///     connecting ──▶ asking ──answer──▶ idle ──ask──▶ asking
///     any ──failure, deadline, close──▶ closing
final class ExportConnection {
  private enum Phase {
    case connecting
    case asking
    /// Between two requests; whatever comes ends it.
    case idle
    case closing
  }

  /// From asking to the end of the answer; the default of OpenTelemetry's exporters.
  static let timeout = Duration.seconds(10)

  let endpoint: Endpoint
  private let loop: Loop
  private let stream = UnsafeMutablePointer<EventLoop.Stream>.allocate(capacity: 1)
  private let reader = AnswerReader(to: .post)
  private var timer: EventLoop.Timer?
  private var phase = Phase.connecting
  /// What is being written; the system reads it until it is written or the stream is closed.
  private var head: UnsafeMutableBufferPointer<UInt8>?
  private var batch: SpanBatch?
  private var completion: ((ExportOutcome) -> Void)?
  /// Of the present answer, once its head is there.
  private var answer: ExportOutcome?
  private var keepsAlive = false
  private var answerHasBegun = false
  private(set) var requests = 0

  /// Begins to connect. It holds itself until it is closed.
  init(_ loop: Loop, to endpoint: Endpoint) {
    self.loop = loop
    self.endpoint = endpoint
    // The stream's until `wasClosed`.
    let owner = Unmanaged.passRetained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { connection($0).timeIsOver() }
    let prepared = Stream.prepareTCP(stream, loop: loop, owner: owner, handlers: handlers)
    precondition(prepared == 0, errorText(prepared))
    reader.open()
  }

  deinit {
    stream.deallocate()
    head?.deallocate()
  }

  /// Another request may be sent.
  var isIdle: Bool { if case .idle = phase { true } else { false } }

  /// The present answer's silence may be the end of a connection that was kept too long.
  var mayHaveBeenStale: Bool { requests > 1 && !answerHasBegun }

  // MARK: Asking

  /// Sends a request, the first one when the connection is there; `completion` is called once,
  /// unless `close` comes before.
  func ask(
    _ request: String, _ batch: SpanBatch, _ completion: @escaping (ExportOutcome) -> Void
  ) {
    precondition(self.completion == nil)
    head?.deallocate()
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: request.utf8.count)
    _ = bytes.initialize(from: request.utf8)
    head = bytes
    self.batch = batch
    self.completion = completion
    requests += 1
    answer = nil
    answerHasBegun = false
    loop.updateTime()
    timer?.start(at: loop.now + ExportConnection.timeout)
    if isIdle { return send() }
    let result = Stream.connect(stream, to: BackendAddress(tcp: endpoint))
    if result != 0 { connectFailed(result) }
  }

  private func connectFailed(_ status: Int32) {
    if Stream.isShortage(status) { return finish(.failed(.noDescriptor)) }
    finish(.failed(isRefusal(status) ? .refused : .unreachable))
  }

  fileprivate func wasConnected(_ status: Int32) {
    guard case .connecting = phase else { return }
    if status != 0 { return connectFailed(status) }
    Stream.startReading(stream)
    send()
  }

  private func send() {
    phase = .asking
    guard let head, let body = batch?.body else { return }
    let vectors = [
      IOVector(head.baseAddress, head.count), IOVector(body.baseAddress, body.count),
    ]
    let result = Stream.write(stream, vectors, vectors.count)
    if result != 0 { finish(.failed(.reset)) }
  }

  // MARK: Ending

  private func finish(_ outcome: ExportOutcome) {
    let completion = self.completion
    self.completion = nil
    timer?.stop()
    let isWritten = !Stream.hasPendingWrite(stream)
    if case .answered = outcome, keepsAlive, isWritten, reader.isReadOut {
      phase = .idle
      batch = nil
    } else {
      close()
    }
    completion?(outcome)
  }

  /// Gives up what is under way; nothing is told any more.
  func close() {
    if case .closing = phase { return }
    phase = .closing
    completion = nil
    timer?.close()
    timer = nil
    Stream.close(stream)
  }

  fileprivate func wasClosed() {
    reader.close()
    batch = nil
  }

  fileprivate func timeIsOver() {
    if case .connecting = phase { return finish(.failed(.connectTimeout)) }
    finish(.failed(.timeout))
  }

  // MARK: Reading

  fileprivate var room: UnsafeMutableBufferPointer<UInt8> { reader.room }

  fileprivate func wasRead(_ count: Int) {
    guard case .asking = phase else { return close() }
    if count <= 0 { return ended() }
    answerHasBegun = true
    reader.received(count)
    while true {
      switch reader.next() {
      case .needMore: return
      case .head(let head):
        keepsAlive = head.keepAlive
        answer = .answered(status: head.status, retryAfter: RetryAfter.seconds(of: head))
      case .end: return finish(answer ?? .failed(.brokeProtocol))
      case .broken: return finish(.failed(.brokeProtocol))
      }
    }
  }

  private func ended() {
    keepsAlive = false
    if let answer, reader.finish() { return finish(answer) }
    finish(.failed(.reset))
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
      // A collector that takes no more may have answered all the same; reading tells.
      onWritten: { _, _ in },
      onConnected: { owner, status in connection(owner).wasConnected(status) },
      onClosed: { owner in
        Unmanaged<ExportConnection>.fromOpaque(owner).takeRetainedValue().wasClosed()
      }))
  return UnsafePointer(table)
}()

private func connection(_ owner: UnsafeMutableRawPointer) -> ExportConnection {
  Unmanaged<ExportConnection>.fromOpaque(owner).takeUnretainedValue()
}
