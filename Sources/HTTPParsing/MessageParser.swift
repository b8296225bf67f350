// Why this file exists: what the request parser and the response parser have in common: llhttp with
// its callbacks, the body that llhttp need not see, and the bounds that llhttp does not know.
import CLLHTTP
import HTTPSemantics
import Primitives

/// Where in a message a parser is.
enum ParseStage: UInt8 {
  /// Nothing seen yet.
  case start
  /// The CR, or the whole, of an empty line before a request line.
  case emptyLineCR, emptyLine
  case head
  /// Content-Length: `remaining` bytes are still to come. llhttp is not asked.
  case length
  case chunked
  /// Everything up to the end of the connection. llhttp is not asked.
  case untilClose
  case ended
  case failed
}

/// The state of one parser, in place in its connection's node. llhttp's callbacks get the same
/// pointer by `data`; no access to it is open while llhttp runs.
struct MessageParser {
  /// llhttp, and the fields of the head in progress. `base` is valid during one call of `feed`,
  /// like `spans`.
  var reader: gateway_head_reader
  var spans: UnsafeMutablePointer<BodySpans>?
  /// The table of the head in progress; nil behind it, where fields are trailers.
  var table: UnsafeMutablePointer<HeadTable>?

  var trailers: UnsafeMutablePointer<TrailerStore>?
  var remaining: UInt64
  var chunks: ChunkCounts
  var headLength: UInt32
  var headSize: UInt32
  var headFields: UInt16
  /// llhttp's flags when the head was complete: trailers may add to them.
  var headFlags: UInt16
  var fieldCount: UInt16
  var stage: ParseStage
  var failure: ParseFailure

  /// Holds nothing and parses nothing.
  static var blank: MessageParser {
    MessageParser(
      reader: gateway_head_reader(), spans: nil, table: nil, trailers: nil, remaining: 0,
      chunks: ChunkCounts(), headLength: 0, headSize: 0, headFields: 0, headFlags: 0,
      fieldCount: 0, stage: .start, failure: .none)
  }

  static func initialise(
    _ p: UnsafeMutablePointer<MessageParser>, _ settings: UnsafePointer<llhttp_settings_t>,
    _ type: llhttp_type_t
  ) {
    p.initialize(to: blank)
    llhttp_init(machine(p), type, settings)
    p.pointee.reader.machine.data = UnsafeMutableRawPointer(p)
  }

  /// Makes ready for the next message on the same connection.
  static func beginMessage(_ p: UnsafeMutablePointer<MessageParser>) {
    precondition(
      p.pointee.stage == .ended || p.pointee.stage == .start, "the message before has not ended")
    llhttp_reset(machine(p))
    if let trailers = p.pointee.trailers {
      TrailerStore.destroy(trailers)
      p.pointee.trailers = nil
    }
    p.pointee.stage = .start
  }

  static func destroy(_ p: UnsafeMutablePointer<MessageParser>) {
    if let trailers = p.pointee.trailers { TrailerStore.destroy(trailers) }
    p.deinitialize(count: 1)
  }

  @inline(__always)
  static func machine(_ p: UnsafeMutablePointer<MessageParser>) -> UnsafeMutablePointer<llhttp_t> {
    // The first thing in the reader.
    UnsafeMutableRawPointer(p.pointer(to: \.reader)!).assumingMemoryBound(to: llhttp_t.self)
  }

  static func fail(
    _ p: UnsafeMutablePointer<MessageParser>, _ failure: ParseFailure, _ consumed: Int
  ) -> ParseStep {
    p.pointee.stage = .failed
    p.pointee.failure = failure
    return ParseStep(.failed(failure), consumed)
  }
}

// MARK: - Head

extension MessageParser {
  /// The head begins at `start`. Its limits are these to its end, whatever a reload brings: bytes
  /// and fields of it that have been taken already must not come to lie beyond them.
  @inline(__always)
  static func beginHead(
    _ p: UnsafeMutablePointer<MessageParser>, _ table: UnsafeMutablePointer<HeadTable>, start: Int,
    _ limits: ParseLimits
  ) {
    table.pointee.reset(start: start)
    p.pointee.table = table
    p.pointee.headSize = UInt32(limits.headSize)
    p.pointee.headFields = UInt16(min(limits.headFields, table.pointee.capacity))
    p.pointee.reader.next_field = slots(table)
    p.pointee.reader.last_field = slots(table) + Int(p.pointee.headFields)
    p.pointee.reader.name_is_open = false
    p.pointee.reader.is_too_large = false
    p.pointee.stage = .head
  }

  /// The table's fields as C knows them.
  @inline(__always)
  private static func slots(
    _ table: UnsafeMutablePointer<HeadTable>
  ) -> UnsafeMutablePointer<gateway_field> {
    UnsafeMutableRawPointer(table.pointee.fields).assumingMemoryBound(to: gateway_field.self)
  }
}

/// What one run of llhttp over head bytes came to.
enum HeadRun {
  case needMore
  /// Complete; the bytes of this run that belong to it.
  case complete(Int)
  case failed(ParseFailure, Int)
}

