// Why this file exists: what a backend sends, read and parsed, and each part told to the exchange
// that holds the lease. Read `consume` first: it is the backend's half of the life of a request.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

extension BackendRef {
  func giveBuffer(
    _ base: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, _ size: UnsafeMutablePointer<Int>
  ) {
    let worker = pointee.worker
    if pointee.inbox.isEmpty {
      base.pointee = worker.pointee.readBuffer
      // Behind the head of the answer nothing has to be kept.
      size.pointee =
        pointee.headIsComplete && !pointee.isInterim ? Worker.bodyReadSize : Worker.readBufferSize
    } else {
      let room = pointee.inbox.room(worker.buffers)
      base.pointee = room.baseAddress
      size.pointee = room.count
    }
  }

  func wasRead(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) {
    pointee.worker.beginCallback()
    pointee.worker.wakeHeart()
    guard pointee.phase == .leased, let exchange = pointee.exchange else { return close() }
    let client = exchange.pointee.client
    if count > 0, let bytes {
      received(bytes, count, exchange)
    } else {
      ended(exchange, isReset: count < 0)
    }
    client.settleAfterBackend()
  }

  @inline(__always)
  private func received(
    _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ exchange: ExchangeRef
  ) {
    let worker = pointee.worker
    pointee.answerHasBegun = true
    if exchange.pointee.machine.phase == .tunnel { return tunnelToClient(bytes, count) }
    if pointee.inbox.isEmpty {
      let left = consume(Unread(base: bytes, fed: 0, end: count))
      pointee.inboxFed = left.fed
      if pointee.phase == .leased { pointee.inbox.append(left.base, left.end, worker.buffers) }
    } else {
      pointee.inbox.filled(count)
      let before = pointee.inbox.count
      let left = consume(Unread(base: pointee.inbox.base, fed: pointee.inboxFed, end: before))
      pointee.inboxFed = left.fed
      pointee.inbox.consume(before - left.end, worker.buffers)
    }
  }

  /// Tells the exchange everything that lies in the bytes; gives back the part of a head that is
  /// still incomplete.
  private func consume(_ bytes: Unread) -> Unread {
    var unread = bytes
    let worker = pointee.worker
    let spans = worker.pointee.spans
    while pointee.phase == .leased, let exchange = pointee.exchange {
      let table = pointee.table ?? worker.lendTable()
      pointee.table = table
      spans.pointee.clear()
      let step = ResponseParser.feed(
        parser, table: table, spans: spans, base: unread.base, from: unread.fed, to: unread.end,
        limits: Worker.responseLimits)
      switch step.event {
      case .needMore:
        if !pointee.headIsComplete {
          unread.fed = unread.end
          return unread
        }
        exchange.responseBody(spans)
        exchange.flushResponse()
        unread.drop(unread.end)
        return unread
      case .spansFull:
        exchange.responseBody(spans)
        exchange.flushResponse()
        unread.drop(unread.fed + step.consumed)
      case .head:
        let base = unread.base
        unread.drop(unread.fed + step.consumed)
        if !headCame(base, table, exchange, &unread) { return unread }
      case .end:
        exchange.responseBody(spans)
        unread.drop(unread.fed + step.consumed)
        if endCame(exchange, surplus: unread.end) { return unread }
      case .failed:
        exchange.responseBody(spans)
        exchange.flushResponse()
        exchange.fail(.brokeProtocol)
      }
    }
    unread.drop(unread.end)
    return unread
  }

  /// A head is complete. False when the parser has nothing more to do with the bytes.
  @inline(__always)
  private func headCame(
    _ base: UnsafePointer<UInt8>, _ table: UnsafeMutablePointer<HeadTable>, _ exchange: ExchangeRef,
    _ unread: inout Unread
  ) -> Bool {
    var head = ResponseParser.head(parser, table: table, base: base)
    pointee.headIsComplete = true
    var facts = ResponseFacts()
    let offered = exchange.pointee.upgrade
    let context = ResponseContext(
      requestMethod: exchange.pointee.record.method,
      clientVersion: exchange.pointee.machine.request.clientVersion,
      offeredUpgrade: offered.isEmpty ? nil : exchange.text(offered))
    guard ResponseRules.judge(&head, context, into: &facts) == .accept else {
      exchange.fail(.brokeProtocol)
      return true
    }
    if facts.isUpgrade {
      let agreed = exchange.upgraded(&head)
      if agreed && unread.end > 0 {
        tunnelToClient(unread.base, unread.end)
      }
      unread.drop(unread.end)
      return false
    }
    if head.status < 200 {
      pointee.isInterim = true
      exchange.informational(&head)
      return true
    }
    pointee.isInterim = false
    pointee.keepsAlive = head.keepAlive
    pointee.keepAliveSeconds = facts.keepAliveSeconds
    pointee.dropsTrailers = facts.dropsTrailers
    return exchange.responseHead(&head, hasDate: facts.dateField >= 0)
  }

  /// A message is complete. True when the exchange has nothing more to get from here.
  @inline(__always)
  private func endCame(_ exchange: ExchangeRef, surplus: Int) -> Bool {
    if pointee.isInterim {
      pointee.isInterim = false
      pointee.headIsComplete = false
      ResponseParser.beginMessage(parser, requestWasHead: pointee.requestWasHead)
      return surplus == 0
    }
    let reusable =
      pointee.keepsAlive && surplus == 0 && !pointee.writeIsBroken && pointee.output.isEmpty
    let trailers = pointee.dropsTrailers ? nil : ResponseParser.trailers(parser)
    exchange.responseEnded(trailers: trailers, reusable: reusable)
    return true
  }

  /// The backend has ended the connection.
  private func ended(_ exchange: ExchangeRef, isReset: Bool) {
    if exchange.pointee.machine.phase == .tunnel {
      return isReset ? exchange.tunnelBroke() : tunnelBackendEnded()
    }
    if !isReset && pointee.headIsComplete && !pointee.isInterim,
      ResponseParser.finish(parser).event == .end
    {
      return exchange.responseEnded(trailers: nil, reusable: false)
    }
    exchange.backendClosed()
  }
}
