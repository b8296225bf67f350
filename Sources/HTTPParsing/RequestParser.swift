// Why this file exists: requests, pulled from the bytes of one client connection.
import CLLHTTP
package import HTTPSemantics
import Primitives

/// Parses the requests of one connection, one after the other. Lives in place in the connection's
/// node: reached by pointer only, never moved between `initialise` and `destroy`.
package struct RequestParser {
  var core: MessageParser

  /// A place for a parser in its owner's memory; no parser before `initialise`.
  package init() {
    core = .blank
  }

  /// Makes the memory at `p` a parser that waits for the first request.
  package static func initialise(_ p: UnsafeMutablePointer<RequestParser>) {
    MessageParser.initialise(core(p), requestSettings, HTTP_REQUEST)
  }

  /// Makes ready for the next request on the same connection; what `trailers` gave is gone. Only
  /// after `end`.
  package static func beginMessage(_ p: UnsafeMutablePointer<RequestParser>) {
    MessageParser.beginMessage(core(p))
  }

  /// Ends the parser's life and frees what it holds.
  package static func destroy(_ p: UnsafeMutablePointer<RequestParser>) {
    MessageParser.destroy(core(p))
  }

  /// Parses the bytes `base[from..<to]`, which follow those of the call before.
  ///
  /// Until `head` came, all bytes of the message so far must lie in one piece at `base` (which may
  /// be another address each time, the offsets staying the same), and `table` must be the same.
  /// After it, `base` may be any buffer; body slices are appended to `spans` and point into it.
  /// Feeding no bytes is allowed. Bounds: `limits` as they were when the head began, and those of
  /// `ChunkLimits`.
  package static func feed(
    _ p: UnsafeMutablePointer<RequestParser>, table: UnsafeMutablePointer<HeadTable>,
    spans: UnsafeMutablePointer<BodySpans>, base: UnsafePointer<UInt8>, from: Int, to: Int,
    limits: ParseLimits
  ) -> ParseStep {
    precondition(from >= 0 && from <= to && to <= Int(UInt32.max))
    let core = core(p)
    var start = from
    switch core.pointee.stage {
    case .length, .chunked, .untilClose, .ended, .failed:
      return MessageParser.feedBody(core, spans, base, from, to)
    case .start, .emptyLineCR, .emptyLine:
      if let step = skipEmptyLine(core, base, &start, to) { return step }
      MessageParser.beginHead(core, table, start: start, limits)
    case .head: if from == to { return ParseStep(.needMore, 0) }
    }
    switch MessageParser.runHead(core, table, base, start, to) {
    case .needMore: return ParseStep(.needMore, to - from)
    case .failed(let failure, let consumed):
      return MessageParser.fail(core, failure, consumed + start - from)
    case .complete(let consumed): return finishHead(core, table, base, consumed + start - from)
    }
  }

  /// The request, after `head` and until the next call of `beginMessage`. `base` as given to
  /// `feed`.
  package static func head(
    _ p: UnsafeMutablePointer<RequestParser>, table: UnsafeMutablePointer<HeadTable>,
    base: UnsafePointer<UInt8>
  ) -> RequestHead {
    let machine = MessageParser.machine(core(p))
    let version: HTTPVersion = machine.pointee.http_minor == 1 ? .http11 : .http10
    return RequestHead(
      base: base, fields: table.pointee.fields, fieldCount: table.pointee.count,
      method: StartLine.method(machine.pointee.method) ?? .other, version: version,
      target: table.pointee.target,
      framing: framing(core(p)), keepAlive: MessageParser.keepAlive(core(p), version),
      bytesAreProved: true, methodLength: UInt8(truncatingIfNeeded: table.pointee.method.length))
  }

  /// Some byte of a request line has come; an empty line before it is none.
  package static func headHasBegun(_ p: UnsafeMutablePointer<RequestParser>) -> Bool {
    switch core(p).pointee.stage {
    case .start, .emptyLineCR, .emptyLine: false
    case .head, .length, .chunked, .untilClose, .ended, .failed: true
    }
  }

  /// The message is complete: a body that may not be there is not there.
  package static func hasEnded(_ p: UnsafeMutablePointer<RequestParser>) -> Bool {
    core(p).pointee.stage == .ended
  }

  /// Bytes of a body of known length that are still to come; 0 for every other.
  package static func bodyLeft(_ p: UnsafeMutablePointer<RequestParser>) -> UInt64 {
    core(p).pointee.stage == .length ? core(p).pointee.remaining : 0
  }

  /// The trailers of the request, after `end`; `nil` when there were none.
  package static func trailers(_ p: UnsafeMutablePointer<RequestParser>) -> UnsafeMutablePointer<
    TrailerStore
  >? {
    core(p).pointee.trailers
  }

  @inline(__always)
  private static func core(_ p: UnsafeMutablePointer<RequestParser>) -> UnsafeMutablePointer<
    MessageParser
  > {
    p.pointer(to: \.core)!
  }

  @inline(__always)
  private static func framing(_ core: UnsafeMutablePointer<MessageParser>) -> Framing {
    let flags = UInt32(core.pointee.headFlags)
    if flags & F_CHUNKED.rawValue != 0 { return .chunked }
    if flags & F_CONTENT_LENGTH.rawValue != 0 {
      return .length(core.pointee.reader.machine.content_length)
    }
    return .none
  }

  /// One empty line before the request line is let pass (RFC 9112 section 2.2); llhttp would take
  /// any number.
  @inline(__always)
  private static func skipEmptyLine(
    _ core: UnsafeMutablePointer<MessageParser>, _ base: UnsafePointer<UInt8>, _ start: inout Int,
    _ to: Int
  ) -> ParseStep? {
    let from = start
    while start < to {
      let byte = base[start]
      switch (core.pointee.stage, byte) {
      case (.start, 0x0D): core.pointee.stage = .emptyLineCR
      case (.emptyLineCR, 0x0A): core.pointee.stage = .emptyLine
      case (.emptyLineCR, _), (_, 0x0D), (_, 0x0A):
        return MessageParser.fail(core, .framing, start - from)
      default: return nil
      }
      start += 1
    }
    return ParseStep(.needMore, to - from)
  }

  @inline(__always)
  private static func finishHead(
    _ core: UnsafeMutablePointer<MessageParser>, _ table: UnsafeMutablePointer<HeadTable>,
    _ base: UnsafePointer<UInt8>, _ consumed: Int
  ) -> ParseStep {
    let machine = MessageParser.machine(core)
    if StartLine.method(machine.pointee.method) == nil {
      return MessageParser.fail(core, .method, consumed)
    }
    if !StartLine.requestLine(base, table) { return MessageParser.fail(core, .framing, consumed) }
    if machine.pointee.http_major != 1 || machine.pointee.http_minor > 1 {
      return MessageParser.fail(core, .version, consumed)
    }
    if MessageParser.hasUnknownCoding(core) { return MessageParser.fail(core, .framing, consumed) }
    FieldClassifier.finish(base, table.pointee.fields, table.pointee.count)
    MessageParser.beginBody(core, framing(core))
    return ParseStep(.head, consumed)
  }
}

extension MessageParser {
  /// RFC 9112 section 9.3, from what llhttp found in Connection.
  @inline(__always)
  static func keepAlive(_ p: UnsafeMutablePointer<MessageParser>, _ version: HTTPVersion) -> Bool {
    let flags = UInt32(p.pointee.headFlags)
    if flags & F_CONNECTION_CLOSE.rawValue != 0 { return false }
    switch version {
    case .http11: return true
    case .http10: return flags & F_CONNECTION_KEEP_ALIVE.rawValue != 0
    }
  }

  /// Transfer-Encoding without a final `chunked`: nobody can say where the body ends (RFC 9112
  /// section 6.3).
  @inline(__always)
  static func hasUnknownCoding(_ p: UnsafeMutablePointer<MessageParser>) -> Bool {
    let flags = UInt32(p.pointee.headFlags)
    return flags & F_TRANSFER_ENCODING.rawValue != 0 && flags & F_CHUNKED.rawValue == 0
  }
}