extension MessageParser {
  /// Feeds head bytes to llhttp, never more than `headSize` of them, so that the verdict
  /// does not depend on how the bytes were cut into reads.
  @inline(__always)
  static func runHead(
    _ p: UnsafeMutablePointer<MessageParser>, _ table: UnsafeMutablePointer<HeadTable>,
    _ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int
  ) -> HeadRun {
    let limit = Int(table.pointee.start) + Int(p.pointee.headSize)
    let end = min(to, limit)
    p.pointee.reader.base = base
    let result = execute(p, base, from, end)
    table.pointee.count = p.pointee.reader.next_field.unsafelyUnwrapped - slots(table)
    if result == HPE_OK {
      if end < limit { return .needMore }
      let targetOnly = table.pointee.count == 0 && targetIsOpen(p, table, end)
      return .failed(targetOnly ? .targetTooLong : .headTooLarge, end - from)
    }
    let stop = stopOffset(p, base, from)
    if result == HPE_PAUSED {
      if p.pointee.reader.is_too_large { return .failed(.headTooLarge, stop - from) }
      table.pointee.end = UInt32(stop)
      p.pointee.headLength = table.pointee.end - table.pointee.start
      p.pointee.fieldCount = UInt16(table.pointee.count)
      p.pointee.headFlags = p.pointee.reader.machine.flags
      p.pointee.table = nil
      p.pointee.reader.next_field = nil
      p.pointee.reader.last_field = nil
      p.pointee.reader.name_is_open = false
      return .complete(stop - from)
    }
    return .failed(failure(p, result, base, table, stop), stop - from)
  }

  /// The limit was reached inside the target.
  private static func targetIsOpen(
    _ p: UnsafeMutablePointer<MessageParser>, _ table: UnsafeMutablePointer<HeadTable>, _ end: Int
  ) -> Bool {
    !table.pointee.target.isEmpty && Int(table.pointee.target.end) == end
  }

  @inline(__always)
  static func execute(
    _ p: UnsafeMutablePointer<MessageParser>, _ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int
  ) -> llhttp_errno_t {
    let start = UnsafeRawPointer(base + from).assumingMemoryBound(to: CChar.self)
    return llhttp_execute(machine(p), start, to - from)
  }

  /// Where llhttp stopped, relative to `base`.
  @inline(__always)
  static func stopOffset(
    _ p: UnsafeMutablePointer<MessageParser>, _ base: UnsafePointer<UInt8>, _ from: Int
  ) -> Int {
    guard let position = p.pointee.reader.machine.error_pos else { return from }
    return UnsafeRawPointer(position) - UnsafeRawPointer(base)
  }

  /// Puts llhttp's complaint about the byte at `stop` into our words.
  private static func failure(
    _ p: UnsafeMutablePointer<MessageParser>, _ code: llhttp_errno_t, _ base: UnsafePointer<UInt8>,
    _ table: UnsafeMutablePointer<HeadTable>, _ stop: Int
  ) -> ParseFailure {
    if code == HPE_INVALID_METHOD {
      return StartLine.isUnknownMethod(base, Int(table.pointee.start), stop) ? .method : .framing
    }
    if code == HPE_INVALID_URL { return .target }
    if code == HPE_INVALID_HEADER_TOKEN { return .field }
    let inRequestLine = table.pointee.count == 0 && !table.pointee.target.isEmpty
    return inRequestLine
      ? StartLine.versionFailure(p.pointee.reader.machine.method, base, table, stop) : .framing
  }
}

// MARK: - Body

extension MessageParser {
  /// Body bytes, after the head.
  static func feedBody(
    _ p: UnsafeMutablePointer<MessageParser>, _ spans: UnsafeMutablePointer<BodySpans>,
    _ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int
  ) -> ParseStep {
    switch p.pointee.stage {
    case .length: return feedLength(p, spans, base, from, to)
    case .untilClose:
      if from == to { return ParseStep(.needMore, 0) }
      if spans.pointee.isFull { return ParseStep(.spansFull, 0) }
      spans.pointee.append(base + from, to - from)
      return ParseStep(.needMore, to - from)
    case .chunked: return feedChunked(p, spans, base, from, to)
    case .ended: return ParseStep(.end, 0)
    case .failed: return ParseStep(.failed(p.pointee.failure), 0)
    case .start, .emptyLineCR, .emptyLine, .head: preconditionFailure("the head comes first")
    }
  }

  @inline(__always)
  private static func feedLength(
    _ p: UnsafeMutablePointer<MessageParser>, _ spans: UnsafeMutablePointer<BodySpans>,
    _ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int
  ) -> ParseStep {
    let available = UInt64(to - from)
    let taken = min(available, p.pointee.remaining)
    if taken > 0 {
      if spans.pointee.isFull { return ParseStep(.spansFull, 0) }
      spans.pointee.append(base + from, Int(taken))
      p.pointee.remaining -= taken
    }
    if p.pointee.remaining > 0 { return ParseStep(.needMore, Int(taken)) }
    p.pointee.stage = .ended
    return ParseStep(.end, Int(taken))
  }

  /// Sets the stage that reads a body framed so.
  @inline(__always)
  static func beginBody(_ p: UnsafeMutablePointer<MessageParser>, _ framing: Framing) {
    switch framing {
    case .none: p.pointee.stage = .ended
    case .length(let length):
      p.pointee.remaining = length
      p.pointee.stage = length == 0 ? .ended : .length
    case .chunked:
      p.pointee.chunks = ChunkCounts()
      p.pointee.stage = .chunked
      // llhttp takes what follows the head of a CONNECT, or of an Upgrade, for another protocol.
      p.pointee.reader.machine.upgrade = 0
      llhttp_resume(machine(p))
    case .untilClose: p.pointee.stage = .untilClose
    }
  }
}
