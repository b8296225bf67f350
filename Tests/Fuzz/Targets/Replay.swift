// Why this file exists: plays the bytes of a connection into a parser as the shell would, cut into
// reads at given places, and gives a log that two plays can be compared by. Every read lies in
// memory of exactly its size, so that the sanitizer sees a look behind its end.
import HTTPParsing
import HTTPSemantics
import Primitives

/// Which parser is played into.
enum Side: Equatable {
  case request
  case response(toHead: Bool)
}

/// What the target wants to do with each head, before its body is read.
typealias OnHead = (_ replay: Replay, _ base: UnsafePointer<UInt8>) -> Void

/// A message as the parser gave it, and what goes on of it.
struct PlayedMessage {
  var body: [UInt8] = []
  /// What the parser says of the body's end, and whether it has come.
  var framing = Framing.none
  var isWhole = false
  /// The first byte behind it in what was played.
  var end = 0
  /// The head that goes on; nil = none was written.
  var head: [UInt8]?
  /// How its body is framed from here.
  var sentFraming = Framing.none
  var dropsTrailers = false
  /// The end of a chunked body that goes on; nil: a trailer is not what it should be.
  var ending: [UInt8]?

  /// The message as the next hop reads it; nil where it does not go on.
  var forwarded: [UInt8]? {
    guard let head, isWhole else { return nil }
    guard sentFraming == .chunked else { return head + body }
    guard let ending else { return nil }
    return head + PlayedMessage.chunks(of: body) + ending
  }

  /// The data in chunks of ours, of different sizes.
  static func chunks(of data: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = []
    var at = 0
    while at < data.count {
      let length = min(data.count - at, 1 + data.count / 3)
      stream += written(capacity: ChunkWriter.sizeLineCapacity) {
        ChunkWriter.writeSizeLine(length, into: &$0)
      }
      stream += data[at..<(at + length)]
      stream += UnsafeBufferPointer(
        start: ChunkWriter.lineEnd.utf8Start, count: ChunkWriter.lineEnd.utf8CodeUnitCount)
      at += length
    }
    return stream
  }
}

/// What `write` makes, in memory of exactly `capacity`; it must fit.
func written(capacity: Int, _ write: (inout ByteWriter) -> Void) -> [UInt8] {
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: capacity)
  write(&writer)
  demand(!writer.overflowed, "what is written fits")
  return Array(writer.written.buffer)
}

/// One play. The log holds, for every message: its head's bytes, its body, its trailers, its end.
final class Replay {
  let side: Side
  let onHead: OnHead?
  let limits: ParseLimits
  let request = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
  let response = UnsafeMutablePointer<ResponseParser>.allocate(capacity: 1)
  let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
  let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
  var log: [UInt8] = []
  /// Body of the present message.
  var body: [UInt8] = []
  var held: [UInt8] = []
  var inHead = true
  var isRefused = false
  /// In the order in which their heads came.
  var messages: [PlayedMessage] = []
  private var position = 0

  /// `isOurs`: the bytes are a head that we wrote, which is larger than the one it was made of.
  init(_ side: Side, spanCapacity: Int, isOurs: Bool = false, onHead: OnHead? = nil) {
    limits =
      isOurs
      ? ParseLimits(headSize: 8192, headFields: 48) : ParseLimits(headSize: 2048, headFields: 24)
    self.side = side
    self.onHead = onHead
    table.initialize(to: .create(maxFields: limits.headFields))
    spans.initialize(to: .create(capacity: spanCapacity))
    RequestParser.initialise(request)
    ResponseParser.initialise(response, requestWasHead: side == .response(toHead: true))
  }

  deinit {
    RequestParser.destroy(request)
    ResponseParser.destroy(response)
    table.pointee.destroy()
    spans.pointee.destroy()
    request.deallocate()
    response.deallocate()
    table.deallocate()
    spans.deallocate()
  }

  /// Plays everything; `cuts` are ascending.
  /// - Parameter finishing: of answers: the connection ends behind the bytes.
  func play(_ input: [UInt8], cuts: [Int], finishing: Bool = false) {
    var from = 0
    for cut in cuts + [input.count] where !isRefused {
      feed(Array(input[from..<cut]))
      from = cut
    }
    if finishing, !isRefused, !inHead, ResponseParser.finish(response).event == .end {
      end()
      messages[messages.count - 1].end = input.count
    }
    flushBody()
    if !isRefused { log.append(UInt8(ascii: inHead ? "." : ",")) }
  }

  private func feed(_ bytes: [UInt8]) {
    var rest = bytes
    while !rest.isEmpty && !isRefused {
      let read = inHead ? held + rest : rest
      let from = inHead ? held.count : 0
      let step = withExactMemory(read) { base in
        let step = call(base, from, read.count)
        take(step, base, read)
        return step
      }
      demand(step.consumed >= 0 && step.consumed <= rest.count, "consumed lies in what was given")
      rest.removeFirst(step.consumed)
      position += step.consumed
      if !inHead || messages.isEmpty || messages[messages.count - 1].end > 0 { continue }
      messages[messages.count - 1].end = position
    }
  }

