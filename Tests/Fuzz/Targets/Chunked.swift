// Why this file exists: fuzzes what follows the head of a chunked request. What the parser takes
// for a whole body must be one for a decoder that follows the grammar letter by letter, with the
// same data; and what we write of it must decode to that data again.
import HTTPParsing
import HTTPSemantics
import Primitives

func fuzzChunked(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let head = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
  let stream = Array(UnsafeBufferPointer(start: bytes, count: count))
  let whole = Replay(.request, spanCapacity: 4)
  whole.play(head + stream, cuts: [])
  demandSameInPieces(.request, head + stream, whole: whole)

  let first = Replay(.request, spanCapacity: 4)
  first.play(head + stream, cuts: [head.count])
  guard let body = body(of: whole.log, headLength: head.count) else { return 0 }
  var reader = NaiveChunks(stream)
  demand(reader.read(), "what the parser takes for a whole body is one")
  demand(reader.data == body, "and holds the same data")
  checkRewritten(body, head)
  return 0
}

/// The body of the first message in a log; nil when that message did not end.
private func body(of log: [UInt8], headLength: Int) -> [UInt8]? {
  var index = 3 + headLength
  var body: [UInt8] = []
  while index < log.count {
    switch log[index] {
    case UInt8(ascii: "E"): return body
    case UInt8(ascii: "B"), UInt8(ascii: "n"), UInt8(ascii: "v"):
      let length = Int(log[index + 1]) | Int(log[index + 2]) << 8
      if log[index] == UInt8(ascii: "B") { body = Array(log[(index + 3)..<(index + 3 + length)]) }
      index += 3 + length
    default: return nil
    }
  }
  return nil
}

/// The data written as chunks of ours.
private func checkRewritten(_ data: [UInt8], _ head: [UInt8]) {
  var stream: [UInt8] = []
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
  defer { room.deallocate() }
  var at = 0
  while at < data.count {
    let length = min(data.count - at, 1 + data.count / 3)
    var writer = ByteWriter(room, capacity: ChunkWriter.sizeLineCapacity)
    ChunkWriter.writeSizeLine(length, into: &writer)
    stream += Array(writer.written.buffer) + data[at..<(at + length)] + Array("\r\n".utf8)
    at += length
  }
  var writer = ByteWriter(room, capacity: 64)
  ChunkWriter.writeEnd(nil, into: &writer)
  stream += Array(writer.written.buffer)
  var reader = NaiveChunks(stream)
  demand(reader.read() && reader.data == data, "what we write decodes to the same data")
  demand(reader.at == stream.count, "and nothing is left over")
}

/// RFC 9112 section 7.1, without white space where it is only tolerated.
struct NaiveChunks {
  let bytes: [UInt8]
  var at = 0
  var data: [UInt8] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads one whole body. False: what stands there is none, or not all of it.
  mutating func read() -> Bool {
    while true {
      guard let size = readSize(), readExtensions(), readLineEnd() else { return false }
      if size == 0 { return readTrailers() }
      guard size <= bytes.count - at else { return false }
      data += bytes[at..<(at + size)]
      at += size
      guard readLineEnd() else { return false }
    }
  }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    at += 1
    return true
  }

  private mutating func readLineEnd() -> Bool { take(0x0D) && take(0x0A) }

  private mutating func readSize() -> Int? {
    var value = 0
    let start = at
    while let byte = next, let digit = Int(String(decoding: [byte], as: UTF8.self), radix: 16) {
      guard value < 1 << 40 else { return nil }
      value = value * 16 + digit
      at += 1
    }
    return at > start ? value : nil
  }

  private mutating func readToken() -> Bool {
    let start = at
    while let byte = next, NaiveHead.isToken(byte) { at += 1 }
    return at > start
  }

  private mutating func readExtensions() -> Bool {
    while take(0x3B) {
      guard readToken() else { return false }
      guard take(0x3D) else { continue }
      guard next == 0x22 ? readQuoted() : readToken() else { return false }
    }
    return true
  }

  private mutating func readQuoted() -> Bool {
    guard take(0x22) else { return false }
    while let byte = next {
      at += 1
      if byte == 0x22 { return true }
      if byte == 0x5C {
        guard let escaped = next, NaiveHead.isText(escaped) else { return false }
        at += 1
      } else if !NaiveHead.isText(byte) {
        return false
      }
    }
    return false
  }

  private mutating func readTrailers() -> Bool {
    while next != 0x0D {
      guard readToken(), take(0x3A) else { return false }
      while let byte = next, NaiveHead.isText(byte) { at += 1 }
      guard readLineEnd() else { return false }
    }
    return readLineEnd()
  }
}
