// Why this file exists: plays bytes into a parser as the shell would, cut into reads at given
// places, and writes down what came out, so that tests compare texts.
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

/// Bytes of a text in which every character is one byte (so "\u{80}" is the byte 80).
func raw(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

/// The reverse of `raw`, with line ends made visible.
func shown(_ bytes: some Sequence<UInt8>) -> String {
  var text = ""
  for byte in bytes {
    switch byte {
    case 0x0D: text += "\\r"
    case 0x0A: text += "\\n"
    default: text.unicodeScalars.append(Unicode.Scalar(byte))
    }
  }
  return text
}

func shown(_ range: ByteRange, _ base: UnsafePointer<UInt8>) -> String {
  shown(range.slice(in: base).buffer)
}

/// Bytes on a connection and what the parser makes of them.
struct Fixture: CustomTestStringConvertible {
  var name: String
  var input: String
  var log: [String]

  init(_ name: String, _ input: String, _ log: [String]) {
    self.name = name
    self.input = input
    self.log = log
  }
  var testDescription: String { name }
}

/// Which parser to play into.
enum Side {
  case request
  /// One entry for each response: it answers a HEAD.
  case response(heads: [Bool] = [], closes: Bool = false)
}

/// One play: the bytes of a connection, the offsets at which reads end, and the log.
struct Player {
  var limits = ParseLimits(headSize: 32 * 1024, headFields: 100)
  var spanCapacity = 8
  var side = Side.request
  /// Called with each request's head before it is logged; what it returns is logged as the verdict.
  var judge: ((inout RequestHead) -> String?)?
  var judgeResponse: ((inout ResponseHead) -> String?)?

  func play(_ input: [UInt8], cuts: [Int] = []) -> [String] {
    let run = PlayerRun(self)
    defer { run.destroy() }
    var from = 0
    for cut in cuts + [input.count] where cut >= from {
      if !run.feed(Array(input[from..<cut])) { break }
      from = cut
    }
    return run.finish()
  }

  /// The log of the whole input in one read, after checking that reading it byte by byte and cut in
  /// two at every place gives the same. A difference is put into the log.
  func playEveryWay(_ input: [UInt8]) -> [String] {
    let whole = play(input)
    let single = play(input, cuts: Array(1..<max(1, input.count)))
    if single != whole { return whole + ["byte by byte:"] + single }
    for cut in 1..<max(1, input.count) {
      let halves = play(input, cuts: [cut])
      if halves != whole { return whole + ["cut at \(cut):"] + halves }
    }
    return whole
  }
}

/// The state of one play. Each read gets memory of its own, of exactly its size.
final class PlayerRun {
  var player: Player
  let request = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
  let response = UnsafeMutablePointer<ResponseParser>.allocate(capacity: 1)
  let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
  let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
  var log: [String] = []
  var body: [UInt8] = []
  var messages = 0
  var inHead = true
  /// The bytes of the present head so far.
  var held: [UInt8] = []
  var pending = false
  var dead = false

  init(_ player: Player) {
    self.player = player
    table.initialize(to: .create(maxFields: player.limits.headFields))
    spans.initialize(to: .create(capacity: player.spanCapacity))
    RequestParser.initialise(request)
    ResponseParser.initialise(response, requestWasHead: answersHead)
  }

  func destroy() {
    RequestParser.destroy(request)
    ResponseParser.destroy(response)
    table.pointee.destroy()
    spans.pointee.destroy()
    request.deallocate()
    response.deallocate()
    table.deallocate()
    spans.deallocate()
  }

  var answersHead: Bool {
    guard case .response(let heads, _) = player.side else { return false }
    return messages < heads.count && heads[messages]
  }

  /// False: the parser refused, nothing more is read.
  func feed(_ bytes: [UInt8]) -> Bool {
    var rest = bytes
    while !rest.isEmpty && !dead {
      let consumed = inHead ? feedHead(rest) : feedBody(rest)
      rest.removeFirst(consumed)
    }
    return !dead
  }

  private func feedHead(_ bytes: [UInt8]) -> Int {
    let from = held.count
    let together = held + bytes
    return together.withUnsafeBufferPointer { buffer in
      let base = buffer.baseAddress!
      let step = call(base, from, together.count)
      pending = true
      switch step.event {
      case .needMore:
        precondition(step.consumed == bytes.count)
        held = together
      case .head:
        held = []
        inHead = false
        logHead(base)
        drainEnd()
      case .failed(let failure): fail(failure)
      case .spansFull, .end: log.append("unexpected \(step.event)")
      }
      return step.consumed
    }
  }

  /// A message without a body ends without another byte.
  private func drainEnd() {
    if dead { return }
    var nothing: UInt8 = 0
    let step = withUnsafePointer(to: &nothing) { call($0, 0, 0) }
    switch step.event {
    case .end: end()
    case .needMore: break
    case .failed(let failure): fail(failure)
    case .head, .spansFull: log.append("unexpected \(step.event)")
    }
  }

  private func feedBody(_ bytes: [UInt8]) -> Int {
    bytes.withUnsafeBufferPointer { buffer in
      let step = call(buffer.baseAddress!, 0, bytes.count)
      var sum = 0
      for index in 0..<spans.pointee.count {
        body += spans.pointee.slices[index].buffer
        sum += spans.pointee.slices[index].count
      }
      precondition(sum == spans.pointee.bytes)
      spans.pointee.clear()
      switch step.event {
      case .needMore: precondition(step.consumed == bytes.count)
      case .spansFull: precondition(step.consumed > 0)
      case .end: end()
      case .failed(let failure): fail(failure)
      case .head: log.append("unexpected head")
      }
      return step.consumed
    }
  }

  private func call(_ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int) -> ParseStep {
    switch player.side {
    case .request:
      RequestParser.feed(
        request, table: table, spans: spans, base: base, from: from, to: to, limits: player.limits)
    case .response:
      ResponseParser.feed(
        response, table: table, spans: spans, base: base, from: from, to: to, limits: player.limits)
    }
  }

  private func flushBody() {
    if !body.isEmpty {
      log.append("body " + (body.count > 200 ? "\(body.count) bytes" : shown(body)))
    }
    body = []
  }

  private func fail(_ failure: ParseFailure) {
    flushBody()
    log.append("failed \(failure)")
    dead = true
  }

  private func end() {
    flushBody()
    logTrailers()
    log.append("end")
    messages += 1
    pending = false
    inHead = true
    held = []
    switch player.side {
    case .request: RequestParser.beginMessage(request)
    case .response: ResponseParser.beginMessage(response, requestWasHead: answersHead)
    }
  }

  /// What the log says when the bytes are used up.
  func finish() -> [String] {
    if dead { return log }
    if case .response(_, true) = player.side {
      let step = ResponseParser.finish(response)
      switch step.event {
      case .end:
        flushBody()
        log.append("end at close")
      case .needMore: log.append("closed")
      case .failed(let failure): fail(failure)
      case .head, .spansFull: log.append("unexpected \(step.event)")
      }
      return log
    }
    flushBody()
    if pending { log.append("more") }
    return log
  }

  private func logHead(_ base: UnsafePointer<UInt8>) {
    switch player.side {
    case .request: logRequest(base)
    case .response: logResponse(base)
    }
  }

  private func logRequest(_ base: UnsafePointer<UInt8>) {
    var head = RequestParser.head(request, table: table, base: base)
    if let verdict = player.judge?(&head) {
      log.append(verdict)
      dead = true
      return
    }
    let method = shown(table.pointee.method, base)
    let end = head.keepAlive ? "" : " close"
    log.append("\(method) \(shown(head.target, base)) \(name(head.version)) \(head.framing)\(end)")
    logFields(base, head.fields, head.fieldCount)
  }

  private func logResponse(_ base: UnsafePointer<UInt8>) {
    var head = ResponseParser.head(response, table: table, base: base)
    if let verdict = player.judgeResponse?(&head) {
      log.append(verdict)
      dead = true
      return
    }
    let phrase = shown(head.phrase, base)
    let end = head.keepAlive ? "" : " close"
    log.append("\(head.status) [\(phrase)] \(name(head.version)) \(head.framing)\(end)")
    logFields(base, head.fields, head.fieldCount)
  }

  private func name(_ version: HTTPVersion) -> String {
    switch version {
    case .http10: "1.0"
    case .http11: "1.1"
    }
  }

  private func logFields(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int
  ) {
    for index in 0..<count {
      let field = fields[index]
      let mark = field.isDropped ? " (dropped)" : ""
      log.append("\(shown(field.name, base)): \(shown(field.value, base))\(mark)")
    }
  }

  private func logTrailers() {
    let store: UnsafeMutablePointer<TrailerStore>? =
      switch player.side {
      case .request: RequestParser.trailers(request)
      case .response: ResponseParser.trailers(response)
      }
    guard let store else { return }
    let base = UnsafePointer(store.pointee.bytes)
    for index in 0..<store.pointee.count {
      let field = store.pointee.fields[index]
      log.append("trailer \(shown(field.name, base)): \(shown(field.value, base))")
    }
  }
}