  private func take(_ step: ParseStep, _ base: UnsafePointer<UInt8>, _ read: [UInt8]) {
    for index in 0..<spans.pointee.count { body += spans.pointee.slices[index].buffer }
    spans.pointee.clear()
    switch step.event {
    case .needMore: if inHead { held = read }
    case .spansFull: demand(step.consumed > 0, "a list that was empty makes room for something")
    case .head:
      note("H", read[Int(table.pointee.start)..<Int(table.pointee.end)])
      messages.append(PlayedMessage(framing: framing(base)))
      onHead?(self, base)
      held = []
      inHead = false
      // A message without a body ends without another byte.
      if isRefused { return }
      let next = call(base, 0, 0)
      if next.event == .end { end() }
    case .end: end()
    case .failed(let failure):
      // Inside a body the kind may depend on the cut: a bound or the grammar may speak first.
      let kind: UInt8 = inHead ? failure.rawValue : 0
      flushBody()
      log += [UInt8(ascii: "F"), kind]
      isRefused = true
    }
  }

  private func framing(_ base: UnsafePointer<UInt8>) -> Framing {
    side == .request
      ? RequestParser.head(request, table: table, base: base).framing
      : ResponseParser.head(response, table: table, base: base).framing
  }

  private func end() {
    let last = messages.count - 1
    messages[last].body = body
    messages[last].isWhole = true
    flushBody()
    let store =
      side == .request ? RequestParser.trailers(request) : ResponseParser.trailers(response)
    if messages[last].framing == .chunked || messages[last].sentFraming == .chunked {
      messages[last].ending = ending(store, dropped: messages[last].dropsTrailers)
    }
    if let store {
      for index in 0..<store.pointee.count {
        let field = store.pointee.fields[index]
        let base = UnsafePointer(store.pointee.bytes)
        note("n", field.name.slice(in: base).buffer)
        note("v", field.value.slice(in: base).buffer)
      }
    }
    log.append(UInt8(ascii: "E"))
    inHead = true
    switch side {
    case .request: RequestParser.beginMessage(request)
    case .response(let toHead): ResponseParser.beginMessage(response, requestWasHead: toHead)
    }
  }

  /// The end of a body with the trailers that may go on.
  private func ending(_ store: UnsafeMutablePointer<TrailerStore>?, dropped: Bool) -> [UInt8]? {
    if let store {
      let isGood = TrailerRules.judge(
        base: UnsafePointer(store.pointee.bytes), fields: store.pointee.fields,
        fieldCount: store.pointee.count, rules: RequestRuleSettings())
      if !isGood { return nil }
    }
    return written(capacity: 8192) { ChunkWriter.writeEnd(dropped ? nil : store, into: &$0) }
  }

  private func flushBody() {
    if !body.isEmpty { note("B", body) }
    body = []
  }

  private func note(_ tag: Unicode.Scalar, _ bytes: some Collection<UInt8>) {
    log.append(UInt8(ascii: tag))
    log += [UInt8(bytes.count & 255), UInt8(bytes.count >> 8 & 255)]
    log += bytes
  }

  private func call(_ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int) -> ParseStep {
    switch side {
    case .request:
      RequestParser.feed(
        request, table: table, spans: spans, base: base, from: from, to: to, limits: limits)
    case .response:
      ResponseParser.feed(
        response, table: table, spans: spans, base: base, from: from, to: to, limits: limits)
    }
  }
}

/// Runs `body` over a copy in memory of exactly that size.
func withExactMemory<Result>(
  _ bytes: [UInt8], _ body: (UnsafePointer<UInt8>) -> Result
) -> Result {
  let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
  defer { copy.deallocate() }
  bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: bytes.count) }
  return body(UnsafePointer(copy))
}

/// The log in one read must be the log in many: byte by byte for short inputs, and cut at places
/// that the input itself decides.
func demandSameInPieces(_ side: Side, _ input: [UInt8], whole: Replay) {
  var random = SplitMix64(seed: input.reduce(UInt64(input.count)) { $0 &* 31 &+ UInt64($1) })
  var plans: [[Int]] = []
  for _ in 0..<3 {
    let count = 1 + Int(random.next() % 4)
    plans.append((0..<count).map { _ in Int(random.next() % UInt64(input.count + 1)) }.sorted())
  }
  if input.count <= 512 { plans.append(Array(0..<input.count)) }
  for cuts in plans {
    let pieces = Replay(side, spanCapacity: 1 + Int(random.next() % 3))
    pieces.play(input, cuts: cuts)
    demand(pieces.log == whole.log, "the same events however the bytes are cut")
  }
}
