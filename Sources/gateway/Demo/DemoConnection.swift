// Why this file exists: one connection of a demo backend: reads requests, sends what `DemoAnswer`
// says. Written for clearness; the gateway's own connections, which have to be fast, are in Proxy.

import EventLoop
import HTTPParsing
import Primitives

/// One connection; lives from `accept` until its stream's `onClosed`, kept alive by its backend.
/// Only for the loop's thread.
final class DemoConnection {
  /// What is to be done when everything handed to the stream is sent.
  private enum Next {
    case read
    case filling(left: Int)
    case event(number: Int, of: Int)
    case close
    /// The answer to the order is on its way: now the whole backend breaks.
    case die
  }

  private static let inputCapacity = 64 * 1024
  private static let fillingBlock = 64 * 1024

  let backend: DemoBackend
  private let stream = UnsafeMutablePointer<Stream>.allocate(capacity: 1)
  private let parser = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
  private let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
  private let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
  private let input = UnsafeMutablePointer<UInt8>.allocate(capacity: inputCapacity)
  /// `input[parsed..<filled]` has not been parsed.
  private var parsed = 0
  private var filled = 0
  /// Bytes that the stream is sending, and those that wait behind them.
  private var sending = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  private var waiting: [UInt8] = []
  private var timer: Timer?

  private var request: DemoRequest?
  private var bodyBytes = 0
  /// Of an order, as far as it is of a sensible length.
  private var body: [UInt8] = []
  private var answer: DemoAnswer?
  private var next = Next.read

  init(backend: DemoBackend) {
    self.backend = backend
    stream.initialize(to: Stream())
    table.initialize(to: HeadTable.create(maxFields: 128))
    spans.initialize(to: BodySpans.create(capacity: 16))
    RequestParser.initialise(parser)
  }

  deinit {
    RequestParser.destroy(parser)
    table.pointee.destroy()
    spans.pointee.destroy()
    sending.deallocate()
    for memory in [UnsafeMutableRawPointer(stream), UnsafeMutableRawPointer(parser)] {
      memory.deallocate()
    }
    table.deallocate()
    spans.deallocate()
    input.deallocate()
  }

  /// Takes the connection that the listener offers.
  func accept(_ listener: Listener) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    guard listener.accept(into: stream, owner: owner, handlers: backend.server.handlers) == 0 else {
      return Stream.close(stream)
    }
    timer = Timer.create(backend.server.loop, owner: owner) { owner in
      Unmanaged<DemoConnection>.fromOpaque(owner).takeUnretainedValue().timerFired()
    }
    Stream.startReading(stream)
  }

  func close() {
    timer?.close()
    timer = nil
    Stream.close(stream)
  }

  /// Ends it as a crash would; one that is closing already ends as it is.
  func reset() {
    if case .die = next { return close() }
    timer?.close()
    timer = nil
    if !Stream.isClosing(stream) { Stream.reset(stream) }
  }

  static let handlers = StreamHandlers(
    onBuffer: { owner, base, count in of(owner).giveBuffer(base, count) },
    onRead: { owner, _, count in of(owner).bytesCame(count) },
    onWritten: { owner, status in of(owner).written(status) },
    onConnected: { _, _ in },
    onClosed: { owner in
      let connection = of(owner)
      connection.backend.server.forget(connection)
    })

  private static func of(_ owner: UnsafeMutableRawPointer) -> DemoConnection {
    Unmanaged<DemoConnection>.fromOpaque(owner).takeUnretainedValue()
  }
}

// MARK: - Reading

extension DemoConnection {
  private func giveBuffer(
    _ base: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, _ count: UnsafeMutablePointer<Int>
  ) {
    base.pointee = input + filled
    count.pointee = Self.inputCapacity - filled
  }

  private func bytesCame(_ count: Int) {
    guard count > 0 else { return close() }
    filled += count
    if answer?.webSocketAccept != nil { echo() } else { parse() }
  }

