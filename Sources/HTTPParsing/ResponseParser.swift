// Why this file exists: responses, pulled from the bytes of one backend connection.
import CLLHTTP
package import HTTPSemantics
import Primitives

/// Parses the responses of one backend connection, one after the other; an interim response (1xx)
/// is a response of its own. Lives in place in the connection's node: reached by pointer only,
/// never moved between `initialise` and `destroy`.
package struct ResponseParser {
  var core: MessageParser
  var requestWasHead: Bool

  /// A place for a parser in its owner's memory; no parser before `initialise`.
  package init() {
    core = .blank
    requestWasHead = false
  }

  /// Makes the memory at `p` a parser that waits for the answer to the first request, a HEAD if
  /// `requestWasHead`.
  package static func initialise(_ p: UnsafeMutablePointer<ResponseParser>, requestWasHead: Bool) {
    MessageParser.initialise(core(p), responseSettings, HTTP_RESPONSE)
    p.pointee.requestWasHead = requestWasHead
  }

  /// Makes ready for the next response: to the next request, or the one after an interim response.
  /// Only after `end`.
  package static func beginMessage(_ p: UnsafeMutablePointer<ResponseParser>, requestWasHead: Bool)
  {
    MessageParser.beginMessage(core(p))
    p.pointee.requestWasHead = requestWasHead
  }

  /// Ends the parser's life and frees what it holds.
  package static func destroy(_ p: UnsafeMutablePointer<ResponseParser>) {
    MessageParser.destroy(core(p))
  }

  /// Parses the bytes `base[from..<to]`; everything as in `RequestParser.feed`. A response without
  /// a body (to HEAD, 1xx, 204, 304) gives `end` at the call after `head`. After 101 the bytes
  /// behind the head belong to the new protocol: do not feed them.
  package static func feed(
    _ p: UnsafeMutablePointer<ResponseParser>, table: UnsafeMutablePointer<HeadTable>,
    spans: UnsafeMutablePointer<BodySpans>, base: UnsafePointer<UInt8>, from: Int, to: Int,
    limits: ParseLimits
  ) -> ParseStep {
    precondition(from >= 0 && from <= to && to <= Int(UInt32.max))
    let core = core(p)
    switch core.pointee.stage {
    case .length, .chunked, .untilClose, .ended, .failed:
      return MessageParser.feedBody(core, spans, base, from, to)
    case .start:
      if from == to { return ParseStep(.needMore, 0) }
      // llhttp would skip empty lines; a backend that sends one is answering something else.
      if base[from] != 0x48 { return MessageParser.fail(core, .framing, 0) }
      MessageParser.beginHead(core, table, start: from, limits)
    case .emptyLineCR, .emptyLine, .head: if from == to { return ParseStep(.needMore, 0) }
    }
    switch MessageParser.runHead(core, table, base, from, to) {
    case .needMore: return ParseStep(.needMore, to - from)
    case .failed(let failure, let consumed): return MessageParser.fail(core, failure, consumed)
    case .complete(let consumed): return finishHead(p, table, base, consumed)
    }
  }

  /// The connection has ended. `end`: the message is complete (a body that lasts until the close);
  /// `needMore`: no message had begun; `failed(.truncated)`: it was cut off.
  package static func finish(_ p: UnsafeMutablePointer<ResponseParser>) -> ParseStep {
    let core = core(p)
    switch core.pointee.stage {
    case .start: return ParseStep(.needMore, 0)
    case .ended: return ParseStep(.end, 0)
    case .untilClose:
      core.pointee.stage = .ended
      return ParseStep(.end, 0)
    case .failed: return ParseStep(.failed(core.pointee.failure), 0)
    case .emptyLineCR, .emptyLine, .head, .length, .chunked:
      return MessageParser.fail(core, .truncated, 0)
    }
  }

  /// The response, after `head` and until the next call of `beginMessage`. `base` as given to
  /// `feed`.
  package static func head(
    _ p: UnsafeMutablePointer<ResponseParser>, table: UnsafeMutablePointer<HeadTable>,
    base: UnsafePointer<UInt8>
  ) -> ResponseHead {
    let machine = MessageParser.machine(core(p))
    let version: HTTPVersion = machine.pointee.http_minor == 1 ? .http11 : .http10
    let framing = framing(p)
    let keepAlive =
      switch framing {
      case .untilClose: false
      case .none, .length, .chunked: MessageParser.keepAlive(core(p), version)
      }
    return ResponseHead(
      base: base, fields: table.pointee.fields, fieldCount: table.pointee.count, version: version,
      status: machine.pointee.status_code, phrase: phrase(table), framing: framing,
      keepAlive: keepAlive, bytesAreProved: true)
  }

  /// The trailers of the response, after `end`; `nil` when there were none.
  package static func trailers(
    _ p: UnsafeMutablePointer<ResponseParser>
  ) -> UnsafeMutablePointer<TrailerStore>? {
    core(p).pointee.trailers
  }

  @inline(__always)
  private static func core(
    _ p: UnsafeMutablePointer<ResponseParser>
  ) -> UnsafeMutablePointer<MessageParser> {
    p.pointer(to: \.core)!
  }

  /// RFC 9112 section 6.3.
  @inline(__always)
  private static func framing(_ p: UnsafeMutablePointer<ResponseParser>) -> Framing {
    let machine = MessageParser.machine(core(p))
    let status = machine.pointee.status_code
    if p.pointee.requestWasHead || status < 200 || status == 204 || status == 304 { return .none }
    let flags = UInt32(core(p).pointee.headFlags)
    if flags & F_CHUNKED.rawValue != 0 { return .chunked }
    if flags & F_CONTENT_LENGTH.rawValue != 0 { return .length(machine.pointee.content_length) }
    return .untilClose
  }

  /// "HTTP/1.1 200 phrase": what follows the status, up to the line end before the first field (or
  /// the empty line).
  @inline(__always)
  private static func phrase(_ table: UnsafeMutablePointer<HeadTable>) -> ByteRange {
    let start = table.pointee.start + 13
    let lineEnd =
      table.pointee.count > 0 ? table.pointee.fields[0].nameOffset - 2 : table.pointee.end - 4
    return lineEnd > start ? ByteRange(offset: start, length: lineEnd - start) : .empty
  }

  @inline(__always)
  private static func finishHead(
    _ p: UnsafeMutablePointer<ResponseParser>, _ table: UnsafeMutablePointer<HeadTable>,
    _ base: UnsafePointer<UInt8>, _ consumed: Int
  ) -> ParseStep {
    let core = core(p)
    let machine = MessageParser.machine(core)
    if machine.pointee.http_major != 1 || machine.pointee.http_minor > 1 {
      return MessageParser.fail(core, .version, consumed)
    }
    if machine.pointee.status_code < 100 || MessageParser.hasUnknownCoding(core) {
      return MessageParser.fail(core, .framing, consumed)
    }
    FieldClassifier.finish(base, table.pointee.fields, table.pointee.count)
    MessageParser.beginBody(core, framing(p))
    return ParseStep(.head, consumed)
  }
}
