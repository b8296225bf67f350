// Why this file exists: one admin connection: heads in, answers out, one at a time, and an end to
// every wait.

import EventLoop
import HTTPParsing
import HTTPSemantics
import Primitives

final class AdminConnection {
  enum Phase {
    /// Waiting for the first byte of a request.
    case idle
    case head
    /// The request is complete and its answer is being worked out; nothing is read meanwhile.
    case answering
    case writing
    /// Answered for good; what still comes is read and thrown away, because closing over it would
    /// be a reset, which may overtake the answer (RFC 9112 section 9.6).
    case lingering
    case closed
  }

  private let server: AdminServer
  private let peer: AdminPeer
  private let stream = UnsafeMutablePointer<EventLoop.Stream>.allocate(capacity: 1)
  private let parser = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
  private let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
  private let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
  private let input: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  /// Bytes of `input` that were read, and those of them that were parsed.
  private var filled = 0
  private var parsed = 0
  /// What is being written; libuv reads it until `onWritten`.
  private var output: UnsafeMutableBufferPointer<UInt8>?
  /// Makes what is to be written next, framed; nil once that is all.
  private var parts: (() -> [UInt8]?)?
  private var phase = Phase.idle
  private var closesAfterAnswer = false
  private var lingered = 0
  private var timer: EventLoop.Timer?
  /// When it became idle, as a place in the order of such events.
  private(set) var idleSince: UInt64

  var isClosed: Bool { phase == .closed }
  var isIdle: Bool { phase == .idle }

  init(_ server: AdminServer, _ peer: AdminPeer) {
    self.server = server
    self.peer = peer
    // One empty line may stand before a head and does not count towards its size.
    capacity = server.limits.headSize + 2
    input = .allocate(capacity: capacity)
    idleSince = server.nextIdle()
    RequestParser.initialise(parser)
    table.initialize(to: HeadTable.create(maxFields: server.limits.headFields))
    spans.initialize(to: BodySpans.create(capacity: 1))
  }

  deinit {
    RequestParser.destroy(parser)
    table.pointee.destroy()
    spans.pointee.destroy()
    output?.deallocate()
    stream.deallocate()
    parser.deallocate()
    table.deallocate()
    spans.deallocate()
    input.deallocate()
  }

  /// Takes the connection being offered.
  func open(_ listener: Listener) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(server.loop, owner: owner) { owner in
      Unmanaged<AdminConnection>.fromOpaque(owner).takeUnretainedValue().timedOut()
    }
    guard listener.accept(into: stream, owner: owner, handlers: Self.handlers) == 0 else {
      return close()
    }
    wait(server.limits.headSeconds)
    Stream.startReading(stream)
  }

  func close() {
    guard phase != .closed else { return }
    phase = .closed
    parts = nil
    timer?.close()
    timer = nil
    Stream.close(stream)
    server.descriptorFreed()
  }

  private func wait(_ seconds: Int64) {
    timer?.start(at: server.loop.now + .seconds(seconds))
  }

  private func timedOut() {
    switch phase {
    case .head: answer(.problem(408, "the request head took too long"), nil)
    case .idle, .writing, .lingering: close()
    case .answering, .closed: break
    }
  }
}

// MARK: - Reading

extension AdminConnection {
  fileprivate func buffer() -> UnsafeMutableBufferPointer<UInt8> {
    // Full only when the parser has refused the head, and then the connection lingers.
    let start = phase == .lingering ? 0 : filled
    return UnsafeMutableBufferPointer(start: input + start, count: capacity - start)
  }

  fileprivate func read(_ count: Int) {
    guard count > 0 else { return close() }
    switch phase {
    case .idle, .head:
      filled += count
      parse()
    case .lingering:
      lingered += count
      if lingered > server.limits.lingerBytes { close() }
    case .answering, .writing, .closed: break
    }
  }

  /// Answers every request that is complete, one after the other.
  private func parse() {
    while phase == .idle || phase == .head, parsed < filled {
      if phase == .idle {
        phase = .head
        wait(server.limits.headSeconds)
      }
      let step = feed(upTo: filled)
      parsed += step.consumed
      switch step.event {
      case .needMore: return
      case .head: judge()
      case .failed(let failure):
        answer(.problem(failure.reason.status(failure.detail), "the request is malformed"), nil)
      case .end, .spansFull: preconditionFailure("the body of a request is never fed")
      }
    }
  }

  private func feed(upTo end: Int) -> ParseStep {
    RequestParser.feed(
      parser, table: table, spans: spans, base: input, from: parsed, to: end,
      limits: ParseLimits(
        headSize: server.limits.headSize, headFields: server.limits.headFields))
  }

  private func judge() {
    var head = RequestParser.head(parser, table: table, base: input)
    var facts = RequestFacts()
    let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
    if case .refuse(let reason, let detail) = verdict {
      return answer(.problem(reason.status(detail), "the request is malformed"), nil)
    }
    let request = AdminRequest(head, facts, peer: peer)
    if let refusal = server.access.refusal(of: request) { return answer(refusal, head) }
    let form = AnswerForm(head)
    phase = .answering
    timer?.stop()
    var isAtOnce = true
    AdminEndpoints.answer(request, server.source) { [weak self] answer in
      self?.answerIsThere(answer, form, isAtOnce: isAtOnce)
    }
    isAtOnce = false
    if phase == .answering { Stream.stopReading(stream) }
  }
}