  /// Parses until a request is complete; the next one waits until the answer is sent.
  private func parse() {
    while answer == nil {
      let step = RequestParser.feed(
        parser, table: table, spans: spans, base: input, from: parsed, to: filled,
        limits: ParseLimits(headSize: Self.inputCapacity / 2, headFields: 128))
      parsed += step.consumed
      bodyBytes += spans.pointee.bytes
      keepOrder()
      spans.pointee.clear()
      switch step.event {
      case .spansFull: continue
      case .needMore:
        // A head must stay where it is until it is complete; a body need not.
        if request != nil { (parsed, filled) = (0, 0) }
        return
      case .head:
        let head = RequestParser.head(parser, table: table, base: input)
        request = DemoRequest(head, method: table.pointee.method.slice(in: input))
        if request?.header("expect")?.lowercased() == "100-continue" {
          send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
      case .end: begin()
      case .failed:
        next = .close
        Stream.stopReading(stream)
        return send(
          Array("HTTP/1.1 400 Demo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".utf8))
      }
    }
  }

  private func keepOrder() {
    guard request?.isOrder ?? false, body.count <= DemoChaos.longestBody else { return }
    for index in 0..<spans.pointee.count {
      body += spans.pointee.slices[index].buffer
    }
  }

  /// Answers the request that is complete, or waits before it does.
  private func begin() {
    guard let request else { return }
    var answer: DemoAnswer
    if request.isOrder {
      answer = DemoAnswer(toOrder: request, body: body, of: backend, now: Loop.clock())
    } else {
      answer = DemoAnswer(to: request, bodyBytes: bodyBytes, from: backend.address)
      switch backend.chaos.judge(path: request.path, now: Loop.clock()) {
      case .serve: break
      case .fail(let status): answer = DemoAnswer(failing: status, from: backend.address)
      case .delay(let delay): answer.delayMilliseconds += Int(delay.nanoseconds / 1_000_000)
      }
    }
    self.answer = answer
    if answer.webSocketAccept == nil { Stream.stopReading(stream) }
    if answer.delayMilliseconds > 0 {
      wait(answer.delayMilliseconds)
    } else {
      reply(request, answer)
    }
  }
}

// MARK: - Answering

extension DemoConnection {
  private func wait(_ milliseconds: Int) {
    backend.server.loop.updateTime()
    timer?.start(at: backend.server.loop.now + .milliseconds(Int64(milliseconds)))
  }

  private func timerFired() {
    guard let request, let answer else { return }
    switch next {
    case .read, .close, .die: reply(request, answer)
    case .filling: break
    case .event(let number, let count): sendEvent(number, of: count, request, answer)
    }
  }

  private func reply(_ request: DemoRequest, _ answer: DemoAnswer) {
    let end: Next =
      answer.isDeath ? .die : answer.keepsConnection(for: request) ? .read : .close
    var bytes = answer.head(for: request)
    next = end
    if request.method != "HEAD" {
      switch answer.body {
      case .whole(let body): bytes += body
      case .filling(let count): next = .filling(left: count)
      case .events(let count): next = .event(number: 1, of: count)
      }
    }
    send(bytes)
  }

  private func send(_ bytes: [UInt8]) {
    waiting += bytes
    guard !Stream.hasPendingWrite(stream), !Stream.isClosing(stream) else { return }
    sending.deallocate()
    sending = .allocate(capacity: waiting.count)
    _ = sending.initialize(from: waiting)
    waiting.removeAll(keepingCapacity: true)
    var vector = IOVector(UnsafePointer(sending.baseAddress), sending.count)
    if Stream.write(stream, &vector, 1) != 0 { close() }
  }

  private func written(_ status: Int32) {
    guard status == 0 else { return close() }
    guard waiting.isEmpty else { return send([]) }
    guard let request, let answer else {
      if case .close = next { close() }
      return
    }
    switch next {
    case .read: if answer.webSocketAccept == nil { beginNext() } else { echo() }
    case .close: close()
    case .die: backend.die()
    case .filling(let left):
      let count = min(left, Self.fillingBlock)
      next = .filling(left: left - count)
      if count == 0 { next = answer.keepsConnection(for: request) ? .read : .close }
      count == 0 ? written(0) : send([UInt8](repeating: UInt8(ascii: "x"), count: count))
    case .event(let number, let count):
      // The first at once, with the head.
      number == 1
        ? sendEvent(number, of: count, request, answer) : wait(DemoAnswer.eventIntervalMilliseconds)
    }
  }

  private func sendEvent(_ number: Int, of count: Int, _ request: DemoRequest, _ answer: DemoAnswer)
  {
    let event = "data: {\"event\":\(number),\"of\":\(count),\"backend\":\"\(backend.address)\"}\n\n"
    let isLast = number == count
    next = .event(number: number + 1, of: count)
    if isLast { next = answer.keepsConnection(for: request) ? .read : .close }
    guard answer.isChunked(for: request) else { return send(Array(event.utf8)) }
    let chunk = "\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n\(isLast ? "0\r\n\r\n" : "")"
    send(Array(chunk.utf8))
  }

  /// The answer is sent: on to the next request, whose first bytes may be here already.
  private func beginNext() {
    request = nil
    answer = nil
    bodyBytes = 0
    body = []
    (input).update(from: input + parsed, count: filled - parsed)
    (parsed, filled) = (0, filled - parsed)
    RequestParser.beginMessage(parser)
    Stream.startReading(stream)
    if filled > 0 { parse() }
  }

  /// WebSocket: sends back what came in whole frames.
  private func echo() {
    guard !Stream.hasPendingWrite(stream), case .read = next else {
      return Stream.stopReading(stream)
    }
    let echo = WebSocket.echo(UnsafeBufferPointer(start: input + parsed, count: filled - parsed))
    parsed += echo.consumed
    input.update(from: input + parsed, count: filled - parsed)
    (parsed, filled) = (0, filled - parsed)
    if echo.closes { next = .close }
    if echo.reply.isEmpty { Stream.startReading(stream) } else { send(echo.reply) }
  }
}
