// Why this file exists: the chunked coding, where llhttp knows the grammar and this file the
// bounds: how long a chunk's line may be, how much all extensions and trailers of a message may
// cost.
import CLLHTTP
import HTTPSemantics
import Primitives

/// Bounds of the chunked coding that are not a setting: nothing useful needs more.
enum ChunkLimits {
  /// Bytes of chunk extensions in one message; they are read and dropped.
  static var extensionBytes: UInt64 { 4096 }
  /// A chunk's line without an extension: 16 digits and the line end; what is longer (leading
  /// zeros) shares one allowance per message.
  static var plainLine: UInt64 { 18 }
  static var longLines: UInt64 { 4096 }
}

/// Positions in a chunked body, counted from its first byte.
struct ChunkCounts {
  /// All bytes before those of the present call.
  var position: UInt64 = 0
  /// Where the present chunk's line began.
  var lineStart: UInt64 = 0
  /// The first byte behind the last piece of chunk data.
  var dataEnd: UInt64 = 0
  /// What the lines so far had beyond `ChunkLimits.plainLine`.
  var excess: UInt64 = 0
  var extensionBytes: UInt64 = 0
  /// The first byte behind the last piece of an extension's name or value.
  var extensionEnd: UInt64 = 0
  /// The present value began with a quote.
  var isQuoted = false
  /// Between the first byte of a chunk's data and its end.
  var inData = false
  /// The last chunk's line has been counted; trailers follow.
  var inTrailers = false

  /// Counts the line that ended at `position`. False: longer than a message may have.
  mutating func endLine(at end: UInt64) -> Bool {
    let length = end - lineStart
    if length > ChunkLimits.plainLine { excess += length - ChunkLimits.plainLine }
    return excess <= ChunkLimits.longLines
  }
}

extension MessageParser {
  static func feedChunked(
    _ p: UnsafeMutablePointer<MessageParser>, _ spans: UnsafeMutablePointer<BodySpans>,
    _ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int
  ) -> ParseStep {
    if spans.pointee.isFull { return ParseStep(.spansFull, 0) }
    p.pointee.spans = spans
    p.pointee.reader.base = base + from
    let result = execute(p, base, from, to)
    p.pointee.spans = nil
    p.pointee.reader.base = nil
    let stop = result == HPE_OK ? to : stopOffset(p, base, from)
    p.pointee.chunks.position += UInt64(stop - from)
    if result == HPE_OK {
      let failure = boundOpenLine(p)
      return failure == .none ? ParseStep(.needMore, stop - from) : fail(p, failure, stop - from)
    }
    if result == HPE_PAUSED {
      if p.pointee.stage == .ended {
        let failure = boundLastLine(p)
        if failure != .none { return fail(p, failure, stop - from) }
        finishTrailers(p)
        return ParseStep(.end, stop - from)
      }
      llhttp_resume(machine(p))
      return ParseStep(.spansFull, stop - from)
    }
    return fail(p, result == HPE_USER ? p.pointee.failure : .framing, stop - from)
  }

  /// The read ended inside a chunk's line or a trailer: may it still grow?
  private static func boundOpenLine(_ p: UnsafeMutablePointer<MessageParser>) -> ParseFailure {
    let chunks = p.pointee.chunks
    if chunks.inData { return .none }
    let length = chunks.position - min(chunks.lineStart, chunks.position)
    if Int32(p.pointee.reader.machine.flags) & Int32(F_TRAILING.rawValue) != 0 {
      let room = UInt64(p.pointee.headSize - p.pointee.headLength)
      let most = ChunkLimits.plainLine + ChunkLimits.longLines + room
      return length > most ? .headTooLarge : .none
    }
    return length > ChunkLimits.plainLine + ChunkLimits.longLines - chunks.excess ? .framing : .none
  }

  /// The last chunk's line, when no trailer followed it: all but the empty line.
  private static func boundLastLine(_ p: UnsafeMutablePointer<MessageParser>) -> ParseFailure {
    if p.pointee.chunks.inTrailers { return .none }
    guard p.pointee.chunks.position >= p.pointee.chunks.lineStart + 2 else { return .framing }
    return p.pointee.chunks.endLine(at: p.pointee.chunks.position - 2) ? .none : .framing
  }

  private static func finishTrailers(_ p: UnsafeMutablePointer<MessageParser>) {
    guard let trailers = p.pointee.trailers else { return }
    FieldClassifier.finish(
      UnsafePointer(trailers.pointee.bytes), trailers.pointee.fields, trailers.pointee.count)
  }

  /// A piece of an extension's name or value at `offset` of the present call. Nonzero: refused.
  /// Pieces of one word that was split over reads touch each other; what llhttp lets through, an
  /// empty word and a quote inside a token, is found by that.
  static func countExtension(
    _ p: UnsafeMutablePointer<MessageParser>, _ offset: Int, _ piece: UnsafePointer<UInt8>,
    _ length: Int, isValue: Bool
  ) -> Int32 {
    let quote: UInt8 = 0x22
    let position = p.pointee.chunks.position + UInt64(offset)
    if position != p.pointee.chunks.extensionEnd {
      if length == 0 { return refuse(p, .framing) }
      p.pointee.chunks.isQuoted = piece[0] == quote
    }
    if isValue && !p.pointee.chunks.isQuoted {
      for index in 0..<length where piece[index] == quote { return refuse(p, .framing) }
    }
    p.pointee.chunks.extensionEnd = position + UInt64(length)
    p.pointee.chunks.extensionBytes += UInt64(length) + 1
    return p.pointee.chunks.extensionBytes > ChunkLimits.extensionBytes ? refuse(p, .framing) : 0
  }

  /// A piece of a trailer's name or value. Nonzero: refused.
  static func appendTrailer(
    _ p: UnsafeMutablePointer<MessageParser>, _ piece: UnsafePointer<UInt8>, _ length: Int,
    isName: Bool
  ) -> Int32 {
    if !p.pointee.chunks.inTrailers {
      p.pointee.chunks.inTrailers = true
      let position =
        p.pointee.chunks.position + UInt64(piece - p.pointee.reader.base.unsafelyUnwrapped)
      if !p.pointee.chunks.endLine(at: position) { return refuse(p, .framing) }
    }
    let store = p.pointee.trailers ?? TrailerStore.create()
    p.pointee.trailers = store
    if Int(p.pointee.headLength) + store.pointee.wireCost + length + 4 > Int(p.pointee.headSize) {
      return refuse(p, .headTooLarge)
    }
    if isName {
      store.pointee.appendName(piece, length)
    } else {
      store.pointee.appendValue(piece, length)
    }
    if Int(p.pointee.fieldCount) + store.pointee.count > Int(p.pointee.headFields) {
      return refuse(p, .headTooLarge)
    }
    return 0
  }
}