// MARK: - Answering

extension AdminConnection {
  /// What an answer needs to know of its request.
  private struct AnswerForm {
    var isHead = false
    var version = HTTPVersion.http11
    var keepAlive = false

    /// `head` is nil when there is none to rely on. No endpoint takes a body: a request with one is
    /// answered at once, and the connection ends.
    init(_ head: RequestHead?) {
      guard let head else { return }
      isHead = head.method.isHead
      version = head.version
      keepAlive = head.keepAlive && head.framing.isEmpty
    }
  }

  private func answer(_ answer: AdminAnswer, _ head: RequestHead?) {
    self.answer(answer, AnswerForm(head))
  }

  private func answer(_ answer: AdminAnswer, _ form: AnswerForm) {
    // Only its end tells an HTTP/1.0 client where a body of unknown length ends.
    let keepAlive = form.keepAlive && (answer.parts == nil || form.version == .http11)
    let bytes = answer.encoded(
      isHead: form.isHead, version: form.version, keepAlive: keepAlive,
      second: WallClock.nanoseconds() / 1_000_000_000)
    closesAfterAnswer = !keepAlive
    if keepAlive { beginNext() }
    phase = .writing
    parts = form.isHead ? nil : Self.framed(answer.parts, form.version)
    write(bytes)
  }

  /// The rest of a body in parts, the chunk that ends it among them.
  private static func framed(
    _ parts: (() -> [UInt8])?, _ version: HTTPVersion
  ) -> (() -> [UInt8]?)? {
    guard let parts else { return nil }
    var hasEnded = false
    return {
      if hasEnded { return nil }
      let part = parts()
      hasEnded = part.isEmpty
      let framed = AdminAnswer.framed(part, version)
      return framed.isEmpty ? nil : framed
    }
  }

  private func answerIsThere(_ answer: AdminAnswer, _ form: AnswerForm, isAtOnce: Bool) {
    guard phase == .answering else { return }
    self.answer(answer, form)
    // Else whoever asked goes on with what lies behind the request.
    if !isAtOnce { parse() }
  }

  /// What lies behind the request is the next one.
  private func beginNext() {
    let step = feed(upTo: parsed)
    precondition(step.event == .end)
    RequestParser.beginMessage(parser)
    filled -= parsed
    input.update(from: input + parsed, count: filled)
    parsed = 0
  }

  private func write(_ bytes: [UInt8]) {
    let taken = bytes.withUnsafeBufferPointer {
      var vector = IOVector($0.baseAddress, $0.count)
      return Stream.tryWrite(stream, &vector, 1)
    }
    guard taken >= 0 else { return close() }
    if taken == bytes.count && parts == nil { return written() }
    Stream.stopReading(stream)
    // For all of the answer: a peer that takes a little now and then does not hold it for ever.
    wait(server.limits.writeSeconds)
    if taken < bytes.count { writeLater(bytes[taken...]) } else { writeNextPart() }
  }

  /// In a later round, when the peer takes more: the loop does what else there is before that.
  private func writeLater(_ bytes: ArraySlice<UInt8>) {
    let rest = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = rest.initialize(from: bytes)
    output = rest
    var vector = IOVector(rest.baseAddress, rest.count)
    if Stream.write(stream, &vector, 1) != 0 { close() }
  }

  private func writeNextPart() {
    if let next = parts?() { return writeLater(next[...]) }
    parts = nil
    written()
    parse()
  }

  fileprivate func writeEnded(_ status: Int32) {
    output?.deallocate()
    output = nil
    guard status == 0 else { return close() }
    writeNextPart()
  }

  private func written() {
    if closesAfterAnswer {
      phase = .lingering
      wait(server.limits.lingerSeconds)
      guard Stream.shutdownWriting(stream) == 0 else { return close() }
    } else {
      phase = .idle
      idleSince = server.nextIdle()
      wait(server.limits.idleSeconds)
    }
    Stream.startReading(stream)
  }
}

// MARK: - What the stream tells

extension AdminConnection {
  // Immutable from here on, so it may be read from anywhere.
  fileprivate nonisolated(unsafe) static let handlers: UnsafePointer<StreamHandlers> = {
    let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
    table.initialize(
      to: StreamHandlers(
        onBuffer: { owner, base, count in
          let buffer = of(owner).buffer()
          base.pointee = buffer.baseAddress
          count.pointee = buffer.count
        },
        onRead: { owner, _, count in of(owner).read(count) },
        onWritten: { owner, status in of(owner).writeEnded(status) },
        onConnected: { _, _ in preconditionFailure("an admin connection never connects") },
        onClosed: { owner in
          let connection = of(owner)
          connection.server.gone(connection)
        }))
    return UnsafePointer(table)
  }()

  private static func of(_ owner: UnsafeMutableRawPointer) -> AdminConnection {
    Unmanaged<AdminConnection>.fromOpaque(owner).takeUnretainedValue()
  }
}
